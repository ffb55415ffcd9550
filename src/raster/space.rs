//! Free space for what is about to be written.

use std::path::Path;

use super::atomic::folder_of;
use crate::error::{Error, Result};

/// # Errors
///
/// [`Error::Data`] if the folder of `path` has fewer than `needed` bytes left. A file system that
/// cannot tell is taken to have enough.
pub(super) fn check_space(path: &Path, needed: u64) -> Result<()> {
    let Ok(free) = fs4::available_space(folder_of(path)) else { return Ok(()) };
    enough_space(path, needed, free)
}

fn enough_space(path: &Path, needed: u64, free: u64) -> Result<()> {
    if needed <= free {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let what = format!("free space to write {}", path.display());
    let found = format!("{} MiB", free >> 20);
    Err(Error::data(what, found, format!("{} MiB in {}", mib(needed), folder_of(path).display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_space_is_refused_with_both_sizes() {
        let path = Path::new("maps/map.tif");
        assert!(enough_space(path, 5 << 20, 5 << 20).is_ok());
        let message = enough_space(path, (5 << 20) + 1, 5 << 20).unwrap_err().to_string();
        assert!(message.contains("found 5 MiB") && message.contains("6 MiB in maps"), "{message}");
        assert!(check_space(path, 1).is_ok());
        assert!(check_space(Path::new("map.tif"), u64::MAX).is_err());
    }
}
