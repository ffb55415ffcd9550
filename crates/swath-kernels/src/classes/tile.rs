//! A few pixels, transposed: one row for each class, so that a vector holds one class of many pixels.

use std::ops::Range;

use crate::{
    math::exp,
    simd::{MAX_LANES, Vector},
};

/// Pixels of a tile, a multiple of the longest vector: as many as fit beside each other in the
/// first-level cache.
pub(super) fn n_pixels(classes: usize) -> usize {
    if classes <= 64 { 64 } else { 16 }
}

/// Pixels of a task, whole tiles.
pub(super) fn n_task(classes: usize) -> usize {
    (16384 / classes.max(1)).next_multiple_of(64)
}

/// The pixels of task number `task`.
pub(super) fn pixels_of(task: usize, classes: usize, pixels: usize) -> Range<usize> {
    let n = n_task(classes);
    task * n..pixels.min((task + 1) * n)
}

/// Values of a tile and of the place that [`Tile::copy_to`] needs.
pub(super) fn n_values(classes: usize) -> usize {
    classes.next_multiple_of(MAX_LANES) * n_pixels(classes) + MAX_LANES * MAX_LANES
}

/// `[class, pixel]`, with rows of nothing up to a multiple of the longest vector.
pub(super) struct Tile<'a> {
    /// As many as [`n_values`] says.
    pub values: &'a mut [f32],
    pub classes: usize,
    pub width: usize,
}

impl Tile<'_> {
    /// Takes `from`, `[pixel, class]`; places without a pixel become 0.
    #[inline(always)]
    pub fn fill<V: Vector>(&mut self, from: &[f32]) {
        let (classes, width) = (self.classes, self.width);
        let n = from.len() / classes;
        assert!(n <= width && self.values.len() == n_values(classes));
        let mut pixel = 0;
        // Squares of pixels and classes. What is read beyond the last class is another pixel's.
        let readable = |pixel: usize| {
            let rows = (pixel + V::LANES - 1) * classes + classes.next_multiple_of(V::LANES);
            pixel + V::LANES <= n && rows <= from.len()
        };
        while readable(pixel) {
            for class in (0..classes).step_by(V::LANES) {
                // SAFETY: as the condition of the loop says; the tile has rows for all vectors.
                unsafe {
                    let from = from.as_ptr().add(pixel * classes + class);
                    let to = self.values.as_mut_ptr().add(class * width + pixel);
                    V::transpose(from, classes, to, width);
                }
            }
            pixel += V::LANES;
        }
        if pixel < width {
            for row in self.values.chunks_exact_mut(width).take(classes) {
                row[pixel..].fill(0.0);
            }
        }
        for pixel in pixel..n {
            for class in 0..classes {
                self.values[class * width + pixel] = from[pixel * classes + class];
            }
        }
    }

    /// Writes the pixels to `to`, `[pixel, class]`.
    #[inline(always)]
    pub fn copy_to<V: Vector>(&mut self, to: &mut [f32]) {
        let (classes, width) = (self.classes, self.width);
        let n = to.len() / classes;
        assert!(n <= width && self.values.len() == n_values(classes));
        let (values, square) =
            self.values.split_at_mut(classes.next_multiple_of(MAX_LANES) * width);
        let end = classes.next_multiple_of(V::LANES);
        let mut pixel = 0;
        while pixel + V::LANES <= n && (pixel + V::LANES - 1) * classes + end <= to.len() {
            // The last classes first: what their vectors write beyond is another pixel's, whose own
            // values follow.
            for class in (0..end).step_by(V::LANES).rev() {
                // SAFETY: the tile has rows for all vectors, the square for the longest.
                unsafe {
                    let from = values.as_ptr().add(class * width + pixel);
                    V::transpose(from, width, square.as_mut_ptr(), V::LANES);
                }
                for lane in 0..V::LANES {
                    // SAFETY: as the condition of the loop says.
                    unsafe {
                        let row = V::load(square.as_ptr().add(lane * V::LANES));
                        row.store(to.as_mut_ptr().add((pixel + lane) * classes + class));
                    }
                }
            }
            pixel += V::LANES;
        }
        for pixel in pixel..n {
            for class in 0..classes {
                to[pixel * classes + class] = values[class * width + pixel];
            }
        }
    }

    /// One class of the pixels from `pixel` on.
    #[inline(always)]
    pub fn load<V: Vector>(&self, class: usize, pixel: usize) -> V {
        debug_assert!(class < self.classes && pixel + V::LANES <= self.width);
        // SAFETY: the tile has that many classes and whole vectors of pixels.
        unsafe { V::load(self.values.as_ptr().add(class * self.width + pixel)) }
    }

    /// Sets one class of the pixels from `pixel` on.
    #[inline(always)]
    pub fn store<V: Vector>(&mut self, class: usize, pixel: usize, values: V) {
        debug_assert!(class < self.classes && pixel + V::LANES <= self.width);
        // SAFETY: the tile has that many classes and whole vectors of pixels.
        unsafe { values.store(self.values.as_mut_ptr().add(class * self.width + pixel)) }
    }

    /// The largest logit of the pixels from `pixel` on.
    #[inline(always)]
    pub fn largest<V: Vector>(&self, pixel: usize) -> V {
        let mut largest = self.load::<V>(0, pixel);
        for class in 1..self.classes {
            largest = largest.max(self.load(class, pixel));
        }
        largest
    }

    /// The sum of `exp(logit - largest)`.
    #[inline(always)]
    pub fn sum_of_exps<V: Vector>(&self, pixel: usize, largest: V) -> V {
        let mut sum = V::zero();
        for class in 0..self.classes {
            sum = sum.add(exp(self.load::<V>(class, pixel).sub(largest)));
        }
        sum
    }

    /// Sets the logits to `exp(logit - largest)`, and returns their sum.
    #[inline(always)]
    pub fn exponentiate<V: Vector>(&mut self, pixel: usize) -> V {
        let largest = self.largest::<V>(pixel);
        let mut sum = V::zero();
        for class in 0..self.classes {
            let value = exp(self.load::<V>(class, pixel).sub(largest));
            self.store(class, pixel, value);
            sum = sum.add(value);
        }
        sum
    }
}
