//! One scene: images and labels on one grid.

use crate::{
    error::{Error, Result},
    label::{ClassRaster, Classes},
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
    /// Those of [`Raster::open`] and [`ClassRaster::open`]; [`Error::Mismatch`] naming both files if
    /// images and labels differ in size, coordinate reference system, pixel size or position.
    pub fn open(
        files: &SceneFiles,
        options: &RasterOptions,
        classes: &Classes,
        ignore: &[i64],
    ) -> Result<Self> {
        let image = Raster::open(&files.images, options)?;
        let open = |path| ClassRaster::open(path, classes, ignore);
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
        let inside = self.grid().full_window().intersection(window);
        let Some(inside) = inside else {
            let (rows, cols) = (window.rows as usize, window.cols as usize);
            return Ok(Sample::missing(self.image.bands().len(), rows, cols));
        };
        let pixels = self.image.read(inside)?;
        let labels = match &self.labels {
            Some(labels) => labels.read(inside)?,
            None => vec![crate::label::IGNORE; inside.n_pixels()],
        };
        let sample = Sample::new(pixels, labels);
        Ok(if inside == window { sample } else { padded(&sample, window) })
    }
}

/// `sample` in the upper-left corner of a sample of the size of `window`, the rest missing.
fn padded(sample: &Sample, window: Window) -> Sample {
    let Pixels { n_bands, rows, cols, .. } = sample.pixels;
    let mut padded = Sample::missing(n_bands, window.rows as usize, window.cols as usize);
    let (wide, n_pixels) = (padded.pixels.cols, padded.pixels.n_pixels());
    for row in 0..rows {
        let (from, to) = (row * cols..(row + 1) * cols, row * wide..row * wide + cols);
        padded.labels[to.clone()].copy_from_slice(&sample.labels[from.clone()]);
        padded.pixels.valid[to.clone()].copy_from_slice(&sample.pixels.valid[from.clone()]);
        for band in 0..n_bands {
            let values = &sample.pixels.band(band)[from.clone()];
            padded.pixels.values[band * n_pixels..][to.clone()].copy_from_slice(values);
        }
    }
    padded
}
