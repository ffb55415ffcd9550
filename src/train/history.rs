//! What happened at each step and epoch, as rows of a table.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// One optimizer step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRow {
    /// Number of the step; the first is 1.
    pub step: u64,
    /// Epoch of this step; the first is 1.
    pub epoch: u32,
    /// Learning rate used.
    pub lr: f64,
    /// Momentum or first beta used, if the schedule sets it.
    pub momentum: Option<f64>,
    /// Mean training loss of the batch, before the step.
    pub loss: f32,
    /// Labelled pixels of the batch.
    pub n_labelled: u64,
    /// The terms of the loss before their factors, where there are several.
    pub terms: Vec<f32>,
}

/// One epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochRow {
    /// Number of the epoch; the first is 1.
    pub epoch: u32,
    /// Steps up to the end of this epoch.
    pub step: u64,
    /// Learning rate of its last step.
    pub lr: f64,
    /// Mean training loss over its pixels, each before the step that learned from it.
    pub train_loss: f64,
    /// Figures of the validation split, if it was checked.
    pub validation: Option<ValidationRow>,
    /// Those of the averaged weights, if there are any.
    pub ema: Option<ValidationRow>,
    /// Seconds that its training steps took.
    pub train_seconds: f64,
    /// Seconds that the check took.
    pub validation_seconds: f64,
    /// Training pixels per second, labelled or not.
    pub pixels_per_second: f64,
    /// Labelled pixels of each class in its chips, in the order of the classes.
    pub class_px: Vec<u64>,
    /// Share of the pool of windows that all epochs so far drew, `[0, 1]`, if there is a pool.
    pub pool_coverage: Option<f64>,
}

/// Figures of the validation split after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "[u64; 5]", into = "[u64; 5]")]
pub struct ValidationRow {
    /// Mean loss.
    pub loss: f64,
    /// Mean intersection over union of the classes that occur.
    pub mean_iou: f64,
    /// Mean F1 of the classes that occur.
    pub mean_f1: f64,
    /// Share of pixels that are right.
    pub overall_accuracy: f64,
    /// Cohen's kappa.
    pub kappa: f64,
}

impl ValidationRow {
    /// The figures, in the order of the columns.
    fn figures(self) -> [f64; 5] {
        let Self { loss, mean_iou, mean_f1, overall_accuracy, kappa } = self;
        [loss, mean_iou, mean_f1, overall_accuracy, kappa]
    }

    fn of([loss, mean_iou, mean_f1, overall_accuracy, kappa]: [f64; 5]) -> Self {
        Self { loss, mean_iou, mean_f1, overall_accuracy, kappa }
    }
}

// As bits, so that no digit and no NaN is lost on the way through text.
impl From<[u64; 5]> for ValidationRow {
    fn from(bits: [u64; 5]) -> Self {
        Self::of(bits.map(f64::from_bits))
    }
}

impl From<ValidationRow> for [u64; 5] {
    fn from(row: ValidationRow) -> Self {
        row.figures().map(f64::to_bits)
    }
}

const STEP_HEAD: &str = "step,epoch,lr,momentum,loss,labelled_pixels,terms";
const EPOCH_HEAD: &str = "epoch,step,lr,train_loss,validation_loss,validation_mean_iou,\
                          validation_mean_f1,validation_overall_accuracy,validation_kappa,\
                          ema_loss,ema_mean_iou,ema_mean_f1,ema_overall_accuracy,ema_kappa,\
                          class_px,pool_coverage,train_seconds,validation_seconds,\
                          pixels_per_second";

/// Appends rows to `steps.csv` and `history.csv`.
#[derive(Debug)]
pub struct HistoryFiles {
    steps: PathBuf,
    epochs: PathBuf,
}

impl HistoryFiles {
    /// Starts new files, or goes on with those there: rows after step `n_steps` and epoch
    /// `n_epochs`, which a stopped run wrote after its last checkpoint, are cut.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a file cannot be read or written, [`Error::Data`] if it lacks rows.
    pub fn open(steps: &Path, epochs: &Path, n_steps: u64, n_epochs: u32) -> Result<Self> {
        keep_rows(steps, STEP_HEAD, n_steps)?;
        keep_rows(epochs, EPOCH_HEAD, u64::from(n_epochs))?;
        Ok(Self { steps: steps.to_owned(), epochs: epochs.to_owned() })
    }

    /// Appends a step.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn step(&self, row: &StepRow) -> Result<()> {
        let StepRow { step, epoch, lr, momentum, loss, n_labelled, terms } = row;
        let terms: Vec<String> = terms.iter().map(f32::to_string).collect();
        let terms = terms.join(" ");
        let momentum = momentum.map(|it| it.to_string()).unwrap_or_default();
        append(&self.steps, &format!("{step},{epoch},{lr},{momentum},{loss},{n_labelled},{terms}"))
    }

    /// Appends an epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn epoch(&self, row: &EpochRow) -> Result<()> {
        let [validation, ema] = [row.validation, row.ema].map(|it| {
            let figures = it.map(|it| it.figures().map(|it| it.to_string()));
            figures.unwrap_or_default().join(",")
        });
        let EpochRow { epoch, step, lr, train_loss, .. } = row;
        let class_px: Vec<String> = row.class_px.iter().map(u64::to_string).collect();
        let line = format!(
            "{epoch},{step},{lr},{train_loss},{validation},{ema},{},{},{:.3},{:.3},{:.0}",
            class_px.join(" "),
            row.pool_coverage.map(|it| it.to_string()).unwrap_or_default(),
            row.train_seconds,
            row.validation_seconds,
            row.pixels_per_second
        );
        append(&self.epochs, &line)
    }
}

/// Reads the epochs of a `history.csv`.
///
/// # Errors
///
/// [`Error::Io`] or [`Error::Malformed`].
pub fn read_history(path: &Path) -> Result<Vec<EpochRow>> {
    read_rows(path, EPOCH_HEAD, parse_epoch)
}

/// Reads the steps of a `steps.csv`.
///
/// # Errors
///
/// [`Error::Io`] or [`Error::Malformed`].
pub fn read_steps(path: &Path) -> Result<Vec<StepRow>> {
    read_rows(path, STEP_HEAD, parse_step)
}

fn read_rows<T>(path: &Path, head: &str, parse: fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    let mut lines = text.lines();
    if lines.next() != Some(head) {
        return Err(Error::malformed(path, "history", format!("its first line is not {head}")));
    }
    lines
        .enumerate()
        .map(|(index, line)| {
            parse(line).ok_or_else(|| {
                Error::malformed(path, "history", format!("line {} is `{line}`", index + 2))
            })
        })
        .collect()
}

fn parse_step(line: &str) -> Option<StepRow> {
    let [step, epoch, lr, momentum, loss, n_labelled, terms] =
        line.split(',').collect::<Vec<_>>().try_into().ok()?;
    Some(StepRow {
        step: step.parse().ok()?,
        epoch: epoch.parse().ok()?,
        lr: lr.parse().ok()?,
        momentum: if momentum.is_empty() { None } else { Some(momentum.parse().ok()?) },
        loss: loss.parse().ok()?,
        n_labelled: n_labelled.parse().ok()?,
        terms: terms.split_whitespace().map(|it| it.parse().ok()).collect::<Option<_>>()?,
    })
}

fn parse_epoch(line: &str) -> Option<EpochRow> {
    let fields: Vec<&str> = line.split(',').collect();
    let ([epoch, step, lr, train_loss], rest) = fields.split_first_chunk()?;
    let (validation_row, rest) = rest.split_first_chunk::<5>()?;
    let (ema, rest) = rest.split_first_chunk::<5>()?;
    let [class_px, coverage, train, validation, speed] = rest.try_into().ok()?;
    Some(EpochRow {
        epoch: epoch.parse().ok()?,
        step: step.parse().ok()?,
        lr: lr.parse().ok()?,
        train_loss: train_loss.parse().ok()?,
        validation: parse_figures(validation_row)?,
        ema: parse_figures(ema)?,
        train_seconds: train.parse().ok()?,
        validation_seconds: validation.parse().ok()?,
        pixels_per_second: speed.parse().ok()?,
        class_px: class_px.split_whitespace().map(|it| it.parse().ok()).collect::<Option<_>>()?,
        pool_coverage: if coverage.is_empty() { None } else { Some(coverage.parse().ok()?) },
    })
}

/// The figures of a check; nothing where there was none.
fn parse_figures(fields: &[&str; 5]) -> Option<Option<ValidationRow>> {
    if fields.iter().all(|it| it.is_empty()) {
        return Some(None);
    }
    let mut figures = [0.0; 5];
    for (figure, field) in figures.iter_mut().zip(fields) {
        *figure = field.parse().ok()?;
    }
    Some(Some(ValidationRow::of(figures)))
}

/// Keeps the whole rows whose first field is `n` or less, under `head`. A row is whole if it has
/// all fields and its end of line: the last one has not if the program was killed while writing it.
fn keep_rows(path: &Path, head: &str, n: u64) -> Result<()> {
    let old = match fs::read_to_string(path) {
        Ok(text) if 0 < n => text,
        Ok(_) => String::new(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let n_fields = head.split(',').count();
    let is_kept = |row: &&str| {
        let number = row.split(',').next().and_then(|it| it.parse::<u64>().ok());
        row.ends_with('\n')
            && row.split(',').count() == n_fields
            && number.is_some_and(|it| it <= n)
    };
    let kept: Vec<&str> = old.split_inclusive('\n').filter(is_kept).collect();
    if kept.len() as u64 != n {
        let found = format!("{} whole rows up to number {n}", kept.len());
        return Err(Error::data(path.display(), found, "one of each, as the checkpoint says"));
    }
    let text: String = [head, "\n"].into_iter().chain(kept).collect();
    crate::raster::write_atomically(path, text.as_bytes())
}

fn append(path: &Path, line: &str) -> Result<()> {
    let file = OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .map_err(Error::io("append to", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: u32) -> EpochRow {
        EpochRow {
            epoch,
            step: u64::from(epoch) * 3,
            lr: 1e-3,
            train_loss: 0.1 + 0.2,
            validation: (epoch == 1).then_some(ValidationRow {
                loss: 0.5,
                mean_iou: f64::NAN,
                mean_f1: 0.1,
                overall_accuracy: 2.0 / 3.0,
                kappa: -0.25,
            }),
            ema: (epoch == 1).then_some(ValidationRow::of([0.1, 0.2, 0.3, 0.4, f64::NAN])),
            train_seconds: 1.5,
            validation_seconds: 0.25,
            pixels_per_second: 1000.0,
            class_px: vec![3, 0, 40],
            pool_coverage: (epoch != 1).then_some(0.625),
        }
    }

    #[test]
    fn reads_what_it_writes_and_cuts_what_came_after_the_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let (steps, epochs) = (folder.path().join("s.csv"), folder.path().join("e.csv"));
        let files = HistoryFiles::open(&steps, &epochs, 0, 0).unwrap();
        for index in 1..=3 {
            files.epoch(&epoch(index)).unwrap();
            for step in 1..=3 {
                let step = u64::from(index - 1) * 3 + step;
                let (lr, momentum) = (1e-3, Some(0.9));
                let row = StepRow {
                    step,
                    epoch: index,
                    lr,
                    momentum,
                    loss: 0.5,
                    n_labelled: 7,
                    terms: vec![0.25, 1.5],
                };
                files.step(&row).unwrap();
            }
        }
        let back = read_history(&epochs).unwrap();
        assert_eq!(format!("{back:?}"), format!("{:?}", [epoch(1), epoch(2), epoch(3)]));

        HistoryFiles::open(&steps, &epochs, 4, 1).unwrap();
        let back = read_history(&epochs).unwrap();
        assert_eq!(format!("{back:?}"), format!("{:?}", [epoch(1)])); // NaN is not equal to NaN.
        let text = fs::read_to_string(&steps).unwrap();
        assert_eq!(text.lines().count(), 5, "{text}");
        assert_eq!(text.lines().last(), Some("4,2,0.001,0.9,0.5,7,0.25 1.5"));
        let last = read_steps(&steps).unwrap().remove(3);
        assert_eq!((last.momentum, last.terms), (Some(0.9), vec![0.25, 1.5]));
    }

    /// Killed while writing the row of step 12, or of step 3 without its end of line.
    #[test]
    fn a_torn_row_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let (steps, epochs) = (folder.path().join("s.csv"), folder.path().join("e.csv"));
        let whole = format!("{STEP_HEAD}\n1,1,0.1,,0.5,7,\n2,1,0.1,,0.5,7,\n");
        for torn in ["1", "3,1,0.1", "3,1,0.1,,0.5,7", "3,1,0.1,,0.5,7,"] {
            fs::write(&steps, format!("{whole}{torn}")).unwrap();
            HistoryFiles::open(&steps, &epochs, 2, 0).unwrap();
            assert_eq!(fs::read_to_string(&steps).unwrap(), whole, "{torn}");
        }
    }

    #[test]
    fn rows_that_are_missing_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let (steps, epochs) = (folder.path().join("s.csv"), folder.path().join("e.csv"));
        fs::write(&steps, format!("{STEP_HEAD}\n1,1,0.1,,0.5,7,\n")).unwrap();
        let error = HistoryFiles::open(&steps, &epochs, 2, 0).unwrap_err().to_string();
        assert!(error.contains("s.csv: found 1 whole rows up to number 2"), "{error}");
    }

    #[test]
    fn a_line_that_is_no_epoch_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), format!("{EPOCH_HEAD}\n1,2,x\n")).unwrap();
        let error = read_history(file.path()).unwrap_err();
        assert!(error.to_string().contains("line 2 is `1,2,x`"), "{error}");
    }
}
