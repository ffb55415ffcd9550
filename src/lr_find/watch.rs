//! The losses of a sweep as they come in.

use serde::{Deserialize, Serialize};

use super::{Smoother, Smoothing, Stopping};

/// Smooths the losses of a sweep and says after each whether to go on.
///
/// # Example
///
/// ```
/// use swath::lr_find::{LossCurve, Watch, Rule, Smoothing, Stopping, Verdict, suggest};
///
/// let mut watch = Watch::new(Smoothing::None, Stopping::Fastai);
/// let (mut lr, mut loss) = (vec![], vec![]);
/// for iteration in 0..20 {
///     let next_lr = 1e-3 * 2.0_f64.powi(iteration);
///     let reading = watch.push((next_lr - 0.5).abs()); // A training step, in earnest.
///     lr.push(next_lr);
///     loss.push(reading.smoothed_loss);
///     if reading.verdict != Verdict::GoOn {
///         break;
///     }
/// }
/// let curve = LossCurve::new(lr, loss, 20)?;
/// assert_eq!(curve.lr().last(), Some(&1.024)); // 0.524 is above 4 times 0.012, that of 0.512.
/// // The lowest loss is that of point 9, but the last five points are left out.
/// assert_eq!(suggest(Rule::MinimumTenth, &curve).map(|it| it.index), Some(5));
/// # Ok::<(), swath::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Watch {
    smoother: Smoother,
    stopping: Stopping,
    lowest: f64,
}

/// What a sweep learns from a loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The loss after smoothing; NaN or infinite only if the verdict is [`Verdict::NotFinite`].
    pub smoothed_loss: f64,
    /// Whether to go on.
    pub verdict: Verdict,
}

/// Whether a sweep goes on after a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// On to the next rate.
    GoOn,
    /// Stop: the loss is too far above the lowest one. The point belongs to the curve.
    Diverged,
    /// Stop: the loss is NaN or infinite. The curve ends before the point.
    NotFinite,
}

impl Watch {
    /// Before the first loss of a sweep.
    pub fn new(smoothing: Smoothing, stopping: Stopping) -> Self {
        Self { smoother: Smoother::new(smoothing), stopping, lowest: f64::INFINITY }
    }

    /// Takes the loss of the next iteration.
    pub fn push(&mut self, loss: f64) -> Reading {
        let smoothed_loss = self.smoother.push(loss);
        if !smoothed_loss.is_finite() {
            return Reading { smoothed_loss, verdict: Verdict::NotFinite };
        }
        self.lowest = self.lowest.min(smoothed_loss);
        let has_diverged = self.stopping.has_diverged(smoothed_loss, self.lowest);
        let verdict = if has_diverged { Verdict::Diverged } else { Verdict::GoOn };
        Reading { smoothed_loss, verdict }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMOOTHINGS: [Smoothing; 3] =
        [Smoothing::PytorchLrFinder, Smoothing::Fastai, Smoothing::None];
    const STOPPINGS: [Stopping; 3] = [Stopping::PytorchLrFinder, Stopping::Fastai, Stopping::Never];

    /// The index and kind of the verdict that stops a sweep with these losses.
    #[track_caller]
    fn check(
        smoothing: Smoothing,
        stopping: Stopping,
        losses: &[f64],
        wanted: Option<(usize, Verdict)>,
    ) {
        let mut watch = Watch::new(smoothing, stopping);
        let verdicts = losses.iter().map(|&loss| watch.push(loss).verdict).enumerate();
        let found = verdicts.into_iter().find(|&(_, verdict)| verdict != Verdict::GoOn);
        assert_eq!(found, wanted, "{smoothing:?} {stopping:?} {losses:?}");
    }

    #[test]
    fn the_lowest_loss_so_far_counts() {
        let losses = [2.0, 0.5, 1.0, 2.4, 2.6];
        check(Smoothing::None, Stopping::PytorchLrFinder, &losses, Some((4, Verdict::Diverged)));
        check(Smoothing::None, Stopping::Fastai, &losses, Some((3, Verdict::Diverged)));
        check(Smoothing::None, Stopping::Never, &losses, None);
    }

    // 0.95 + 0.05 * 80 = 4.95, then 0.95 * 4.95 + 0.05 * 80 = 8.70; debiased: 81.98... / 1.98 = 41.
    #[test]
    fn the_smoothed_loss_is_what_is_compared() {
        let losses = [1.0, 80.0, 80.0];
        let stopping = Stopping::PytorchLrFinder;
        check(Smoothing::PytorchLrFinder, stopping, &losses, Some((2, Verdict::Diverged)));
        check(Smoothing::Fastai, stopping, &losses, Some((1, Verdict::Diverged)));
    }

    #[test]
    fn a_loss_that_is_not_finite_always_stops() {
        for smoothing in SMOOTHINGS {
            for stopping in STOPPINGS {
                for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    check(smoothing, stopping, &[bad], Some((0, Verdict::NotFinite)));
                    let stop = Some((2, Verdict::NotFinite));
                    check(smoothing, stopping, &[1.0, 1.0, bad, 1.0], stop);
                }
            }
        }
    }

    #[test]
    fn losses_of_zero_and_below_do_not_stop() {
        for smoothing in SMOOTHINGS {
            for stopping in STOPPINGS {
                check(smoothing, stopping, &[0.0, 0.0, 1e-9, 1.0], None);
                check(smoothing, stopping, &[-1.0, -2.0, 3.0, -1.0], None);
                check(smoothing, stopping, &[], None);
            }
        }
    }
}
