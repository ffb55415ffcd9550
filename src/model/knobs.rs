//! Which settings a model can have.

use super::{
    ActivationKind, Attention, ModelConfig, Upsampling,
    decoders::{ArchitectureSpec, Channels, Knob},
    encoders::plain_name,
    pattern::check_pattern,
};
use crate::error::{Error, Result};

/// Most channels of a block that can be asked for.
const MAX_CHANNELS: u32 = 8192;

/// Most pixels between the values of a kernel.
const MAX_RATE: u32 = 512;

impl ModelConfig {
    /// Checks the settings by themselves and against each other.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming a key that is out of range, or that architecture or encoder cannot
    /// have.
    pub fn check(&self) -> Result<()> {
        if !(1..=1024).contains(&self.width) {
            return Err(Error::config("model.width", self.width, "must lie in 1..=1024"));
        }
        self.check_encoder()?;
        self.check_knobs()?;
        self.check_depth()?;
        self.check_channels()?;
        self.check_numbers()?;
        self.freeze.iter().try_for_each(|it| check_pattern("model.freeze", it))
    }

    fn check_encoder(&self) -> Result<()> {
        let (encoder, architecture) = (self.encoder.name(), self.architecture.name());
        let Some(spec) = self.encoder.spec() else {
            if self.architecture.takes_encoder() {
                let rule = format!("is for `geodl-unet`; `{architecture}` needs another");
                return Err(Error::config("model.encoder", encoder, rule));
            }
            return self.refuse_own();
        };
        if !self.architecture.takes_encoder() {
            let rule = format!("`{architecture}` takes no encoder of others; set it to `own`");
            return Err(Error::config("model.encoder", encoder, rule));
        }
        if let Some(norm) = self.encoder_norm.filter(|_| !spec.changes_norm) {
            let rule = format!("`{encoder}` can have no other norms than its own");
            return Err(Error::config("model.encoder_norm", plain_name(&norm), rule));
        }
        if let Some(function) = self.encoder_activation.filter(|_| !spec.changes_activation) {
            let rule = format!("`{encoder}` can have no other activation than its own");
            return Err(Error::config("model.encoder_activation", plain_name(&function), rule));
        }
        if let Some(stride) = self.output_stride.filter(|it| !spec.output_strides.contains(it)) {
            let coarsest = 1 << self.resolved_depth();
            let strides = spec.output_strides.iter().copied().filter(|it| *it <= coarsest);
            let strides: Vec<u32> = strides.collect();
            let rule = if strides.is_empty() {
                format!("`{encoder}` can give no other than its own at this depth; leave it out")
            } else {
                format!("`{encoder}` can give {}", listed(&strides))
            };
            return Err(Error::config("model.output_stride", stride, rule));
        }
        Ok(())
    }

    /// What an architecture without an encoder of others cannot have.
    fn refuse_own(&self) -> Result<()> {
        let is_set = [
            ("encoder_norm", self.encoder_norm.is_some()),
            ("encoder_activation", self.encoder_activation.is_some()),
        ];
        match is_set.into_iter().find(|(_, is_set)| *is_set) {
            Some((key, _)) => Err(self.has_no(key)),
            None => Ok(()),
        }
    }

    fn check_knobs(&self) -> Result<()> {
        let ArchitectureSpec { knobs, rates, channels, .. } = self.architecture.spec();
        let transposed = self.upsampling == Some(Upsampling::Transposed);
        let set = [
            ("depth", Knob::Depth, self.depth.is_some()),
            ("upsampling", Knob::Upsampling, self.upsampling.is_some()),
            ("upsampling", Knob::Transposed, transposed),
            ("output_stride", Knob::OutputStride, self.output_stride.is_some()),
            ("attention", Knob::Scse, self.attention == Some(Attention::Scse)),
            ("attention", Knob::Gate, self.attention == Some(Attention::Gate)),
            ("separable", Knob::Separable, self.separable.is_some()),
            ("residual", Knob::Residual, self.residual),
            ("squeeze_excite", Knob::SqueezeExcite, self.squeeze_excite),
            ("aspp", Knob::Aspp, self.aspp),
        ];
        for (key, knob, is_set) in set {
            if is_set && !knobs.contains(&knob) {
                let has_key = set.iter().any(|it| it.0 == key && knobs.contains(&it.1));
                return Err(self.has_not(key, if has_key { "value" } else { "setting" }));
            }
        }
        let has_pooling = self.aspp || !knobs.contains(&Knob::Aspp);
        if self.rates.is_some() && rates.is_none() {
            return Err(self.has_no("rates"));
        }
        if let Some(rates) = self.rates.filter(|_| !has_pooling) {
            let rule = "is for a pyramid pooling; set `model.aspp = true`, too";
            return Err(Error::config("model.rates", format!("{rates:?}"), rule));
        }
        if self.decoder_channels.is_some() && channels.is_none() {
            return Err(self.has_no("decoder_channels"));
        }
        let leaky =
            [self.activation, self.encoder_activation].contains(&Some(ActivationKind::LeakyRelu));
        if let Some(slope) = self.negative_slope.filter(|_| !leaky) {
            let rule = "is for an activation of `leaky-relu`, and there is none";
            return Err(Error::config("model.negative_slope", slope, rule));
        }
        Ok(())
    }

    fn has_no(&self, key: &str) -> Error {
        self.has_not(key, "setting")
    }

    fn has_not(&self, key: &str, what: &str) -> Error {
        let value = toml::Table::try_from(self)
            .ok()
            .and_then(|table| Some(table.get(key)?.to_string()))
            .unwrap_or_default();
        let rule = format!("`{}` can have no such {what}", self.architecture.name());
        Error::config(format!("model.{key}"), value, rule)
    }

    fn check_depth(&self) -> Result<()> {
        let Some(spec) = self.encoder.spec() else { return Ok(()) };
        let decoder = self.architecture.spec();
        let most = spec.channels.len() as u32;
        if let Some(depth) = self.depth {
            let is_lacking = |it: &u32| spec.channels[0] == 0 && decoder.needs_half.contains(it);
            let depths = decoder.depths.iter().copied();
            let possible: Vec<u32> = depths.filter(|it| *it <= most && !is_lacking(it)).collect();
            if !possible.contains(&depth) {
                let names = [self.architecture.name(), self.encoder.name()];
                let rule =
                    format!("`{}` with `{}` can have {}", names[0], names[1], listed(&possible));
                return Err(Error::config("model.depth", depth, rule));
            }
        }
        let Some(stride) = self.output_stride else { return Ok(()) };
        let strides = decoder.output_strides;
        if !strides.is_empty() && !strides.contains(&stride) {
            let rule = format!("`{}` can have {}", self.architecture.name(), listed(strides));
            return Err(Error::config("model.output_stride", stride, rule));
        }
        let (depth, coarsest) = (self.resolved_depth(), 1 << self.resolved_depth());
        if coarsest < stride {
            let rule =
                format!("the coarsest features of depth {depth} are at 1/{coarsest} already");
            return Err(Error::config("model.output_stride", stride, rule));
        }
        Ok(())
    }

    fn check_channels(&self) -> Result<()> {
        let Some(channels) = &self.decoder_channels else { return Ok(()) };
        let wanted = match self.architecture.spec().channels {
            Some(Channels::EachBlock) => self.resolved_depth(),
            Some(Channels::One) | None => 1,
        };
        let in_range = channels.iter().all(|it| (1..=MAX_CHANNELS).contains(it));
        if channels.len() != wanted || !in_range {
            let numbers =
                if wanted == 1 { "a list of one number" } else { &format!("{wanted} numbers") };
            let rule = format!("must be {numbers} from 1 to {MAX_CHANNELS}");
            return Err(Error::config("model.decoder_channels", format!("{channels:?}"), rule));
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<()> {
        if let Some(prob) = self.drop_prob.filter(|it| !(0.0..1.0).contains(it)) {
            return Err(Error::config("model.drop_prob", prob, "must lie in [0, 1)"));
        }
        if let Some(kind) = self.drop_kind.filter(|_| !self.drops()) {
            let rule = "nothing is dropped; set `model.drop_prob`, too";
            return Err(Error::config("model.drop_kind", plain_name(&kind), rule));
        }
        if let Some(slope) = self.negative_slope.filter(|it| !(0.0..=1.0).contains(it)) {
            return Err(Error::config("model.negative_slope", slope, "must lie in [0, 1]"));
        }
        let is_rate = |it: &u32| (1..=MAX_RATE).contains(it);
        if let Some(rates) = self.rates.filter(|it| !it.iter().all(is_rate)) {
            let rule = format!("must be numbers from 1 to {MAX_RATE}");
            return Err(Error::config("model.rates", format!("{rates:?}"), rule));
        }
        let most = self.most_sides();
        let is_weight = |it: &f64| it.is_finite() && 0.0 <= *it;
        if most < self.auxiliary.len() || !self.auxiliary.iter().all(is_weight) {
            let list = match most {
                0 => "an empty list: there is nowhere to branch off".to_owned(),
                1 => "a list of one number at most".to_owned(),
                _ => format!("a list of {most} numbers at most"),
            };
            let each = if most == 0 { "" } else { ", each 0 or more" };
            let rule = format!("must be {list}{each}");
            return Err(Error::config("model.auxiliary", format!("{:?}", self.auxiliary), rule));
        }
        Ok(())
    }
}

fn listed(numbers: &[u32]) -> String {
    let texts: Vec<String> = numbers.iter().map(u32::to_string).collect();
    texts.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, wanted: &str) {
        let config: ModelConfig = toml::from_str(text).unwrap();
        assert_eq!(config.check().unwrap_err().to_string(), wanted);
    }

    #[test]
    fn a_setting_that_a_model_cannot_have_is_refused_by_name() {
        refused(
            "architecture = 'linknet'\nattention = 'scse'",
            "config `model.attention` = \"scse\": `linknet` can have no such setting",
        );
        refused(
            "residual = true",
            "config `model.residual` = true: `unet` can have no such setting",
        );
        refused(
            "rates = [6, 12, 18]",
            "config `model.rates` = [6, 12, 18]: `unet` can have no such setting",
        );
        refused(
            "architecture = 'fpn'\nupsampling = 'transposed'",
            "config `model.upsampling` = \"transposed\": `fpn` can have no such value",
        );
        refused(
            "attention = 'gate'",
            "config `model.attention` = \"gate\": `unet` can have no such value",
        );
        refused(
            "architecture = 'geodl-unet'\nencoder = 'own'\nrates = [1, 2, 3]",
            "config `model.rates` = [1, 2, 3]: is for a pyramid pooling; set `model.aspp = true`, too",
        );
        refused(
            "encoder = 'vgg16-bn'\noutput_stride = 16",
            "config `model.output_stride` = 16: `vgg16-bn` can give 32",
        );
        refused(
            "architecture = 'deeplab-v3-plus'\noutput_stride = 4",
            "config `model.output_stride` = 4: `resnet34` can give 32 or 16 or 8",
        );
        refused(
            "encoder = 'squeezenet-1.1'\ndepth = 5",
            "config `model.depth` = 5: `unet` with `squeezenet-1.1` can have 4 or 3",
        );
        refused(
            "architecture = 'geodl-unet'",
            "config `model.encoder` = resnet34: `geodl-unet` takes no encoder of others; set it to \
             `own`",
        );
        refused(
            "architecture = 'fpn'\nencoder = 'convnext-tiny'\ndepth = 4",
            "config `model.depth` = 4: `fpn` with `convnext-tiny` can have 5",
        );
        refused(
            "encoder = 'vgg16-bn'\ndepth = 4\noutput_stride = 16",
            "config `model.output_stride` = 16: `vgg16-bn` can give no other than its own at this \
             depth; leave it out",
        );
        refused(
            "architecture = 'unet-plus-plus'\nencoder = 'convnext-tiny'\ndepth = 3\n\
             auxiliary = [0.4]",
            "config `model.auxiliary` = [0.4]: must be an empty list: there is nowhere to branch off",
        );
        refused(
            "encoder = 'convnext-tiny'\nencoder_norm = 'batch'",
            "config `model.encoder_norm` = batch: `convnext-tiny` can have no other norms than its \
             own",
        );
        refused(
            "negative_slope = 0.1",
            "config `model.negative_slope` = 0.1: is for an activation of `leaky-relu`, and there is \
             none",
        );
        refused(
            "decoder_channels = [1, 2]",
            "config `model.decoder_channels` = [1, 2]: must be 5 numbers from 1 to 8192",
        );
        refused(
            "architecture = 'fpn'\ndecoder_channels = [0]",
            "config `model.decoder_channels` = [0]: must be a list of one number from 1 to 8192",
        );
        refused("drop_prob = 1.0", "config `model.drop_prob` = 1: must lie in [0, 1)");
        refused(
            "auxiliary = [1.0, 1.0, 1.0, 1.0, 1.0]",
            "config `model.auxiliary` = [1.0, 1.0, 1.0, 1.0, 1.0]: must be a list of 4 numbers at most, \
             each 0 or more",
        );
        refused(
            "architecture = 'unet-plus-plus'\ndepth = 3\nauxiliary = [-1.0]",
            "config `model.auxiliary` = [-1.0]: must be a list of one number at most, each 0 or more",
        );
    }

    #[test]
    fn a_setting_that_changes_nothing_is_refused() {
        refused(
            "drop_kind = 'spatial'",
            "config `model.drop_kind` = spatial: nothing is dropped; set `model.drop_prob`, too",
        );
        refused(
            "architecture = 'fpn'\ndrop_prob = 0.0\ndrop_kind = 'element'",
            "config `model.drop_kind` = element: nothing is dropped; set `model.drop_prob`, too",
        );
        refused(
            "depth = 3\noutput_stride = 16",
            "config `model.output_stride` = 16: the coarsest features of depth 3 are at 1/8 already",
        );
        refused(
            "depth = 4\noutput_stride = 32",
            "config `model.output_stride` = 32: the coarsest features of depth 4 are at 1/16 already",
        );
        for text in ["depth = 4\noutput_stride = 8", "drop_prob = 0.1\ndrop_kind = 'spatial'"] {
            toml::from_str::<ModelConfig>(text).unwrap().check().unwrap();
        }
    }
}
