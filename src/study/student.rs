//! Student's t distribution for whole degrees of freedom.

use std::f64::consts::FRAC_2_PI;

/// Probability that |T| is at most `t`, for `t` of at least 0 and `df` degrees of freedom.
///
/// With θ = atan(t / sqrt(df)), a finite sum:
///
/// ```text
/// df odd    2/π (θ + sin θ (cos θ + 2/3 cos³ θ + ...)), the last term being
///           (2·4···(df-3)) / (3·5···(df-2)) cos^(df-2) θ
/// df even   sin θ (1 + 1/2 cos² θ + ...), the last term being
///           (1·3···(df-3)) / (2·4···(df-2)) cos^(df-2) θ
/// ```
///
/// Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4.
///
/// # Panics
///
/// If `df` is 0.
pub fn within(t: f64, df: usize) -> f64 {
    assert!(0 < df, "no degrees of freedom");
    let theta = (t / (df as f64).sqrt()).atan();
    let (sin, cos) = theta.sin_cos();
    // The first power of the cosine, and the first factor that divides, of each parity.
    let (mut term, first) = if df % 2 == 1 { (cos, 3) } else { (1.0, 2) };
    let mut sum = 0.0;
    let mut divisor = first;
    while divisor <= df {
        sum += term;
        term *= cos * cos * (divisor - 1) as f64 / divisor as f64;
        divisor += 2;
    }
    let share = if df % 2 == 1 { FRAC_2_PI * (theta + sin * sum) } else { sin * sum };
    share.clamp(0.0, 1.0)
}

/// Probability of a |T| of at least `|t|`: the two-sided p value, exact to about 1e-15.
///
/// # Panics
///
/// If `df` is 0.
pub fn two_sided(t: f64, df: usize) -> f64 {
    1.0 - within(t.abs(), df)
}

/// The t that |T| does not exceed with probability `confidence`, in `(0, 1)`.
///
/// # Panics
///
/// If `df` is 0, or `confidence` is out of range.
pub fn quantile(confidence: f64, df: usize) -> f64 {
    assert!(0.0 < confidence && confidence < 1.0, "a confidence of {confidence}");
    let (mut low, mut high) = (0.0, 1.0);
    while within(high, df) < confidence && high < 1e300 {
        high *= 2.0;
    }
    // Halving until the two are neighbours takes fewer steps than a number has bits.
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || high <= middle {
            return high;
        }
        if within(middle, df) < confidence { low = middle } else { high = middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(confidence: f64, df: usize, t: f64) {
        let found = quantile(confidence, df);
        assert!((found - t).abs() < 6e-4 * t, "{found}, wanted {t}");
        let p = two_sided(-t, df);
        assert!((p - (1.0 - confidence)).abs() < 1e-3 * (1.0 - confidence), "{p}");
    }

    // Abramowitz & Stegun 1964, table 26.10.
    #[test]
    fn quantiles_are_those_of_the_table() {
        check(0.95, 1, 12.706);
        check(0.95, 2, 4.303);
        check(0.95, 3, 3.182);
        check(0.95, 4, 2.776);
        check(0.95, 9, 2.262);
        check(0.95, 30, 2.042);
        check(0.95, 120, 1.980);
        check(0.80, 1, 3.078);
        check(0.80, 5, 1.476);
        check(0.99, 1, 63.657);
        check(0.99, 10, 3.169);
        check(0.999, 7, 5.408);
    }

    // df = 1 is the Cauchy distribution; df = 2 has P(|T| <= t) = t / sqrt(2 + t²).
    #[test]
    fn the_two_with_a_closed_form_are_exact() {
        for t in [0.0, 0.3, 1.0, 4.7, 1e6] {
            assert!((within(t, 1) - FRAC_2_PI * t.atan()).abs() < 1e-15);
            assert!((within(t, 2) - t / (2.0 + t * t).sqrt()).abs() < 1e-15);
        }
        assert!((quantile(0.5, 1) - 1.0).abs() < 1e-15);
        assert_eq!(two_sided(0.0, 7), 1.0);
    }
}
