//! The `[schedule]` table of a run file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CurveConfig, CurveKind};

/// The `[schedule]` table of a run file: the curve of the learning rate, and those of other settings.
///
/// The value that a curve multiplies is that of the key itself: `optimizer.lr` for the learning
/// rate, and so on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ScheduleConfig {
    /// Steps in which the learning rate also rises from `warmup_factor` of what it would be, on a line.
    pub warmup_steps: u64,
    /// Where the rise begins, [0, 1].
    pub warmup_factor: f64,
    /// The curve of the learning rate.
    #[serde(flatten)]
    pub rate: CurveConfig,
    /// Momentum of SGD and RMSprop, the first beta of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<CurveConfig>,
    /// Weight decay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<CurveConfig>,
    /// Probability of dropout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_prob: Option<CurveConfig>,
    /// Strength of the augmentations: largest changes of values and shares of chips that get something
    /// from others, at most once the value of the run file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<CurveConfig>,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            warmup_steps: 0,
            warmup_factor: 1.0 / 3.0,
            rate: CurveConfig::default(),
            momentum: None,
            weight_decay: None,
            drop_prob: None,
            augment: None,
        }
    }
}

impl ScheduleConfig {
    /// One curve for the learning rate.
    pub fn of(kind: CurveKind) -> Self {
        Self { rate: CurveConfig::of(kind), ..Self::default() }
    }

    /// The same with every default written down.
    pub fn with_defaults(self) -> Self {
        // Momentum goes with the learning rate alone.
        let all = |curve: Option<CurveConfig>| {
            curve.map(|it| CurveConfig {
                cycle_momentum: it.cycle_momentum,
                base_momentum: it.base_momentum,
                max_momentum: it.max_momentum,
                ..it.with_defaults()
            })
        };
        Self {
            rate: self.rate.with_defaults(),
            momentum: all(self.momentum),
            weight_decay: all(self.weight_decay),
            drop_prob: all(self.drop_prob),
            augment: all(self.augment),
            ..self
        }
    }
}
