//! Which loss to train with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CrossEntropy;
use crate::error::{Error, Result};

/// The `[loss]` table of a run file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// What is minimised.
    pub kind: LossKind,
    /// Weight of each class, in the order of the classes; none weighs them equally.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<Vec<f64>>,
    /// Share of every label that is spread evenly over all classes, in `[0, 1)`.
    pub label_smoothing: f64,
}

/// What is minimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Cross-entropy.
    #[default]
    CrossEntropy,
}

impl LossConfig {
    /// The loss for `n_classes` classes.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if there is not one weight for each class, a weight is negative or not a
    /// number, all weights are 0, or the smoothing is out of range.
    pub fn build(&self, n_classes: usize) -> Result<CrossEntropy> {
        if !(0.0 <= self.label_smoothing && self.label_smoothing < 1.0) {
            let rule = "must lie in [0, 1)";
            return Err(Error::config("loss.label_smoothing", self.label_smoothing, rule));
        }
        if let Some(weights) = &self.class_weights {
            check_weights(weights, n_classes)?;
        }
        match self.kind {
            LossKind::CrossEntropy => Ok(CrossEntropy {
                class_weights: self.class_weights.clone().unwrap_or(vec![1.0; n_classes]),
                label_smoothing: self.label_smoothing,
            }),
        }
    }
}

fn check_weights(weights: &[f64], n_classes: usize) -> Result<()> {
    let fault =
        |rule: String| Err(Error::config("loss.class_weights", format!("{weights:?}"), rule));
    if weights.len() != n_classes {
        return fault(format!("must have one weight for each of the {n_classes} classes"));
    }
    if !weights.iter().all(|&weight| 0.0 <= weight && weight.is_finite()) {
        return fault("must be 0 or more".to_owned());
    }
    if weights.iter().all(|&weight| weight == 0.0) {
        return fault("must not all be 0".to_owned());
    }
    Ok(())
}
