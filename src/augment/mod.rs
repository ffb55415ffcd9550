//! Augmentations: image, labels and valid mask move together.

mod augmentation;

mod flip;

mod rotate;

mod brightness;

mod contrast;

mod merge;

mod copy_paste;

mod class_mix;

#[cfg(test)]
mod golden;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use augmentation::Augmentation;
pub use class_mix::class_mix;
pub use copy_paste::{CopyPaste, CopyPasteConfig};

/// The `[augment]` table of a run file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Mirror up-down and left-right, each with probability 1/2.
    pub flips: bool,
    /// Turn by 0, 90, 180 or 270 degrees, each with probability 1/4.
    pub rotations: bool,
    /// Largest shift of all values, in standard deviations of the training pixels; 0 is off.
    pub brightness: f64,
    /// Largest relative change of the distance to the mean, `[0, 1)`; 0 is off.
    pub contrast: f64,
    /// Share of the chips over which half of the classes of another chip are laid (ClassMix),
    /// `[0, 1]`; 0 is off.
    pub class_mix: f64,
    /// Objects of rare classes are pasted into other chips.
    pub copy_paste: CopyPasteConfig,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            flips: true,
            rotations: true,
            brightness: 0.0,
            contrast: 0.0,
            class_mix: 0.0,
            copy_paste: CopyPasteConfig::default(),
        }
    }
}

impl AugmentConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        if !(0.0 <= self.brightness && self.brightness <= 10.0) {
            let rule = "must lie in 0..=10 (standard deviations)";
            return Err(Error::config("augment.brightness", self.brightness, rule));
        }
        if !(0.0 <= self.contrast && self.contrast < 1.0) {
            return Err(Error::config("augment.contrast", self.contrast, "must lie in 0..1"));
        }
        if !(0.0 <= self.class_mix && self.class_mix <= 1.0) {
            return Err(Error::config("augment.class_mix", self.class_mix, "must lie in 0..=1"));
        }
        self.copy_paste.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_range_is_refused_by_key() {
        let check = |text: &str| toml::from_str::<AugmentConfig>(text).unwrap().check();
        check("brightness = 0.2\ncontrast = 0.9").unwrap();
        let error = check("contrast = 1.0").unwrap_err().to_string();
        assert!(error.contains("`augment.contrast` = 1: must lie in 0..1"), "{error}");
        assert!(check("class_mix = 1.1").is_err());
        assert!(check("copy_paste = { probability = 0.5 }").is_err());
        assert!(check("brightness = -0.1").is_err() && check("brightness = nan").is_err());
        assert!(toml::from_str::<AugmentConfig>("flip = true").is_err());
    }
}
