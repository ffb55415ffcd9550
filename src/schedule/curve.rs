//! What a schedule is: a function of time.

use std::{f64::consts::PI, fmt, sync::Arc};

use super::{Cyclic, Phases};

/// A factor as a pure function of time: of steps, of epochs, or of whatever the caller counts.
///
/// There is no state, so that a training resumed at step `n` goes on with `factor(n)`. Lowest values
/// are factors, too.
///
/// Source of all closed forms: PyTorch's `torch.optim.lr_scheduler`, whose trajectories these
/// equal step by step.
#[derive(Clone, Debug)]
pub enum Curve {
    /// `factor` before `length`, then 1 (`ConstantLR`).
    Hold {
        /// Value at the begin.
        factor: f64,
        /// Time from which on it is 1.
        length: f64,
    },
    /// `gamma ^ floor(t / step_size)` (`StepLR`).
    Step {
        /// Time between two falls.
        step_size: f64,
        /// Factor of each.
        gamma: f64,
    },
    /// `gamma` to the number of milestones that `t` reached (`MultiStepLR`).
    MultiStep {
        /// Times of the falls.
        milestones: Vec<f64>,
        /// Factor of each.
        gamma: f64,
    },
    /// `start + (end - start) min(t, length) / length` (`LinearLR`).
    Linear {
        /// First value.
        start: f64,
        /// Last value.
        end: f64,
        /// Time of the last value.
        length: f64,
    },
    /// `gamma ^ t` (`ExponentialLR`).
    Exponential {
        /// Factor of a unit of time.
        gamma: f64,
    },
    /// `(1 - min(t, length) / length) ^ power` (`PolynomialLR`).
    Polynomial {
        /// Time at which it is 0.
        length: f64,
        /// Exponent; 1 is a line.
        power: f64,
    },
    /// `min + (1 - min) (1 + cos(π t / length)) / 2` (`CosineAnnealingLR`), up again after `length`.
    Cosine {
        /// Time of the lowest value.
        length: f64,
        /// Lowest value.
        min: f64,
    },
    /// Cosines from 1 to `min`, the `i`-th `first growth^i` long (`CosineAnnealingWarmRestarts`).
    ///
    /// Source: Loshchilov & Hutter 2017, <https://arxiv.org/abs/1608.03983>.
    WarmRestarts {
        /// Length of the first.
        first: f64,
        /// How much longer each is than the one before, 1 or more.
        growth: f64,
        /// Lowest value.
        min: f64,
    },
    /// See [`Cyclic`].
    Cyclic(Cyclic),
    /// Corners, as of a one-cycle schedule.
    Phases(Phases),
    /// One curve after the other, each with time of its own from where it begins (`SequentialLR`).
    Sequence(Vec<Piece>),
    /// All multiplied (`ChainedScheduler`).
    Product(Vec<Self>),
    /// Any other function (`LambdaLR`).
    Custom(Custom),
}

/// A curve of a sequence.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Time at which it begins; 0 for the first.
    pub start: f64,
    /// The curve.
    pub curve: Curve,
}

/// A function of the caller.
#[derive(Clone)]
pub struct Custom(Arc<dyn Fn(f64) -> f64 + Send + Sync>);

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom(..)")
    }
}

impl Curve {
    /// Always 1.
    pub const CONSTANT: Self = Self::Hold { factor: 1.0, length: 0.0 };

    /// `function` of the time.
    pub fn custom(function: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Self::Custom(Custom(Arc::new(function)))
    }

    /// The factor at time `t`, 0 or more.
    pub fn factor(&self, t: f64) -> f64 {
        match self {
            Self::Hold { factor, length } => {
                if t < *length {
                    *factor
                } else {
                    1.0
                }
            }
            Self::Step { step_size, gamma } => gamma.powf((t / step_size).floor()),
            Self::MultiStep { milestones, gamma } => {
                let n_passed = milestones.iter().filter(|milestone| **milestone <= t).count();
                gamma.powf(n_passed as f64)
            }
            Self::Linear { start, end, length } => start + (end - start) * passed(t, *length),
            Self::Exponential { gamma } => gamma.powf(t),
            Self::Polynomial { length, power } => (1.0 - passed(t, *length)).powf(*power),
            Self::Cosine { length, min } => cosine(t / length, *min),
            Self::WarmRestarts { first, growth, min } => {
                let (mut start, mut length) = (0.0, *first);
                while start + length <= t {
                    // Cycles that no longer grow in floating point would never get there.
                    if *growth == 1.0 {
                        start = (t / length).floor() * length;
                        break;
                    }
                    start += length;
                    length *= growth;
                }
                cosine((t - start) / length, *min)
            }
            Self::Cyclic(cyclic) => cyclic.at(t),
            Self::Phases(phases) => phases.at(t),
            Self::Sequence(pieces) => {
                let begun = |piece: &&Piece| piece.start <= t;
                let piece = pieces.iter().rev().find(begun).or(pieces.first());
                piece.map_or(1.0, |it| it.curve.factor((t - it.start).max(0.0)))
            }
            Self::Product(curves) => curves.iter().map(|it| it.factor(t)).product::<f64>(),
            Self::Custom(Custom(function)) => function(t),
        }
    }
}

/// Share of `length` that has passed, `[0, 1]`.
fn passed(t: f64, length: f64) -> f64 {
    if length <= t { 1.0 } else { t / length }
}

/// Half a cosine from 1 at position 0 to `min` at 1.
fn cosine(position: f64, min: f64) -> f64 {
    min + (1.0 - min) * (1.0 + (PI * position).cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_function_is_a_curve() {
        let curve = Curve::custom(|t| 1.0 / (1.0 + t));
        assert_eq!(curve.factor(3.0), 0.25);
        assert_eq!(format!("{curve:?}"), "Custom(Custom(..))");
    }

    // By hand: restarts at 0, 5, 15 and 35.
    #[test]
    fn restarts_begin_at_the_top_however_late() {
        let growing = Curve::WarmRestarts { first: 5.0, growth: 2.0, min: 0.0 };
        for t in [0.0, 5.0, 15.0, 35.0] {
            assert_eq!(growing.factor(t), 1.0, "{t}");
        }
        let equal = Curve::WarmRestarts { first: 10.0, growth: 1.0, min: 0.1 };
        assert!((equal.factor(1e15) - 1.0).abs() < 1e-12);
        assert!((equal.factor(25.0) - 0.55).abs() < 1e-12);
    }

    #[test]
    fn a_piece_counts_from_its_begin() {
        let linear = Curve::Linear { start: 0.0, end: 1.0, length: 4.0 };
        let pieces = vec![
            Piece { start: 0.0, curve: linear },
            Piece { start: 4.0, curve: Curve::Exponential { gamma: 0.5 } },
        ];
        let sequence = Curve::Sequence(pieces);
        let values = [0.0, 2.0, 4.0, 6.0].map(|t| sequence.factor(t));
        assert_eq!(values, [0.0, 0.5, 1.0, 0.25]);
    }
}
