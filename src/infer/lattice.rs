//! Where the windows of a prediction lie along one axis, and how much each pixel listens to each.

/// Windows of one size along one axis of a raster, with blending weights.
///
/// Windows start at multiples of `size - overlap`, counted from the raster's edge, and the last
/// one is pulled back to end at the raster's edge; a raster shorter than a window has one window
/// that sticks out. The lattice depends on the raster alone, never on the part of it that is
/// asked for, so a part of a map equals the same part of the whole map.
#[derive(Clone, Debug, PartialEq)]
pub struct Lattice {
    length: u32,
    size: u32,
    starts: Vec<u32>,
}

impl Lattice {
    /// Windows of `size` pixels over `length` pixels; neighbours share at least `overlap` pixels.
    ///
    /// # Panics
    ///
    /// If `length` or `size` is 0, or `overlap` is more than half of `size`.
    pub fn new(length: u32, size: u32, overlap: u32) -> Self {
        assert!(0 < length && 0 < size, "empty lattice: {length} pixels, windows of {size}");
        assert!(overlap <= size / 2, "overlap {overlap} is more than half of {size}");
        let last = length.saturating_sub(size);
        let stride = size - overlap;
        let starts = (0..=last.div_ceil(stride)).map(|i| (i * stride).min(last)).collect();
        Self { length, size, starts }
    }

    /// First pixel of each window, ascending.
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// Indices of the windows that hold a pixel of `from..to`.
    pub fn touching(&self, from: u32, to: u32) -> std::ops::Range<usize> {
        let first = self.starts.partition_point(|start| start + self.size <= from);
        let end = self.starts.partition_point(|&start| start < to);
        first..end
    }

    /// First pixel that no window after `index` still changes.
    pub fn settled(&self, index: usize) -> u32 {
        self.starts.get(index + 1).copied().unwrap_or(self.length)
    }

    /// Share of window `index` in each of its pixels, `[size]`; the shares of all windows that
    /// hold a pixel sum to 1.
    ///
    /// A window's voice falls linearly from its centre to its edges, where context is missing;
    /// the shares are the voices divided by their sum.
    pub fn shares(&self, index: usize) -> Vec<f32> {
        let start = self.starts[index];
        let share = |offset: u32| {
            let pixel = start + offset;
            let voices =
                self.touching(pixel, pixel + 1).map(|it| self.voice(pixel - self.starts[it]));
            let total = voices.sum::<u64>();
            (self.voice(offset) as f64 / total as f64) as f32
        };
        (0..self.size).map(share).collect()
    }

    /// Distance to the nearer edge, counted from 1.
    fn voice(&self, offset: u32) -> u64 {
        u64::from(1 + offset.min(self.size - 1 - offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_sum_to_one_at_every_pixel(length in 1u32..200, size in 1u32..40, part in 0u32..=20) {
            let lattice = Lattice::new(length, size, (size * part / 40).min(size / 2));
            let mut sums = vec![0.0f64; length.max(size) as usize];
            for (index, &start) in lattice.starts().iter().enumerate() {
                for (offset, share) in lattice.shares(index).into_iter().enumerate() {
                    prop_assert!(0.0 < share);
                    sums[start as usize + offset] += f64::from(share);
                }
            }
            for (pixel, sum) in sums.iter().enumerate() {
                prop_assert!((sum - 1.0).abs() < 1e-6, "pixel {pixel}: {sum}");
            }
        }

        #[test]
        fn touching_finds_exactly_the_windows_that_hold_a_pixel(
            length in 1u32..200, size in 1u32..40, from in 0u32..200, n in 1u32..50
        ) {
            let lattice = Lattice::new(length, size, size / 3);
            let found: Vec<usize> = lattice.touching(from, from + n).collect();
            let wanted: Vec<usize> = (0..lattice.starts().len())
                .filter(|&it| {
                    let start = lattice.starts()[it];
                    start < from + n && from < start + size
                })
                .collect();
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_pixel_in_the_middle_of_an_overlap_hears_both_windows_alike() {
        let lattice = Lattice::new(7, 4, 1); // Windows 0..4 and 3..7 share pixel 3.
        assert_eq!(lattice.starts(), [0, 3]);
        assert_eq!(lattice.shares(0), [1.0, 1.0, 1.0, 0.5]);
        assert_eq!((lattice.settled(0), lattice.settled(1)), (3, 7));
    }
}
