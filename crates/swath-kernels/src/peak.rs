//! The speed limit: fused multiply-adds in registers, without memory.

use crate::parallel::tasks;
use crate::simd::{Kernel, Vector, dispatch};
use std::hint::black_box;
use std::time::Instant;

/// Sums that are in flight at once: enough for two units of four cycles each, few enough for 16 registers.
const CHAINS: usize = 12;

/// The measured peak of [`Isa::current`](crate::Isa::current) on all threads of the current pool, in
/// 10⁹ operations a second (a multiply-add is two); the best of ten runs of a few milliseconds.
pub fn peak_gflops() -> f64 {
    let threads = rayon::current_num_threads();
    let (tasks_per_thread, rounds) = (8, 20_000);
    let mut best: f64 = 0.0;
    for _ in 0..10 {
        let start = Instant::now();
        tasks(threads * tasks_per_thread, |_| dispatch(Chains { rounds }));
        let seconds = start.elapsed().as_secs_f64();
        let lanes = dispatch(Lanes);
        let operations = threads * tasks_per_thread * rounds * CHAINS * lanes * 2;
        best = best.max(operations as f64 / seconds / 1e9);
    }
    best
}

struct Lanes;

impl Kernel for Lanes {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self) -> usize {
        V::LANES
    }
}

struct Chains {
    rounds: usize,
}

impl Kernel for Chains {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let (factor, summand) = (V::splat(black_box(0.5)), V::splat(black_box(0.25)));
        let mut sums = [V::zero(); CHAINS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = sum.mul_add(factor, summand);
            }
        }
        for sum in sums {
            black_box(sum.sum());
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_peak_is_positive() {
        assert!(super::peak_gflops() > 0.0);
    }
}
