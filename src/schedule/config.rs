//! Curves as a run file describes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Anneal, Convention, CurveKind, CycleShape, ThresholdMode, Unit};
use crate::{
    error::{Error, Result},
    score::Monitor,
};

/// A curve over the run: its `kind`, and the keys of that kind. A key of another kind is refused.
///
/// Lengths and times are counted in `unit`. `min` is in units of the key that is scheduled; of
/// dropout and augmentation, a factor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CurveConfig {
    /// Which curve.
    pub kind: CurveKind,
    /// What times are counted in: by default `epoch` for `step`, `multi-step` and `exponential`,
    /// else `step`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// When it ends, for the curves that end, and in a sequence for all; by default with the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<f64>,
    /// `constant`: value up to `length`, as factor; `plateau`: factor of each fall. By default 1
    /// and 0.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// `step`: time between two falls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_size: Option<f64>,
    /// `multi-step`: times of the falls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milestones: Option<Vec<f64>>,
    /// `step`, `multi-step`: factor of each fall, by default 0.1; `exponential`: factor of each unit;
    /// `cyclic` with `exp-range`: factor of the height at each unit, by default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// `linear`: first factor, by default 1/3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_factor: Option<f64>,
    /// `linear`: last factor, by default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_factor: Option<f64>,
    /// `polynomial`: exponent, by default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
    /// `cosine`, `warm-restarts`, `plateau`: lowest value, by default 0; `cyclic`: value at both ends
    /// of a cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// `warm-restarts`: length of the first cosine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_length: Option<f64>,
    /// `warm-restarts`: how much longer each is than the one before, by default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
    /// `cyclic`: time from the begin of a cycle to its top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_size_up: Option<f64>,
    /// `cyclic`: time from the top to the end, by default `step_size_up`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_size_down: Option<f64>,
    /// `cyclic`: how the height changes, by default `triangular`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<CycleShape>,
    /// `one-cycle`: whose; its other keys have the defaults of that library. By default `pytorch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub convention: Option<Convention>,
    /// `one-cycle`: share of the steps in which the rate rises, `[0, 1]`; by default 0.3, fastai's is
    /// 0.25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pct_start: Option<f64>,
    /// `one-cycle`: first rate = highest rate / `div_factor`; by default 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub div_factor: Option<f64>,
    /// `one-cycle`: last rate = first rate / `final_div_factor`, by default 10000; of fastai's the
    /// highest rate / `final_div_factor`, by default 100000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_div_factor: Option<f64>,
    /// `one-cycle`, `points`: curve between the corners; by default `cos` and `linear`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anneal: Option<Anneal>,
    /// `one-cycle`: fall as steeply as it rose, then decay in a third phase; by default no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub three_phase: Option<bool>,
    /// `one-cycle`, `cyclic`, of the learning rate: whether momentum (the first beta) runs the other
    /// way; by default yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycle_momentum: Option<bool>,
    /// `one-cycle`, `cyclic`: lowest momentum, `[0, 1)`; by default 0.85 and 0.8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_momentum: Option<f64>,
    /// `one-cycle`, `cyclic`: highest momentum, `[0, 1)`; by default 0.95 and 0.9.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_momentum: Option<f64>,
    /// `plateau`: the figure that should get better; by default `validation-loss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor: Option<Monitor>,
    /// `plateau`: checks without improvement that are borne, 1 or more; by default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u32>,
    /// `plateau`: least improvement that counts, by default 0.0001.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// `plateau`: how it is measured, by default `rel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_mode: Option<ThresholdMode>,
    /// `plateau`: checks after a fall that do not count, by default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<u32>,
    /// `plateau`: smaller changes are not made, by default 1e-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,
    /// `points`: `[time, factor]` pairs that are joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<[f64; 2]>>,
    /// `sequence`: one after the other, each but the last with its `length`; `product`: all
    /// multiplied. `[[schedule.piece]]`.
    #[serde(rename = "piece", skip_serializing_if = "Option::is_none")]
    pub pieces: Option<Vec<Self>>,
}

impl CurveConfig {
    /// A curve of `kind` with its defaults.
    pub fn of(kind: CurveKind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// The unit, or the default of the kind.
    pub fn unit(&self) -> Unit {
        self.unit.unwrap_or(match self.kind {
            CurveKind::Step | CurveKind::MultiStep | CurveKind::Exponential => Unit::Epoch,
            // Those of a sequence may differ; they share its unit.
            _ => Unit::Step,
        })
    }

    /// The same with every default that is a number or a choice written down.
    pub fn with_defaults(&self) -> Self {
        let is_fastai = self.convention == Some(Convention::Fastai);
        let defaults = match self.kind {
            CurveKind::OneCycle => Self {
                convention: Some(Convention::default()),
                pct_start: Some(if is_fastai { 0.25 } else { 0.3 }),
                div_factor: Some(25.0),
                final_div_factor: Some(if is_fastai { 1e5 } else { 1e4 }),
                anneal: Some(Anneal::Cos),
                three_phase: Some(false),
                cycle_momentum: Some(true),
                base_momentum: Some(0.85),
                max_momentum: Some(0.95),
                ..Self::default()
            },
            CurveKind::Constant => Self { factor: Some(1.0), ..Self::default() },
            CurveKind::Step | CurveKind::MultiStep => Self { gamma: Some(0.1), ..Self::default() },
            CurveKind::Linear => {
                Self { start_factor: Some(1.0 / 3.0), end_factor: Some(1.0), ..Self::default() }
            }
            CurveKind::Polynomial => Self { power: Some(1.0), ..Self::default() },
            CurveKind::Cosine => Self { min: Some(0.0), ..Self::default() },
            CurveKind::WarmRestarts => {
                Self { growth: Some(1.0), min: Some(0.0), ..Self::default() }
            }
            CurveKind::Cyclic => Self {
                mode: Some(CycleShape::default()),
                gamma: Some(1.0),
                cycle_momentum: Some(true),
                base_momentum: Some(0.8),
                max_momentum: Some(0.9),
                ..Self::default()
            },
            CurveKind::Plateau => Self {
                monitor: Some(Monitor::ValidationLoss),
                factor: Some(0.1),
                patience: Some(10),
                threshold: Some(1e-4),
                threshold_mode: Some(ThresholdMode::Rel),
                cooldown: Some(0),
                min: Some(0.0),
                eps: Some(1e-8),
                ..Self::default()
            },
            CurveKind::Points => Self { anneal: Some(Anneal::Linear), ..Self::default() },
            CurveKind::Exponential | CurveKind::Sequence | CurveKind::Product => Self::default(),
        };
        let mut all = object(&Self { unit: Some(self.unit()), ..defaults });
        all.extend(object(self));
        serde_json::from_value(Value::Object(all)).expect("the fields are those of a curve")
    }

    /// Refuses a key of another kind, and numbers that are not finite. `place` is the name of the
    /// table.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub(super) fn check_keys(&self, place: &str, is_piece: bool) -> Result<()> {
        let own = self.kind.keys();
        for (key, value) in object(self) {
            let key_name = format!("{place}.{key}");
            let is_known = ["kind", "unit"].contains(&key.as_str())
                || own.contains(&key.as_str())
                || is_piece && key == "length";
            if !is_known {
                let rule = format!("is no key of kind = \"{}\"", self.kind.name());
                return Err(Error::config(key_name, value, rule));
            }
            // What is not finite has no form in JSON.
            if has_null(&value) {
                return Err(Error::config(key_name, "nan or inf", "must be finite"));
            }
        }
        Ok(())
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_null),
        other => other.is_null(),
    }
}

fn object(config: &CurveConfig) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(object)) => object,
        other => unreachable!("a curve is a table of plain data: {other:?}"),
    }
}
