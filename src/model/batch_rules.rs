//! Which batches and chips a model can be trained on.

use burn::tensor::Device;

use super::{LayerRow, ModelConfig, Network, Pass, describe::planned, features::FILLED, matches};
use crate::error::{Error, Result};

/// Chips that are as good as any larger one here, in pixels.
const LARGE_PX: u32 = 4096;

impl ModelConfig {
    /// Checks that the model can be trained on batches of `batch` chips of `size_px`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a chip is so small that features would have no pixel; or if a batch norm
    /// would see a single value of each channel.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build).
    pub fn check_batch(&self, batch: u32, size_px: u32) -> Result<()> {
        let plan = Plan::new(self);
        if plan.vanishes(size_px) {
            let least = least_px(|it| !plan.vanishes(it));
            let names = self.names();
            let rule = format!("is too small for the depth of {names}; wanted {least} or more");
            return Err(Error::config("chips.size_px", size_px, rule));
        }
        match plan.needs_two(size_px) {
            Some(reason) if batch < 2 => {
                Err(Error::config("train.batch", batch, format!("must be 2 or more {reason}")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Checks that the model can be trained on epochs of `n_chips` chips of `size_px`, `batch` of
    /// them in each step but the last, which takes the rest.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the rest is a single chip, of which a batch norm would see a single value of
    /// each channel.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build).
    pub fn check_epoch(&self, n_chips: u32, batch: u32, size_px: u32) -> Result<()> {
        if n_chips % batch != 1 {
            return Ok(());
        }
        let Some(reason) = Plan::new(self).needs_two(size_px) else { return Ok(()) };
        let rule = format!(
            "leaves a single chip for the last step of an epoch (train.batch = {batch}), too few for \
             batch norm {reason}; set `chips.per_epoch = {}` or another `train.batch`",
            n_chips + 1
        );
        Err(Error::config("chips.per_epoch", n_chips, rule))
    }

    /// Whether a norm looks at all images of a batch.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build).
    pub fn has_batch_norm(&self) -> bool {
        Plan::new(self).batch_norms(LARGE_PX).next().is_some()
    }

    fn names(&self) -> String {
        let [architecture, encoder] = [self.architecture.name(), self.encoder.name()];
        if self.architecture.takes_encoder() {
            format!("`{architecture}` with `{encoder}`")
        } else {
            format!("`{architecture}`")
        }
    }
}

/// What training would do with chips of any size.
struct Plan<'a> {
    config: &'a ModelConfig,
    network: Network,
}

impl<'a> Plan<'a> {
    fn new(config: &'a ModelConfig) -> Self {
        Self { config, network: config.blank(1, 1, &Device::flex()) }
    }

    fn layers(&self, size_px: u32) -> Vec<LayerRow> {
        let size_px = size_px.max(1) as usize;
        planned(&self.network, [1, size_px, size_px, 1], Pass::training(0, 0)).0
    }

    /// Whether features would have no pixel without the zeros that prediction puts there.
    fn vanishes(&self, size_px: u32) -> bool {
        self.layers(size_px).iter().any(|it| it.what == FILLED)
    }

    /// The norms that look at all images of a batch: those that are not frozen.
    fn batch_norms(&self, size_px: u32) -> impl Iterator<Item = LayerRow> {
        let is_frozen = |it: &LayerRow| {
            let weight = format!("{}.weight", it.name);
            self.config.freeze.iter().any(|pattern| matches(pattern, &weight))
        };
        let layers = self.layers(size_px).into_iter();
        layers.filter(move |it| it.what == "batch norm" && !is_frozen(it))
    }

    /// The first batch norm that sees a single value of each channel of an image.
    fn single(&self, size_px: u32) -> Option<LayerRow> {
        self.batch_norms(size_px).find(|it| [it.rows, it.cols] == [1; 2])
    }

    /// Why a step needs two chips of `size_px`, if it does: `with chips of …`.
    fn needs_two(&self, size_px: u32) -> Option<String> {
        self.single(size_px)?;
        if let Some(norm) = self.single(LARGE_PX) {
            return Some(format!(
                "with `{}`, whose batch norm `{}` sees one value of a channel in each image \
                 (`model.norm` has others)",
                self.config.architecture.name(),
                norm.name
            ));
        }
        let least = least_px(|it| self.single(it).is_none());
        let name = self.single(least - 1)?.name;
        Some(format!(
            "with chips of less than {least} px: the batch norm `{name}` would see a single value of \
             each channel"
        ))
    }
}

/// The least side of a chip of which `is_fine`, as all larger ones are.
fn least_px(is_fine: impl Fn(u32) -> bool) -> u32 {
    let (mut too_small, mut fine) = (0, LARGE_PX);
    while too_small + 1 < fine {
        let middle = u32::midpoint(too_small, fine);
        if is_fine(middle) {
            fine = middle;
        } else {
            too_small = middle;
        }
    }
    fine
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NormKind;

    #[track_caller]
    fn check(n_chips: u32, batch: u32, size_px: u32, is_fine: bool) {
        let checked = ModelConfig::default().check_epoch(n_chips, batch, size_px);
        assert_eq!(checked.is_ok(), is_fine, "{n_chips} chips by {batch} of {size_px} px");
    }

    fn config(text: &str) -> ModelConfig {
        let config: ModelConfig = toml::from_str(text).unwrap();
        config.check().unwrap();
        config
    }

    #[test]
    fn a_last_step_of_one_small_chip_is_refused() {
        check(9, 8, 32, false);
        check(1, 8, 32, false);
        check(9, 8, 33, true);
        for n_chips in [8, 10, 16] {
            check(n_chips, 8, 32, true);
        }
    }

    #[test]
    fn means_of_images_need_two_images_for_batch_norm() {
        let config = config("architecture = 'deeplab-v3-plus'\nencoder = 'resnet18'");
        let error = config.check_batch(1, 256).unwrap_err().to_string();
        assert_eq!(
            error,
            "config `train.batch` = 1: must be 2 or more with `deeplab-v3-plus`, whose batch norm \
             `decoder.aspp.0.convs.4.2` sees one value of a channel in each image (`model.norm` has \
             others)"
        );
        config.check_batch(2, 256).unwrap();
        let config = ModelConfig { norm: Some(NormKind::Group), ..config };
        config.check_batch(1, 256).unwrap();
    }

    /// The least chip by itself, and the least of those that train one by one, by hand.
    #[test]
    fn the_least_chips_follow_from_strides() {
        for (text, least, least_alone) in [
            ("", 1, 33),
            ("depth = 3", 1, 9),
            ("output_stride = 8", 1, 9),
            ("encoder = 'mobilenet-v2'", 1, 33),
            ("encoder = 'efficientnet-lite0'", 1, 33),
            // The layers at 1/32 behind the last pool are those of the U-Net's center.
            ("encoder = 'vgg16-bn'", 32, 64),
            ("encoder = 'vgg16-bn'\ndepth = 4", 16, 32),
            // Only the decoder has batch norms, the coarsest of them at 1/16, and 1/8.
            ("encoder = 'convnext-tiny'", 32, 32),
            // A convolution without zeros around, and two pools that round up.
            ("encoder = 'squeezenet-1.1'", 17, 17),
            ("encoder = 'squeezenet-1.1'\ndepth = 3", 9, 9),
            ("architecture = 'geodl-unet'\nencoder = 'own'", 16, 32),
            ("architecture = 'pspnet'", 1, 9),
            // Three more pools behind 1/16.
            ("architecture = 'pan'\nnorm = 'group'\nencoder_norm = 'group'", 113, 113),
            ("norm = 'group'", 1, 33),
            ("norm = 'group'\nencoder_norm = 'layer'", 1, 1),
            ("freeze = ['encoder']", 1, 17),
        ] {
            let config = config(text);
            for (batch, least) in [(2, least), (1, least_alone)] {
                config.check_batch(batch, least).unwrap_or_else(|it| panic!("{text}: {it}"));
                let fits = 1 < least && config.check_batch(batch, least - 1).is_ok();
                assert!(!fits, "{text}: {batch} of less than {least} px");
            }
        }
    }

    #[test]
    fn a_chip_that_is_too_small_is_refused_with_the_least_one() {
        let error =
            |text: &str, batch| config(text).check_batch(batch, 15).unwrap_err().to_string();
        assert_eq!(
            error("encoder = 'vgg16-bn'\ndepth = 4", 8),
            "config `chips.size_px` = 15: is too small for the depth of `unet` with `vgg16-bn`; wanted \
             16 or more"
        );
        assert_eq!(
            error("", 1),
            "config `train.batch` = 1: must be 2 or more with chips of less than 33 px: the batch norm \
             `encoder.layer4.0.downsample.1` would see a single value of each channel"
        );
    }
}
