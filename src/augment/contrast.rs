//! More or less contrast.

use crate::chip::Chip;

/// `value * (1 + change)` for every pixel with data, all bands alike; no clipping.
///
/// Values are normalised, so their distance to the mean of the training pixels changes; a missing
/// value, 0, stays 0.
///
/// Source: albumentations 2.0.8, `RandomBrightnessContrast`, which scales the distance to black
/// and clips to `[0, 1]` instead.
pub(super) fn change_contrast(chip: &mut Chip, change: f32) {
    for plane in chip.values.chunks_exact_mut(chip.size_px * chip.size_px) {
        for (value, valid) in plane.iter_mut().zip(&chip.valid) {
            if *valid {
                *value *= 1.0 + change;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{brightness::change_brightness, golden::check_values};

    #[test]
    fn scales_as_albumentations_does_where_it_does_not_clip() {
        check_values("alpha=1.2,beta=0.0,float32", |chip| change_contrast(chip, 0.2));
        check_values("alpha=0.8,beta=-0.1,float32", |chip| {
            change_contrast(chip, -0.2);
            change_brightness(chip, -0.1);
        });
    }
}
