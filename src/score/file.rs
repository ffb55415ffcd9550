//! `metrics.json`: the figures of a run, for other programs.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::Metrics;
use crate::error::{Error, Result};

/// Version of the layout that this code reads and writes.
const VERSION: u32 = 1;

/// What `metrics.json` holds: the figures of each split.
///
/// ```text
/// {
///   "version": 1,
///   "splits": {
///     "test": {
///       "overall_accuracy": 0.83, "majority_rate": 0.57, "mean_iou": 0.67,
///       "macro_f1_mean": 0.79, "macro_f1_harmonic": 0.80,
///       "macro_precision": 0.78, "macro_recall": 0.81,
///       "quantity_disagreement": 0.03, "allocation_disagreement": 0.14,
///       "mice": 0.71, "kappa": 0.71,
///       "n_pixels": 100, "n_unmapped": 0,
///       "absent_classes": [], "never_mapped_classes": [],
///       "classes": [
///         { "name": "water", "code": 3, "iou": 0.82, "precision": 0.93, "recall": 0.88,
///           "f1": 0.90, "support": 57, "mapped": 54, "area": 43861.5 }
///       ],
///       "confusion": [[50, 3, 1], [5, 20, 2], [2, 4, 13]]
///     }
///   }
/// }
/// ```
///
/// The fields are those of [`Metrics`] and [`ClassMetrics`](super::ClassMetrics). Shares lie in
/// `[0, 1]`; `null` is a figure with nothing to count (0/0). The version rises when a field is
/// renamed, removed or changes its meaning; new fields do not raise it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsFile {
    version: u32,
    /// Figures by the name of the split: `validation`, `test`, or `map` for an existing map.
    pub splits: BTreeMap<String, Metrics>,
}

impl MetricsFile {
    /// The file of these splits, in the present version.
    pub fn new(splits: BTreeMap<String, Metrics>) -> Self {
        Self { version: VERSION, splits }
    }

    /// The text of the file, with a line break at its end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("numbers, texts and lists");
        text.push('\n');
        text
    }

    /// Reads the text of the file at `path`, which is named in errors only.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is not such a file; [`Error::Unsupported`] if it is of another
    /// version.
    pub fn from_json(text: &str, path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let malformed = |error: serde_json::Error| Error::malformed(path, "metrics file", error);
        let Head { version } = serde_json::from_str(text).map_err(malformed)?;
        if version != VERSION {
            return Err(Error::Unsupported {
                path: path.to_owned(),
                feature: format!("version {version} of the metrics file"),
                hint: format!("wanted version {VERSION}; evaluate the run again"),
            });
        }
        let file: Self = serde_json::from_str(text).map_err(malformed)?;
        for (name, metrics) in &file.splits {
            let n_classes = metrics.classes.len();
            let is_square = metrics.confusion.len() == n_classes
                && metrics.confusion.iter().all(|row| row.len() == n_classes);
            if !is_square || n_classes == 0 {
                let reason = format!(
                    "`confusion` of `{name}` does not have {n_classes} x {n_classes} counts"
                );
                return Err(Error::malformed(path, "metrics file", reason));
            }
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        label::{Class, Classes, Color},
        score::Confusion,
    };

    fn file() -> MetricsFile {
        let class = |code, name: &str| Class { code, name: name.into(), color: Color([0; 3]) };
        let classes = Classes::new(vec![class(3, "water"), class(7, "\"dry\" land")]).unwrap();
        let confusion = Confusion::from_rows(&[vec![5, 2], vec![0, 0]]).unwrap();
        let metrics = Metrics::new(&confusion, &classes, 2.5);
        MetricsFile::new(BTreeMap::from([("test".to_owned(), metrics)]))
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = file().to_json();
        let back = MetricsFile::from_json(&text, Path::new("metrics.json")).unwrap();
        assert_eq!(back.to_json(), text);
        assert!(back.splits["test"].classes[1].precision.is_nan());
        assert_eq!(back.splits["test"].confusion, [[5, 2], [0, 0]]);
    }

    #[test]
    fn the_keys_are_those_of_the_documentation() {
        let value: serde_json::Value = serde_json::from_str(&file().to_json()).unwrap();
        assert_eq!(value["version"], 1);
        let test = &value["splits"]["test"];
        assert_eq!(test["overall_accuracy"], 5.0 / 7.0);
        assert_eq!(test["classes"][0]["name"], "water");
        assert!(test["classes"][1]["precision"].is_null());
        for key in ["mean_iou", "macro_f1_mean", "kappa", "confusion"] {
            assert!(!test[key].is_null(), "{key}");
        }
    }

    #[test]
    fn another_version_and_another_file_are_refused() {
        let path = Path::new("metrics.json");
        let text = file().to_json().replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(MetricsFile::from_json(&text, path), Err(Error::Unsupported { .. })));
        let cut = file().to_json().replace("          5,\n", "");
        for text in ["[]", &cut] {
            let error = MetricsFile::from_json(text, path).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{error}");
        }
    }
}
