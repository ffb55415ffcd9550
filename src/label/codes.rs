//! The codes that occur in a label raster.

use std::{collections::BTreeMap, path::Path};

use crate::{
    error::{Error, Result},
    raster::{GeoTiff, Window, block_windows},
};

/// Decoded blocks kept while reading labels, in bytes.
pub(super) const CACHE_BYTES: u64 = 16 << 20;
/// Largest block of a label raster where nobody says otherwise, in MiB.
pub(super) const MAX_BLOCK_MIB: u32 = 256;
/// Pixels of a pass that are in memory at once.
const CHUNK_PIXELS: u64 = 1 << 20;
/// Stands for a pixel without a value; no code is as low.
pub(super) const MISSING: i64 = i64::MIN;
/// Rasters with more different codes do not hold classes.
const MAX_CODES: usize = 65_536;

/// Number of pixels of each code in a label raster.
///
/// Missing pixels (NaN) are left out; those that hold the file's nodata value are counted. Reads
/// the file once, in parts.
///
/// # Errors
///
/// As opening a raster; [`Error::Data`] if the file has several bands, a value that is no whole
/// number, or more than 65,536 different values.
pub fn count_codes(path: &Path) -> Result<BTreeMap<i64, u64>> {
    counted(&open(path, MAX_BLOCK_MIB)?)
}

pub(super) fn open(path: &Path, max_block_mib: u32) -> Result<GeoTiff> {
    let file = GeoTiff::open(path, CACHE_BYTES, max_block_mib)?;
    let n_bands = file.n_samples() - file.alpha().len();
    if n_bands != 1 {
        let what = format!("label raster {}", path.display());
        return Err(Error::data(what, format!("{n_bands} bands"), "1 band of class codes"));
    }
    Ok(file)
}

/// The file's nodata value, if a code can have it.
pub(super) fn nodata_code(file: &GeoTiff) -> Option<i64> {
    let nodata = file.notes(0).nodata.filter(|value| value.fract() == 0.0);
    nodata.map(|value| value as i64)
}

pub(super) fn counted(file: &GeoTiff) -> Result<BTreeMap<i64, u64>> {
    let mut counts = BTreeMap::new();
    let grid = file.grid();
    for window in block_windows([grid.rows, grid.cols], file.block_size(), CHUNK_PIXELS) {
        // Neighbours often have one code: most runs are long.
        for run in codes(file, window)?.chunk_by(|left, right| left == right) {
            if run[0] != MISSING {
                *counts.entry(run[0]).or_insert(0) += run.len() as u64;
            }
        }
        if MAX_CODES < counts.len() {
            let what = format!("label raster {}", file.path().display());
            let found = format!("more than {MAX_CODES} different values");
            return Err(Error::data(what, found, "class codes"));
        }
    }
    Ok(counts)
}

/// The codes of a window, row by row; [`MISSING`] where the file has no value.
pub(super) fn codes(file: &GeoTiff, window: Window) -> Result<Vec<i64>> {
    file.check_window(window)?;
    let mut codes = vec![MISSING; window.n_pixels()];
    let mut fraction = None;
    file.read_sample(window, 0)?.for_each(0, |pixel, value| {
        // Conversion to an integer saturates and cuts off, so only whole numbers come back.
        let code = value as i64;
        if code as f64 == value && code.unsigned_abs() < 1 << 53 {
            codes[pixel] = code;
        } else if !value.is_nan() {
            fraction = Some(value);
        }
    });
    if let Some(value) = fraction {
        let what = format!("label raster {}", file.path().display());
        return Err(Error::data(
            what,
            format!("the value {value}"),
            "whole numbers as class codes",
        ));
    }
    let masked = file.masked(window)?;
    for (code, _) in codes.iter_mut().zip(&masked).filter(|(_, masked)| **masked) {
        *code = MISSING;
    }
    for &sample in file.alpha() {
        file.read_sample(window, sample)?.for_each(0, |pixel, alpha| {
            if alpha == 0.0 {
                codes[pixel] = MISSING;
            }
        });
    }
    if file.notes(0).nodata.is_some() {
        for part in file.unwritten(window, 0) {
            let first = (part.col - window.col) as usize;
            for row in part.row - window.row..part.row_end() - window.row {
                codes[row as usize * window.cols as usize + first..][..part.cols as usize]
                    .fill(MISSING);
            }
        }
    }
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::fixture::Fixture;

    #[test]
    fn codes_are_counted_over_all_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.tif");
        Fixture::new(5, 3).write(&path, &[1_i16, 1, 1, -7, 2, 2, 2, 2, 2, 300, 1, 1, 1, 1, 2]);
        assert_eq!(
            count_codes(&path).unwrap(),
            BTreeMap::from([(-7, 1), (1, 7), (2, 6), (300, 1)])
        );
    }

    #[test]
    fn whole_numbers_in_float_files_are_codes_and_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.tif");
        Fixture::new(1, 3).write(&path, &[4.0_f32, f32::NAN, 5.0]);
        assert_eq!(count_codes(&path).unwrap(), BTreeMap::from([(4, 1), (5, 1)]));
        Fixture::new(1, 3).write(&path, &[4.0_f32, 4.5, 5.0]);
        let message = count_codes(&path).unwrap_err().to_string();
        assert!(message.contains("4.5") && message.contains("labels.tif"), "{message}");
    }

    #[test]
    fn several_bands_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.tif");
        Fixture::new(1, 2).write(&path, &[1_u8, 2, 3, 4]);
        assert!(count_codes(&path).unwrap_err().to_string().contains("2 bands"));
    }
}
