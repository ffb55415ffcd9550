//! Vectors as plain arrays; the compiler makes of them what the processor has.

#![allow(clippy::needless_range_loop, reason = "several arrays are walked at once")]

use super::{Kernel, Vector};

/// `LANES` numbers, with blocks of values sized for `REGISTERS` registers.
#[derive(Clone, Copy)]
pub(super) struct Lanes<const LANES: usize, const REGISTERS: usize>([f32; LANES]);

/// Fits the 128-bit vectors of baseline x86-64 (16 of them) and of NEON (32).
pub(super) type Narrow = Lanes<4, { if cfg!(target_arch = "aarch64") { 32 } else { 16 } }>;

/// The shape of AVX-512, for tests.
#[cfg(test)]
pub(super) type Wide = Lanes<16, 32>;

/// Whether a fused operation is one instruction rather than a call into the C library.
const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

#[inline(always)]
fn mul_add(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

impl<const LANES: usize, const REGISTERS: usize> Lanes<LANES, REGISTERS> {
    #[inline(always)]
    fn map(self, function: impl Fn(f32) -> f32) -> Self {
        let mut result = self.0;
        for value in &mut result {
            *value = function(*value);
        }
        Self(result)
    }

    #[inline(always)]
    fn zip(self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self {
        let mut result = self.0;
        for (value, other) in result.iter_mut().zip(other.0) {
            *value = function(*value, other);
        }
        Self(result)
    }

    #[inline(always)]
    fn compare(self, other: Self, function: impl Fn(f32, f32) -> bool) -> [bool; LANES] {
        let mut result = [false; LANES];
        for lane in 0..LANES {
            result[lane] = function(self.0[lane], other.0[lane]);
        }
        result
    }
}

impl<const LANES: usize, const REGISTERS: usize> Vector for Lanes<LANES, REGISTERS> {
    const LANES: usize = LANES;
    const REGISTERS: usize = REGISTERS;
    type Mask = [bool; LANES];

    #[inline(never)]
    fn call<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Self>()
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { Self(from.cast::<[f32; LANES]>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        let mut result = [0.0; LANES];
        for (lane, value) in result.iter_mut().enumerate().take(count) {
            // SAFETY: the caller's.
            *value = unsafe { from.add(lane).read() };
        }
        Self(result)
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        for (lane, &value) in self.0.iter().enumerate().take(count) {
            // SAFETY: the caller's.
            unsafe { to.add(lane).write(value) };
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        for row in 0..LANES {
            for col in 0..LANES {
                // SAFETY: the caller's.
                unsafe { *to.add(col * to_stride + row) = *from.add(row * from_stride + col) };
            }
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        let mut result = summand.0;
        for lane in 0..LANES {
            result[lane] = mul_add(self.0[lane], factor.0[lane], result[lane]);
        }
        Self(result)
    }

    #[inline(always)]
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self {
        self.neg().mul_add(factor, summand)
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|a| -a)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(f32::sqrt)
    }

    #[inline(always)]
    fn round(self) -> Self {
        // From 2²³ on, neighbouring numbers are 1 apart: the addition rounds.
        const SHIFT: f32 = 1.5 * (1 << 23) as f32;
        self.map(|a| (a + SHIFT) - SHIFT)
    }

    #[inline(always)]
    fn exp2_whole(self) -> Self {
        self.map(|a| f32::from_bits(((a as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    fn less(self, other: Self) -> Self::Mask {
        self.compare(other, |a, b| a < b)
    }

    #[inline(always)]
    fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self {
        let mut result = otherwise.0;
        for lane in 0..LANES {
            result[lane] = if mask[lane] { then.0[lane] } else { result[lane] };
        }
        Self(result)
    }
}
