//! Pixels of one chip put onto another.

use crate::chip::Chip;

/// Puts pixel `index` of `source` onto `target`, with label and mask: `share` of the value is the
/// source's, `(0, 1]`.
///
/// Where the source lacks a band, the target lacks it afterwards; where only the target lacked it,
/// the value is the source's.
pub(super) fn put_pixel(target: &mut Chip, source: &Chip, index: usize, share: f32) {
    let n_pixels = target.n_pixels();
    let is_missing = |chip: &Chip, at: usize| chip.missing.get(at).is_some_and(|it| *it);
    for band in 0..target.n_bands {
        let at = band * n_pixels + index;
        let lacks = is_missing(source, at);
        let nothing_below = !target.valid[index] || is_missing(target, at);
        target.values[at] = match (lacks, nothing_below) {
            (true, _) => 0.0,
            (false, true) => source.values[at],
            // Exact for a share of 1.
            (false, false) => share * source.values[at] + (1.0 - share) * target.values[at],
        };
        if lacks && target.missing.is_empty() {
            target.missing = vec![false; target.values.len()];
        }
        if !target.missing.is_empty() {
            target.missing[at] = lacks;
        }
    }
    target.labels[index] = source.labels[index];
    target.valid[index] = true;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::label::IGNORE;

    /// A square chip of two bands whose values are `offset` and above; label 3 is a pixel without
    /// data.
    pub(in crate::augment) fn chip(labels: &[u8], offset: f32) -> Chip {
        let n_pixels = labels.len();
        let size_px = n_pixels.isqrt();
        let valid: Vec<bool> = labels.iter().map(|it| *it != 3).collect();
        let value = |at: usize| if valid[at % n_pixels] { offset + at as f32 + 1.0 } else { 0.0 };
        Chip {
            n_bands: 2,
            size_px,
            values: (0..2 * n_pixels).map(value).collect(),
            labels: labels.iter().map(|&it| if it == 3 { IGNORE } else { it }).collect(),
            valid,
            missing: Vec::new(),
            distances: None,
        }
    }

    /// Pixels in which two chips differ.
    pub(in crate::augment) fn unlike(a: &Chip, b: &Chip) -> Vec<usize> {
        let n_pixels = a.n_pixels();
        let bands = |chip: &Chip, at: usize| [chip.values[at], chip.values[n_pixels + at]];
        let differs = |&at: &usize| {
            bands(a, at) != bands(b, at)
                || a.labels[at] != b.labels[at]
                || a.valid[at] != b.valid[at]
        };
        (0..n_pixels).filter(differs).collect()
    }

    #[test]
    fn a_band_that_the_source_lacks_is_missing_afterwards() {
        let mut source = chip(&[0, 1, 2, 0], 10.0);
        source.missing = vec![false; 8];
        source.missing[5] = true;
        source.values[5] = 0.0;
        let mut target = chip(&[0, 0, 3, 0], 0.0);
        put_pixel(&mut target, &source, 1, 0.5);
        assert_eq!(target.missing, [false, false, false, false, false, true, false, false]);
        assert_eq!((target.values[1], target.values[5]), (7.0, 0.0)); // (12 + 2) / 2
        put_pixel(&mut target, &source, 2, 0.5);
        assert_eq!((target.values[2], target.valid[2], target.labels[2]), (13.0, true, 2));
        target.missing[7] = true;
        target.values[7] = 0.0;
        put_pixel(&mut target, &source, 3, 0.25);
        assert_eq!((target.values[7], target.missing[7]), (18.0, false));
    }
}
