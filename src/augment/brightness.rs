//! Lighter or darker.

use crate::chip::Chip;

/// `value + shift` for every pixel with data, all bands alike; no clipping.
///
/// Values are normalised, so `shift` is in standard deviations of the training pixels.
///
/// Source: albumentations 2.0.8, `RandomBrightnessContrast`, whose limits and clipping are for
/// values in `[0, 1]` instead.
pub(super) fn change_brightness(chip: &mut Chip, shift: f32) {
    for plane in chip.values.chunks_exact_mut(chip.size_px * chip.size_px) {
        for (value, valid) in plane.iter_mut().zip(&chip.valid) {
            if *valid {
                *value += shift;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::golden::check_values;

    #[test]
    fn shifts_as_albumentations_does_where_it_does_not_clip() {
        check_values("alpha=1.0,beta=0.1,float32", |chip| change_brightness(chip, 0.1));
    }
}
