//! One scene: images and labels on one grid.

use crate::{
    error::{Error, Result},
    label::{ClassRaster, Classes, IGNORE},
    raster::{Grid, Pixels, Raster, RasterOptions, Window},
    scene::{Role, Sample, SceneFiles},
};

/// Images of one grid with their labels, read by window.
pub struct Scene {
    name: String,
    role: Option<Role>,
    image: Raster,
    labels: Option<ClassRaster>,
}

impl Scene {
    /// Opens the files and compares their grids.
    ///
    /// Label codes of `classes` become class indices, those of `ignore` no label.
    ///
    /// # Errors
    ///
    /// Those of [`Raster::open`] and [`ClassRaster::open_within`]; [`Error::Mismatch`] naming both
    /// files if images and labels differ in size, coordinate reference system, pixel size or
    /// position.
    pub fn open(
        files: &SceneFiles,
        options: &RasterOptions,
        classes: &Classes,
        ignore: &[i64],
    ) -> Result<Self> {
        let image = Raster::open(&files.images, options)?;
        let open = |path| ClassRaster::open_within(path, classes, ignore, options.max_block_mib);
        let labels = files.labels.as_deref().map(open).transpose()?;
        if let Some(labels) = &labels
            && let Some(difference) = image.grid().difference(labels.grid())
        {
            let (what, left_value, right_value) = difference;
            let (left, right) = (image.paths()[0].clone(), labels.path().to_owned());
            return Err(Error::Mismatch { left, right, what, left_value, right_value });
        }
        Ok(Self { name: files.name.clone(), role: files.role, image, labels })
    }

    /// Name, unlike that of every other scene of the run.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the whole scene is used for, if the run file says so.
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// The images.
    pub fn image(&self) -> &Raster {
        &self.image
    }

    /// The labels, if the scene has any.
    pub fn labels(&self) -> Option<&ClassRaster> {
        self.labels.as_ref()
    }

    /// What a user should know about how images and labels were understood, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        let labels = self.labels.as_ref().map(ClassRaster::notes).unwrap_or_default();
        [self.image.notes(), &labels].concat()
    }

    /// Size, position and coordinate reference system of images and labels.
    pub fn grid(&self) -> &Grid {
        self.image.grid()
    }

    /// Values and labels of a window, which may leave the raster below and to the right: pixels out
    /// there are missing, as are all labels of a scene that has none.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or holds an unknown label code.
    pub fn read(&self, window: Window) -> Result<Sample> {
        let pixels = read_padded(&self.image, window)?;
        let mut labels = vec![IGNORE; window.n_pixels()];
        let inside = self.grid().full_window().intersection(window);
        if let Some((raster, inside)) = self.labels.as_ref().zip(inside) {
            let found = raster.read(inside)?;
            let (from, to) = (inside.cols as usize, window.cols as usize);
            for (to, from) in labels.chunks_mut(to).zip(found.chunks(from)) {
                to[..from.len()].copy_from_slice(from);
            }
        }
        Ok(Sample::new(pixels, labels))
    }
}

/// The pixels of a window that may leave the raster below and to the right; out there they are
/// missing.
///
/// # Errors
///
/// If a file cannot be read.
pub fn read_padded(raster: &Raster, window: Window) -> Result<Pixels> {
    let mut padded =
        Pixels::missing(raster.bands().len(), window.rows as usize, window.cols as usize);
    let Some(inside) = raster.grid().full_window().intersection(window) else { return Ok(padded) };
    let pixels = raster.read(inside)?;
    if inside == window {
        return Ok(pixels);
    }
    let Pixels { n_bands, rows, cols, .. } = pixels;
    let (wide, n_pixels) = (padded.cols, padded.n_pixels());
    for row in 0..rows {
        let (from, to) = (row * cols..(row + 1) * cols, row * wide..row * wide + cols);
        padded.valid[to.clone()].copy_from_slice(&pixels.valid[from.clone()]);
        for band in 0..n_bands {
            let values = &pixels.band(band)[from.clone()];
            padded.values[band * n_pixels..][to.clone()].copy_from_slice(values);
        }
    }
    Ok(padded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        label::{Class, Color},
        raster::{Affine, fixture::Fixture},
    };
    use std::path::Path;

    fn classes() -> Classes {
        let class = |code, name: &str| Class { code, name: name.into(), color: Color([0; 3]) };
        Classes::new(vec![class(7, "water"), class(3, "forest")]).unwrap()
    }

    fn files(folder: &Path) -> SceneFiles {
        SceneFiles {
            name: "a".into(),
            images: vec![folder.join("red.tif"), folder.join("nir.tif")],
            labels: Some(folder.join("labels.tif")),
            role: None,
        }
    }

    fn open(folder: &Path) -> Result<Scene> {
        Scene::open(&files(folder), &RasterOptions::default(), &classes(), &[0])
    }

    /// Two bands of 2 x 3 px: red 1 to 6 with nodata 5, nir 11 to 16; one pixel without label.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Fixture::new(2, 3);
        let path = |name: &str| folder.path().join(name);
        fixture.clone().nodata("5").write(&path("red.tif"), &[1u8, 2, 3, 4, 5, 6]);
        fixture.write(&path("nir.tif"), &[11u8, 12, 13, 14, 15, 16]);
        fixture.write(&path("labels.tif"), &[7u8, 3, 7, 0, 7, 3]);
        folder
    }

    #[test]
    fn reads_values_and_labels_of_a_window() {
        let folder = folder();
        let scene = open(folder.path()).unwrap();
        let sample = scene.read(Window { row: 0, col: 1, rows: 2, cols: 2 }).unwrap();
        assert_eq!(sample.pixels.valid, [true, true, false, true]);
        assert_eq!(sample.labels, [1, 0, IGNORE, 1]);
        assert_eq!(sample.pixels.values[..2], [2.0, 3.0]);
        assert_eq!(sample.pixels.values[7], 16.0);
        let unlabelled = SceneFiles { labels: None, ..files(folder.path()) };
        let scene = Scene::open(&unlabelled, &RasterOptions::default(), &classes(), &[]).unwrap();
        assert_eq!(scene.read(Window::square(0, 0, 2)).unwrap().labels, [IGNORE; 4]);
    }

    #[test]
    fn beyond_the_edge_everything_is_missing() {
        let folder = folder();
        let scene = open(folder.path()).unwrap();
        let sample = scene.read(Window { row: 0, col: 2, rows: 3, cols: 3 }).unwrap();
        let inside = |index: usize| index == 0 || index == 3;
        for index in 0..9 {
            assert_eq!(sample.pixels.valid[index], inside(index));
            assert_eq!(sample.pixels.values[9 + index].is_nan(), !inside(index));
        }
        assert_eq!((sample.labels[0], sample.labels[3], sample.labels[1]), (0, 1, IGNORE));
        assert_eq!((sample.pixels.values[0], sample.pixels.values[12]), (3.0, 16.0));
        let outside = scene.read(Window::square(2, 3, 2)).unwrap();
        assert_eq!(outside.labels, [IGNORE; 4]);
    }

    #[test]
    fn labels_on_another_grid_are_refused_with_both_names() {
        let folder = folder();
        let check = |fixture: Fixture, wanted: &str| {
            let n_pixels = fixture.grid.full_window().n_pixels();
            fixture.write(&folder.path().join("labels.tif"), &vec![7u8; n_pixels]);
            let Err(error) = open(folder.path()) else { panic!("accepted") };
            let error = error.to_string();
            for part in ["red.tif and ", "labels.tif differ in ", wanted] {
                assert!(error.contains(part), "{error}");
            }
        };
        check(Fixture::new(3, 2), "size: 2 rows x 3 columns vs 3 rows x 2 columns");
        let mut shifted = Fixture::new(2, 3);
        shifted.grid.affine = Affine::north_up([500_030.0, 4_000_000.0], [30.0, 20.0]);
        check(shifted, "transform");
    }
}
