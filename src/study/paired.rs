//! Differences of a variant to the base, seed by seed.

use serde::Serialize;

use super::{Summary, student::two_sided};

/// How a variant differs from the base on the seeds that both have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// Differences, variant minus base: their number, mean, standard deviation and interval.
    pub difference: Summary,
    /// Standardised mean difference of pairs, mean / standard deviation (Cohen's d_z); NaN where
    /// the standard deviation is 0 or there are fewer than two pairs.
    pub standardised: f64,
    /// The t statistic of the pairs, mean / (sd / sqrt(n)); NaN as above.
    pub t: f64,
    /// Two-sided p value of t with n - 1 degrees of freedom; NaN as above.
    pub p: f64,
    /// The same, corrected by Holm for all variants that are compared on this metric.
    pub p_holm: f64,
}

/// Relative size of what differences of figures are wrong by.
const ROUNDING: f64 = 1e-12;

impl Paired {
    /// Of pairs of base and variant; a pair with a figure that is no number is left out. `p_holm`
    /// is as yet the p value of a single comparison.
    ///
    /// Source: Student 1908; Cohen 1988, section 2.3.5 (d_z).
    pub fn of(pairs: &[[f64; 2]], confidence: f64) -> Self {
        let differences: Vec<f64> = pairs.iter().map(|[base, variant]| variant - base).collect();
        let difference = Summary::of(&differences, confidence);
        // Equal differences have a spread of rounding errors, of which nothing follows.
        let largest = pairs.iter().flatten().map(|it| it.abs()).fold(0.0, f64::max);
        let standardised = match difference.sd {
            sd if ROUNDING * largest < sd => difference.mean / sd,
            _ => f64::NAN,
        };
        let t = standardised * (difference.n as f64).sqrt();
        let p = if t.is_nan() { f64::NAN } else { two_sided(t, difference.n - 1) };
        Self { difference, standardised, t, p, p_holm: p }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Differences 1, 2, 3: mean 2, sd 1, d_z 2, t = 2 sqrt(3) = 3.4641. With 2 degrees of freedom
    // p = 1 - t / sqrt(2 + t²) = 1 - sqrt(12 / 14) = 0.07418; half the interval is
    // 4.30265273 / sqrt(3) = 2.48414.
    #[test]
    fn three_pairs_give_the_figures_of_hand() {
        let pairs = [[10.0, 11.0], [30.0, 32.0], [20.0, 23.0], [f64::NAN, 1.0]];
        let found = Paired::of(&pairs, 0.95);
        assert_eq!((found.difference.n, found.difference.mean), (3, 2.0));
        let figures = [found.difference.sd, found.standardised, found.t, found.p, found.p_holm];
        let p = 1.0 - (12f64 / 14.0).sqrt();
        for (found, wanted) in figures.iter().zip([1.0, 2.0, 12f64.sqrt(), p, p]) {
            assert!((found - wanted).abs() < 1e-14, "{found} {wanted}");
        }
        let [low, high] = found.difference.interval;
        assert!((low + 0.484_138).abs() < 1e-6 && (high - 4.484_138).abs() < 1e-6, "{low} {high}");
    }

    #[test]
    fn pairing_sees_what_the_spread_of_the_seeds_hides() {
        let pairs = [[0.1, 0.13], [0.5, 0.53], [0.9, 0.92]];
        let paired = Paired::of(&pairs, 0.95);
        assert!(0.0 < paired.difference.interval[0] && paired.p < 0.05, "{paired:?}");
        let alone = Summary::of(&pairs.map(|it| it[1]), 0.95);
        assert!(10.0 * paired.difference.sd < alone.sd);
    }

    #[test]
    fn without_spread_there_is_no_test() {
        // 0.308 - 0.5017 is not exact, and neither is the mean of three of it.
        let equal = vec![[0.5017, 0.308]; 3];
        for pairs in [vec![[1.0, 1.5]], vec![[1.0, 1.5], [2.0, 2.5]], vec![], equal] {
            let found = Paired::of(&pairs, 0.95);
            assert_eq!(found.difference.n, pairs.len());
            assert!(found.standardised.is_nan() && found.p.is_nan(), "{found:?}");
        }
    }
}
