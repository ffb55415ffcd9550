//! Probabilities of classes, and the most probable class.

use super::{
    ClassIndex,
    tile::{self, Tile},
};
use crate::{
    parallel, scratch,
    simd::{Kernel, MAX_LANES, Vector, dispatch},
};

use rayon::prelude::*;

/// `out[pixel, class] = exp(logits[pixel, class]) / sum_c exp(logits[pixel, c])`
///
/// # Panics
/// If the lengths differ or are not multiples of `classes`.
pub fn softmax(classes: usize, logits: &[f32], out: &mut [f32]) {
    let pixels = check(classes, logits);
    assert_eq!(logits.len(), out.len(), "the output is not as long as the logits");
    parallel::parts(out, tile::n_task(classes) * classes, |task, out| {
        let pixels = tile::pixels_of(task, classes, pixels);
        let logits = &logits[pixels.start * classes..pixels.end * classes];
        let width = tile::n_pixels(classes);
        let values = &mut scratch::local(tile::n_values(classes));
        dispatch(Softmax { logits, tile: Tile { values, classes, width }, out });
    });
}

/// The class of the largest logit of each pixel of `logits`, `[pixel, class]`; the first of equal ones.
///
/// # Panics
/// If the lengths differ, or a class does not fit into the type.
pub fn argmax<I: ClassIndex>(classes: usize, logits: &[f32], out: &mut [I]) {
    let pixels = check(classes, logits);
    assert_eq!(out.len(), pixels, "the output has not one index for each pixel");
    out.par_chunks_mut(tile::n_task(classes)).enumerate().for_each(|(task, out)| {
        let pixels = tile::pixels_of(task, classes, pixels);
        let logits = &logits[pixels.start * classes..pixels.end * classes];
        let width = tile::n_pixels(classes);
        let values = &mut scratch::local(tile::n_values(classes));
        dispatch(Argmax { logits, tile: Tile { values, classes, width }, out });
    });
}

pub(super) fn check(classes: usize, logits: &[f32]) -> usize {
    assert!(0 < classes, "no classes");
    let pixels = logits.len() / classes;
    assert_eq!(
        logits.len(),
        pixels * classes,
        "the logits are not a multiple of {classes} classes"
    );
    pixels
}

struct Softmax<'a> {
    logits: &'a [f32],
    tile: Tile<'a>,
    out: &'a mut [f32],
}

impl Kernel for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let mut tile = self.tile;
        let n = tile.width * tile.classes;
        for (logits, out) in self.logits.chunks(n).zip(self.out.chunks_mut(n)) {
            tile.fill::<V>(logits);
            for pixel in (0..tile.width).step_by(V::LANES) {
                let sum = tile.exponentiate::<V>(pixel);
                for class in 0..tile.classes {
                    tile.store(class, pixel, tile.load::<V>(class, pixel).div(sum));
                }
            }
            tile.copy_to::<V>(out);
        }
    }
}

struct Argmax<'a, I> {
    logits: &'a [f32],
    tile: Tile<'a>,
    out: &'a mut [I],
}

impl<I: ClassIndex> Kernel for Argmax<'_, I> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let mut tile = self.tile;
        let n = tile.width * tile.classes;
        for (logits, out) in self.logits.chunks(n).zip(self.out.chunks_mut(tile.width)) {
            tile.fill::<V>(logits);
            for (out, pixel) in out.chunks_mut(V::LANES).zip((0..tile.width).step_by(V::LANES)) {
                let (mut largest, mut found) = (tile.load::<V>(0, pixel), V::zero());
                for class in 1..tile.classes {
                    let value = tile.load::<V>(class, pixel);
                    let larger = largest.less(value);
                    largest = V::select(larger, value, largest);
                    found = V::select(larger, V::splat(class as f32), found);
                }
                let found: [f32; MAX_LANES] = found.lanes();
                out.iter_mut().zip(found).for_each(|(out, class)| *out = I::of(class as usize));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{Random, assert_close};

    const SHAPES: [[usize; 2]; 8] =
        [[1, 1], [5, 2], [1000, 3], [64, 5], [20001, 5], [700, 32], [99, 65], [40, 1000]];

    #[test]
    fn probabilities_are_right() {
        for [pixels, classes] in SHAPES {
            let logits = Random::new(1).values_of(pixels * classes, -30.0, 30.0);
            let want = logits.chunks(classes).flat_map(|logits| {
                let exps = logits.iter().map(|&it| f64::from(it).exp());
                let sum: f64 = exps.clone().sum();
                exps.map(move |it| it / sum).collect::<Vec<_>>()
            });
            let mut out = vec![f32::NAN; logits.len()];
            softmax(classes, &logits, &mut out);
            assert_close("softmax", &out, &want.collect::<Vec<_>>(), 1e-6);
        }
    }

    #[test]
    fn the_first_largest_logit_wins() {
        for [pixels, classes] in SHAPES {
            let mut random = Random::new(2);
            let logits: Vec<f32> =
                (0..pixels * classes).map(|_| random.below(7) as f32 - 3.0).collect();
            let want = logits.chunks(classes).map(|logits| {
                let larger =
                    |best, class: usize| if logits[best] < logits[class] { class } else { best };
                (0..classes).fold(0, larger) as i32
            });
            let mut out = vec![-1; pixels];
            argmax(classes, &logits, &mut out);
            assert_eq!(out, want.collect::<Vec<_>>());
        }
    }
}
