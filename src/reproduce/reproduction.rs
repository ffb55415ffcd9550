//! The files of a run beside those of the same run done again.

use std::{fs, io::ErrorKind, path::PathBuf};

use serde::Serialize;

use super::{FiguresDifference, Table, TableDifference, WeightsDifference};
use crate::{
    bundle::Bundle,
    error::{Error, Result},
    run::hash_bytes,
    score::MetricsFile,
    train::RunFolder,
};

/// Columns of `history.csv` and `steps.csv` that tell time, which no run can repeat.
pub const TIME_COLUMNS: [&str; 3] = ["train_seconds", "validation_seconds", "pixels_per_second"];

/// A run compared with the same run done again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reproduction {
    /// Every file that a training and its evaluation write.
    pub files: Vec<FilePair>,
}

/// A file of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FilePair {
    /// Its name.
    pub name: &'static str,
    /// SHA-256 of the run's file and of the one made again, of tables without [`TIME_COLUMNS`];
    /// none for a file that is missing.
    pub sha256: [Option<String>; 2],
    /// In what they differ; none if the hashes are the same.
    pub difference: Option<Difference>,
}

/// In what two files differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// Rows of a table.
    Table(TableDifference),
    /// Weights of a model.
    Weights(WeightsDifference),
    /// Accuracy figures.
    Figures(FiguresDifference),
    /// What a sweep over learning rates found.
    Sweep,
    /// One of them cannot be read, for this reason.
    Unreadable(String),
    /// Only the run has it (`true`), or only the run done again.
    Missing {
        /// Whether the run has it.
        in_run: bool,
    },
}

impl Reproduction {
    /// Compares model, tables and figures in the folder of a run and in that of the same run done
    /// again. A file that neither has is left out.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a file cannot be read.
    pub fn of(began: &RunFolder, here: &RunFolder) -> Result<Self> {
        type Path = fn(&RunFolder) -> PathBuf;
        let paths: [Path; 6] = [
            RunFolder::model,
            RunFolder::history,
            RunFolder::steps,
            RunFolder::metrics,
            RunFolder::confusion,
            RunFolder::found_lr,
        ];
        let names = [
            "model.swath",
            "history.csv",
            "steps.csv",
            "metrics.json",
            "confusion.csv",
            "lr_find.json",
        ];
        let pairs = names.into_iter().zip(paths).map(|(name, path)| {
            let paths = [began, here].map(path);
            FilePair::of(name, &paths)
        });
        let files = pairs.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        Ok(Self { files })
    }

    /// Names of the files that differ.
    pub fn differing(&self) -> Vec<&'static str> {
        self.files.iter().filter(|it| it.difference.is_some()).map(|it| it.name).collect()
    }
}

impl FilePair {
    fn of(name: &'static str, paths: &[PathBuf; 2]) -> Result<Option<Self>> {
        let files = match [read(&paths[0])?, read(&paths[1])?] {
            [None, None] => return Ok(None),
            [Some(began), Some(here)] => [began, here],
            [began, here] => {
                let in_run = began.is_some();
                let sha256 = [began, here].map(|it| it.map(|it| hash_bytes(&it)));
                let difference = Some(Difference::Missing { in_run });
                return Ok(Some(Self { name, sha256, difference }));
            }
        };
        let tables =
            files.each_ref().map(|it| Table::parse(&String::from_utf8_lossy(it), &TIME_COLUMNS));
        let is_table = name.ends_with(".csv");
        let sha256 = if is_table {
            tables.each_ref().map(|it| hash_bytes(it.to_text().as_bytes()))
        } else {
            files.each_ref().map(|it| hash_bytes(it))
        };
        let difference = if sha256[0] == sha256[1] {
            None
        } else if is_table {
            tables[0].difference(&tables[1]).map(Difference::Table)
        } else {
            Some(
                of_contents(name, paths, &files)
                    .unwrap_or_else(|error| Difference::Unreadable(error.to_string())),
            )
        };
        Ok(Some(Self { name, sha256: sha256.map(Some), difference }))
    }
}

/// What the bytes of a model or of figures, which differ, mean.
fn of_contents(name: &str, paths: &[PathBuf; 2], files: &[Vec<u8>; 2]) -> Result<Difference> {
    if name == "model.swath" {
        let [began, here] = [Bundle::read(&paths[0])?, Bundle::read(&paths[1])?];
        return Ok(Difference::Weights(WeightsDifference::of(&began, &here)));
    }
    if name == "lr_find.json" {
        return Ok(Difference::Sweep);
    }
    let read = |at: usize| MetricsFile::from_json(&String::from_utf8_lossy(&files[at]), &paths[at]);
    Ok(Difference::Figures(FiguresDifference::of(&read(0)?, &read(1)?)))
}

fn read(path: &std::path::Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_are_compared() {
        let site = tempfile::tempdir().unwrap();
        let folders = ["began", "here"].map(|it| RunFolder::create(&site.path().join(it)).unwrap());
        let differing = |texts: [&str; 2]| {
            for (folder, text) in folders.iter().zip(texts) {
                fs::write(folder.found_lr(), text).unwrap();
            }
            Reproduction::of(&folders[0], &folders[1]).unwrap().differing()
        };
        assert_eq!(differing(["{}", "{}"]), [""; 0]);
        assert_eq!(differing(["{}", "{ }"]), ["lr_find.json"]);
    }
}
