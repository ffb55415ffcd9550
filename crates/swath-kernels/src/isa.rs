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
        match Isa::of_environment() {
            Ok(isa) => isa,
            Err(fault) => panic!("{fault}"),
        }
    }

    /// [`Isa::current`] without its panic: what is wrong with `SWATH_ISA`, if anything is.
    pub fn of_environment() -> Result<Isa, &'static str> {
        static CURRENT: OnceLock<Result<Isa, String>> = OnceLock::new();
        let current = CURRENT.get_or_init(|| match std::env::var_os("SWATH_ISA") {
            Some(name) => Isa::forced(&name.to_string_lossy()),
            None => Ok(Isa::best()),
        });
        current.as_ref().copied().map_err(String::as_str)
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

    fn forced(name: &str) -> Result<Isa, String> {
        let Some(&isa) = Isa::all().iter().find(|isa| isa.name() == name) else {
            return Err(format!("SWATH_ISA is '{name}', but must be avx512, avx2 or portable"));
        };
        if !isa.available() {
            return Err(format!("SWATH_ISA is '{name}', which this processor or build lacks"));
        }
        Ok(isa)
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
            assert_eq!(Isa::forced(isa.name()), Ok(isa));
        }
    }

    #[test]
    fn an_unknown_name_is_refused() {
        let fault = "SWATH_ISA is 'sse9', but must be avx512, avx2 or portable";
        assert_eq!(Isa::forced("sse9"), Err(fault.to_owned()));
    }
}
