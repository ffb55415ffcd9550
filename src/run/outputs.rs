//! Hashes of what a run wrote, by which files that were changed afterwards are found.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{hash_bytes, hash_file};
use crate::error::Result;

/// A file of a run that is not as the run wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlteredFile {
    /// Its name.
    pub name: String,
    /// SHA-256 of what the run wrote.
    pub expected: String,
    /// SHA-256 of what is there; none if it is missing.
    pub found: Option<String>,
}

/// Notes the hash of each of the `files` that is there, by its name.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) if one cannot be read.
pub(super) fn note_outputs(
    outputs: &mut BTreeMap<String, String>,
    files: &[PathBuf],
) -> Result<()> {
    for path in files.iter().filter(|it| it.exists()) {
        outputs.insert(name_of(path), hash_file(path)?.1);
    }
    Ok(())
}

/// Those of the noted `outputs` that are missing or different in `files`, bytes by name.
pub fn altered_files(
    outputs: &BTreeMap<String, String>,
    files: &BTreeMap<String, Vec<u8>>,
) -> Vec<AlteredFile> {
    let altered = |(name, expected): (&String, &String)| {
        let found = files.get(name).map(|it| hash_bytes(it));
        let (name, expected) = (name.clone(), expected.clone());
        (found.as_ref() != Some(&expected)).then_some(AlteredFile { name, expected, found })
    };
    outputs.iter().filter_map(altered).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
