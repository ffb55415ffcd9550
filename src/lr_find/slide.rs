//! The interval slide rule.

use super::gradient::gradient;

/// Iterations between the two slopes that are compared.
const LR_DIFF: usize = 15;

/// Slopes nearer to each other than this are the same.
const THRESHOLD: f64 = 0.005;

/// Index at which the slope, 15 iterations before another, becomes like it; for
/// [`Rule::Slide`](super::Rule). None for fewer than 16 points.
///
/// With `g = numpy.gradient(loss)` and `right` the last point, `left = right - 15`: while
/// `|g[right] - g[left]| > 0.005` both go one to the left, up to the first point. The index is the
/// last `left` for which it held, or the first `left` of all.
///
/// Source: fastai 2, `slide` with its defaults.
pub(super) fn slide(loss: &[f64]) -> Option<usize> {
    let slopes = gradient(loss);
    let first_left = loss.len().checked_sub(LR_DIFF + 1)?;
    let differs = |left: &usize| THRESHOLD < (slopes[left + LR_DIFF] - slopes[*left]).abs();
    Some((0..=first_left).rev().take_while(differs).last().unwrap_or(first_left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(loss: &[f64], wanted: Option<usize>) {
        assert_eq!(slide(loss), wanted);
    }

    /// Flat, then rising by 1 an iteration from point `n_flat - 1` on.
    fn rising(n_flat: usize, n_points: usize) -> Vec<f64> {
        (0..n_points).map(|it| (it + 1).saturating_sub(n_flat) as f64).collect()
    }

    // Slopes: 0 to point 28, 0.5 at 29, 1 from 30 on. The last difference is that of 29 to 14.
    #[test]
    fn stops_where_the_right_slope_becomes_like_the_left_one() {
        check(&rising(30, 40), Some(14));
    }

    // Left 24 to 30 have slopes of 0, 0.5 and 1; right is always 1. 45 and 30 are the same.
    #[test]
    fn starts_at_the_first_left_if_nothing_differs() {
        check(&rising(30, 46), Some(30));
        check(&[1.0; 40], Some(24));
    }

    #[test]
    fn goes_to_the_first_point_at_most() {
        let bent: Vec<f64> = (0..40).map(|it| f64::from(it * it)).collect();
        check(&bent, Some(0));
    }

    #[test]
    fn needs_sixteen_points() {
        check(&rising(3, 16), Some(0));
        check(&rising(3, 15), None);
        check(&[], None);
    }
}
