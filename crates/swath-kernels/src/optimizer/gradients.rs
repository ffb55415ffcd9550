//! All gradients of a network together.

use rayon::prelude::*;

use super::chunks::chunks;
use crate::{
    parallel::SharedMut,
    simd::{Kernel, MAX_LANES, Vector, dispatch},
    sweep::{Lanes, Sweep, sweep},
};

/// The Euclidean norm of all numbers together: the root of the sum of their squares, in f64.
pub fn gradient_norm(gradients: &[&[f32]]) -> f64 {
    let chunks = chunks(gradients.iter().map(|it| it.len()));
    let squares = chunks
        .into_par_iter()
        .with_max_len(1)
        .map(|(tensor, range)| dispatch(Squares(&gradients[tensor][range])));
    // Collected, and then added in the order of the gradients.
    let squares: Vec<f64> = squares.collect();
    squares.into_iter().sum::<f64>().sqrt()
}

/// `values = factor * values`
pub fn scale(values: &mut [f32], factor: f32) {
    let n_values = values.len();
    // SAFETY: there are that many values.
    unsafe { sweep(n_values, MAX_LANES, Scale { values: SharedMut::new(values), factor }) }
}

/// Sum of squares.
struct Squares<'a>(&'a [f32]);

impl Kernel for Squares<'_> {
    type Output = f64;

    // Plain code that the compiler vectorises: eight sums side by side.
    #[inline(always)]
    fn run<V: Vector>(self) -> f64 {
        let mut sums = [0.0f64; 8];
        let (blocks, rest) = self.0.as_chunks::<8>();
        for block in blocks {
            for (sum, &value) in sums.iter_mut().zip(block) {
                *sum += f64::from(value) * f64::from(value);
            }
        }
        let rest = rest.iter().map(|&it| f64::from(it) * f64::from(it));
        sums.into_iter().sum::<f64>() + rest.sum::<f64>()
    }
}

#[derive(Clone, Copy)]
struct Scale {
    values: SharedMut,
    factor: f32,
}

impl Sweep for Scale {
    #[inline(always)]
    unsafe fn step<V: Vector, L: Lanes>(self, index: usize, _: usize, lanes: L) {
        // SAFETY: the caller's.
        unsafe {
            let value = lanes.load::<V>(self.values.at(index)).mul(V::splat(self.factor));
            lanes.store(self.values.at(index), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{Random, assert_same_bits_on_any_threads};

    fn gradients() -> Vec<Vec<f32>> {
        let mut random = Random::new(1);
        [1, 40_000, 0, 7, 16_384, 100_001].map(|n| random.values(n)).to_vec()
    }

    fn norm(gradients: &[Vec<f32>]) -> f64 {
        gradient_norm(&gradients.iter().map(|it| &it[..]).collect::<Vec<_>>())
    }

    #[test]
    fn the_norm_is_right_for_numbers_of_any_size() {
        for factor in [1.0, 1e25, 1e-25] {
            let mut gradients = gradients();
            gradients.iter_mut().for_each(|it| scale(it, factor));
            let all = gradients.iter().flatten();
            let want = all.map(|&it| f64::from(it).powi(2)).sum::<f64>().sqrt();
            let got = norm(&gradients);
            assert!((got - want).abs() <= 1e-12 * want, "{got}, want {want}");
        }
    }

    #[test]
    fn every_value_is_scaled() {
        for mut values in gradients() {
            let want: Vec<f32> = values.iter().map(|it| it * 0.3).collect();
            scale(&mut values, 0.3);
            assert_eq!(values, want);
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        assert_same_bits_on_any_threads("norm", || {
            let bits = norm(&gradients()).to_bits();
            vec![f32::from_bits(bits as u32), f32::from_bits((bits >> 32) as u32)]
        });
    }
}
