//! The `[lr_find]` table of a run file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Rule, Smoothing, Spacing, Stopping, Sweep, SweepRates};
use crate::error::{Error, Result};

/// Fewest iterations of a sweep that every rule can read.
const MIN_ITERATIONS: usize = 20;

/// Most iterations of a sweep.
const MAX_ITERATIONS: usize = 100_000;

/// The `[lr_find]` table of a run file: how `swath lr-find` and `optimizer.lr = "auto"` find a
/// learning rate. Defaults are fastai's, whose default rule was contributed by Esri.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LrFindConfig {
    /// How a rate is read off the curve.
    pub rule: Rule,
    /// How the rate grows.
    pub sweep: Sweep,
    /// Whether the last iteration has the last rate.
    pub spacing: Spacing,
    /// Rate of the first step of a sweep.
    pub start_lr: f64,
    /// Rate that a sweep leads up to.
    pub end_lr: f64,
    /// Optimizer steps of a sweep, 20 or more.
    pub n_iterations: usize,
    /// Which loss is looked at.
    pub loss: SweepLoss,
    /// How it is smoothed.
    pub smoothing: Smoothing,
    /// When a sweep ends early.
    pub stopping: Stopping,
    /// Sweeps, each with other initial weights and other chips, 1 to 100.
    pub n_seeds: u32,
}

/// Which loss a sweep looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SweepLoss {
    /// That of the chips of a step, before the step.
    #[default]
    Train,
    /// That of the whole validation split, after the step: slow, and smoother.
    Validation,
}

impl Default for LrFindConfig {
    fn default() -> Self {
        Self {
            rule: Rule::Valley,
            sweep: Sweep::Exponential,
            spacing: Spacing::Fastai,
            start_lr: 1e-7,
            end_lr: 10.0,
            n_iterations: 100,
            loss: SweepLoss::Train,
            smoothing: Smoothing::Fastai,
            stopping: Stopping::Fastai,
            n_seeds: 1,
        }
    }
}

impl LrFindConfig {
    /// The rates of a sweep.
    pub fn rates(&self) -> SweepRates {
        let &Self { sweep, spacing, start_lr, end_lr, n_iterations, .. } = self;
        SweepRates { sweep, spacing, start_lr, end_lr, n_iterations }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn check(&self) -> Result<()> {
        self.rates().check()?;
        if self.n_iterations < MIN_ITERATIONS {
            let rule =
                format!("must be at least {MIN_ITERATIONS}: rules leave out up to 15 points");
            return Err(Error::config("lr_find.n_iterations", self.n_iterations, rule));
        }
        if MAX_ITERATIONS < self.n_iterations {
            let rule = format!("must be at most {MAX_ITERATIONS}");
            return Err(Error::config("lr_find.n_iterations", self.n_iterations, rule));
        }
        if !(1..=100).contains(&self.n_seeds) {
            return Err(Error::config("lr_find.n_seeds", self.n_seeds, "must lie in 1..=100"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked_by_key() {
        LrFindConfig::default().check().unwrap();
        for (key, text) in [
            ("end_lr", "start_lr = 1.0\nend_lr = 0.1"),
            ("start_lr", "start_lr = 0"),
            ("n_iterations", "n_iterations = 1"),
            ("n_iterations", "n_iterations = 1000000"),
            ("n_seeds", "n_seeds = 0"),
        ] {
            let config: LrFindConfig = toml::from_str(text).unwrap();
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(&format!("lr_find.{key}")), "{error}");
        }
        assert!(toml::from_str::<LrFindConfig>("rule = 'steep-est'").is_err());
    }
}
