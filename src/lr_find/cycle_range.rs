//! The range of rates that a cyclic or one-cycle schedule runs through.

use serde::{Deserialize, Serialize};

use super::{LossCurve, gradient::smallest};

/// The rate of the lowest smoothed loss is this many times the highest rate proposed.
const MARGIN: f64 = 10.0;

/// Share of the whole fall after which the loss counts as falling.
const FALLING: f64 = 0.1;

/// The highest rate is at least this many times the base ...
const NARROWEST: f64 = 3.0;

/// ... and at most this many times.
const WIDEST: f64 = 30.0;

/// Base and highest rate for a cyclic or one-cycle schedule: `3 <= max_lr / base_lr <= 30`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CycleRange {
    /// Rate at both ends of a cycle.
    pub base_lr: f64,
    /// Rate at its top.
    pub max_lr: f64,
}

/// The range that a curve proposes, read off the points that fastai's rules look at; none if there
/// are fewer than two of them or the loss never falls below that of the first.
///
/// ```text
/// max_lr  = lr of the lowest loss / 10
/// falling = lr of the first loss <= first - 0.1 (first - lowest)
/// base_lr = falling, but at least max_lr / 30 and at most max_lr / 3
/// ```
///
/// If the loss is still lowest at the end of the sweep ([`LossCurve::is_still_falling`]), `max_lr`
/// may be too low.
///
/// Source: Smith 2017, section 3.3, <https://arxiv.org/abs/1506.01186>, reads the base where the
/// accuracy starts to rise, and the maximum where it becomes ragged or falls, or takes 1/3 to 1/4
/// of the maximum as the base. Smith 2018, section 4.1, <https://arxiv.org/abs/1803.09820>, takes
/// 1/10 to 1/20 for one cycle; PyTorch's `OneCycleLR` 1/25. We differ: the loss of a sweep stands
/// for the accuracy, the bounds of the width are ours, and the maximum is below the lowest loss by
/// the margin of fastai's `minimum`. Smoothing puts the lowest loss after the first rates that are
/// too high, and a maximum that is too high costs more than one that is too low.
pub fn cycle_range(curve: &LossCurve) -> Option<CycleRange> {
    let part = curve.fastai_part();
    let (lr, loss) = (&curve.lr()[part.clone()], &curve.loss()[part]);
    let lowest = smallest(loss)?;
    if lowest == 0 {
        return None;
    }
    let threshold = (1.0 - FALLING) * loss[0] + FALLING * loss[lowest];
    let falling = loss[..lowest].iter().position(|it| *it <= threshold).unwrap_or(lowest);
    Some(CycleRange::new(lr[falling], lr[lowest] / MARGIN))
}

impl CycleRange {
    /// The range below `max_lr` with a base as near to `base_lr` as the width allows.
    pub(super) fn new(base_lr: f64, max_lr: f64) -> Self {
        let mut base_lr = base_lr.max(max_lr / WIDEST).min(max_lr / NARROWEST);
        if WIDEST < max_lr / base_lr {
            base_lr = base_lr.next_up(); // The division had rounded down.
        }
        Self { base_lr, max_lr }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A curve of `loss` between a first tenth and last 5 points that do not count.
    fn curve(lr: &[f64], loss: &[f64]) -> LossCurve {
        let last = lr[lr.len() - 1];
        let lr = [&[lr[0]][..], lr, &[last; 5]].concat();
        let loss = [&[-99.0][..], loss, &[-99.0; 5]].concat();
        LossCurve::new(lr, loss, 10).unwrap()
    }

    #[track_caller]
    fn check(lr: &[f64], loss: &[f64], wanted: Option<(f64, f64)>) {
        let found = cycle_range(&curve(lr, loss)).map(|it| (it.base_lr, it.max_lr));
        assert_eq!(found, wanted);
    }

    // The whole fall is 10: it has begun at 9 and below.
    #[test]
    fn base_is_where_the_loss_falls_and_max_a_tenth_of_its_lowest() {
        check(&[0.01, 0.02, 1.0, 2.0], &[11.0, 10.5, 1.0, 3.0], Some((0.1 / 3.0, 0.1)));
        check(&[0.01, 0.02, 1.0, 2.0], &[11.0, 10.0, 1.0, 3.0], Some((0.02, 0.1)));
        check(&[0.01, 0.02, 1.0, 2.0], &[11.0, 9.0, 3.0, 1.0], Some((0.02, 0.2)));
        check(&[0.01, 0.02, 6.0, 9.0], &[11.0, 9.0, 1.0, 3.0], Some((0.02, 0.6)));
    }

    // The difference of the two losses is infinite, 80 % of the first is not.
    #[test]
    fn the_fall_of_the_largest_losses_has_a_begin() {
        let lr = [0.01, 0.02, 6.0, 9.0];
        check(&lr, &[f64::MAX, 0.0, f64::MIN, 0.0], Some((0.02, 0.6)));
    }

    #[test]
    fn the_width_is_bounded() {
        check(&[0.001, 0.002, 3.0, 9.0], &[11.0, 9.0, 1.0, 3.0], Some((0.3 / 30.0, 0.3)));
        check(&[1.0, 2.0, 3.0, 9.0], &[11.0, 9.0, 1.0, 3.0], Some((0.3 / 3.0, 0.3)));
        for step in 0..100_000 {
            let max_lr = 1e-9 * 1.0003_f64.powi(step);
            let range = CycleRange::new(0.0, max_lr);
            assert!(range.max_lr / range.base_lr <= 30.0, "{range:?}");
            assert!(29.999_999 < range.max_lr / range.base_lr, "{range:?}");
        }
    }

    #[test]
    fn a_curve_that_never_falls_proposes_nothing() {
        let lr = [0.1, 0.2, 0.3];
        check(&lr, &[1.0, 1.0, 1.0], None);
        check(&lr, &[1.0, 2.0, 3.0], None);
        check(&lr[..1], &[1.0], None);
        assert_eq!(cycle_range(&LossCurve::new(vec![], vec![], 9).unwrap()), None);
    }

    #[test]
    fn losses_of_any_size_and_sign_are_finite_ranges() {
        let odd = [0.0, -1.0, 1.0, f64::MAX, f64::MIN, 1.0_f64.next_up(), f64::MIN_POSITIVE];
        let mut n_found = 0;
        for first in odd {
            for second in odd {
                for third in odd {
                    let curve = curve(&[0.1, 0.1, 0.3], &[first, second, third]);
                    let Some(CycleRange { base_lr, max_lr }) = cycle_range(&curve) else {
                        continue;
                    };
                    n_found += 1;
                    assert!(0.0 < base_lr && 3.0 * base_lr <= max_lr * (1.0 + 1e-15), "{curve:?}");
                    assert!(max_lr / base_lr <= 30.0 && max_lr <= 0.03, "{curve:?}");
                }
            }
        }
        assert!(100 < n_found, "{n_found}");
    }
}
