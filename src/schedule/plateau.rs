//! A rate that falls where training no longer gets better.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::score::Better;

/// Whether a change is measured in units of the figure or relative to the best one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdMode {
    /// Relative to the best.
    #[default]
    Rel,
    /// In units of the figure.
    Abs,
}

/// Multiplies a rate by `factor` after more than `patience` checks without an improvement.
///
/// ```text
/// better:  m < best (1 - threshold)   (lower, rel)      m < best - threshold   (abs)
///          m > best (1 + threshold)   (higher, rel)     m > best + threshold   (abs)
/// bad     = checks since the best; 0 while `cooldown` checks after a fall last
/// bad > patience:  rate = max(rate factor, min), if that changes it by more than eps
/// ```
///
/// Source: PyTorch's `ReduceLROnPlateau`. A figure that is NaN is no improvement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// What is better.
    pub better: Better,
    /// Multiplies the rate, in (0, 1).
    pub factor: f64,
    /// Checks without improvement that are borne.
    pub patience: u32,
    /// Least improvement that counts.
    pub threshold: f64,
    /// How it is measured.
    pub threshold_mode: ThresholdMode,
    /// Checks after a fall that do not count.
    pub cooldown: u32,
    /// Lowest rate.
    pub min: f64,
    /// Smaller changes are not made.
    pub eps: f64,
}

impl Plateau {
    /// The rate that began as `base`, after checks that gave `figures`.
    pub fn rate(&self, base: f64, figures: impl IntoIterator<Item = f64>) -> f64 {
        let mut best = match self.better {
            Better::Lower => f64::INFINITY,
            Better::Higher => f64::NEG_INFINITY,
        };
        let (mut rate, mut n_bad, mut cooldown) = (base, 0, 0);
        for figure in figures {
            if self.is_better(figure, best) {
                best = figure;
                n_bad = 0;
            } else {
                n_bad += 1;
            }
            if 0 < cooldown {
                cooldown -= 1;
                n_bad = 0;
            }
            if self.patience < n_bad {
                let lower = (rate * self.factor).max(self.min);
                if self.eps < rate - lower {
                    rate = lower;
                }
                cooldown = self.cooldown;
                n_bad = 0;
            }
        }
        rate
    }

    fn is_better(&self, figure: f64, best: f64) -> bool {
        match (self.better, self.threshold_mode) {
            (Better::Lower, ThresholdMode::Rel) => figure < best * (1.0 - self.threshold),
            (Better::Higher, ThresholdMode::Rel) => best * (1.0 + self.threshold) < figure,
            (better, ThresholdMode::Abs) => better.exceeds(figure, best, self.threshold),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLATEAU: Plateau = Plateau {
        better: Better::Higher,
        factor: 0.5,
        patience: 1,
        threshold: 0.1,
        threshold_mode: ThresholdMode::Abs,
        cooldown: 0,
        min: 0.2,
        eps: 0.0,
    };

    #[test]
    fn too_small_a_gain_is_none() {
        assert_eq!(PLATEAU.rate(1.0, [0.5, 0.55, 0.59]), 0.5);
        assert_eq!(PLATEAU.rate(1.0, [0.5, 0.55, 0.61]), 1.0);
        let relative = Plateau { threshold_mode: ThresholdMode::Rel, ..PLATEAU };
        assert_eq!(relative.rate(1.0, [0.5, 0.55, 0.56]), 1.0);
    }

    #[test]
    fn nothing_and_nan_are_no_gain_and_the_lowest_rate_holds() {
        assert_eq!(PLATEAU.rate(1.0, []), 1.0);
        assert_eq!(PLATEAU.rate(1.0, [f64::NAN; 2]), 0.5);
        assert_eq!(PLATEAU.rate(1.0, [f64::NAN; 20]), 0.2);
    }
}
