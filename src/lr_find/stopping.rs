//! When a sweep has diverged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a sweep stops before its planned end, from the smoothed loss `L` and its lowest value so
/// far.
///
/// Whatever the rule, a loss that is NaN or infinite stops the sweep.
///
/// Source: torch-lr-finder 0.2.2 (`diverge_th` of `LRFinder.range_test`) and fastai 2
/// (`LRFinder`). It differs where the lowest loss is 0 or below, where a ratio means nothing: no
/// rule stops then, and the libraries do at once or with the next rise. They also go on after NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stopping {
    /// `L > 5 lowest`.
    PytorchLrFinder,
    /// `L > 4 lowest`.
    Fastai,
    /// Not for a finite loss.
    Never,
}

impl Stopping {
    /// Whether the smoothed loss is too far above the lowest one so far, itself included.
    pub fn has_diverged(self, smoothed_loss: f64, lowest: f64) -> bool {
        let factor = match self {
            Self::PytorchLrFinder => 5.0,
            Self::Fastai => 4.0,
            Self::Never => return false,
        };
        0.0 < lowest && factor * lowest < smoothed_loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: Stopping, smoothed_loss: f64, lowest: f64, wanted: bool) {
        let found = rule.has_diverged(smoothed_loss, lowest);
        assert_eq!(found, wanted, "{rule:?} {smoothed_loss} {lowest}");
    }

    #[test]
    fn a_rule_stops_above_its_multiple_of_the_lowest_loss() {
        check(Stopping::PytorchLrFinder, 2.5, 0.5, false);
        check(Stopping::PytorchLrFinder, 2.500001, 0.5, true);
        check(Stopping::Fastai, 2.0, 0.5, false);
        check(Stopping::Fastai, 2.000001, 0.5, true);
        check(Stopping::Never, 1e300, 1e-300, false);
    }

    #[test]
    fn no_ratio_to_a_loss_of_zero_or_below() {
        for rule in [Stopping::PytorchLrFinder, Stopping::Fastai] {
            check(rule, -1.0, -1.0, false);
            check(rule, 3.0, -1.0, false);
            check(rule, 3.0, 0.0, false);
        }
    }

    #[test]
    fn names_are_kebab_case() {
        let text = serde_json::to_string(&[Stopping::PytorchLrFinder, Stopping::Never]).unwrap();
        assert_eq!(text, r#"["pytorch-lr-finder","never"]"#);
    }
}
