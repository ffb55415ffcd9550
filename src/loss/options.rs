//! Settings of losses, and which of them were used.

use std::cell::RefCell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossKind;
use crate::error::{Error, Result};

/// Settings of losses. Each kind has some of them, and defaults of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LossOptions {
    /// `cross-entropy`: share of every label that is spread evenly over all classes; `bce`: share
    /// that moves targets to the middle. [0, 1), by default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_smoothing: Option<f64>,
    /// `bce`: what a pixel of a class counts against one of another, for each class; 0 or more, by
    /// default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive_weights: Option<Vec<f64>>,
    /// Focusing power: `focal`, `one-vs-rest-focal`, `dice-focal` 0 or more, by default 2;
    /// `focal-tversky` above 0, by default 0.75; `unified-focal`, `symmetric-unified-focal` and
    /// `asymmetric-unified-focal` (0, 1], by default 0.5; `exponential-log` above 0, by default 0.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// `tversky`, `focal-tversky`: what a false positive costs, 0 or more, by default 0.5 and 0.3;
    /// `one-vs-rest-focal`: share of the positive side, [0, 1], by default not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// `tversky`, `focal-tversky`: what a false negative costs, 0 or more, by default 0.5 and 0.7.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
    /// Unified focal losses: what a false negative costs, a false positive costs the rest to 1;
    /// [0, 1], by default 0.6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// `unified-focal`: share of its pixel part; `symmetric-unified-focal` and
    /// `asymmetric-unified-focal`: share of its region part. [0, 1], by default 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
    /// `unified-focal`: whether the region part is passed through ln cosh; by default not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_cosh: Option<bool>,
    /// `top-k`, `dice-top-k`: how many percent of the pixels are kept, (0, 100], by default 10;
    /// `ohem`: how many at least, [0, 100], by default 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// `ohem`: pixels whose label has a lower probability are kept, (0, 1], by default 0.7.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Region losses: added to numerator and denominator, in pixels, 0 or more, by default 0, for
    /// `generalised-dice` 1e-5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smooth: Option<f64>,
    /// `dice`, `jaccard`, `tversky`: minus the logarithm of the index in place of one minus it; by
    /// default not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<bool>,
    /// `focal-tversky`: the power of the mean over classes in place of the mean of powers; by
    /// default not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_then_power: Option<bool>,
    /// Region losses: what becomes of a class that the batch lacks; by default it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent_class: Option<AbsentChoice>,
    /// Region losses and `lovasz`: every image measured by itself, and the mean of them; by default
    /// the batch is measured as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_image: Option<bool>,
    /// Region losses and `boundary`: leaves the first class out; by default not, for `boundary` it
    /// does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_background: Option<bool>,
    /// Compounds of two: factor of Dice (`dice-ce`, `dice-focal`, `dice-top-k`, by default 1;
    /// `exponential-log`, by default 0.8); above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dice_weight: Option<f64>,
    /// Compounds of two: factor of the other loss, by default 1, for `exponential-log` 0.2;
    /// above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixel_weight: Option<f64>,
    /// `boundary`: by how much its factor grows, and that of Dice shrinks, in each epoch, [0, 1], by
    /// default 0.01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// `huber`: size of a difference from which on it counts linearly, above 0, by default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huber_delta: Option<f64>,
}

/// What becomes of a class that the batch lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AbsentChoice {
    /// It is left out of the mean.
    LeftOut,
    /// It counts with loss 0: segmentation_models.pytorch.
    Zero,
    /// It counts as any other: nnU-Net, geodl.
    Counted,
}

/// Larger settings have no use, and losses in single precision would not stay finite.
pub(super) const LARGEST: f64 = 1e6;

/// A range of numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Range {
    /// 0 or more, up to [`LARGEST`].
    NotNegative,
    /// Above 0, up to [`LARGEST`].
    Positive,
    /// `[0, 1]`
    Share,
    /// `[0, 1)`
    ShareBelowOne,
    /// `(0, 1]`
    PositiveShare,
    /// `[0, 100]`
    Percent,
    /// `(0, 100]`
    PositivePercent,
}

impl Range {
    fn holds(self, value: f64) -> bool {
        value <= LARGEST
            && match self {
                Self::NotNegative => 0.0 <= value,
                Self::Positive => 0.0 < value,
                Self::Share => (0.0..=1.0).contains(&value),
                Self::ShareBelowOne => (0.0..1.0).contains(&value),
                Self::PositiveShare => 0.0 < value && value <= 1.0,
                Self::Percent => (0.0..=100.0).contains(&value),
                Self::PositivePercent => 0.0 < value && value <= 100.0,
            }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::NotNegative => "must lie in [0, 1000000]",
            Self::Positive => "must lie in (0, 1000000]",
            Self::Share => "must lie in [0, 1]",
            Self::ShareBelowOne => "must lie in [0, 1)",
            Self::PositiveShare => "must lie in (0, 1]",
            Self::Percent => "must lie in [0, 100]",
            Self::PositivePercent => "must lie in (0, 100]",
        }
    }
}

/// Settings that remember which of them were asked for.
pub(super) struct Settings<'a> {
    pub options: &'a LossOptions,
    place: &'a str,
    used: RefCell<Vec<&'static str>>,
}

impl<'a> Settings<'a> {
    /// Those of the table `place` of a run file.
    pub fn new(options: &'a LossOptions, place: &'a str) -> Self {
        Self { options, place, used: RefCell::default() }
    }

    /// A number in a range, or its default.
    pub fn number(
        &self,
        key: &'static str,
        value: Option<f64>,
        default: f64,
        range: Range,
    ) -> Result<f64> {
        self.used.borrow_mut().push(key);
        let value = value.unwrap_or(default);
        if range.holds(value) {
            return Ok(value);
        }
        Err(Error::config(format!("{}.{key}", self.place), value, range.rule()))
    }

    /// Notes that `key` is used, and returns its value.
    pub fn take<T: Clone>(&self, key: &'static str, value: &Option<T>) -> Option<T> {
        self.used.borrow_mut().push(key);
        value.clone()
    }

    /// A fault of `key`.
    pub fn fault(&self, key: &str, value: impl std::fmt::Display, rule: String) -> Error {
        Error::config(format!("{}.{key}", self.place), value, rule)
    }

    /// Refuses settings that nothing asked for.
    pub fn finish(&self, kind: LossKind) -> Result<()> {
        let given = serde_json::to_value(self.options).expect("plain data");
        let used = self.used.borrow();
        let unused =
            given.as_object().into_iter().flatten().find(|(key, _)| !used.contains(&key.as_str()));
        match unused {
            None => Ok(()),
            Some((key, value)) => {
                Err(self.fault(key, value, format!("has no meaning for {}", kind.name())))
            }
        }
    }
}
