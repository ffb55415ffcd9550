//! Vectors of AVX-512: 16 numbers.

use super::{Kernel, Vector};
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
#[inline(never)]
fn call<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

#[inline(always)]
fn first(count: usize) -> __mmask16 {
    ((1u32 << count) - 1) as __mmask16
}

/// An operation of the processor. A value of type `Avx512` exists only after `dispatch` saw that the
/// processor has AVX-512.
macro_rules! op {
    ($operation:expr) => {
        // SAFETY: see the macro.
        unsafe { $operation }
    };
}

impl Vector for Avx512 {
    const LANES: usize = 16;
    const REGISTERS: usize = 32;
    type Mask = __mmask16;

    #[inline(always)]
    fn call<K: Kernel>(kernel: K) -> K::Output {
        op!(call(kernel))
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        op!(Self(_mm512_set1_ps(value)))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { Self(_mm512_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        // SAFETY: the caller's; lanes outside the mask are not read.
        unsafe { Self(_mm512_maskz_loadu_ps(first(count), from)) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        // SAFETY: the caller's; lanes outside the mask are not written.
        unsafe { _mm512_mask_storeu_ps(to, first(count), self.0) }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller's.
        unsafe { transpose(from, from_stride, to, to_stride) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        op!(Self(_mm512_add_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        op!(Self(_mm512_sub_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        op!(Self(_mm512_mul_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        op!(Self(_mm512_div_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        op!(Self(_mm512_fmadd_ps(self.0, factor.0, summand.0)))
    }

    #[inline(always)]
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self {
        op!(Self(_mm512_fnmadd_ps(self.0, factor.0, summand.0)))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        op!(Self(_mm512_max_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        op!(Self(_mm512_min_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn neg(self) -> Self {
        op!(Self(_mm512_xor_ps(self.0, _mm512_set1_ps(-0.0))))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        op!(Self(_mm512_sqrt_ps(self.0)))
    }

    #[inline(always)]
    fn round(self) -> Self {
        op!(Self(_mm512_roundscale_ps::<_MM_FROUND_TO_NEAREST_INT>(self.0)))
    }

    #[inline(always)]
    fn exp2_whole(self) -> Self {
        op!({
            let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(self.0), _mm512_set1_epi32(127));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent)))
        })
    }

    #[inline(always)]
    fn less(self, other: Self) -> Self::Mask {
        op!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0))
    }

    #[inline(always)]
    fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self {
        op!(Self(_mm512_mask_blend_ps(mask, otherwise.0, then.0)))
    }
}

/// Pairs, then quads of rows are interleaved; two rounds of 128-bit shuffles put the quarters in place.
///
/// # Safety
/// As [`Vector::transpose`].
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
    let mut a = [_mm512_setzero_ps(); 16];
    let mut b = [_mm512_setzero_ps(); 16];
    for (i, row) in a.iter_mut().enumerate() {
        // SAFETY: the caller's.
        *row = unsafe { _mm512_loadu_ps(from.add(i * from_stride)) };
    }
    for i in 0..8 {
        b[2 * i] = _mm512_unpacklo_ps(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = _mm512_unpackhi_ps(a[2 * i], a[2 * i + 1]);
    }
    for i in 0..4 {
        for half in 0..2 {
            let low = _mm512_castps_pd(b[4 * i + half]);
            let high = _mm512_castps_pd(b[4 * i + half + 2]);
            a[4 * i + 2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            a[4 * i + 2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    }
    for i in 0..4 {
        b[i] = _mm512_shuffle_f32x4::<0x88>(a[i], a[4 + i]);
        b[4 + i] = _mm512_shuffle_f32x4::<0xdd>(a[i], a[4 + i]);
        b[8 + i] = _mm512_shuffle_f32x4::<0x88>(a[8 + i], a[12 + i]);
        b[12 + i] = _mm512_shuffle_f32x4::<0xdd>(a[8 + i], a[12 + i]);
    }
    for i in 0..8 {
        // SAFETY: the caller's.
        unsafe {
            let low = _mm512_shuffle_f32x4::<0x88>(b[i], b[8 + i]);
            let high = _mm512_shuffle_f32x4::<0xdd>(b[i], b[8 + i]);
            _mm512_storeu_ps(to.add(i * to_stride), low);
            _mm512_storeu_ps(to.add((8 + i) * to_stride), high);
        }
    }
}
