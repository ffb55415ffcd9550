//! The kinds of curves and their keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CurveKind {
    /// Up to the value of the key and down to almost 0, momentum the other way round.
    #[default]
    OneCycle,
    /// The value of the key at every step, or `factor` times it up to `length`.
    Constant,
    /// Falls at equal distances.
    Step,
    /// Falls at given times.
    MultiStep,
    /// A line between two factors.
    Linear,
    /// A fall at every step.
    Exponential,
    /// To 0 by a power.
    Polynomial,
    /// Half a cosine.
    Cosine,
    /// Half cosines, one after the other.
    WarmRestarts,
    /// Up and down.
    Cyclic,
    /// A fall when validation no longer gets better.
    Plateau,
    /// Given points, joined.
    Points,
    /// Curves one after the other.
    Sequence,
    /// Curves multiplied.
    Product,
}

/// What time is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Optimizer steps.
    Step,
    /// Epochs that are finished: a staircase.
    Epoch,
}

impl CurveKind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::OneCycle,
        Self::Constant,
        Self::Step,
        Self::MultiStep,
        Self::Linear,
        Self::Exponential,
        Self::Polynomial,
        Self::Cosine,
        Self::WarmRestarts,
        Self::Cyclic,
        Self::Plateau,
        Self::Points,
        Self::Sequence,
        Self::Product,
    ];

    /// The name that it has in a run file.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneCycle => "one-cycle",
            Self::Constant => "constant",
            Self::Step => "step",
            Self::MultiStep => "multi-step",
            Self::Linear => "linear",
            Self::Exponential => "exponential",
            Self::Polynomial => "polynomial",
            Self::Cosine => "cosine",
            Self::WarmRestarts => "warm-restarts",
            Self::Cyclic => "cyclic",
            Self::Plateau => "plateau",
            Self::Points => "points",
            Self::Sequence => "sequence",
            Self::Product => "product",
        }
    }

    /// Its keys beside `kind` and `unit`.
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Self::OneCycle => &[
                "length",
                "convention",
                "pct_start",
                "div_factor",
                "final_div_factor",
                "anneal",
                "three_phase",
                "cycle_momentum",
                "base_momentum",
                "max_momentum",
            ],
            Self::Constant => &["length", "factor"],
            Self::Step => &["step_size", "gamma"],
            Self::MultiStep => &["milestones", "gamma"],
            Self::Linear => &["length", "start_factor", "end_factor"],
            Self::Exponential => &["gamma"],
            Self::Polynomial => &["length", "power"],
            Self::Cosine => &["length", "min"],
            Self::WarmRestarts => &["first_length", "growth", "min"],
            Self::Cyclic => &[
                "min",
                "step_size_up",
                "step_size_down",
                "mode",
                "gamma",
                "cycle_momentum",
                "base_momentum",
                "max_momentum",
            ],
            Self::Plateau => &[
                "monitor",
                "factor",
                "patience",
                "threshold",
                "threshold_mode",
                "cooldown",
                "min",
                "eps",
            ],
            Self::Points => &["points", "anneal"],
            Self::Sequence | Self::Product => &["piece"],
        }
    }
}
