//! One vector of numbers, in the width of the instruction set at hand.
//!
//! A kernel is written once, generic over [`Vector`], and [`dispatch`] runs the version for
//! [`Isa::current`]. The vector types are private to this module: code elsewhere gets one only as the
//! type parameter of [`Kernel::run`], which runs after the processor was checked. That is why
//! arithmetic on vectors is safe to call.
//!
//! Everything between `Kernel::run` and a vector operation must be `#[inline(always)]`, closures
//! included: only inside the function with the right target features do the operations become single
//! instructions. A closure given to another thread is a function of its own: dispatch inside it.

#[cfg(all(target_arch = "x86_64", not(swath_portable)))]
mod avx512;

#[cfg(all(target_arch = "x86_64", not(swath_portable)))]
mod avx2;

mod portable;

mod dispatch;

#[cfg(test)]
mod tests;

pub(crate) use dispatch::{Kernel, dispatch};

/// A vector of [`Vector::LANES`] numbers.
pub(crate) trait Vector: Copy + Send + Sync + 'static {
    /// Numbers in a vector.
    const LANES: usize;

    /// Vectors that the processor holds in registers.
    const REGISTERS: usize;

    /// One truth value for each lane.
    type Mask: Copy;

    /// Runs `kernel` as a function of its own, compiled for this vector: keeps large bodies apart,
    /// each with the registers to itself.
    fn call<K: Kernel>(kernel: K) -> K::Output;

    /// `value` in every lane.
    fn splat(value: f32) -> Self;

    /// 0 in every lane.
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }

    /// The numbers at `from`, of any alignment.
    ///
    /// # Safety
    /// `from` is readable for `LANES` numbers.
    unsafe fn load(from: *const f32) -> Self;

    /// The first `count` numbers at `from`, then 0.
    ///
    /// # Safety
    /// `from` is readable for `count` numbers; `count <= LANES`.
    unsafe fn load_first(from: *const f32, count: usize) -> Self;

    /// Writes all lanes to `to`, of any alignment.
    ///
    /// # Safety
    /// `to` is writable for `LANES` numbers.
    unsafe fn store(self, to: *mut f32);

    /// Writes the first `count` lanes to `to` and nothing else.
    ///
    /// # Safety
    /// `to` is writable for `count` numbers; `count <= LANES`.
    unsafe fn store_first(self, to: *mut f32, count: usize);

    /// Transposes a square of `LANES` × `LANES` numbers whose rows lie `from_stride` apart at `from`
    /// and `to_stride` apart at `to`. The two do not overlap.
    ///
    /// # Safety
    /// All rows are readable and writable for `LANES` numbers.
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize);

    /// `self + other`.
    fn add(self, other: Self) -> Self;

    /// `self - other`.
    fn sub(self, other: Self) -> Self;

    /// `self · other`.
    fn mul(self, other: Self) -> Self;

    /// `self / other`.
    fn div(self, other: Self) -> Self;

    /// `self · factor + summand`, rounded once where the processor can.
    fn mul_add(self, factor: Self, summand: Self) -> Self;

    /// `summand - self · factor`, rounded once where the processor can.
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self;

    /// The larger of both; `other` where either is not a number.
    fn max(self, other: Self) -> Self;

    /// The smaller of both; `other` where either is not a number.
    fn min(self, other: Self) -> Self;

    /// `-self`.
    fn neg(self) -> Self;

    /// Square root.
    fn sqrt(self) -> Self;

    /// The nearest whole number, halves to even. For `|self| < 2²²`.
    fn round(self) -> Self;

    /// `2^self` for whole numbers in `[-126, 127]`.
    fn exp2_whole(self) -> Self;

    /// Where `self < other`.
    fn less(self, other: Self) -> Self::Mask;

    /// `then` where the mask holds, else `otherwise`.
    fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self;

    /// The lanes as numbers, the first `LANES` of the array.
    #[inline(always)]
    fn lanes(self) -> [f32; MAX_LANES] {
        let mut lanes = [0.0; MAX_LANES];
        // SAFETY: no vector is longer than the array.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes
    }

    /// Sum over the lanes, in their order.
    #[inline(always)]
    fn sum(self) -> f32 {
        self.lanes()[..Self::LANES].iter().sum()
    }
}

/// The longest vector of all instruction sets.
pub(crate) const MAX_LANES: usize = 16;
