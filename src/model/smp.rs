//! A model in `segmentation_models_pytorch`: how it is made there, or what is lacking.

use super::{
    ActivationKind, Attention, ModelConfig, NormKind, Upsampling,
    blocks::Nonlinearity,
    config::PUBLISHED_WIDTH,
    decoders::{ArchitectureSpec, Channels, Smp},
    encoders::plain_name,
    network::MAIN_HEAD,
};

/// Side of an image that all strides divide, in pixels.
const IMAGE_PX: usize = 256;

impl ModelConfig {
    /// The Python expression that makes this model for `n_bands` bands and `n_classes` classes in
    /// `segmentation_models_pytorch` 0.6.0, without weights: what [`weights`](crate::weights) writes loads
    /// into it with `strict=True`. Most of its networks want images whose sides are multiples of 32. `None`
    /// if something is lacking ([`beyond_smp`](Self::beyond_smp)).
    ///
    /// ```
    /// use swath::model::{ModelConfig, NormKind};
    ///
    /// let config = ModelConfig { norm: Some(NormKind::None), ..Default::default() };
    /// assert_eq!(
    ///     config.smp_call(6, 7).unwrap(),
    ///     "segmentation_models_pytorch.Unet('resnet34', encoder_weights=None, in_channels=6, \
    ///      classes=7, decoder_use_norm=False)"
    /// );
    /// ```
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build).
    pub fn smp_call(&self, n_bands: usize, n_classes: usize) -> Option<String> {
        let architecture = self.architecture.spec();
        let smp = architecture.smp.as_ref()?;
        let encoder = self.encoder.spec()?.smp?;
        if !self.beyond_smp().is_empty() {
            return None;
        }
        let mut keys = vec![
            format!("'{encoder}'"),
            "encoder_weights=None".to_owned(),
            format!("in_channels={n_bands}"),
            format!("classes={n_classes}"),
        ];
        keys.extend(self.smp_keys(architecture, smp).map(|(key, value)| format!("{key}={value}")));
        Some(format!("segmentation_models_pytorch.{}({})", smp.name, keys.join(", ")))
    }

    /// What must be said there of the settings that are not the library's defaults.
    fn smp_keys<'a>(
        &self,
        architecture: &'a ArchitectureSpec,
        smp: &'a Smp,
    ) -> impl Iterator<Item = (&'a str, String)> {
        let depth = self.resolved_depth();
        let is_other_depth = depth != architecture.depths[0] as usize;
        let channels = match architecture.channels {
            Some(Channels::EachBlock) if is_other_depth || self.decoder_channels.is_some() => {
                Some(tuple(&self.decoder_widths()))
            }
            _ => self.decoder_channels.as_deref().map(|it| it[0].to_string()),
        };
        let norm = match self.resolved_norm() {
            it if it == architecture.norm => None,
            NormKind::None => Some("False".to_owned()),
            other => Some(format!("{{'type': '{}norm', 'affine': True}}", plain_name(&other))),
        };
        let upsampling = IMAGE_PX / self.head_px(IMAGE_PX);
        let drop_prob = self.drop_prob.filter(|_| smp.drop_prob.is_some());
        let stride = self.same_stride(smp.output_strides);
        let is_true = |it| if it { "True" } else { "False" }.to_owned();
        let text = |it: String| format!("'{it}'");
        [
            ("encoder_depth", is_other_depth.then(|| depth.to_string())),
            ("encoder_output_stride", stride.map(|it| it.to_string())),
            (smp.channels, channels),
            ("decoder_use_norm", norm),
            (
                "decoder_attention_type",
                self.attention.as_ref().map(plain_name::<Attention>).map(text),
            ),
            (
                "decoder_interpolation",
                self.upsampling.as_ref().map(plain_name::<Upsampling>).map(text),
            ),
            ("decoder_atrous_rates", self.rates.map(|it| tuple(&it))),
            ("decoder_aspp_separable", self.separable.map(is_true)),
            (smp.drop_prob.unwrap_or_default(), drop_prob.map(|it| it.to_string())),
            ("upsampling", (upsampling != smp.upsampling).then(|| upsampling.to_string())),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    }

    /// Side of the logits before they are enlarged to an image of `size_px`.
    fn head_px(&self, size_px: usize) -> usize {
        let layers = self.describe(1, 1, [size_px; 2]).layers;
        let head = layers.iter().find(|it| it.name.starts_with(MAIN_HEAD));
        head.expect("a decoder is followed by a head").rows
    }

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
        let texts: Vec<String> = possible.iter().map(u32::to_string).collect();
        let is_other = self.same_stride(possible).is_none();
        is_other.then(|| [self.resolved_stride().to_string(), texts.join(" or ")])
    }

    /// The first of the `possible` strides that makes the same features, as far as they are used. An
    /// encoder that cannot be dilated takes its own alone.
    fn same_stride(&self, possible: &[u32]) -> Option<u32> {
        let own = self.encoder.spec()?.output_strides;
        let reached = |stride: u32| stride.min(1 << self.resolved_depth());
        let takes = |stride: u32| 1 < own.len() || own.contains(&stride);
        let wanted = reached(self.resolved_stride());
        possible.iter().copied().find(|&it| takes(it) && reached(it) == wanted)
    }
}

/// A tuple of Python.
fn tuple<T: ToString>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(T::to_string).collect();
    format!("({})", values.join(", "))
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

    #[track_caller]
    fn check_call(text: &str, want: &str) {
        let config: ModelConfig = toml::from_str(text).unwrap();
        let call = config.smp_call(4, 5).unwrap();
        let (name, keys) =
            call.split_once("encoder_weights=None, in_channels=4, classes=5").unwrap();
        assert_eq!(
            format!("{name}{keys}"),
            format!("segmentation_models_pytorch.{want}"),
            "{text}"
        );
    }

    /// `bench/peers/settings.py` calls the library itself with more of them.
    #[test]
    fn a_call_names_what_is_not_its_default() {
        for (text, want) in [
            ("", "Unet('resnet34', )"),
            (
                "depth = 4\nattention = 'scse'\nupsampling = 'bilinear'\nnorm = 'instance'",
                "Unet('resnet34', , encoder_depth=4, decoder_channels=(256, 128, 64, 32), \
                 decoder_use_norm={'type': 'instancenorm', 'affine': True}, \
                 decoder_attention_type='scse', decoder_interpolation='bilinear')",
            ),
            (
                "architecture = 'deeplab-v3'\nrates = [6, 12, 18]\noutput_stride = 16\n\
                 drop_prob = 0.25\nseparable = true\ndecoder_channels = [64]",
                "DeepLabV3('resnet34', , encoder_output_stride=16, decoder_channels=64, \
                 decoder_atrous_rates=(6, 12, 18), decoder_aspp_separable=True, \
                 decoder_aspp_dropout=0.25, upsampling=16)",
            ),
            ("architecture = 'fpn'\ndepth = 4", "FPN('resnet34', , encoder_depth=4, upsampling=2)"),
            (
                "architecture = 'pspnet'\nencoder = 'vgg16-bn'\ndepth = 5\nnorm = 'none'",
                "PSPNet('vgg16_bn', , encoder_depth=5, decoder_use_norm=False, upsampling=32)",
            ),
            (
                "architecture = 'pan'\nencoder = 'mobilenet-v2'\noutput_stride = 32",
                "PAN('mobilenet_v2', , encoder_output_stride=32)",
            ),
            // Only training drops, and there is no key for it there.
            ("drop_prob = 0.5\nauxiliary = [0.4]", "Unet('resnet34', )"),
        ] {
            check_call(text, want);
        }
        assert_eq!(ModelConfig { width: 32, ..Default::default() }.smp_call(3, 2), None);
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
        // The features at 1/8 are the same at any of these strides, but the encoder takes none there.
        check(
            "architecture = 'deeplab-v3-plus'\nencoder = 'vgg16-bn'\ndepth = 3",
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
