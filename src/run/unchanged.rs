//! A run folder whose run file and inputs are as they were when the run began.

use std::{fs, path::Path};

use super::{Manifest, RunFile, check_inputs, hash_bytes, resuming::changes};
use crate::{
    error::{Error, Result},
    train::RunFolder,
};

/// What a run folder says of its run, checked against the files that the run read.
pub struct Unchanged {
    /// The folder.
    pub folder: RunFolder,
    /// What the run does.
    pub run_file: RunFile,
    /// What it noted down.
    pub manifest: Manifest,
}

/// Reads run file and manifest in `path`, and hashes every input.
///
/// # Errors
///
/// [`Error::Data`] if there is no run, or the run file or an input has changed since it began.
pub fn open_unchanged(path: &Path) -> Result<Unchanged> {
    let folder = RunFolder::open(path)?;
    let manifest = Manifest::read(&folder.manifest())?;
    let text = fs::read(folder.run_file()).map_err(Error::io("read", &folder.run_file()))?;
    if hash_bytes(&text) != manifest.run_file_sha256 {
        let began = fs::read_to_string(folder.first_run_file()).ok();
        let began = began.filter(|it| hash_bytes(it.as_bytes()) == manifest.run_file_sha256);
        let changes = changes(began.as_deref(), &String::from_utf8_lossy(&text));
        let which = changes.map(|it| format!(" ({it})")).unwrap_or_default();
        return Err(Error::data(
            folder.run_file().display(),
            format!("changes made since the run began{which}"),
            "the run file as it was; start a new run to try other settings",
        ));
    }
    let run_file = RunFile::load(&folder.run_file(), &[])?;
    check_inputs(&manifest)?;
    Ok(Unchanged { folder, run_file, manifest })
}
