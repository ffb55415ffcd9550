//! A zip archive of records that are stored as they are, one after the other.
//!
//! ```text
//! [local header, name, bytes]...  [entry of the directory, name]...  end
//! ```
//!
//! Model and pictures are compressed or do not compress. There is no time in it: every record is of
//! 1980-01-01, the first day that the format knows, so the same files give the same bytes.
//!
//! Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16,
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const ENTRY: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Version 2.0: what folders in names need.
const VERSION: u16 = 20;
/// A name beyond ASCII is UTF-8 (bit 11).
const UTF_8: u16 = 1 << 11;
const STORED: u16 = 0;
const MIDNIGHT: u16 = 0;
const FIRST_DAY: u16 = 1 << 5 | 1;
/// A plain file that all may read, on Unix; without it, some programs make files of no rights.
const MADE_BY_UNIX: u16 = 3 << 8 | VERSION;
const RIGHTS: u32 = 0o100_644 << 16;

/// The archive of these files, in the order of their names, in the folder `folder` of the archive.
///
/// # Errors
///
/// [`Error::Unsupported`] if it would reach 4 GiB, or has 65,535 files or more: that needs an
/// extension of the format that is not written here.
pub fn stored_zip(folder: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
    let too_large = || Error::Unsupported {
        path: folder.into(),
        feature: "an archive of 4 GiB or 65,535 files".to_owned(),
        hint: "export into a folder".to_owned(),
    };
    let n_files = u16::try_from(files.len()).ok().filter(|it| *it < u16::MAX);
    let n_files = n_files.ok_or_else(too_large)?;
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let name = format!("{folder}/{name}");
        let start = u32::try_from(archive.len()).map_err(|_| too_large())?;
        let size = u32::try_from(bytes.len()).map_err(|_| too_large())?;
        let checksum = crc32fast::hash(bytes);
        let name_length = u16::try_from(name.len()).map_err(|_| too_large())?;
        let mut common = Vec::new();
        let flags = if name.is_ascii() { 0 } else { UTF_8 };
        for field in [VERSION, flags, STORED, MIDNIGHT, FIRST_DAY] {
            common.extend(field.to_le_bytes());
        }
        for field in [checksum, size, size] {
            common.extend(field.to_le_bytes());
        }
        common.extend(name_length.to_le_bytes());
        common.extend(0_u16.to_le_bytes()); // Extra fields.

        archive.extend(LOCAL_HEADER.to_le_bytes());
        archive.extend(&common);
        archive.extend(name.as_bytes());
        archive.extend(bytes);

        directory.extend(ENTRY.to_le_bytes());
        directory.extend(MADE_BY_UNIX.to_le_bytes());
        directory.extend(&common);
        directory.extend([0; 6]); // Comment, number of the disk, kind of text.
        directory.extend(RIGHTS.to_le_bytes());
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = u32::try_from(archive.len()).map_err(|_| too_large())?;
    let size = u32::try_from(directory.len()).map_err(|_| too_large())?;
    archive.extend(directory);
    archive.extend(END.to_le_bytes());
    archive.extend([0; 4]); // Numbers of disks.
    archive.extend([n_files; 2].map(u16::to_le_bytes).as_flattened());
    archive.extend(size.to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend(0_u16.to_le_bytes()); // Comment.
    u32::try_from(archive.len()).map_err(|_| too_large())?;
    Ok(archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The archive that Python's zipfile makes of the same records, with the same rights and day.
    #[test]
    fn the_bytes_are_those_of_another_program() {
        let files =
            BTreeMap::from([("a.txt".to_owned(), b"abc".to_vec()), ("b/ä".to_owned(), Vec::new())]);
        let hash = crate::run::hash_bytes(&stored_zip("x", &files).unwrap());
        assert_eq!(hash, "f658db6d9ebfe5f507e140e68f8ef9aa435733b5c7385152f22a595a07b08fa3");
    }
}
