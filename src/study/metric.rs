//! The figures that a study compares.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::score::{ClassMetrics, Metrics};

/// A figure of a run, by its name in `metrics.json`; of a single class as `iou:water`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Metric {
    /// Of all classes together.
    Overall(OverallFigure),
    /// Of the class of this name.
    OfClass(ClassFigure, String),
}

/// A figure of all classes together; see [`Metrics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // `Metrics` says what they are.
pub enum OverallFigure {
    OverallAccuracy,
    MeanIou,
    MacroF1Mean,
    MacroF1Harmonic,
    MacroPrecision,
    MacroRecall,
    QuantityDisagreement,
    AllocationDisagreement,
    Mice,
    Kappa,
}

/// A figure of one class; see [`ClassMetrics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // `ClassMetrics` says what they are.
pub enum ClassFigure {
    Iou,
    F1,
    Precision,
    Recall,
}

impl OverallFigure {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 10] = [
        Self::OverallAccuracy,
        Self::MeanIou,
        Self::MacroF1Mean,
        Self::MacroF1Harmonic,
        Self::MacroPrecision,
        Self::MacroRecall,
        Self::QuantityDisagreement,
        Self::AllocationDisagreement,
        Self::Mice,
        Self::Kappa,
    ];

    /// The key in `metrics.json`.
    pub fn key(self) -> &'static str {
        match self {
            Self::OverallAccuracy => "overall_accuracy",
            Self::MeanIou => "mean_iou",
            Self::MacroF1Mean => "macro_f1_mean",
            Self::MacroF1Harmonic => "macro_f1_harmonic",
            Self::MacroPrecision => "macro_precision",
            Self::MacroRecall => "macro_recall",
            Self::QuantityDisagreement => "quantity_disagreement",
            Self::AllocationDisagreement => "allocation_disagreement",
            Self::Mice => "mice",
            Self::Kappa => "kappa",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::OverallAccuracy => "overall accuracy",
            Self::MeanIou => "mean IoU",
            Self::MacroF1Mean => "macro F1 (mean of the classes' F1)",
            Self::MacroF1Harmonic => "macro F1 (harmonic)",
            Self::MacroPrecision => "macro precision",
            Self::MacroRecall => "macro recall",
            Self::QuantityDisagreement => "quantity disagreement",
            Self::AllocationDisagreement => "allocation disagreement",
            Self::Mice => "MICE",
            Self::Kappa => "kappa",
        }
    }

    fn value(self, of: &Metrics) -> f64 {
        match self {
            Self::OverallAccuracy => of.overall_accuracy,
            Self::MeanIou => of.mean_iou,
            Self::MacroF1Mean => of.macro_f1_mean,
            Self::MacroF1Harmonic => of.macro_f1_harmonic,
            Self::MacroPrecision => of.macro_precision,
            Self::MacroRecall => of.macro_recall,
            Self::QuantityDisagreement => of.quantity_disagreement,
            Self::AllocationDisagreement => of.allocation_disagreement,
            Self::Mice => of.mice,
            Self::Kappa => of.kappa,
        }
    }
}

impl ClassFigure {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Iou, Self::F1, Self::Precision, Self::Recall];

    /// The key in `metrics.json`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Iou => "iou",
            Self::F1 => "f1",
            Self::Precision => "precision",
            Self::Recall => "recall",
        }
    }

    fn value(self, of: &ClassMetrics) -> f64 {
        match self {
            Self::Iou => of.iou,
            Self::F1 => of.f1,
            Self::Precision => of.precision,
            Self::Recall => of.recall,
        }
    }
}

impl Metric {
    /// What a study shows unless told otherwise.
    pub fn defaults() -> Vec<Self> {
        use OverallFigure::{MacroF1Mean, MeanIou, OverallAccuracy};
        [OverallAccuracy, MeanIou, MacroF1Mean].map(Self::Overall).into()
    }

    /// All figures of runs with these classes: overall ones first, then class by class.
    pub fn all<'a>(classes: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let mut all: Vec<Self> = OverallFigure::ALL.map(Self::Overall).into();
        for class in classes {
            all.extend(ClassFigure::ALL.map(|it| Self::OfClass(it, class.to_owned())));
        }
        all
    }

    /// The figure; NaN where there is nothing to count, or no such class.
    pub fn value(&self, of: &Metrics) -> f64 {
        match self {
            Self::Overall(figure) => figure.value(of),
            Self::OfClass(figure, name) => {
                let class = of.classes.iter().find(|it| it.name == *name);
                class.map_or(f64::NAN, |it| figure.value(it))
            }
        }
    }

    /// The figure for readers, such as `mean IoU` or `IoU of water`.
    pub fn label(&self) -> String {
        match self {
            Self::Overall(figure) => figure.label().to_owned(),
            Self::OfClass(ClassFigure::Iou, name) => format!("IoU of {name}"),
            Self::OfClass(ClassFigure::F1, name) => format!("F1 of {name}"),
            Self::OfClass(figure, name) => format!("{} of {name}", figure.key()),
        }
    }

    /// Which way is better, for readers.
    pub fn direction(&self) -> &'static str {
        use OverallFigure::{AllocationDisagreement, QuantityDisagreement};
        match self {
            Self::Overall(QuantityDisagreement | AllocationDisagreement) => "lower is better",
            Self::Overall(_) | Self::OfClass(..) => "higher is better",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overall(figure) => f.write_str(figure.key()),
            Self::OfClass(figure, name) => write!(f, "{}:{name}", figure.key()),
        }
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.to_string()
    }
}

impl TryFrom<String> for Metric {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some((figure, class)) = text.split_once(':') {
            let figure = ClassFigure::ALL.into_iter().find(|it| it.key() == figure);
            return match figure {
                Some(figure) => Ok(Self::OfClass(figure, class.to_owned())),
                None => Err(format!(
                    "`{text}` is no figure of a class; wanted iou, f1, precision or recall, a \
                     colon and the name of the class"
                )),
            };
        }
        let figure = OverallFigure::ALL.into_iter().find(|it| it.key() == text);
        figure.map(Self::Overall).ok_or_else(|| {
            let known = OverallFigure::ALL.map(OverallFigure::key).join(", ");
            format!(
                "`{text}` is no figure; wanted one of {known}, or one of a class as `iou:water`"
            )
        })
    }
}

impl JsonSchema for Metric {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metric".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let known = OverallFigure::ALL.map(OverallFigure::key).join("|");
        schemars::json_schema!({
            "type": "string",
            "pattern": format!("^({known}|(iou|f1|precision|recall):.+)$"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Metric>) {
        let found = Metric::try_from(text.to_owned());
        assert_eq!(found.as_ref().ok(), expected.as_ref(), "{found:?}");
        if let Ok(metric) = found {
            assert_eq!(metric.to_string(), text);
        }
    }

    #[test]
    fn names_are_those_of_the_metrics_file() {
        check("mean_iou", Some(Metric::Overall(OverallFigure::MeanIou)));
        check("f1:open water", Some(Metric::OfClass(ClassFigure::F1, "open water".to_owned())));
        for text in ["mean iou", "area:water", "", "iou"] {
            check(text, None);
        }
        let figures: Vec<&str> = OverallFigure::ALL.map(OverallFigure::key).into();
        let metrics = super::super::made_up::metrics(&[vec![5, 2], vec![1, 9]]);
        let json = serde_json::to_value(&metrics).unwrap();
        for figure in figures {
            let metric = Metric::try_from(figure.to_owned()).unwrap();
            assert_eq!(json[figure].as_f64(), Some(metric.value(&metrics)), "{figure}");
        }
        for (figure, key) in ClassFigure::ALL.map(|it| (it, it.key())) {
            let metric = Metric::OfClass(figure, "class 1".to_owned());
            assert_eq!(json["classes"][1][key].as_f64(), Some(metric.value(&metrics)), "{key}");
        }
    }
}
