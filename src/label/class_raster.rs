//! A label raster, read as class indices.

use std::path::Path;

use super::{Classes, IGNORE, codes};
use crate::{
    error::{Error, Result},
    raster::{GeoTiff, Grid, Window},
};

/// Number of codes that have a place in the table: those a class can have.
const N_CODES: usize = 1 << 16;
/// Stands in the table for codes that are neither a class nor ignored.
const UNKNOWN: u16 = u16::MAX;

/// A raster whose codes stand for classes.
///
/// Codes are mapped to class indices; codes to ignore and the file's missing pixels become
/// [`IGNORE`]. Any number of threads may read at once.
pub struct ClassRaster {
    file: GeoTiff,
    /// Class index of each code from 0, or [`UNKNOWN`].
    table: Vec<u16>,
    ignore: Vec<i64>,
}

impl ClassRaster {
    /// Opens a raster of one band. Class codes win over the file's nodata value: a class may have
    /// the code that the file calls missing.
    ///
    /// # Errors
    ///
    /// As [`Raster::open`](crate::raster::Raster::open); [`Error::Data`] if the file has several
    /// bands. Codes are checked by [`Self::check_codes`].
    pub fn open(path: &Path, classes: &Classes, ignore: &[i64]) -> Result<Self> {
        Self::open_within(path, classes, ignore, codes::MAX_BLOCK_MIB)
    }

    /// As [`Self::open`], but refuses blocks of more than `max_block_mib` MiB.
    ///
    /// # Errors
    ///
    /// Those of [`Self::open`].
    pub fn open_within(
        path: &Path,
        classes: &Classes,
        ignore: &[i64],
        max_block_mib: u32,
    ) -> Result<Self> {
        let file = codes::open(path, max_block_mib)?;
        let mut ignore = ignore.to_vec();
        ignore.extend(codes::nodata_code(&file));
        let mut table = vec![UNKNOWN; N_CODES];
        for code in &ignore {
            if let Some(index) = usize::try_from(*code).ok().and_then(|code| table.get_mut(code)) {
                *index = u16::from(IGNORE);
            }
        }
        for (index, class) in classes.iter().enumerate() {
            table[usize::from(class.code)] = index as u16;
        }
        Ok(Self { file, table, ignore })
    }

    /// Size, position and coordinate reference system.
    pub fn grid(&self) -> &Grid {
        self.file.grid()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// What a user should know about how the file was understood, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        self.file.remarks(codes::CACHE_BYTES)
    }

    /// Class indices of a window, row by row; [`IGNORE`] where there is no label.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if the window reaches beyond the raster, or holds a code that is neither a
    /// class nor ignored; [`Error::Io`] or [`Error::Malformed`] if a block cannot be read.
    pub fn read(&self, window: Window) -> Result<Vec<u8>> {
        let codes = codes::codes(&self.file, window)?;
        let indices = codes.into_iter().map(|code| self.index_of(code));
        indices.map(|index| index.map_err(|code| self.unknown(&format!("code {code}")))).collect()
    }

    /// Reads the whole file once, in parts, and looks for codes that are neither a class nor
    /// ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] that lists all such codes with their number of pixels.
    pub fn check_codes(&self) -> Result<()> {
        let counts = codes::counted(&self.file)?;
        let unknown: Vec<String> = counts
            .into_iter()
            .filter(|(code, _)| self.index_of(*code).is_err())
            .map(|(code, n_pixels)| format!("{code} ({n_pixels} px)"))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        const MAX_LISTED: usize = 50;
        let more = unknown.len().saturating_sub(MAX_LISTED);
        let mut list = unknown[..unknown.len() - more].join(", ");
        if 0 < more {
            list.push_str(&format!(" and {more} more"));
        }
        Err(self.unknown(&format!("codes {list}")))
    }

    /// Class index of a code, or the code if it is unknown.
    fn index_of(&self, code: i64) -> Result<u8, i64> {
        let known = usize::try_from(code).ok().and_then(|code| self.table.get(code));
        match known {
            Some(&UNKNOWN) | None if code == codes::MISSING || self.ignore.contains(&code) => {
                Ok(IGNORE)
            }
            Some(&UNKNOWN) | None => Err(code),
            Some(&index) => Ok(index as u8),
        }
    }

    fn unknown(&self, found: &str) -> Error {
        let what = format!("label raster {}", self.path().display());
        Error::data(what, found, "codes of `data.class`, or listed in `data.ignore`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        label::{Class, Color},
        raster::fixture::Fixture,
    };

    fn classes(codes: &[u16]) -> Classes {
        let class = |&code| Class { code, name: code.to_string(), color: Color([0; 3]) };
        Classes::new(codes.iter().map(class).collect()).unwrap()
    }

    #[track_caller]
    fn check(fixture: &Fixture, codes: &[i32], ignore: &[i64], want: Result<&[u8], &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.tif");
        fixture.write(&path, codes);
        let raster = ClassRaster::open(&path, &classes(&[70, 3]), ignore).unwrap();
        let window = raster.grid().full_window();
        match want {
            Ok(want) => {
                raster.check_codes().unwrap();
                assert_eq!(raster.read(window).unwrap(), want);
            }
            Err(want) => {
                assert!(raster.read(window).is_err());
                let message = raster.check_codes().unwrap_err().to_string();
                assert!(message.contains(want), "{message}");
            }
        }
    }

    #[test]
    fn codes_become_class_indices() {
        check(&Fixture::new(2, 2), &[70, 3, 3, 70], &[], Ok(&[0, 1, 1, 0]));
    }

    #[test]
    fn ignored_codes_and_nodata_have_no_label() {
        let fixture = Fixture::new(2, 2).nodata("-9999");
        check(
            &fixture,
            &[70, -1, -9999, 100_000],
            &[-1, 100_000],
            Ok(&[0, IGNORE, IGNORE, IGNORE]),
        );
        check(&Fixture::new(1, 2).nodata("3"), &[70, 3], &[], Ok(&[0, 1]));
    }

    #[test]
    fn unknown_codes_are_listed_with_their_pixels() {
        check(
            &Fixture::new(2, 3),
            &[70, 4, 4, -1, 65_536, 3],
            &[],
            Err("codes -1 (1 px), 4 (2 px), 65536 (1 px)"),
        );
    }

    #[test]
    fn a_window_beyond_the_raster_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.tif");
        Fixture::new(2, 2).write(&path, &[3_u8; 4]);
        let raster = ClassRaster::open(&path, &classes(&[3]), &[]).unwrap();
        for window in [Window::square(1, 0, 2), Window::square(u32::MAX, 0, 2)] {
            assert!(raster.read(window).is_err());
        }
        assert_eq!(raster.read(Window { row: 1, col: 0, rows: 1, cols: 2 }).unwrap(), [0, 0]);
    }
}
