//! Positions that files have and that are not read.

use std::path::Path;

use tiff_reader::Ifd;

use super::{Affine, Grid, Sidecar, directory::other_position, sidecar};

/// What says where the pixels of a file lie but is not read, one sentence each.
///
/// A transform in the file itself is read, so where there is one only the coordinate reference
/// system of the sidecar can be left.
pub(super) fn unread_position(path: &Path, grid: &Grid, ifd: &Ifd) -> Vec<String> {
    let mut notes = Vec::new();
    let is_placed = grid.affine != Affine::IDENTITY;
    // A broken sidecar is refused when the file is opened.
    let beside = Sidecar::beside(path).unwrap_or_default();
    if (beside.has_position && !is_placed) || (beside.has_crs && grid.crs.is_none()) {
        notes.push(format!(
            "the georeferencing in {} is not read; put it into the file: `gdal_translate {} COPY`",
            sidecar::path_beside(path).display(),
            path.display()
        ));
    }
    if is_placed {
        return notes;
    }
    let extensions = ["tfw", "tifw", "wld", "TFW"].map(|extension| path.with_extension(extension));
    if let Some(world) = extensions.iter().find(|path| path.exists()) {
        let (world, path) = (world.display(), path.display());
        notes.push(format!("{world} is not read; put its position into {path}"));
    }
    if let Some(what) = other_position(ifd).or_else(|| coefficients_beside(path)) {
        let path = path.display();
        notes.push(format!(
            "{path} has {what} but no transform, so it counts as not placed on the map; warp it \
             onto a grid: `gdalwarp {path} COPY`"
        ));
    }
    notes
}

fn coefficients_beside(path: &Path) -> Option<&'static str> {
    let stem = path.file_stem()?.to_string_lossy();
    let names = [format!("{stem}_RPC.TXT"), format!("{stem}_rpc.txt"), format!("{stem}.RPB")];
    let found = names.iter().any(|name| path.with_file_name(name).exists());
    found.then_some("rational polynomial coefficients beside it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::{Crs, Raster, RasterOptions, fixture::Fixture};
    use std::fs;
    use tiff_core::{Tag, TagValue};

    /// Notes on a file with or without a transform, with a tag and a file beside it.
    #[track_caller]
    fn check(is_placed: bool, tag: Option<Tag>, beside: Option<(&str, &str)>, wanted: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        let mut fixture = Fixture::new(2, 3);
        if !is_placed {
            fixture.grid.affine = Affine::IDENTITY;
            fixture.grid.crs = Crs::default();
        }
        fixture.tags.extend(tag);
        fixture.write(&path, &[1_u8; 6]);
        if let Some((name, text)) = beside {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let raster = Raster::open(&[path], &RasterOptions::default()).unwrap();
        assert_eq!(raster.notes().len(), wanted.len(), "{:?}", raster.notes());
        for (note, wanted) in raster.notes().iter().zip(wanted) {
            assert!(note.contains(wanted), "{note}");
        }
    }

    #[test]
    fn georeferencing_that_is_not_read_is_noted() {
        let points = || Some(Tag::new(33922, TagValue::Double(vec![1.0; 18])));
        let coefficients = || Some(Tag::new(50844, TagValue::Double(vec![1.0; 92])));
        check(false, None, None, &[]);
        check(false, points(), None, &["a.tif has ground control points but no transform"]);
        check(false, coefficients(), None, &["a.tif has rational polynomial coefficients but no"]);
        check(true, coefficients(), None, &[]);
        check(false, None, Some(("a_RPC.TXT", "")), &["coefficients beside it but no transform"]);
        check(false, None, Some(("a.wld", "")), &["a.wld is not read"]);
        let placed = "<PAMDataset><SRS>x</SRS><GeoTransform>1</GeoTransform></PAMDataset>";
        check(false, None, Some(("a.tif.aux.xml", placed)), &["a.tif.aux.xml is not read"]);
        check(true, None, Some(("a.tif.aux.xml", placed)), &[]);
    }
}
