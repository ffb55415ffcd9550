//! Smoothing of the losses of a sweep.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Share of a new loss in the smoothed one (torch-lr-finder's `smooth_f`).
const SMOOTH_F: f64 = 0.05;

/// Share of the past in fastai's average.
const BETA: f64 = 0.98;

/// How the loss `l_i` of iteration `i`, counted from 1, becomes the smoothed loss `L_i`.
///
/// Source: torch-lr-finder 0.2.2 (`LRFinder.range_test` with its default `smooth_f`) and fastai 2
/// (`AvgSmoothLoss` with its default `beta`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// `L_1 = l_1`, then `L_i = 0.05 l_i + 0.95 L_(i-1)`. The first loss counts for long.
    PytorchLrFinder,
    /// `L_i = v_i / (1 - 0.98^i)` with `v_0 = 0`, `v_i = 0.98 v_(i-1) + 0.02 l_i`: an average in
    /// which each loss weighs 0.98 times the one after it.
    Fastai,
    /// `L_i = l_i`.
    None,
}

/// The smoothing of one sweep, loss by loss.
///
/// A loss that is not finite makes all later averages not finite.
#[derive(Clone, Debug)]
pub struct Smoother {
    rule: Smoothing,
    /// Sum of the weighted losses.
    sum: f64,
    /// Sum of their weights: `1 - 0.98^i` for fastai, 0 before the first loss.
    weight: f64,
}

impl Smoother {
    /// Before the first loss of a sweep.
    pub fn new(rule: Smoothing) -> Self {
        Self { rule, sum: 0.0, weight: 0.0 }
    }

    /// The smoothed loss after one more `loss`.
    pub fn push(&mut self, loss: f64) -> f64 {
        let is_first = self.weight == 0.0;
        let keep = match self.rule {
            Smoothing::None => return loss,
            Smoothing::PytorchLrFinder if is_first => 0.0,
            Smoothing::PytorchLrFinder => 1.0 - SMOOTH_F,
            Smoothing::Fastai => BETA,
        };
        self.sum = keep * self.sum + (1.0 - keep) * loss;
        self.weight = keep * self.weight + (1.0 - keep);
        self.sum / self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: Smoothing, wanted: [f64; 3]) {
        let mut smoother = Smoother::new(rule);
        for (loss, wanted) in [2.0, 1.0, 4.0].into_iter().zip(wanted) {
            let found = smoother.push(loss);
            assert!((found - wanted).abs() < 1e-14, "{loss}: {found}, {wanted}");
        }
    }

    // 0.05 * 1 + 0.95 * 2 = 1.95, 0.05 * 4 + 0.95 * 1.95 = 2.0525.
    // (0.98 * 2 + 1) / (0.98 + 1), (0.98^2 * 2 + 0.98 * 1 + 4) / (0.98^2 + 0.98 + 1).
    #[test]
    fn equals_the_weighted_means() {
        check(Smoothing::PytorchLrFinder, [2.0, 1.95, 2.0525]);
        check(Smoothing::Fastai, [2.0, 2.96 / 1.98, 6.9008 / 2.9404]);
        check(Smoothing::None, [2.0, 1.0, 4.0]);
    }

    #[test]
    fn equal_losses_stay_as_they_are() {
        for rule in [Smoothing::PytorchLrFinder, Smoothing::Fastai, Smoothing::None] {
            let mut smoother = Smoother::new(rule);
            for _ in 0..1000 {
                assert!((smoother.push(-0.7) + 0.7).abs() < 1e-14, "{rule:?}");
            }
        }
    }

    #[test]
    fn names_are_kebab_case() {
        let text = serde_json::to_string(&[Smoothing::PytorchLrFinder, Smoothing::None]).unwrap();
        assert_eq!(text, r#"["pytorch-lr-finder","none"]"#);
    }
}
