//! Losses: how wrong logits are.

mod reduce;

mod target;

mod channels;

mod class_sums;

mod parts;

mod pixel;

mod region;

mod criterion;

mod config;

mod term;

mod options;

mod kinds;

mod compounds;

#[cfg(test)]
mod golden;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod weight_tests;

pub use class_sums::ClassSums;
pub use config::{LossConfig, LossKind};
pub use criterion::{Criterion, Factor, Loss, LossValue, Term};
pub use options::{AbsentChoice, LossOptions};
pub use parts::{Parts, Weighted};
pub use pixel::{
    BinaryCrossEntropy, Boundary, Count, CrossEntropy, Distance, DistanceKind, Focal, HardPixels,
    Kept, LogPower, Lovasz, LovaszHinge, OneVsRestFocal, PixelLoss, UnifiedDistribution,
    YeungFocal,
};
pub use reduce::sum_fixed;
pub use region::{
    AbsentClass, Averaging, GeneralisedDice, Overlap, RegionLoss, Shape, YeungTversky,
};
pub use target::Target;
pub use term::TermConfig;
