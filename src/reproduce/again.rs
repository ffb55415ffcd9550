//! Begins a finished run anew.

use burn::tensor::Device;

use crate::{
    error::{Error, Result},
    run::{Environment, Run, Status, Unchanged, open_dataset},
    train::RunFolder,
};

/// Begins the run of `original` again, with its run file and seed, in the folder that `make_folder`
/// makes. `started` is the present time, UTC.
///
/// # Errors
///
/// [`Error::Data`] if the run is not done, or the file of weights that it started from has changed;
/// those of [`Run::create`].
pub fn train_again(
    original: &Unchanged,
    make_folder: impl FnOnce() -> Result<RunFolder>,
    environment: Environment,
    started: String,
    device: Device,
) -> Result<Run> {
    let Unchanged { folder, run_file, manifest } = original;
    check_done(folder, manifest.status)?;
    let data = open_dataset(run_file)?;
    let weights = &manifest.weights;
    // Looked at before there is a folder, as all that a run reads.
    let make_folder = || {
        if let (Some(file), Some(began)) = (&run_file.weights.file, weights) {
            let (_, sha256) = crate::run::hash_file(file)?;
            if sha256 != began.sha256 {
                let wanted = "the bytes that the run began with";
                return Err(Error::data(file.display(), "another content", wanted));
            }
        }
        make_folder()
    };
    Run::create(run_file.clone(), data, make_folder, environment, started, device)
}

/// Refuses a run without its last figures.
///
/// # Errors
///
/// [`Error::Data`] naming its folder.
pub(crate) fn check_done(folder: &RunFolder, status: Status) -> Result<()> {
    let found = match status {
        Status::Done => return Ok(()),
        Status::Training => "a run that is training or was killed",
        Status::Interrupted => "a run that was stopped",
    };
    let wanted = "a run that is done; `swath resume` brings it to its end";
    Err(Error::data(folder.path().display(), found, wanted))
}
