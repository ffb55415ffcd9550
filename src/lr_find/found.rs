//! All that sweeps found.

use serde::{Deserialize, Serialize};

use super::{Agreement, Band, CycleRange, LrFindConfig, Rule, Suggestion, Verdict};
use crate::error::{Error, Result};

/// What sweeps found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Version of this form: 1.
    pub version: u32,
    /// How it was found.
    pub settings: LrFindConfig,
    /// One for each seed.
    pub sweeps: Vec<SweepFound>,
    /// The losses of all sweeps side by side.
    pub band: Band,
    /// What the sweeps suggest together, by rule.
    pub agreements: Vec<(Rule, Option<Agreement>)>,
    /// Lowest and highest rate for a cyclic or one-cycle schedule.
    pub range: Option<CycleRange>,
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepFound {
    /// Seed of its initial weights.
    pub seed: u64,
    /// Its rates.
    pub lr: Vec<f64>,
    /// Its smoothed losses.
    pub loss: Vec<f64>,
    /// Its losses.
    pub raw_loss: Vec<f64>,
    /// Why it ended.
    pub ended: Verdict,
    /// Whether the loss was lowest at the end, so that higher rates may be as good.
    pub is_still_falling: bool,
    /// What each rule reads off it.
    pub suggestions: Vec<(Rule, Option<Suggestion>)>,
}

impl Found {
    /// The form that this code writes.
    pub const VERSION: u32 = 1;

    /// The highest loss that a picture should show: half of the fall above where the curves begin, so
    /// that a sweep that diverged does not flatten the rest.
    pub fn highest_shown(&self) -> f64 {
        let highest = |losses: &[f64]| losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let n_first = self.band.max.len().div_ceil(10);
        let first = highest(&self.band.max[..n_first]);
        let lowest = self.band.min.iter().copied().fold(f64::INFINITY, f64::min);
        highest(&self.band.max).min(first + 0.5 * (first - lowest))
    }

    /// The rate of the rule that the settings name.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if no sweep went far enough for it.
    pub fn suggested(&self) -> Result<f64> {
        let rule = self.settings.rule;
        let agreement = self.agreements.iter().find(|(it, _)| *it == rule).and_then(|(_, it)| *it);
        agreement.map(|it| it.agreed_lr).ok_or_else(|| {
            let n_points: Vec<String> =
                self.sweeps.iter().map(|it| it.lr.len().to_string()).collect();
            let diverged = self.sweeps.iter().any(|it| it.ended != Verdict::GoOn);
            let why = if diverged { " (it diverged)" } else { "" };
            let found = format!("curves of {} points{why}", n_points.join(", "));
            let wanted = format!(
                "more for rule `{}`: lower `lr_find.start_lr`, or have more `lr_find.n_iterations`",
                rule.name()
            );
            Error::data("learning-rate finder", found, wanted)
        })
    }
}
