//! The loss of a sweep over its rates.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Smoothed losses of a sweep, each with the learning rate of its iteration.
///
/// All losses are finite: a sweep that meets NaN or infinity ends before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct LossCurve {
    lr: Vec<f64>,
    loss: Vec<f64>,
    n_planned: usize,
    not_finite_at_end: bool,
}

/// A curve as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    lr: Vec<f64>,
    loss: Vec<f64>,
    n_planned: usize,
    not_finite_at_end: bool,
}

impl TryFrom<Unchecked> for LossCurve {
    type Error = Error;

    fn try_from(Unchecked { lr, loss, n_planned, not_finite_at_end }: Unchecked) -> Result<Self> {
        let curve = Self::new(lr, loss, n_planned)?;
        Ok(Self { not_finite_at_end, ..curve })
    }
}

impl LossCurve {
    /// The curve of a sweep of `n_planned` iterations that may have stopped early: the rate and the
    /// smoothed loss of each, from the first on; cut before the first loss that is not finite.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] unless there are as many rates as losses and not more than planned, and the
    /// rates are above 0, finite, and never fall.
    pub fn new(mut lr: Vec<f64>, mut loss: Vec<f64>, n_planned: usize) -> Result<Self> {
        let what = "a sweep of learning rates";
        if lr.len() != loss.len() {
            return Err(Error::data(what, format!("{} losses", loss.len()), lr.len()));
        }
        if n_planned < lr.len() {
            let wanted = format!("at most the {n_planned} planned");
            return Err(Error::data(what, format!("{} iterations", lr.len()), wanted));
        }
        if let Some(bad) = lr.iter().find(|&&it| !(it.is_finite() && 0.0 < it)) {
            return Err(Error::data(what, format!("the rate {bad}"), "finite rates above 0"));
        }
        if let Some(pair) = lr.windows(2).find(|pair| pair[1] < pair[0]) {
            let found = format!("{} after {}", pair[1], pair[0]);
            return Err(Error::data(what, found, "rates that never fall"));
        }
        let n_finite = loss.iter().position(|it| !it.is_finite()).unwrap_or(loss.len());
        let not_finite_at_end = n_finite < loss.len();
        lr.truncate(n_finite);
        loss.truncate(n_finite);
        Ok(Self { lr, loss, n_planned, not_finite_at_end })
    }

    /// Learning rates, above 0 and never falling.
    pub fn lr(&self) -> &[f64] {
        &self.lr
    }

    /// Smoothed loss at each rate, finite.
    pub fn loss(&self) -> &[f64] {
        &self.loss
    }

    /// Iterations that the sweep was planned with; the curve has as many points or fewer.
    pub fn n_planned(&self) -> usize {
        self.n_planned
    }

    /// Whether the next loss was NaN or infinite.
    pub fn not_finite_at_end(&self) -> bool {
        self.not_finite_at_end
    }

    /// Whether the sweep reached its planned end with the loss still at its lowest, so that higher
    /// rates than these may be as good.
    pub fn is_still_falling(&self) -> bool {
        let Some((last, before)) = self.loss.split_last() else { return false };
        let is_lowest = !before.is_empty() && before.iter().all(|it| last < it);
        self.loss.len() == self.n_planned && is_lowest
    }

    /// The points without the first `skip_start` and the last `skip_end`; empty if there are not
    /// more than these.
    ///
    /// The end of a sweep that met a loss that is not finite is the planned one, as if it had gone
    /// on with such losses: fastai goes on after NaN, skips the end, and then drops all from the
    /// first NaN on.
    pub(super) fn without_ends(&self, skip_start: usize, skip_end: usize) -> Range<usize> {
        let n_swept = if self.not_finite_at_end { self.n_planned } else { self.loss.len() };
        let end = n_swept.saturating_sub(skip_end).min(self.loss.len());
        skip_start.min(end)..end
    }

    /// The points that fastai's rules look at: without the first tenth of the planned iterations,
    /// rounded down, and the last 5 points.
    pub(super) fn fastai_part(&self) -> Range<usize> {
        self.without_ends(self.n_planned / 10, 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rates 1, 2, 3 and so on.
    fn curve(loss: &[f64], n_planned: usize) -> LossCurve {
        let lr = (1..=loss.len()).map(|it| it as f64).collect();
        LossCurve::new(lr, loss.to_vec(), n_planned).unwrap()
    }

    #[track_caller]
    fn check(loss: &[f64], n_planned: usize, wanted: Range<usize>) {
        assert_eq!(curve(loss, n_planned).fastai_part(), wanted);
    }

    #[test]
    fn the_first_tenth_of_the_plan_and_the_last_five_points_are_left_out() {
        check(&[1.0; 29], 29, 2..24);
        check(&[1.0; 20], 29, 2..15);
        check(&[1.0; 8], 29, 2..3);
        check(&[1.0; 7], 29, 2..2);
        check(&[1.0; 5], 50, 0..0);
        check(&[], 50, 0..0);
    }

    // fastai would go on with NaN to iteration 29 and leave out its last five, then all of NaN.
    #[test]
    fn after_nan_only_the_planned_end_is_left_out() {
        let until = |n_finite: usize| {
            let loss: Vec<f64> =
                (0..29).map(|it| if it < n_finite { 1.0 } else { f64::NAN }).collect();
            loss
        };
        check(&until(20), 29, 2..20);
        check(&until(20)[..21], 29, 2..20);
        check(&until(26), 29, 2..24);
        check(&until(1), 29, 1..1);
        check(&until(0), 29, 0..0);
    }

    #[test]
    fn ends_before_the_first_loss_that_is_not_finite() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let found = curve(&[3.0, 2.0, bad, 1.0], 9);
            assert_eq!((found.lr(), found.loss()), (&[1.0, 2.0][..], &[3.0, 2.0][..]));
            assert!(found.not_finite_at_end());
        }
        assert!(!curve(&[3.0, -2.0, 0.0], 3).not_finite_at_end());
    }

    #[test]
    fn falls_still_if_the_last_planned_loss_is_the_lowest() {
        assert!(curve(&[3.0, 2.0, 1.0], 3).is_still_falling());
        assert!(!curve(&[3.0, 2.0, 1.0], 4).is_still_falling());
        assert!(!curve(&[3.0, 1.0, 1.0], 3).is_still_falling());
        assert!(!curve(&[3.0, 2.0, f64::NAN], 3).is_still_falling());
        assert!(!curve(&[1.0], 1).is_still_falling());
        assert!(!curve(&[], 0).is_still_falling());
    }

    #[test]
    fn refuses_rates_that_no_sweep_has() {
        let refusals = [
            (vec![1.0], 9, "found 2 losses, wanted 1"),
            (vec![1.0, 2.0], 1, "found 2 iterations, wanted at most the 1 planned"),
            (vec![0.0, 2.0], 9, "found the rate 0, wanted finite rates above 0"),
            (vec![1.0, f64::NAN], 9, "found the rate NaN, wanted finite rates above 0"),
            (vec![2.0, 1.0], 9, "found 1 after 2, wanted rates that never fall"),
        ];
        for (lr, n_planned, wanted) in refusals {
            let error = LossCurve::new(lr, vec![1.0; 2], n_planned).unwrap_err().to_string();
            assert_eq!(error, format!("a sweep of learning rates: {wanted}"));
        }
    }

    #[test]
    fn a_file_gives_the_same_curve() {
        for loss in [&[3.0, 2.0][..], &[3.0, f64::NAN], &[]] {
            let curve = curve(loss, 9);
            let text = serde_json::to_string(&curve).unwrap();
            assert_eq!(serde_json::from_str::<LossCurve>(&text).unwrap(), curve);
        }
        let text = r#"{"lr":[2,1],"loss":[1,1],"n_planned":2,"not_finite_at_end":false}"#;
        assert!(serde_json::from_str::<LossCurve>(text).is_err());
    }
}
