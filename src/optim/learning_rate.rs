//! The learning rate of a run file: a number, or one that a sweep finds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `optimizer.lr` of a run file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-wanted" = "a number above 0, or \"auto\""))]
pub enum LearningRate {
    /// A number above 0.
    Value(f64),
    /// `"auto"`: what a sweep finds before training begins; see the `[lr_find]` table.
    Auto(Auto),
}

/// The word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Auto {
    /// Found by a sweep.
    Auto,
}

impl LearningRate {
    /// The number, if it is known.
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Auto(Auto::Auto) => None,
        }
    }
}

impl From<f64> for LearningRate {
    fn from(value: f64) -> Self {
        Self::Value(value)
    }
}
