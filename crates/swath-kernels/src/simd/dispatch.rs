//! Runs a kernel with the vectors of the current instruction set.

use super::{Vector, portable};
use crate::Isa;

/// Code that is compiled once for each instruction set.
pub(crate) trait Kernel {
    /// What [`Kernel::run`] returns.
    type Output;

    /// The code; implementations are `#[inline(always)]`.
    fn run<V: Vector>(self) -> Self::Output;
}

/// Runs `kernel` with the vectors of [`Isa::current`].
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    match Isa::current() {
        #[cfg(all(target_arch = "x86_64", not(swath_portable)))]
        // A value `Isa::Avx512` or `Isa::Avx2` from `current` means that the processor has it.
        Isa::Avx512 => super::avx512::Avx512::call(kernel),
        #[cfg(all(target_arch = "x86_64", not(swath_portable)))]
        Isa::Avx2 => super::avx2::Avx2::call(kernel),
        #[cfg(not(all(target_arch = "x86_64", not(swath_portable))))]
        Isa::Avx512 | Isa::Avx2 => unreachable!("this build has portable kernels alone"),
        Isa::Portable => portable::Narrow::call(kernel),
        #[cfg(test)]
        Isa::Wide => portable::Wide::call(kernel),
    }
}
