//! Which batches and chips a model can be trained on.

use super::{Encoder, ModelConfig, NormKind};
use crate::error::{Error, Result};

impl ModelConfig {
    /// Checks that the model can be trained on batches of `batch` chips of `size_px`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the coarsest features of a batch are a single pixel: batch norm needs
    /// two or more; or if a chip is too small for the depth.
    pub fn check_batch(&self, batch: u32, size_px: u32) -> Result<()> {
        let least = self.least_px();
        if size_px < least {
            let rule = format!("is too small for the depth of the model; wanted {least} or more");
            return Err(Error::config("chips.size_px", size_px, rule));
        }
        match self.needs_two(size_px) {
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
    /// [`Error::Config`] if the rest is a single chip whose coarsest features are a single pixel.
    pub fn check_epoch(&self, n_chips: u32, batch: u32, size_px: u32) -> Result<()> {
        let Some(reason) = self.needs_two(size_px) else { return Ok(()) };
        if n_chips % batch == 1 {
            let rule = format!(
                "leaves a single chip for the last step of an epoch (train.batch = {batch}), too \
                 few for batch norm {reason}; set `chips.per_epoch = {}` or another `train.batch`",
                n_chips + 1
            );
            return Err(Error::config("chips.per_epoch", n_chips, rule));
        }
        Ok(())
    }

    /// Why a step needs two chips of `size_px`, if it does: `with chips of …`.
    fn needs_two(&self, size_px: u32) -> Option<String> {
        let norms_means = self.architecture.decoder().is_some_and(|it| it.norms_means);
        if norms_means && self.resolved_norm() == NormKind::Batch {
            let name = self.architecture.name();
            return Some(format!(
                "with `{name}`, whose batch norm of image means sees one value of a channel in each \
                 image (`model.norm` has others)"
            ));
        }
        let coarsest_px = self.coarsest_px();
        let is_single = self.has_batch_norm() && size_px <= coarsest_px;
        is_single.then(|| format!("with chips of {coarsest_px} px or less"))
    }

    /// Whether a norm looks at all images of a batch.
    pub fn has_batch_norm(&self) -> bool {
        let encoder_norm = self.encoder_norm.unwrap_or(match self.encoder {
            Encoder::Squeezenet11 | Encoder::ConvnextTiny | Encoder::Own => NormKind::None,
            _ => NormKind::Batch,
        });
        [self.resolved_norm(), encoder_norm].contains(&NormKind::Batch)
    }

    /// Pixels of the image for one of the coarsest features.
    fn coarsest_px(&self) -> u32 {
        // The bottleneck of geodl's U-Net lies behind its fourth pool.
        let by_depth = 1 << self.resolved_depth();
        self.resolved_stride().min(by_depth)
    }

    /// The least side of a chip, in pixels.
    fn least_px(&self) -> u32 {
        let rounds_down =
            [Encoder::Own, Encoder::Squeezenet11, Encoder::Vgg16Bn, Encoder::ConvnextTiny];
        if rounds_down.contains(&self.encoder) { self.coarsest_px() } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(n_chips: u32, batch: u32, size_px: u32, is_fine: bool) {
        let checked = ModelConfig::default().check_epoch(n_chips, batch, size_px);
        assert_eq!(checked.is_ok(), is_fine, "{n_chips} chips by {batch} of {size_px} px");
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
        let text = "architecture = 'deeplab-v3-plus'\nencoder = 'resnet18'";
        let config: ModelConfig = toml::from_str(text).unwrap();
        let error = config.check_batch(1, 256).unwrap_err().to_string();
        assert!(error.starts_with("config `train.batch` = 1: must be 2 or more with"), "{error}");
        config.check_batch(2, 256).unwrap();
        let config = ModelConfig { norm: Some(NormKind::Group), ..config };
        config.check_batch(1, 256).unwrap();
    }
}
