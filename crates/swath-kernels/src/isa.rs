//! Which instruction set the kernels use.

use std::sync::OnceLock;

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512 (f, bw, dq, vl): 16 numbers at a time, 32 registers.
    Avx512,
    /// AVX2 and FMA: 8 numbers at a time, 16 registers.
    Avx2,
    /// Plain Rust for every processor, vectorised by the compiler.
    Portable,
    /// Plain Rust with the shape of AVX-512, so that its block sizes are tested on every machine.
    #[cfg(test)]
    Wide,
}

impl Isa {
    /// The instruction set of this process: the best that the processor has, or the one that the
    /// environment variable `SWATH_ISA` names (`avx512`, `avx2` or `portable`). Read once.
    ///
    /// # Panics
    /// If `SWATH_ISA` names none of them, or one that this processor or build lacks.
    pub fn current() -> Isa {
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| match std::env::var("SWATH_ISA") {
            Ok(name) => Isa::forced(&name),
            Err(_) => Isa::best(),
        })
    }

    /// Its name, as `SWATH_ISA` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Portable => "portable",
            #[cfg(test)]
            Isa::Wide => "wide",
        }
    }

    fn all() -> &'static [Isa] {
        &[
            Isa::Avx512,
            Isa::Avx2,
            Isa::Portable,
            #[cfg(test)]
            Isa::Wide,
        ]
    }

    fn best() -> Isa {
        if Isa::Avx512.available() {
            Isa::Avx512
        } else if Isa::Avx2.available() {
            Isa::Avx2
        } else {
            Isa::Portable
        }
    }

    fn forced(name: &str) -> Isa {
        let Some(&isa) = Isa::all().iter().find(|isa| isa.name() == name) else {
            panic!("SWATH_ISA is '{name}', but must be avx512, avx2 or portable");
        };
        assert!(isa.available(), "SWATH_ISA is '{name}', which this processor or build lacks");
        isa
    }

    #[cfg(all(target_arch = "x86_64", not(swath_portable)))]
    fn available(self) -> bool {
        use std::arch::is_x86_feature_detected as has;
        let avx2 = has!("avx2") && has!("fma");
        match self {
            Isa::Avx512 => {
                avx2 && has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl")
            }
            Isa::Avx2 => avx2,
            Isa::Portable => true,
            #[cfg(test)]
            Isa::Wide => true,
        }
    }

    #[cfg(not(all(target_arch = "x86_64", not(swath_portable))))]
    fn available(self) -> bool {
        !matches!(self, Isa::Avx512 | Isa::Avx2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for &isa in Isa::all().iter().filter(|isa| isa.available()) {
            assert_eq!(Isa::forced(isa.name()), isa);
        }
    }

    #[test]
    #[should_panic(expected = "SWATH_ISA is 'sse9', but must be avx512, avx2 or portable")]
    fn an_unknown_name_is_refused() {
        Isa::forced("sse9");
    }
}
