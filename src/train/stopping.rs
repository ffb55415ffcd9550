//! Which checks were the best, and when to stop because nothing gets better.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Best;
use crate::{
    error::{Error, Result},
    score::{Better, Monitor},
};

/// The `[train.early_stopping]` table of a run file: ends a training that no longer gets better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Checks without improvement after which training stops, 1 or more.
    pub patience: u32,
    /// Least change of the figure that is an improvement, 0 or more.
    #[serde(default)]
    pub min_delta: f64,
    /// Epochs that are trained in any case.
    #[serde(default)]
    pub min_epochs: u32,
    /// The figure that should get better; by default that of `train.monitor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<Monitor>,
}

impl EarlyStopping {
    /// Checks the ranges for a run of `n_epochs` epochs.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn check(&self, n_epochs: u32) -> Result<()> {
        for (key, value) in [("patience", self.patience), ("min_epochs", self.min_epochs)] {
            if n_epochs <= value {
                let key = format!("train.early_stopping.{key}");
                let rule = format!("never stops a run of {n_epochs} epochs");
                return Err(Error::config(key, value, rule));
            }
        }
        if self.patience == 0 {
            let rule = "must be at least 1";
            return Err(Error::config("train.early_stopping.patience", self.patience, rule));
        }
        if !(0.0 <= self.min_delta && self.min_delta.is_finite()) {
            let rule = "must be a finite number, 0 or more";
            return Err(Error::config("train.early_stopping.min_delta", self.min_delta, rule));
        }
        Ok(())
    }

    /// Whether to stop after checks whose figures were `figures` and `n_epochs` epochs.
    ///
    /// ```text
    /// better: figure > best + min_delta      (higher is better)
    ///         figure < best - min_delta      (lower is better)
    /// ```
    ///
    /// Source: Prechelt 1998, <https://doi.org/10.1007/3-540-49430-8_3>; the counting of Keras'
    /// `EarlyStopping`. A figure that is NaN is no improvement.
    pub fn stops(&self, better: Better, figures: &[f64], n_epochs: u32) -> bool {
        let mut best: Option<f64> = None;
        let mut n_bad = 0;
        for &figure in figures {
            let is_better = match best {
                None => !figure.is_nan(),
                Some(best) => better.exceeds(figure, best, self.min_delta),
            };
            if is_better {
                best = Some(figure);
                n_bad = 0;
            } else {
                n_bad += 1;
            }
        }
        self.patience <= n_bad && self.min_epochs <= n_epochs
    }
}

/// The `n` best of checks, given as epoch and figure: the best first, of equals the earliest.
///
/// Figures that are NaN come last.
pub fn best_checks(better: Better, mut checks: Vec<Best>, n: usize) -> Vec<Best> {
    checks.sort_by(|a, b| {
        let (a_value, b_value) = (a.figure, b.figure);
        let order = match better {
            Better::Higher => b_value.total_cmp(&a_value),
            Better::Lower => a_value.total_cmp(&b_value),
        };
        let nan_last = a_value.is_nan().cmp(&b_value.is_nan());
        nan_last.then(order).then(a.epoch.cmp(&b.epoch))
    });
    checks.truncate(n);
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: EarlyStopping =
        EarlyStopping { patience: 2, min_delta: 0.1, min_epochs: 0, monitor: None };

    #[test]
    fn stops_after_checks_without_improvement() {
        let stops = |figures: &[f64]| RULE.stops(Better::Higher, figures, 9);
        assert!(!stops(&[]) && !stops(&[0.5, 0.55]));
        assert!(stops(&[0.5, 0.55, 0.59]), "a gain below min_delta is none");
        assert!(!stops(&[0.5, 0.55, 0.61]));
        assert!(stops(&[0.5, 0.61, 0.5, 0.5]));
        assert!(RULE.stops(Better::Lower, &[0.5, 0.45, 0.6], 9));
        assert!(!RULE.stops(Better::Lower, &[0.5, 0.45, 0.3], 9));
    }

    #[test]
    fn not_before_the_least_number_of_epochs_and_nan_is_no_gain() {
        let rule = EarlyStopping { min_epochs: 10, ..RULE };
        assert!(!rule.stops(Better::Higher, &[0.5; 9], 9));
        assert!(rule.stops(Better::Higher, &[0.5; 9], 10));
        assert!(RULE.stops(Better::Higher, &[f64::NAN; 2], 2));
        assert!(!RULE.stops(Better::Higher, &[f64::NAN, 0.1, f64::NAN], 2));
    }

    #[test]
    fn the_best_come_first_and_of_equals_the_earliest() {
        let checks = [(1, 0.2), (2, f64::NAN), (3, 0.5), (4, 0.5), (5, 0.1)];
        let checks: Vec<Best> =
            checks.into_iter().map(|(epoch, figure)| Best { epoch, figure }).collect();
        let epochs = |better, n| -> Vec<u32> {
            best_checks(better, checks.clone(), n).iter().map(|it| it.epoch).collect()
        };
        assert_eq!(epochs(Better::Higher, 3), [3, 4, 1]);
        assert_eq!(epochs(Better::Lower, 9), [5, 1, 3, 4, 2]);
    }

    #[test]
    fn a_patience_of_nothing_is_refused() {
        let error = EarlyStopping { patience: 0, ..RULE }.check(9).unwrap_err().to_string();
        assert!(error.contains("train.early_stopping.patience"), "{error}");
        RULE.check(3).unwrap();
        assert!(RULE.check(2).unwrap_err().to_string().contains("never stops a run of 2 epochs"));
        assert!(EarlyStopping { min_delta: f64::NAN, ..RULE }.check(9).is_err());
    }
}
