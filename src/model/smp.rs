//! What `segmentation_models_pytorch` lacks of a model.

use super::{
    ActivationKind, ModelConfig, NormKind, Upsampling, blocks::Nonlinearity,
    config::PUBLISHED_WIDTH, encoders::plain_name,
};

impl ModelConfig {
    /// What this model has and the network of the same name in `segmentation_models_pytorch` 0.6.0
    /// cannot have: one line for each setting because of which its weights may not load there with
    /// `strict=True`, or give other outputs. Side branches and dropout, which only training has, do not
    /// count.
    ///
    /// ```
    /// use swath::model::{ModelConfig, NormKind};
    ///
    /// assert!(ModelConfig::default().beyond_smp().is_empty());
    /// let config = ModelConfig { norm: Some(NormKind::Group), ..Default::default() };
    /// assert_eq!(config.beyond_smp(), ["norm = group: Unet has batch, instance or none"]);
    /// ```
    pub fn beyond_smp(&self) -> Vec<String> {
        let spec = self.architecture.spec();
        let Some(smp) = &spec.smp else {
            return vec![format!("architecture = {}: it is not there", self.architecture.name())];
        };
        let mut lines = Vec::new();
        let mut line = |key: &str, value: String, rule: String| {
            lines.push(format!("{key} = {value}: {rule}"));
        };
        let encoder = self.encoder.spec().filter(|it| it.smp.is_some());
        if encoder.is_none() {
            line("encoder", self.encoder.name(), "it is not there".to_owned());
        }
        if self.width != PUBLISHED_WIDTH {
            let rule = format!("networks there have {PUBLISHED_WIDTH}");
            line("width", self.width.to_string(), rule);
        }
        let depth = self.resolved_depth();
        if encoder.is_some_and(|it| it.smp_drops_stages && depth < it.channels.len()) {
            let rule = "stages that are not used have no tensors there".to_owned();
            line("depth", depth.to_string(), rule);
        }
        let norm = self.resolved_norm();
        let possible = [NormKind::Instance, NormKind::None];
        if norm != spec.norm && !(smp.changes_norm && possible.contains(&norm)) {
            let others = if smp.changes_norm { ", instance or none" } else { "" };
            let rule = format!("{} has {}{others}", smp.name, plain_name(&spec.norm));
            line("norm", plain_name(&norm), rule);
        }
        let activation = self.activation.unwrap_or_default();
        if activation != ActivationKind::Relu {
            line("activation", plain_name(&activation), format!("{} has relu", smp.name));
        }
        if let Some(upsampling @ Upsampling::Transposed) = self.upsampling {
            let rule = format!("{} has nearest or bilinear", smp.name);
            line("upsampling", plain_name(&upsampling), rule);
        }
        if let Some(norm) = self.encoder_norm.filter(|it| *it != NormKind::Batch) {
            let rule = "encoders there have that of the published network".to_owned();
            line("encoder_norm", plain_name(&norm), rule);
        }
        let published = encoder.map(|it| Nonlinearity::Fixed(it.activation));
        let is_other = |it: &ActivationKind| Some(it.nonlinearity(self.slope())) != published;
        if let Some(kind) = self.encoder_activation.filter(is_other) {
            let rule = "encoders there have that of the published network".to_owned();
            line("encoder_activation", plain_name(&kind), rule);
        }
        if let Some([stride, usual]) = self.other_stride(smp.output_strides) {
            let rule = format!("{} can have {usual}", smp.name);
            line("output_stride", stride, rule);
        }
        lines
    }

    /// The stride of the coarsest features, and those that are `possible`, if it is none of them; the
    /// encoder's alone is possible if the list is empty.
    fn other_stride(&self, possible: &[u32]) -> Option<[String; 2]> {
        let spec = self.encoder.spec()?;
        let possible = if possible.is_empty() { &spec.output_strides[..1] } else { possible };
        let reached = |stride: u32| stride.min(1 << self.resolved_depth());
        let stride = self.resolved_stride();
        let is_other = possible.iter().all(|it| reached(*it) != reached(stride));
        let texts: Vec<String> = possible.iter().map(u32::to_string).collect();
        is_other.then(|| [stride.to_string(), texts.join(" or ")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let config: ModelConfig = toml::from_str(text).unwrap();
        config.check().unwrap();
        assert_eq!(config.beyond_smp(), want, "{text}");
    }

    #[test]
    fn each_setting_that_is_not_there_has_a_line() {
        check(
            "norm = 'group'\nactivation = 'prelu'\nupsampling = 'transposed'\nwidth = 32",
            &[
                "width = 32: networks there have 64",
                "norm = group: Unet has batch, instance or none",
                "activation = prelu: Unet has relu",
                "upsampling = transposed: Unet has nearest or bilinear",
            ],
        );
        check(
            "encoder_norm = 'none'\nencoder_activation = 'silu'\noutput_stride = 16",
            &[
                "encoder_norm = none: encoders there have that of the published network",
                "encoder_activation = silu: encoders there have that of the published network",
                "output_stride = 16: Unet can have 32",
            ],
        );
        check(
            "architecture = 'pspnet'\nencoder = 'convnext-tiny'",
            &["depth = 3: stages that are not used have no tensors there"],
        );
        check("encoder = 'squeezenet-1.1'", &["encoder = squeezenet-1.1: it is not there"]);
        check(
            "architecture = 'geodl-unet'\nencoder = 'own'",
            &["architecture = geodl-unet: it is not there"],
        );
        check("architecture = 'fpn'\nnorm = 'none'", &["norm = none: FPN has group"]);
        check(
            "architecture = 'deeplab-v3-plus'\nencoder = 'vgg16-bn'",
            &["output_stride = 32: DeepLabV3Plus can have 8 or 16"],
        );
    }

    #[test]
    fn what_is_there_has_none() {
        for text in [
            "norm = 'instance'\nattention = 'scse'\nupsampling = 'bilinear'\ndepth = 4",
            "norm = 'none'\nencoder = 'convnext-tiny'\nencoder_activation = 'gelu'",
            "encoder_norm = 'batch'\nencoder_activation = 'relu'\nauxiliary = [0.4]",
            "architecture = 'deeplab-v3'\noutput_stride = 16\nrates = [6, 12, 18]\ndrop_prob = 0.1",
            "architecture = 'pan'\nencoder = 'vgg16-bn'",
            "architecture = 'fpn'\nupsampling = 'bilinear'",
        ] {
            check(text, &[]);
        }
    }
}
