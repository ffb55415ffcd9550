//! `history.csv` and `steps.csv` of a run folder, as a report reads them.

use std::path::Path;

use super::{EpochRow, StepRow};
use crate::error::{Error, Result};

/// The rows of `history.csv`, found by the names of their columns; other columns are not read.
///
/// An empty cell is a value that was not measured. `path` is named in errors only.
///
/// # Errors
///
/// [`Error::Malformed`] if a column is missing or a cell is not a number.
pub fn epochs_from_csv(text: &str, path: &Path) -> Result<Vec<EpochRow>> {
    let table = Table::new(text, path)?;
    let columns = [
        "epoch",
        "step",
        "lr",
        "train_loss",
        "val_loss",
        "val_mean_iou",
        "val_overall_accuracy",
        "seconds",
        "pixels_per_s",
    ];
    table.rows(
        columns,
        |[epoch, step, lr, train_loss, val_loss, val_mean_iou, accuracy, seconds, speed]| {
            EpochRow {
                epoch: epoch as u32,
                step: step as u64,
                lr,
                train_loss,
                val_loss,
                val_mean_iou,
                val_overall_accuracy: accuracy,
                seconds,
                pixels_per_s: speed,
            }
        },
    )
}

/// The rows of `steps.csv`, as [`epochs_from_csv`]: `step`, `lr` and `loss`.
///
/// # Errors
///
/// [`Error::Malformed`] if a column is missing or a cell is not a number.
pub fn steps_from_csv(text: &str, path: &Path) -> Result<Vec<StepRow>> {
    let table = Table::new(text, path)?;
    table.rows(["step", "lr", "loss"], |[step, lr, loss]| StepRow { step: step as u64, lr, loss })
}

/// A CSV file of numbers below a line of names.
struct Table<'a> {
    path: &'a Path,
    names: Vec<&'a str>,
    lines: Vec<&'a str>,
}

impl<'a> Table<'a> {
    fn new(text: &'a str, path: &'a Path) -> Result<Self> {
        let mut lines = text.lines();
        let names =
            lines.next().ok_or_else(|| Error::malformed(path, "CSV file", "it is empty"))?;
        let lines = lines.filter(|line| !line.trim().is_empty()).collect();
        Ok(Self { path, names: names.split(',').map(str::trim).collect(), lines })
    }

    fn rows<const N: usize, T>(
        &self,
        wanted: [&str; N],
        row: impl Fn([f64; N]) -> T,
    ) -> Result<Vec<T>> {
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(wanted) {
            *place = self.names.iter().position(|it| *it == name).ok_or_else(|| {
                Error::malformed(self.path, "CSV file", format!("column `{name}` is missing"))
            })?;
        }
        let read = |(index, line): (usize, &&str)| {
            let cells: Vec<_> = line.split(',').map(str::trim).collect();
            let mut values = [f64::NAN; N];
            for (value, place) in values.iter_mut().zip(places) {
                let cell = cells.get(place).copied().unwrap_or("");
                if !cell.is_empty() {
                    *value = cell.parse().map_err(|_| {
                        let reason = format!("`{cell}` in line {} is not a number", index + 2);
                        Error::malformed(self.path, "CSV file", reason)
                    })?;
                }
            }
            Ok(row(values))
        };
        self.lines.iter().enumerate().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let text = "loss,step,more,lr\n0.5,7,x,1e-3\r\n,8,,2e-3\n\n";
        let rows = steps_from_csv(text, Path::new("steps.csv")).unwrap();
        assert_eq!(rows[0], StepRow { step: 7, lr: 1e-3, loss: 0.5 });
        assert!(rows.len() == 2 && rows[1].loss.is_nan() && rows[1].step == 8);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text| steps_from_csv(text, Path::new("steps.csv")).unwrap_err().to_string();
        assert!(error("").contains("steps.csv is not a valid CSV file: it is empty"));
        assert!(error("step,lr\n").contains("column `loss` is missing"));
        assert!(error("step,lr,loss\n1,2,3\n1,2,a\n").contains("`a` in line 3 is not a number"));
        let error = epochs_from_csv("epoch,step\n", Path::new("history.csv")).unwrap_err();
        assert!(error.to_string().contains("column `lr` is missing"));
    }
}
