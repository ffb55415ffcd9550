//! Curves of several seeds side by side.

use serde::{Deserialize, Serialize};

use super::LossCurve;
use crate::error::{Error, Result};

/// Rates of one iteration differ by less than this share: what a file's decimal digits may cost.
const RATE_TOLERANCE: f64 = 1e-12;

/// Smoothed losses of several sweeps over the same rates, rate by rate.
///
/// Every column has as many entries as the longest curve has points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Learning rates.
    pub lr: Vec<f64>,
    /// Lowest loss of the sweeps that reached the rate.
    pub min: Vec<f64>,
    /// Their median: for an even number, the mean of the two in the middle.
    pub median: Vec<f64>,
    /// Highest loss of them.
    pub max: Vec<f64>,
    /// How many sweeps reached the rate, 1 or more; it never rises.
    pub n_seeds: Vec<usize>,
}

/// The band of several seeds' curves, which may have stopped at different rates.
///
/// Where fewer seeds are left, those that diverged first are missing, and the band is lower than it
/// would be with them.
///
/// # Errors
///
/// [`Error::Data`] if two curves have different rates at the same iteration.
pub fn band(curves: &[LossCurve]) -> Result<Band> {
    let longest = curves.iter().map(LossCurve::lr).max_by_key(|lr| lr.len()).unwrap_or_default();
    let n_rates = longest.len();
    let mut band = Band {
        lr: longest.to_vec(),
        min: Vec::with_capacity(n_rates),
        median: Vec::with_capacity(n_rates),
        max: Vec::with_capacity(n_rates),
        n_seeds: Vec::with_capacity(n_rates),
    };
    for (index, wanted) in longest.iter().enumerate() {
        let mut losses = Vec::with_capacity(curves.len());
        for curve in curves {
            let Some(lr) = curve.lr().get(index) else { continue };
            if RATE_TOLERANCE * wanted < (lr - wanted).abs() {
                let what = format!("iteration {index} of the sweeps of several seeds");
                return Err(Error::data(what, format!("the rate {lr}"), wanted));
            }
            losses.push(curve.loss()[index]);
        }
        losses.sort_by(f64::total_cmp);
        band.min.push(losses[0]);
        band.median.push(median(&losses));
        band.max.push(losses[losses.len() - 1]);
        band.n_seeds.push(losses.len());
    }
    Ok(band)
}

/// Of one sorted value or more.
fn median(sorted: &[f64]) -> f64 {
    let upper = sorted.len() / 2;
    let lower = (sorted.len() - 1) / 2;
    sorted[lower] / 2.0 + sorted[upper] / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(loss: &[f64]) -> LossCurve {
        let lr = (1..=loss.len()).map(|it| it as f64).collect();
        LossCurve::new(lr, loss.to_vec(), 9).unwrap()
    }

    #[track_caller]
    fn check(losses: &[&[f64]], wanted: &Band) {
        let curves: Vec<LossCurve> = losses.iter().map(|loss| curve(loss)).collect();
        assert_eq!(band(&curves).unwrap(), *wanted);
    }

    #[test]
    fn each_rate_has_the_seeds_that_reached_it() {
        let wanted = Band {
            lr: vec![1.0, 2.0, 3.0],
            min: vec![1.0, -4.0, 7.0],
            median: vec![2.0, 1.5, 7.0],
            max: vec![6.0, 7.0, 7.0],
            n_seeds: vec![3, 2, 1],
        };
        check(&[&[6.0], &[1.0, 7.0, 7.0, f64::NAN], &[2.0, -4.0]], &wanted);
    }

    #[test]
    fn no_curve_is_an_empty_band() {
        let empty = Band { lr: vec![], min: vec![], median: vec![], max: vec![], n_seeds: vec![] };
        check(&[], &empty);
        check(&[&[], &[]], &empty);
    }

    #[test]
    fn losses_of_any_size_have_a_finite_median() {
        let band = band(&[curve(&[f64::MAX]), curve(&[f64::MAX])]).unwrap();
        assert_eq!(band.median, [f64::MAX]);
    }

    #[test]
    fn other_rates_are_refused() {
        let other = LossCurve::new(vec![1.0, 2.5], vec![1.0; 2], 9).unwrap();
        let error = band(&[curve(&[1.0; 3]), other]).unwrap_err().to_string();
        let wanted = "iteration 1 of the sweeps of several seeds: found the rate 2.5, wanted 2";
        assert_eq!(error, wanted);
        let rounded = LossCurve::new(vec![1.0, 2.0_f64.next_up()], vec![1.0; 2], 9).unwrap();
        assert!(band(&[curve(&[1.0; 3]), rounded]).is_ok());
    }
}
