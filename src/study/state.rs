//! How far a run of a study is.

use super::{PlannedRun, difference::first_difference};
use crate::{
    error::{Error, Result},
    run::{Manifest, RunFile, Status},
    train::{RunFolder, read_history},
};

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Nothing of it is there that could be gone on with.
    ToDo,
    /// It began, and this many epochs are done.
    ToResume {
        /// Epochs done.
        n_epochs: u32,
    },
    /// Its figures are there.
    Done,
}

impl PlannedRun {
    /// How far the run in its folder is.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if the run there has other settings than those planned, and those of
    /// reading its files.
    pub fn state(&self) -> Result<RunState> {
        // The run file is the last of the files that a run begins with.
        let Ok(folder) = RunFolder::open(&self.folder) else { return Ok(RunState::ToDo) };
        let found = RunFile::load(&folder.run_file(), &[])?;
        // Words about the data may be added at any time: no result depends on them.
        let planned = RunFile { about: found.about.clone(), ..self.run_file.clone() };
        if let Some([key, found, wanted]) = first_difference(&found, &planned) {
            return Err(Error::data(
                folder.run_file().display(),
                format!("`{key}` = {found}"),
                format!(
                    "{wanted}, as study and base now say; give the study a new folder with --out, \
                     or remove {}",
                    self.folder.display()
                ),
            ));
        }
        let manifest = Manifest::read(&folder.manifest())?;
        if manifest.status == Status::Done && folder.metrics().is_file() {
            return Ok(RunState::Done);
        }
        // Only for an estimate: a killed run may have left half a row.
        let n_epochs = read_history(&folder.history()).map_or(0, |rows| rows.len() as u32);
        Ok(RunState::ToResume { n_epochs })
    }

    /// Part of the training that is left, in `[0, 1]`.
    ///
    /// # Errors
    ///
    /// As [`Self::state`].
    pub fn share_left(&self) -> Result<f64> {
        Ok(match self.state()? {
            RunState::ToDo => 1.0,
            RunState::ToResume { n_epochs } => {
                1.0 - (f64::from(n_epochs) / f64::from(self.run_file.train.epochs)).min(1.0)
            }
            RunState::Done => 0.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::made_up::{do_run, plan};

    #[test]
    fn a_run_is_to_do_then_begun_then_done() {
        let (_site, plan) = plan("set = ['train.epochs=4']\n");
        let run = &plan.runs[0];
        assert_eq!((run.state().unwrap(), run.share_left().unwrap()), (RunState::ToDo, 1.0));
        do_run(run, &[vec![5, 2], vec![1, 9]], Status::Training);
        assert_eq!(run.state().unwrap(), RunState::ToResume { n_epochs: 1 });
        assert_eq!(run.share_left().unwrap(), 0.75);
        do_run(run, &[vec![5, 2], vec![1, 9]], Status::Done);
        assert_eq!((run.state().unwrap(), run.share_left().unwrap()), (RunState::Done, 0.0));
    }

    #[test]
    fn a_run_with_other_settings_is_refused_with_the_key() {
        let (_site, plan) = plan("set = ['train.epochs=4']\n");
        let mut run = plan.runs[0].clone();
        do_run(&run, &[vec![5, 2], vec![1, 9]], Status::Done);
        run.run_file.train.epochs = 5;
        let error = run.state().unwrap_err().to_string();
        assert!(error.contains("`train.epochs` = 4, wanted 5, as study and base"), "{error}");
    }

    #[test]
    fn words_about_the_data_may_be_added_to_the_base() {
        let (_site, plan) = plan("");
        let mut run = plan.runs[0].clone();
        do_run(&run, &[vec![5, 2], vec![1, 9]], Status::Done);
        run.run_file.about.study_area = Some("here".to_owned());
        assert_eq!(run.state().unwrap(), RunState::Done);
    }
}
