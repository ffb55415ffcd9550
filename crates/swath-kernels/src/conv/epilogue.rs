//! What is done to the result of a convolution before it leaves the cache.

use crate::simd::Vector;

/// Steps after a convolution: `out = activation(conv + bias + residual)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// One number for each output channel.
    pub bias: Option<&'a [f32]>,
    /// Added number by number: `[batch, row, col, channel]`, as the output.
    pub residual: Option<&'a [f32]>,
    /// Applied last.
    pub activation: Activation,
}

/// A function of each number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// `x`.
    #[default]
    None,
    /// `max(x, 0)`.
    Relu,
    /// `x` if `x > 0`, else `slope · x`.
    LeakyRelu(f32),
    /// `x / (1 + exp(-x))`.
    Silu,
}

impl Epilogue<'_> {
    /// Whether there is nothing to do.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.bias.is_none() && self.residual.is_none() && self.activation == Activation::None
    }

    /// Finishes `count` numbers of one pixel, already written at `out + at`, from channel `channel` on.
    ///
    /// # Safety
    /// `at` and the channels lie within `out`, residual and bias, and no other task writes there.
    #[inline(always)]
    pub(crate) unsafe fn apply<V: Vector>(
        &self,
        out: *mut f32,
        at: usize,
        channel: usize,
        count: usize,
    ) {
        let mut done = 0;
        while done < count {
            let lanes = V::LANES.min(count - done);
            // SAFETY: `done + lanes <= count`, and the caller's promise.
            unsafe {
                let to = out.add(at + done);
                let mut value = load::<V>(to, lanes);
                if let Some(bias) = self.bias {
                    value = value.add(load::<V>(bias.as_ptr().add(channel + done), lanes));
                }
                if let Some(residual) = self.residual {
                    value = value.add(load::<V>(residual.as_ptr().add(at + done), lanes));
                }
                value = activate(self.activation, value);
                if lanes == V::LANES { value.store(to) } else { value.store_first(to, lanes) }
            }
            done += lanes;
        }
    }
}

/// The first `lanes` numbers at `from`.
///
/// # Safety
/// They are readable.
#[inline(always)]
unsafe fn load<V: Vector>(from: *const f32, lanes: usize) -> V {
    // SAFETY: the caller's.
    unsafe { if lanes == V::LANES { V::load(from) } else { V::load_first(from, lanes) } }
}

#[inline(always)]
fn activate<V: Vector>(activation: Activation, value: V) -> V {
    match activation {
        Activation::None => value,
        // The value second: not-a-number stays.
        Activation::Relu => V::zero().max(value),
        Activation::LeakyRelu(slope) => {
            V::select(value.less_equal(V::zero()), value.mul(V::splat(slope)), value)
        }
        Activation::Silu => value.div(V::splat(1.0).add(exp(value.neg()))),
    }
}

/// `exp(x)` to about 1e-7 of its value; `x` is first clamped to `[-87, 88]`.
///
/// `x = n·ln 2 + r` with `|r| <= ln 2 / 2`; `exp(r)` by a polynomial, `2ⁿ` by the exponent's bits.
#[inline(always)]
fn exp<V: Vector>(x: V) -> V {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // The polynomial of Cephes' `expf`.
    const COEFFICIENTS: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];
    let x = V::splat(-87.0).max(V::splat(88.0).min(x));
    let n = x.mul(V::splat(std::f32::consts::LOG2_E)).round();
    let r = n.neg_mul_add(V::splat(LN_2_HIGH), x);
    let r = n.neg_mul_add(V::splat(LN_2_LOW), r);
    let mut sum = V::splat(COEFFICIENTS[0]);
    for &coefficient in &COEFFICIENTS[1..] {
        sum = sum.mul_add(r, V::splat(coefficient));
    }
    let sum = sum.mul_add(r.mul(r), r).add(V::splat(1.0));
    sum.mul(n.exp2_whole())
}
