//! One draw of all augmentations.

use std::fmt;

use rand::Rng;
use serde::Serialize;

use crate::{
    augment::{AugmentConfig, brightness, contrast, flip, rotate},
    chip::Chip,
};

/// One draw of all augmentations, in the order in which they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Augmentation {
    /// Mirror up-down.
    pub flip_rows: bool,
    /// Mirror left-right.
    pub flip_cols: bool,
    /// Quarter turns counter-clockwise, 0 to 3.
    pub quarter_turns: u8,
    /// Relative change of contrast.
    pub contrast: f32,
    /// Shift of all values, in standard deviations of the training pixels.
    pub brightness: f32,
}

impl Augmentation {
    /// Changes nothing.
    pub const NONE: Self = Self {
        flip_rows: false,
        flip_cols: false,
        quarter_turns: 0,
        contrast: 0.0,
        brightness: 0.0,
    };

    /// Draws what `config` allows.
    ///
    /// Draws are made for what is off, too, so that switching one augmentation on or off leaves
    /// the others as they were.
    pub fn draw(config: &AugmentConfig, rng: &mut impl Rng) -> Self {
        let (flip_rows, flip_cols) = (rng.random::<bool>(), rng.random::<bool>());
        let quarter_turns = rng.random_range(0..4u8);
        let mut within = |limit: f64| ((2.0 * rng.random::<f64>() - 1.0) * limit) as f32;
        Self {
            flip_rows: config.flips && flip_rows,
            flip_cols: config.flips && flip_cols,
            quarter_turns: if config.rotations { quarter_turns } else { 0 },
            contrast: within(config.contrast),
            brightness: within(config.brightness),
        }
    }

    /// Changes `chip`: values, labels and mask move together; masked pixels stay 0.
    pub fn apply(&self, chip: &mut Chip) {
        if self.flip_rows {
            flip::flip_rows(chip);
        }
        if self.flip_cols {
            flip::flip_cols(chip);
        }
        rotate::rotate(chip, self.quarter_turns);
        if self.contrast != 0.0 {
            contrast::change_contrast(chip, self.contrast);
        }
        if self.brightness != 0.0 {
            brightness::change_brightness(chip, self.brightness);
        }
    }
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.flip_rows {
            parts.push("flip up-down".to_owned());
        }
        if self.flip_cols {
            parts.push("flip left-right".to_owned());
        }
        if self.quarter_turns > 0 {
            parts.push(format!("turn {} degrees", 90 * u32::from(self.quarter_turns)));
        }
        if self.contrast != 0.0 {
            parts.push(format!("contrast {:+.2}", self.contrast));
        }
        if self.brightness != 0.0 {
            parts.push(format!("brightness {:+.2}", self.brightness));
        }
        f.write_str(if parts.is_empty() { "unchanged" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        label::IGNORE,
        random::{Purpose, generator},
    };
    use proptest::prelude::*;

    /// A chip whose values, labels and mask all tell where a pixel came from.
    fn numbered(size_px: usize, masked: &[bool]) -> Chip {
        let n_pixels = size_px * size_px;
        let valid: Vec<bool> = (0..n_pixels).map(|it| !masked[it % masked.len()]).collect();
        let value = |index: usize| if valid[index % n_pixels] { index as f32 + 1.0 } else { 0.0 };
        let label = |index: usize| if valid[index] { (index % 200) as u8 } else { IGNORE };
        Chip {
            n_bands: 2,
            size_px,
            values: (0..2 * n_pixels).map(value).collect(),
            labels: (0..n_pixels).map(label).collect(),
            valid,
            missing: Vec::new(),
            distances: None,
        }
    }

    fn drawn(config: &AugmentConfig, index: u64) -> Augmentation {
        Augmentation::draw(config, &mut generator(3, Purpose::Augment, 0, index))
    }

    proptest! {
        #[test]
        fn image_labels_and_mask_move_together(
            size_px in 1usize..9,
            masked in proptest::collection::vec(any::<bool>(), 1..20),
            index in any::<u64>(),
        ) {
            let before = numbered(size_px, &masked);
            let mut after = before.clone();
            drawn(&AugmentConfig::default(), index).apply(&mut after);
            let n_pixels = size_px * size_px;
            for pixel in 0..n_pixels {
                prop_assert_eq!(after.valid[pixel], after.labels[pixel] != IGNORE);
                for band in 0..2 {
                    let value = after.values[band * n_pixels + pixel];
                    prop_assert_eq!(value == 0.0, !after.valid[pixel]);
                    if after.valid[pixel] {
                        let from = value as usize - 1 - band * n_pixels;
                        prop_assert_eq!(usize::from(after.labels[pixel]), from % 200);
                    }
                }
            }
            let sorted = |chip: &Chip| {
                let mut values = chip.values.clone();
                values.sort_by(f32::total_cmp);
                values
            };
            prop_assert_eq!(sorted(&before), sorted(&after));
        }

        #[test]
        fn brightness_and_contrast_leave_masked_pixels_at_0(
            masked in proptest::collection::vec(any::<bool>(), 1..20),
            index in any::<u64>(),
        ) {
            let config = AugmentConfig { brightness: 0.5, contrast: 0.5, ..AugmentConfig::default() };
            let mut chip = numbered(4, &masked);
            drawn(&config, index).apply(&mut chip);
            for (index, &value) in chip.values.iter().enumerate() {
                prop_assert_eq!(value == 0.0, !chip.valid[index % 16]);
            }
        }

        #[test]
        fn missing_bands_of_valid_pixels_stay_0(
            missing in proptest::collection::vec(any::<bool>(), 32),
            index in any::<u64>(),
        ) {
            let config = AugmentConfig { brightness: 0.5, contrast: 0.5, ..AugmentConfig::default() };
            let mut chip = numbered(4, &[false]);
            for (value, _) in chip.values.iter_mut().zip(&missing).filter(|(_, missing)| **missing) {
                *value = 0.0;
            }
            chip.missing = missing;
            drawn(&config, index).apply(&mut chip);
            for (value, missing) in chip.values.iter().zip(&chip.missing) {
                prop_assert_eq!(*value == 0.0, *missing);
            }
        }
    }

    // All eight symmetries of a square, each with probability 1/8: 100 of 800, deviation 9.4.
    #[test]
    fn every_symmetry_is_drawn_equally_often() {
        let mut n_drawn = std::collections::BTreeMap::<Vec<u8>, u32>::new();
        for index in 0..800 {
            let mut chip = numbered(2, &[false]);
            drawn(&AugmentConfig::default(), index).apply(&mut chip);
            *n_drawn.entry(chip.labels).or_default() += 1;
        }
        assert_eq!(n_drawn.len(), 8);
        assert!(n_drawn.values().all(|&n| 60 < n && n < 140), "{n_drawn:?}");
    }

    #[test]
    fn switching_one_off_leaves_the_others_as_they_were() {
        let all = AugmentConfig { brightness: 0.2, contrast: 0.1, ..AugmentConfig::default() };
        let off = AugmentConfig { flips: false, rotations: false, ..all.clone() };
        for index in 0..20 {
            let (drawn, without) = (drawn(&all, index), drawn(&off, index));
            let wanted =
                Augmentation { flip_rows: false, flip_cols: false, quarter_turns: 0, ..drawn };
            assert_eq!(without, wanted);
            assert!(drawn.brightness.abs() <= 0.2 && drawn.contrast.abs() <= 0.1);
        }
        let nothing = AugmentConfig { brightness: 0.0, contrast: 0.0, ..off };
        assert_eq!(drawn(&nothing, 0), Augmentation::NONE);
    }

    #[test]
    fn says_what_it_does() {
        let all = Augmentation {
            flip_cols: true,
            quarter_turns: 3,
            contrast: -0.1,
            ..Augmentation::NONE
        };
        assert_eq!(all.to_string(), "flip left-right, turn 270 degrees, contrast -0.10");
        assert_eq!(Augmentation::NONE.to_string(), "unchanged");
    }
}
