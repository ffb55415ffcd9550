//! Writes an export as a folder or as an archive.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Write,
    path::Path,
};

use tempfile::{Builder, TempDir};

use super::{
    Package,
    package::{CARD, SUMS},
    stored_zip,
};
use crate::{
    error::{Error, Result},
    raster::write_atomically,
};

/// Checks that an export may be written to `path`.
///
/// # Errors
///
/// [`Error::Data`] if something is there that is not to be replaced; even then a folder is replaced
/// only if it is empty or holds an export and nothing else.
pub fn check_target(path: &Path, replace: bool) -> Result<()> {
    let refuse = |found: &str, wanted: &str| Err(Error::data(path.display(), found, wanted));
    if !path.exists() {
        return Ok(());
    }
    let is_zip = is_zip(path);
    if !is_zip && is_empty_folder(path) {
        return Ok(());
    }
    if !replace {
        let found = if path.is_dir() { "a folder" } else { "a file" };
        return refuse(found, "a new name: choose another with --out, or give --force");
    }
    match (path.is_dir(), is_zip) {
        (true, false) => match foreign_file(path)? {
            None => Ok(()),
            Some(name) => refuse(
                &format!("a folder with other files: {name}"),
                "an older export as it was written, or an empty folder",
            ),
        },
        (true, true) => refuse("a folder", "an archive"),
        (false, false) => refuse("a file", "a folder, or a name that ends with .zip"),
        (false, true) => Ok(()),
    }
}

/// Whether an export to `path` is an archive, as the ending says; else it is a folder.
pub fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|it| it.eq_ignore_ascii_case("zip"))
}

fn is_empty_folder(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut it| it.next().is_none())
}

/// A file below `folder` that no export has put there; all are foreign if it holds no export.
fn foreign_file(folder: &Path) -> Result<Option<String>> {
    let sums = fs::read_to_string(folder.join(SUMS)).unwrap_or_default();
    let mut listed: HashSet<&str> =
        sums.lines().filter_map(|it| it.split_once("  ")).map(|(_, name)| name).collect();
    if listed.contains(CARD) {
        listed.insert(SUMS);
    } else {
        listed.clear();
    }
    let mut below = vec![folder.to_owned()];
    while let Some(next) = below.pop() {
        for entry in fs::read_dir(&next).map_err(Error::io("read the folder", &next))? {
            let path = entry.map_err(Error::io("read the folder", &next))?.path();
            let name = path.strip_prefix(folder).unwrap_or(&path);
            if path.is_dir() && !path.is_symlink() {
                below.push(path);
            } else if !name
                .to_str()
                .is_some_and(|it| listed.contains(it.replace('\\', "/").as_str()))
            {
                return Ok(Some(name.display().to_string()));
            }
        }
    }
    Ok(None)
}

/// Writes the archive `path`, replacing an older one at once.
///
/// # Errors
///
/// [`Error::Io`] if it cannot be written; those of [`stored_zip`].
pub fn write_zip(package: &Package, path: &Path) -> Result<()> {
    write_atomically(path, &stored_zip(&package.name, &package.files)?)
}

/// Writes the folder `path` under a temporary name beside it and moves it into place, replacing an
/// older export.
///
/// # Errors
///
/// [`Error::Io`] if a file cannot be written.
pub fn write_folder(package: &Package, path: &Path) -> Result<()> {
    let parent = path.parent().filter(|it| *it != Path::new("")).unwrap_or(Path::new("."));
    let folder = temporary_in(parent)?;
    for (name, bytes) in &package.files {
        let file = folder.path().join(name);
        let below = file.parent().unwrap_or(parent);
        fs::create_dir_all(below).map_err(Error::io("make folder", below))?;
        let written = File::create(&file).and_then(|mut it| {
            it.write_all(bytes)?;
            it.sync_all()
        });
        written.map_err(Error::io("write", &file))?;
    }
    // The older one is moved away, not removed, before the new one is in its place.
    let old = temporary_in(parent)?;
    if path.exists() {
        fs::rename(path, old.path().join("old")).map_err(Error::io("replace", path))?;
    }
    fs::rename(folder.path(), path).map_err(Error::io("write", path))?;
    let _ = folder.keep(); // It has another name now.
    Ok(())
}

fn temporary_in(parent: &Path) -> Result<TempDir> {
    let mut builder = Builder::new();
    builder.prefix(".swath-export-");
    readable_by_others(&mut builder);
    builder.tempdir_in(parent).map_err(Error::io("make a folder in", parent))
}

/// Temporary folders are private by default; this one becomes a result, as the umask allows.
#[cfg(unix)]
fn readable_by_others(builder: &mut Builder) {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};
    builder.permissions(Permissions::from_mode(0o777));
}

#[cfg(not(unix))]
fn readable_by_others(_builder: &mut Builder) {}
