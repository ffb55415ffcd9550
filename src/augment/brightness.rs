//! Lighter or darker.

use crate::chip::Chip;

/// `value + shift` for every pixel with data, all bands alike; no clipping. A missing value, 0,
/// stays 0.
///
/// Values are normalised, so `shift` is in standard deviations of the training pixels.
///
/// Source: albumentations 2.0.8, `RandomBrightnessContrast`, whose limits and clipping are for
/// values in `[0, 1]` instead.
pub(super) fn change_brightness(chip: &mut Chip, shift: f32) {
    let n_pixels = chip.n_pixels();
    for (index, value) in chip.values.iter_mut().enumerate() {
        // No band is missing where the list is empty.
        let is_missing = chip.missing.get(index).copied().unwrap_or(false);
        if chip.valid[index % n_pixels] && !is_missing {
            *value += shift;
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
