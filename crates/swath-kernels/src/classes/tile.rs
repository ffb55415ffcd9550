//! A few pixels, transposed: one row for each class, so that a vector holds one class of many pixels.

use std::ops::Range;

use crate::{math::exp, simd::Vector};

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

/// `[class, pixel]`, with place for [`n_pixels`] pixels.
pub(super) struct Tile<'a> {
    pub values: &'a mut [f32],
    pub classes: usize,
    pub width: usize,
}

impl Tile<'_> {
    /// Takes `from`, `[pixel, class]`; places without a pixel become 0.
    #[inline(always)]
    pub fn fill(&mut self, from: &[f32]) {
        let n = from.len() / self.classes;
        assert!(n <= self.width && self.values.len() == self.width * self.classes);
        for (class, row) in self.values.chunks_exact_mut(self.width).enumerate() {
            let (row, rest) = row.split_at_mut(n);
            for (pixel, value) in row.iter_mut().enumerate() {
                // SAFETY: there are `n` pixels of that many classes.
                *value = unsafe { *from.get_unchecked(pixel * self.classes + class) };
            }
            rest.fill(0.0);
        }
    }

    /// Writes the pixels to `to`, `[pixel, class]`.
    #[inline(always)]
    pub fn copy_to(&self, to: &mut [f32]) {
        let n = to.len() / self.classes;
        assert!(n <= self.width && self.values.len() == self.width * self.classes);
        for (class, row) in self.values.chunks_exact(self.width).enumerate() {
            for (pixel, &value) in row[..n].iter().enumerate() {
                // SAFETY: there are `n` pixels of that many classes.
                unsafe { *to.get_unchecked_mut(pixel * self.classes + class) = value };
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
