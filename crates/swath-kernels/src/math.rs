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

/// The natural logarithm of numbers in `[1, 2³²)`, to about one unit in the last place.
#[inline(always)]
pub(crate) fn ln_from_one<V: Vector>(value: V) -> V {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let (mut value, mut power) = (value, V::zero());
    for step in [16, 8, 4, 2, 1] {
        let small = value.less(V::splat((1u64 << step) as f32));
        value = V::select(small, value, value.mul(V::splat(1.0 / (1u64 << step) as f32)));
        power = V::select(small, power, power.add(V::splat(step as f32)));
    }
    let small = value.less(V::splat(std::f32::consts::SQRT_2));
    value = V::select(small, value, value.mul(V::splat(0.5)));
    power = V::select(small, power, power.add(V::splat(1.0)));
    // With x = value - 1 and t = x / (2 + x): ln value = 2 t + 2 t³ / 3 + … = x - t (x - 2 t² / 3 - …).
    let x = value.sub(V::splat(1.0));
    let t = x.div(x.add(V::splat(2.0)));
    let square = t.mul(t);
    let mut sum = V::splat(2.0 / 11.0);
    for factor in [2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0] {
        sum = sum.mul_add(square, V::splat(factor));
    }
    let ln = power.mul_add(V::splat(LN2_LOW), t.neg_mul_add(x.sub(sum.mul(square)), x));
    power.mul_add(V::splat(LN2_HIGH), ln)
}

/// `1 / (1 + exp(-value))`
#[inline(always)]
pub(crate) fn sigmoid<V: Vector>(value: V) -> V {
    let one = V::splat(1.0);
    one.div(one.add(exp(value.neg())))
}

/// The share of the standard normal distribution below `value`, to 2e-7 of itself and of 1 minus it.
///
/// Source: the complementary error function of Press et al. 1992, Numerical Recipes, section 6.2.
#[inline(always)]
pub(crate) fn normal_share<V: Vector>(value: V) -> V {
    let one = V::splat(1.0);
    let is_below = value.less(V::zero());
    let size = V::select(is_below, value.neg(), value);
    let t = one.div(size.mul_add(V::splat(0.5 * std::f32::consts::FRAC_1_SQRT_2), one));
    let mut sum = V::splat(0.170_872_77);
    for factor in [
        -0.822_152_23,
        1.488_515_9,
        -1.135_204,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_7,
        -1.265_512_2,
    ] {
        sum = sum.mul_add(t, V::splat(factor));
    }
    // The square as a sum of two numbers: its rounding would show in the power.
    let square = value.mul(value);
    let rest = value.mul_add(value, square.neg());
    let power = exp(square.mul(V::splat(-0.5)));
    let power = power.neg_mul_add(rest.mul(V::splat(0.5)), power);
    let outside = power.mul(exp(sum)).mul(t).mul(V::splat(0.5));
    V::select(is_below, outside, one.sub(outside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Kernel, MAX_LANES, dispatch};

    struct Exp([f32; MAX_LANES]);

    struct Ln([f32; MAX_LANES]);

    macro_rules! on_lanes {
        ($kernel:ident, $function:ident) => {
            impl Kernel for $kernel {
                type Output = [f32; MAX_LANES];

                #[inline(always)]
                fn run<V: Vector>(mut self) -> [f32; MAX_LANES] {
                    for first in (0..MAX_LANES).step_by(V::LANES) {
                        // SAFETY: the lanes divide the length of the array.
                        unsafe {
                            let value = V::load(self.0.as_ptr().add(first));
                            $function(value).store(self.0.as_mut_ptr().add(first));
                        }
                    }
                    self.0
                }
            }
        };
    }

    on_lanes!(Exp, exp);

    on_lanes!(Ln, ln_from_one);

    /// The largest error at the numbers that `argument` makes of `[0, 1)`, in units in the last place.
    fn worst<K: Kernel<Output = [f32; MAX_LANES]>>(
        kernel: impl Fn([f32; MAX_LANES]) -> K,
        argument: impl Fn(f32) -> f32,
        function: impl Fn(f64) -> f64,
    ) -> f64 {
        let n = 200_000;
        let mut worst = 0.0f64;
        for block in 0..n / MAX_LANES {
            let values: [f32; MAX_LANES] =
                std::array::from_fn(|lane| argument((block * MAX_LANES + lane) as f32 / n as f32));
            for (got, value) in dispatch(kernel(values)).into_iter().zip(values) {
                let want = function(f64::from(value));
                let unit = f64::from(f32::from_bits((want as f32).to_bits() + 1) - want as f32);
                worst = worst.max((f64::from(got) - want).abs() / unit);
            }
        }
        worst
    }

    #[test]
    fn exp_and_ln_are_off_by_two_units_at_most() {
        let off = worst(Exp, |it| -87.0 + 175.5 * it, f64::exp);
        assert!(off < 2.0, "exp is off by {off} units in the last place");
        for range in [0.01, 1.0, 4.0, 1e3, 1e9] {
            let off = worst(Ln, |it| 1.0 + range * it, f64::ln);
            assert!(off < 2.0, "ln to {range} is off by {off} units in the last place");
        }
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
