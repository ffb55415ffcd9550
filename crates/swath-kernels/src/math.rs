//! Functions of vectors.

use crate::simd::Vector;

/// `exp(value)` to about one unit in the last place; 0 below -104, infinite above 88.8.
#[inline(always)]
pub(crate) fn exp<V: Vector>(value: V) -> V {
    // ln 2 as the sum of a short number, whose multiples are exact, and the rest.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // The order of the operands lets NaN through.
    let value = V::splat(-104.0).max(V::splat(90.0).min(value));
    let power = value.mul(V::splat(std::f32::consts::LOG2_E)).round();
    let rest = power.neg_mul_add(V::splat(LN2_HIGH), value);
    let rest = power.neg_mul_add(V::splat(LN2_LOW), rest);
    let mut sum = V::splat(1.0 / 5040.0);
    for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum.mul_add(rest, V::splat(factor));
    }
    // In two steps, since the power of two alone may be too small or too large for a number.
    let half = power.mul(V::splat(0.5)).round();
    sum.mul(half.exp2_whole()).mul(power.sub(half).exp2_whole())
}

/// `1 / (1 + exp(-value))`
#[inline(always)]
pub(crate) fn sigmoid<V: Vector>(value: V) -> V {
    let one = V::splat(1.0);
    one.div(one.add(exp(value.neg())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Kernel, MAX_LANES, dispatch};

    struct Exp([f32; MAX_LANES]);

    impl Kernel for Exp {
        type Output = [f32; MAX_LANES];

        #[inline(always)]
        fn run<V: Vector>(mut self) -> [f32; MAX_LANES] {
            for first in (0..MAX_LANES).step_by(V::LANES) {
                // SAFETY: the lanes divide the length of the array.
                unsafe {
                    exp(V::load(self.0.as_ptr().add(first))).store(self.0[first..].as_mut_ptr())
                }
            }
            self.0
        }
    }

    #[test]
    fn exp_is_off_by_two_units_at_most() {
        let n = 200_000;
        let mut worst = 0.0f64;
        for block in 0..n / MAX_LANES {
            let values: [f32; MAX_LANES] = std::array::from_fn(|lane| {
                -87.0 + 175.5 * (block * MAX_LANES + lane) as f32 / n as f32
            });
            for (got, value) in dispatch(Exp(values)).into_iter().zip(values) {
                let want = f64::from(value).exp();
                let unit = f64::from(f32::from_bits((want as f32).to_bits() + 1) - want as f32);
                worst = worst.max((f64::from(got) - want).abs() / unit);
            }
        }
        assert!(worst < 2.0, "off by {worst} units in the last place");
    }

    #[test]
    fn exp_is_right_at_the_ends() {
        let mut values = [0.0; MAX_LANES];
        values[..8].copy_from_slice(&[
            -f32::INFINITY,
            -200.0,
            -100.0,
            0.0,
            -0.0,
            89.0,
            f32::INFINITY,
            f32::NAN,
        ]);
        let got = dispatch(Exp(values));
        assert_eq!(got[..2], [0.0, 0.0]);
        assert!((got[2] / (-100.0f32).exp() - 1.0).abs() < 0.02, "a small number: {}", got[2]);
        assert_eq!(got[3..7], [1.0, 1.0, f32::INFINITY, f32::INFINITY]);
        assert!(got[7].is_nan());
    }
}
