//! Vectors of AVX2: 8 numbers.

use super::{Kernel, Vector};
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256);

#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn call<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

/// Ones in the first `count` lanes.
#[target_feature(enable = "avx2")]
#[inline]
fn first(count: usize) -> __m256i {
    const ONES_THEN_ZEROS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let from = &ONES_THEN_ZEROS[8 - count..];
    // SAFETY: 8 + count numbers follow.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

/// An operation of the processor. A value of type `Avx2` exists only after `dispatch` saw that the
/// processor has AVX2 and FMA.
macro_rules! op {
    ($operation:expr) => {
        // SAFETY: see the macro.
        unsafe { $operation }
    };
}

impl Vector for Avx2 {
    const LANES: usize = 8;
    const REGISTERS: usize = 16;
    type Mask = __m256;

    #[inline(always)]
    fn call<K: Kernel>(kernel: K) -> K::Output {
        op!(call(kernel))
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        op!(Self(_mm256_set1_ps(value)))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { Self(_mm256_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        // SAFETY: the caller's; lanes outside the mask are not read.
        unsafe { Self(_mm256_maskload_ps(from, first(count))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        // SAFETY: the caller's; lanes outside the mask are not written.
        unsafe { _mm256_maskstore_ps(to, first(count), self.0) }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller's.
        unsafe { transpose(from, from_stride, to, to_stride) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        op!(Self(_mm256_add_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        op!(Self(_mm256_sub_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        op!(Self(_mm256_mul_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        op!(Self(_mm256_div_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        op!(Self(_mm256_fmadd_ps(self.0, factor.0, summand.0)))
    }

    #[inline(always)]
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self {
        op!(Self(_mm256_fnmadd_ps(self.0, factor.0, summand.0)))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        op!(Self(_mm256_max_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        op!(Self(_mm256_min_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn neg(self) -> Self {
        op!(Self(_mm256_xor_ps(self.0, _mm256_set1_ps(-0.0))))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        op!(Self(_mm256_sqrt_ps(self.0)))
    }

    #[inline(always)]
    fn round(self) -> Self {
        op!(Self(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)))
    }

    #[inline(always)]
    fn exp2_whole(self) -> Self {
        op!({
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(self.0), _mm256_set1_epi32(127));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
        })
    }

    #[inline(always)]
    fn less(self, other: Self) -> Self::Mask {
        op!(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0))
    }

    #[inline(always)]
    fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self {
        op!(Self(_mm256_blendv_ps(otherwise.0, then.0, mask)))
    }
}

/// Pairs, then quads of rows are interleaved; then halves are put in place.
///
/// # Safety
/// As [`Vector::transpose`].
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
    let mut a = [_mm256_setzero_ps(); 8];
    let mut b = [_mm256_setzero_ps(); 8];
    for (i, row) in a.iter_mut().enumerate() {
        // SAFETY: the caller's.
        *row = unsafe { _mm256_loadu_ps(from.add(i * from_stride)) };
    }
    for i in 0..4 {
        b[2 * i] = _mm256_unpacklo_ps(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = _mm256_unpackhi_ps(a[2 * i], a[2 * i + 1]);
    }
    for i in 0..2 {
        for half in 0..2 {
            let (low, high) = (b[4 * i + half], b[4 * i + half + 2]);
            a[4 * i + 2 * half] = _mm256_shuffle_ps::<0x44>(low, high);
            a[4 * i + 2 * half + 1] = _mm256_shuffle_ps::<0xee>(low, high);
        }
    }
    for i in 0..4 {
        // SAFETY: the caller's.
        unsafe {
            let low = _mm256_permute2f128_ps::<0x20>(a[i], a[4 + i]);
            let high = _mm256_permute2f128_ps::<0x31>(a[i], a[4 + i]);
            _mm256_storeu_ps(to.add(i * to_stride), low);
            _mm256_storeu_ps(to.add((4 + i) * to_stride), high);
        }
    }
}
