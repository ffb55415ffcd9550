//! The learning-rate finder: what a sweep over rates says about the rate to train with.
//!
//! A sweep trains for some iterations, each at a higher rate than the one before
//! ([`SweepRates`]). A [`Watch`] smooths the losses and says when to stop. The [`LossCurve`] that
//! comes out is read by a rule ([`suggest()`]) and for a range of rates ([`cycle_range()`]); curves
//! of several seeds are compared ([`band()`]) and read together ([`agree()`], [`agree_on_range`]).

mod config;

mod found;

mod sweep;

mod smoothing;

mod stopping;

mod watch;

mod curve;

mod rule;

mod suggest;

mod gradient;

mod steep;

mod valley;

mod slide;

mod cycle_range;

mod band;

mod agree;

#[cfg(test)]
mod golden;

pub use agree::{Agreement, agree, agree_on_range};
pub use band::{Band, band};
pub use config::{LrFindConfig, SweepLoss};
pub use curve::LossCurve;
pub use cycle_range::{CycleRange, cycle_range};
pub use found::{Found, SweepFound};
pub use rule::Rule;
pub use smoothing::{Smoother, Smoothing};
pub use stopping::Stopping;
pub use suggest::{Suggestion, suggest, suggest_all};
pub use sweep::{Spacing, Sweep, SweepRates};
pub use watch::{Reading, Verdict, Watch};
