//! Which accuracy figures of two runs differ.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    score::{Metrics, MetricsFile},
    study::Metric,
};

/// The figures that differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FiguresDifference {
    /// Each of them, split by split.
    pub figures: Vec<FigureDifference>,
    /// Largest difference of an overall figure, which are shares; 0 if only classes differ.
    pub largest_overall: f64,
    /// Pixels that lie in other cells of the confusion matrix, of all splits.
    pub n_pixels: u64,
    /// Pixels of all splits.
    pub n_pixels_of: u64,
    /// Splits that only one of the two has.
    pub splits: Vec<String>,
}

/// A figure that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureDifference {
    /// Split that it is of.
    pub split: String,
    /// Name as in a study file, such as `mean_iou` or `iou:water`.
    pub metric: Metric,
    /// Of the run.
    pub began: f64,
    /// Of the run done again.
    pub here: f64,
}

impl FiguresDifference {
    /// Compares all figures of all splits.
    pub(super) fn of(began: &MetricsFile, here: &MetricsFile) -> Self {
        let names: BTreeSet<&String> = began.splits.keys().chain(here.splits.keys()).collect();
        let mut found = Self {
            figures: Vec::new(),
            largest_overall: 0.0,
            n_pixels: 0,
            n_pixels_of: 0,
            splits: Vec::new(),
        };
        for split in names {
            match (began.splits.get(split), here.splits.get(split)) {
                (Some(began), Some(here)) => found.add(split, began, here),
                (Some(_), None) | (None, Some(_)) => found.splits.push(split.clone()),
                (None, None) => {}
            }
        }
        found
    }

    fn add(&mut self, split: &str, began: &Metrics, here: &Metrics) {
        for metric in Metric::all(began.classes.iter().map(|it| it.name.as_str())) {
            let [began, here] = [began, here].map(|it| metric.value(it));
            if began.to_bits() == here.to_bits() || began.is_nan() && here.is_nan() {
                continue;
            }
            if let Metric::Overall(_) = metric {
                self.largest_overall = self.largest_overall.max((began - here).abs());
            }
            self.figures.push(FigureDifference { split: split.to_owned(), metric, began, here });
        }
        let cells = began.confusion.iter().flatten().zip(here.confusion.iter().flatten());
        // A pixel that moved left one cell and came into another.
        self.n_pixels += cells.map(|(a, b)| a.abs_diff(*b)).sum::<u64>().div_ceil(2);
        self.n_pixels_of += began.n_pixels;
    }
}
