//! Files that are whole or not there.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

use crate::error::{Error, Result};

/// How temporary names end.
const SUFFIX: &str = ".part";

/// Writes a file under a temporary name in the same folder, then moves it into place.
///
/// A reader sees the old file or the whole new one; a killed program leaves the old one.
///
/// # Errors
///
/// [`Error::Io`] if the folder is missing, cannot be written, or is full; the old file is kept.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically_with(path, |file| file.write_all(bytes), || Ok(()))
}

/// The same with what `write` writes, which need not be in memory at once. Then, with all bytes on disk,
/// `make_room` may move what lies at `path`.
///
/// # Errors
///
/// As [`write_atomically`].
pub fn write_atomically_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    make_room: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let mut file = temporary_beside(path)?;
    write(&mut file).map_err(|it| Error::io("write", path)(plain(it)))?;
    sync(&file, path)?;
    make_room()?;
    rename(file, path)
}

/// Writes several texts, of which none appears under its name before all of them are on disk.
///
/// # Errors
///
/// As [`write_atomically`].
pub fn write_together(files: &[(PathBuf, String)]) -> Result<()> {
    let mut written = Vec::with_capacity(files.len());
    for (path, text) in files {
        let mut file = temporary_beside(path)?;
        file.write_all(text.as_bytes()).map_err(Error::io("write", path))?;
        sync(&file, path)?;
        written.push((file, path));
    }
    written.into_iter().try_for_each(|(file, path)| rename(file, path))
}

/// A new file in the folder of `path`, removed when it is dropped.
///
/// It is locked as long as it is open: so those that a killed program left are known, and removed.
pub(super) fn temporary_beside(path: &Path) -> Result<NamedTempFile> {
    if path.is_dir() {
        let source = io::Error::from(io::ErrorKind::IsADirectory);
        return Err(Error::Io { action: "write", path: path.to_owned(), source });
    }
    let prefix = prefix_of(path);
    remove_files(folder_of(path), &prefix);
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    readable_by_others(&mut builder);
    let file =
        builder.tempfile_in(folder_of(path)).map_err(|it| Error::io("create", path)(plain(it)))?;
    // Some file systems have no locks; there, orphans stay.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// Removes what a killed program left of the file at `path` under temporary names. What a living one
/// holds stays, and nothing happens if something cannot be removed.
pub fn remove_orphans(path: &Path) {
    remove_files(folder_of(path), &prefix_of(path));
}

/// How the temporary names of a file begin.
fn prefix_of(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

/// Removes the temporary files whose names begin so and that no living program holds.
///
/// Whatever goes wrong here, the file to be written is not concerned.
fn remove_files(folder: &Path, prefix: &OsStr) {
    let prefix = prefix.as_encoded_bytes();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let middle = name.strip_prefix(prefix).and_then(|it| it.strip_suffix(SUFFIX.as_bytes()));
        // Random letters: `map.tif` is not to take the files of `map.tif.aux.xml`.
        if middle.is_some_and(|it| it.iter().all(u8::is_ascii_alphanumeric)) {
            let path = entry.path();
            let is_orphan = fs::File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
            if is_orphan {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// The error without the temporary name that `tempfile` adds to it: nobody knows that file.
fn plain(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((cause, _)) => io::Error::new(error.kind(), cause),
        None => error,
    }
}

/// Makes sure that the bytes are on disk, then gives the file its name.
pub(super) fn move_into_place(file: NamedTempFile, path: &Path) -> Result<()> {
    sync(&file, path)?;
    rename(file, path)
}

fn sync(file: &NamedTempFile, path: &Path) -> Result<()> {
    file.as_file().sync_all().map_err(Error::io("write", path))
}

fn rename(file: NamedTempFile, path: &Path) -> Result<()> {
    file.persist(path).map_err(|error| Error::io("write", path)(plain(error.error)))?;
    Ok(())
}

/// The folder of a file; `.` for a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Temporary files are private by default; these become results, as the umask allows.
#[cfg(unix)]
fn readable_by_others(builder: &mut Builder) {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};
    builder.permissions(Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable_by_others(_builder: &mut Builder) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_old_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn room_is_made_only_when_all_bytes_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let [path, older] = ["a", "b"].map(|it| folder.path().join(it));
        write_atomically(&path, b"old").unwrap();
        let make_room = || fs::rename(&path, &older).map_err(Error::io("move", &path));
        let fails = |_: &mut dyn Write| Err(io::Error::other("no space"));
        assert!(write_atomically_with(&path, fails, make_room).is_err());
        assert!(!older.exists());
        write_atomically_with(&path, |it| it.write_all(b"new"), make_room).unwrap();
        assert_eq!([&path, &older].map(|it| fs::read(it).unwrap()), [b"new", b"old"]);
    }

    #[test]
    fn what_a_killed_program_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.tif");
        let in_use = temporary_beside(&path).unwrap();
        let kept = [".map.tif.aux.xml.Zz9.part", ".map.tif.part", "map.tif.Zz9.part"];
        for name in kept.iter().chain(&[".map.tif.Zz9.part"]) {
            fs::write(folder.path().join(name), b"half").unwrap();
        }
        write_atomically(&path, b"whole").unwrap();
        assert!(in_use.path().exists());
        assert!(kept.iter().all(|name| folder.path().join(name).exists()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2 + kept.len());
    }

    #[test]
    fn several_files_appear_together_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = |name: &str| (path(name), name.to_owned());
        assert!(write_together(&[text("a"), text("none/b")]).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        write_together(&[text("a"), text("b")]).unwrap();
        assert_eq!(fs::read_to_string(path("b")).unwrap(), "b");
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomically(&folder.path().join("none/a.json"), b"x").unwrap_err();
        let error = error.to_string();
        assert!(error.contains("a.json: ") && !error.contains(".part"), "{error}");
        assert!(write_atomically(folder.path(), b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
