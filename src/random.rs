//! Random generators keyed by what they are for.
//!
//! A draw never depends on how many draws came before it elsewhere: each place in the pipeline asks
//! for its own generator, so loading on other threads, resuming, or skipping a step changes nothing.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use sha2::{Digest, Sha256};

/// What random numbers are drawn for; the name keys the generator and must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Which blocks go to which split.
    Split,
    /// Which training blocks belong to a smaller training set.
    Fraction,
    /// Which windows an epoch trains on.
    Sample,
    /// Which pixels windows are centred on.
    Centre,
    /// Which windows of a pool a list holds.
    List,
    /// How a chip is augmented.
    Augment,
    /// Which objects are pasted into a chip.
    CopyPaste,
    /// Which classes of which chip are laid over a chip.
    ClassMix,
    /// Initial value of a parameter.
    Init,
    /// A scene made by code.
    Synthetic,
    /// What dropout drops in a step of training.
    Dropout,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Fraction => "fraction",
            Self::Sample => "sample",
            Self::Centre => "centre",
            Self::List => "list",
            Self::Augment => "augment",
            Self::CopyPaste => "copy-paste",
            Self::ClassMix => "class-mix",
            Self::Init => "init",
            Self::Synthetic => "synthetic",
            Self::Dropout => "dropout",
        }
    }
}

/// The generator for draw `index` of `epoch`.
///
/// ChaCha8 keyed by SHA-256 of the four arguments; equal arguments give equal streams on every
/// machine and at any number of threads.
pub fn generator(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> ChaCha8Rng {
    keyed(seed, purpose, &[epoch.to_le_bytes(), index.to_le_bytes()].concat())
}

/// The generator for the thing called `name`, such as a parameter.
pub fn named_generator(seed: u64, purpose: Purpose, name: &str) -> ChaCha8Rng {
    keyed(seed, purpose, name.as_bytes())
}

fn keyed(seed: u64, purpose: Purpose, key: &[u8]) -> ChaCha8Rng {
    let digest = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update(purpose.name())
        .chain_update([0]) // Ends the name, so that no two keys spell the same bytes.
        .chain_update(key)
        .finalize();
    ChaCha8Rng::from_seed(digest.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    fn first(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> u64 {
        generator(seed, purpose, epoch, index).random()
    }

    #[test]
    fn every_part_of_the_key_matters() {
        let base = first(1, Purpose::Sample, 2, 3);
        assert_eq!(base, first(1, Purpose::Sample, 2, 3));
        assert_ne!(base, first(2, Purpose::Sample, 2, 3));
        assert_ne!(base, first(1, Purpose::Augment, 2, 3));
        assert_ne!(base, first(1, Purpose::Sample, 3, 2));
        assert_ne!(
            named_generator(1, Purpose::Init, "a").random::<u64>(),
            named_generator(1, Purpose::Init, "b").random::<u64>()
        );
    }
}
