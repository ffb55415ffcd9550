//! Where a curve falls most.

use super::gradient::{gradient, smallest};

/// Index of the smallest `numpy.gradient` of the loss, for [`Rule::Steepest`](super::Rule).
///
/// Source: torch-lr-finder 0.2.2, `LRFinder.plot`.
pub(super) fn steepest(loss: &[f64]) -> Option<usize> {
    smallest(&gradient(loss))
}

/// Index `i` of the smallest `(L_(i+1) - L_i) / (ln lr_(i+1) - ln lr_i)`, for
/// [`Rule::Steep`](super::Rule); none if no slope is finite.
///
/// Source: fastai 2, `steep`, where equal rates give an infinite slope, which may be taken.
pub(super) fn steep(lr: &[f64], loss: &[f64]) -> Option<usize> {
    let rise = |(lr, loss): (&[f64], &[f64])| (loss[1] - loss[0]) / (lr[1].ln() - lr[0].ln());
    let slopes = lr.windows(2).zip(loss.windows(2)).map(rise);
    let finite: Vec<f64> = slopes.map(|it| if it.is_finite() { it } else { f64::NAN }).collect();
    smallest(&finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lr: &[f64], loss: &[f64], wanted_steepest: usize, wanted_steep: Option<usize>) {
        assert_eq!(steepest(loss), Some(wanted_steepest));
        assert_eq!(steep(lr, loss), wanted_steep);
    }

    // Central: -1, -1.5, -2.5, -1.5, 0. To the next: -1, -2, -3, 0.
    #[test]
    fn steepest_looks_at_both_sides_and_steep_ahead() {
        check(&[1.0, 2.0, 4.0, 8.0, 16.0], &[9.0, 8.0, 6.0, 3.0, 3.0], 2, Some(2));
    }

    // -2 / ln 2 = -2.9 is steeper than -3 / ln 8 = -1.4.
    #[test]
    fn only_steep_looks_at_the_rates() {
        check(&[1.0, 2.0, 16.0], &[9.0, 7.0, 4.0], 2, Some(0));
    }

    // The step from 9 to 1 has no length.
    #[test]
    fn equal_rates_have_no_slope() {
        check(&[1.0, 1.0, 2.0], &[9.0, 1.0, 0.5], 0, Some(1));
        check(&[1.0, 1.0, 1.0], &[9.0, 1.0, 1.0], 0, None);
    }
}
