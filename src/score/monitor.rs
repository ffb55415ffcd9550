//! Which figure of a check decides.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether low or high is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// As for a loss.
    Lower,
    /// As for an accuracy.
    Higher,
}

impl Better {
    /// Whether `figure` is better than `best` by more than `margin`.
    pub fn exceeds(self, figure: f64, best: f64, margin: f64) -> bool {
        match self {
            Self::Higher => best + margin < figure,
            Self::Lower => figure < best - margin,
        }
    }
}

/// A figure that is known after every check on the validation split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Monitor {
    /// Mean intersection over union of the classes that occur.
    #[default]
    MeanIou,
    /// Mean F1 of the classes.
    MeanF1,
    /// Share of pixels that are right.
    OverallAccuracy,
    /// Cohen's kappa.
    Kappa,
    /// Mean loss of the validation split.
    ValidationLoss,
    /// Mean loss of the training chips of the epoch.
    TrainLoss,
}

impl Monitor {
    /// Whether a low or a high figure is better.
    pub fn better(self) -> Better {
        match self {
            Self::ValidationLoss | Self::TrainLoss => Better::Lower,
            Self::MeanIou | Self::MeanF1 | Self::OverallAccuracy | Self::Kappa => Better::Higher,
        }
    }

    /// The name that it has in a run file.
    pub fn name(self) -> &'static str {
        match self {
            Self::MeanIou => "mean-iou",
            Self::MeanF1 => "mean-f1",
            Self::OverallAccuracy => "overall-accuracy",
            Self::Kappa => "kappa",
            Self::ValidationLoss => "validation-loss",
            Self::TrainLoss => "train-loss",
        }
    }
}
