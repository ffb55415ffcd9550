//! The terms of a weighted sum.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Factor, LossKind, options::LossOptions};
use crate::{
    error::{Error, Result},
    schedule::CurveConfig,
};

/// A loss in a weighted sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TermConfig {
    /// Which loss.
    pub kind: LossKind,
    /// What it is multiplied with; above 0.
    #[serde(default = "one")]
    pub weight: f64,
    /// How that changes over the epochs: a curve as in `[schedule]`, in epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<CurveConfig>,
    /// Settings of the kind; those that it does not have are refused.
    #[serde(flatten)]
    pub options: LossOptions,
}

fn one() -> f64 {
    1.0
}

/// `factor` times a number.
pub(super) fn times(factor: Factor, by: f64) -> Factor {
    match factor {
        Factor::Course { base, curve } => Factor::Course { base: base * by, curve },
        Factor::Constant(it) => Factor::Constant(it * by),
        Factor::Steps { first, step, last } => {
            Factor::Steps { first: first * by, step: step * by, last: last * by }
        }
    }
}

/// `factor` times a curve over the epochs.
pub(super) fn scheduled(
    factor: Factor,
    schedule: &CurveConfig,
    place: &str,
    n_epochs: Option<u32>,
) -> Result<Factor> {
    let table = format!("{place}.schedule");
    let key = format!("{place}.weight");
    match factor {
        Factor::Constant(base) => {
            let curve = schedule.over_epochs(&table, &key, base, n_epochs)?;
            Ok(Factor::Course { base, curve })
        }
        Factor::Steps { .. } | Factor::Course { .. } => {
            let rule = "is for losses without a schedule of their own";
            Err(Error::config(table, "given", rule))
        }
    }
}
