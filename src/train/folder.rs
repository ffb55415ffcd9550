//! The files of a run folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// A folder that holds everything about one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

/// What the folder of a study holds, which is not to be mixed with a run's.
const STUDY: &str = "study.json";

impl RunFolder {
    /// Makes the folder.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if `path` already holds a file of a run; [`Error::Io`] if it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        Self::check_free(path)?;
        let folder = Self(path.to_owned());
        for folder in [folder.checkpoints(), folder.plots()] {
            fs::create_dir_all(&folder).map_err(Error::io("make folder", &folder))?;
        }
        Ok(folder)
    }

    /// Checks that `path` holds nothing that a run would write, so that no run goes on with what
    /// another left behind.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the first file found.
    pub fn check_free(path: &Path) -> Result<()> {
        let folder = Self(path.to_owned());
        let refuse = |file: &Path, whose: &str, wanted: &str| {
            let name = file.file_name().unwrap_or_default().display();
            Err(Error::data(path.display(), format!("{name} of {whose}"), wanted))
        };
        if let Some(file) = folder.files().iter().find(|it| it.exists()) {
            let wanted = "a new folder: choose another with --out, or give --force to replace it";
            return refuse(file, "another run", wanted);
        }
        let study = path.join(STUDY);
        if study.exists() {
            return refuse(&study, "a study", "a new folder: choose another with --out");
        }
        Ok(())
    }

    /// Removes what a run left in `path`, and nothing else, then makes the folder.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a file cannot be removed or the folder cannot be made.
    pub fn replace(path: &Path) -> Result<Self> {
        let folder = Self(path.to_owned());
        let _lock = folder.lock()?;
        for own in folder.files().into_iter().chain(folder.epoch_checkpoints()?) {
            if own.exists() {
                fs::remove_file(&own).map_err(Error::io("remove", &own))?;
            }
        }
        Self::create(path)
    }

    /// A folder that holds a run.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is no `run.toml` in it.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Self(path.to_owned());
        if !folder.run_file().is_file() {
            return Err(Error::data(path.display(), "no run.toml", "the folder of a run"));
        }
        Ok(folder)
    }

    /// Takes the folder for one training at a time, as long as the file that is returned is open.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if another training has it; [`Error::Io`] if the lock cannot be made.
    pub fn lock(&self) -> Result<fs::File> {
        let path = self.lock_file();
        fs::create_dir_all(self.checkpoints()).map_err(Error::io("make folder", &path))?;
        let mut options = fs::OpenOptions::new();
        let file = options.create(true).append(true).open(&path);
        let file = file.map_err(Error::io("create", &path))?;
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => Err(Error::data(
                self.0.display(),
                "a training that is going on there",
                "one at a time; wait for it or stop it",
            )),
            // Some file systems have no locks.
            Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(file),
        }
    }

    /// Whether a training had the folder and ended without removing it.
    pub fn is_abandoned(&self) -> bool {
        // Where a file system has no locks, nobody knows.
        fs::File::open(self.lock_file()).is_ok_and(|file| file.try_lock().is_ok())
    }

    /// The folder at `path`, whatever is in it.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn lock_file(&self) -> PathBuf {
        self.checkpoints().join(".lock")
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Run file with every default, as it was used.
    pub fn run_file(&self) -> PathBuf {
        self.0.join("run.toml")
    }

    /// The same, to tell what was changed in it.
    pub fn first_run_file(&self) -> PathBuf {
        self.checkpoints().join("run.toml")
    }

    /// What was run, on what, with what; see [`Manifest`](crate::run::Manifest).
    pub fn manifest(&self) -> PathBuf {
        self.0.join("manifest.json")
    }

    /// Statistics of the training pixels.
    pub fn statistics(&self) -> PathBuf {
        self.0.join("statistics.json")
    }

    /// What a sweep over learning rates found, if the run asks for one.
    pub fn found_lr(&self) -> PathBuf {
        self.0.join("lr_find.json")
    }

    /// A line per epoch.
    pub fn history(&self) -> PathBuf {
        self.0.join("history.csv")
    }

    /// A line per optimizer step.
    pub fn steps(&self) -> PathBuf {
        self.0.join("steps.csv")
    }

    /// Accuracy figures of the validation and test split.
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.json")
    }

    /// Confusion matrix of the test split, or of the validation split where there is no test.
    pub fn confusion(&self) -> PathBuf {
        self.0.join("confusion.csv")
    }

    /// The page to look at.
    pub fn report(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// The trained model with all that prediction needs.
    pub fn model(&self) -> PathBuf {
        self.0.join("model.swath")
    }

    /// Pictures, as SVG and PNG.
    pub fn plots(&self) -> PathBuf {
        self.0.join("plots")
    }

    /// Where to go on after a stop.
    pub fn last_checkpoint(&self) -> PathBuf {
        self.checkpoints().join("last.safetensors")
    }

    /// Where to go on if the last one is damaged.
    pub fn previous_checkpoint(&self) -> PathBuf {
        self.checkpoints().join("previous.safetensors")
    }

    /// Weights of `epoch`, the first being 1, if it is among the best that are kept.
    pub fn epoch_checkpoint(&self, epoch: u32) -> PathBuf {
        self.checkpoints().join(format!("epoch_{epoch:04}.safetensors"))
    }

    /// Weights of the best epochs that there are.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the folder cannot be read.
    pub fn epoch_checkpoints(&self) -> Result<Vec<PathBuf>> {
        let folder = self.checkpoints();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::io("list", &folder))?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let name = entry.map_err(Error::io("list", &folder))?.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("epoch_") && name.ends_with(".safetensors") {
                paths.push(folder.join(&*name));
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Weights of the best epoch.
    pub fn best_checkpoint(&self) -> PathBuf {
        self.checkpoints().join("best.safetensors")
    }

    fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }

    /// What a training leaves, apart from its checkpoints.
    pub fn trained(&self) -> [PathBuf; 5] {
        [self.model(), self.history(), self.steps(), self.statistics(), self.found_lr()]
    }

    /// Files that every run writes, apart from its pictures.
    fn files(&self) -> [PathBuf; 14] {
        [
            self.run_file(),
            self.first_run_file(),
            self.manifest(),
            self.statistics(),
            self.found_lr(),
            self.history(),
            self.steps(),
            self.metrics(),
            self.confusion(),
            self.report(),
            self.model(),
            self.last_checkpoint(),
            self.previous_checkpoint(),
            self.best_checkpoint(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_never_overwritten_unasked_and_replacing_keeps_other_files() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/run");
        let folder = RunFolder::create(&path).unwrap();
        fs::write(folder.run_file(), "").unwrap();
        fs::write(folder.last_checkpoint(), "").unwrap();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        assert!(RunFolder::create(&path).is_err());
        fs::remove_file(folder.run_file()).unwrap();
        let error = RunFolder::create(&path).unwrap_err().to_string();
        assert!(error.contains("last.safetensors of another run"), "{error}");
        let folder = RunFolder::replace(&path).unwrap();
        assert!(!folder.run_file().exists() && !folder.last_checkpoint().exists());
        assert!(path.join("notes.txt").exists());
        assert!(RunFolder::open(&path).is_err());
    }

    #[test]
    fn a_folder_has_one_training_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path()).unwrap();
        let lock = folder.lock().unwrap();
        let error = folder.lock().unwrap_err().to_string();
        assert!(error.contains("going on"), "{error}");
        assert!(RunFolder::replace(root.path()).is_err());
        drop(lock);
        folder.lock().unwrap();
    }
}
