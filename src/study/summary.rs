//! Mean, spread and interval of a few values.

use serde::Serialize;

use super::student::quantile;

/// What a few values say of the mean that they scatter around.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Values that are numbers.
    pub n: usize,
    /// Mean; NaN of no value.
    pub mean: f64,
    /// Sample standard deviation (divided by n - 1); NaN of fewer than two values.
    pub sd: f64,
    /// Ends of the t interval of the mean, `mean ± t sd / sqrt(n)` with n - 1 degrees of freedom;
    /// NaN of fewer than two values.
    pub interval: [f64; 2],
}

impl Summary {
    /// Of the values that are numbers; the interval covers with probability `confidence`, if the
    /// values are independent draws of a normal distribution.
    pub fn of(values: &[f64], confidence: f64) -> Self {
        let values: Vec<f64> = values.iter().copied().filter(|it| it.is_finite()).collect();
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        if n < 2 {
            return Self { n, mean, sd: f64::NAN, interval: [f64::NAN; 2] };
        }
        let squares = values.iter().map(|it| (it - mean).powi(2)).sum::<f64>();
        let sd = (squares / (n - 1) as f64).sqrt();
        let half = quantile(confidence, n - 1) * sd / (n as f64).sqrt();
        Self { n, mean, sd, interval: [mean - half, mean + half] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Mean 4, squares 9 + 1 + 0 + 1 + 9 = 20, variance 20 / 4 = 5; t of 4 degrees 2.7764451052,
    // half the interval 2.7764451052 * sqrt(5 / 5).
    #[test]
    fn five_values_have_the_interval_of_hand() {
        let found = Summary::of(&[1.0, 3.0, f64::NAN, 4.0, 5.0, 7.0], 0.95);
        assert_eq!((found.n, found.mean), (5, 4.0));
        assert!((found.sd - 5f64.sqrt()).abs() < 1e-15);
        let half = 2.776_445_105_2;
        for (found, wanted) in found.interval.iter().zip([4.0 - half, 4.0 + half]) {
            assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
        }
    }

    #[test]
    fn one_value_has_no_spread_and_none_has_no_mean() {
        let one = Summary::of(&[2.5], 0.95);
        assert!(one.n == 1 && one.mean == 2.5 && one.sd.is_nan() && one.interval[0].is_nan());
        let none = Summary::of(&[f64::NAN], 0.95);
        assert!(none.n == 0 && none.mean.is_nan() && none.sd.is_nan());
    }
}
