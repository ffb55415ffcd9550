//! Cyclic rates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the height of the cycles changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CycleShape {
    /// All are equally high.
    #[default]
    Triangular,
    /// Each is half as high as the one before.
    Triangular2,
    /// The height is multiplied by `gamma` at every step.
    ExpRange,
}

/// Up and down between two values, again and again.
///
/// ```text
/// T     = up + down
/// cycle = floor(1 + t / T)
/// x     = 1 + t / T - cycle
/// s     = x / (up / T)                 up to x = up / T, then  (x - 1) / (up / T - 1)
/// value = low + (high - low) s h       h = 1,  2^-(cycle - 1)  or  gamma^t
/// ```
///
/// Source: Smith 2017, <https://arxiv.org/abs/1506.01186>; the form and the asymmetric cycles of
/// PyTorch's `CyclicLR`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cyclic {
    /// Value at both ends of a cycle.
    pub low: f64,
    /// Value at the top of the first cycle; below `low` for what runs against the rate.
    pub high: f64,
    /// Time from the begin of a cycle to its top, above 0.
    pub up: f64,
    /// Time from the top to the end, above 0.
    pub down: f64,
    /// How the height changes.
    pub shape: CycleShape,
    /// Factor of [`CycleShape::ExpRange`].
    pub gamma: f64,
}

impl Cyclic {
    /// The value at time `t`, 0 or more.
    pub fn at(&self, t: f64) -> f64 {
        let Self { low, high, up, down, shape, gamma } = *self;
        let length = up + down;
        let cycle = (1.0 + t / length).floor();
        let x = 1.0 + t / length - cycle;
        let top = up / length;
        let share = if x <= top { x / top } else { (x - 1.0) / (top - 1.0) };
        let height = match shape {
            CycleShape::Triangular => 1.0,
            CycleShape::Triangular2 => 0.5_f64.powf(cycle - 1.0),
            CycleShape::ExpRange => gamma.powf(t),
        };
        low + (high - low) * share * height
    }
}
