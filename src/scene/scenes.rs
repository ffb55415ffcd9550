//! All scenes of a run.

use std::{collections::BTreeMap, path::Path};

use crate::{
    error::{Error, Result},
    label::{Class, Classes, classes_of},
    raster::{Band, Window},
    scene::{DataConfig, Sample, Scene, SceneFiles, scene_files},
};

/// Largest difference of pixel sizes between scenes, relative.
const PIXEL_SIZE_TOLERANCE: f64 = 0.01;

/// Scenes with the same bands, pixel size and classes; extent and coordinate reference system may
/// differ.
pub struct Scenes {
    scenes: Vec<Scene>,
    classes: Classes,
    ignore: Vec<i64>,
}

impl Scenes {
    /// Opens all scenes of `config`, whose paths are relative to `folder`, and compares them.
    ///
    /// Classes that the run file does not name are found in the label rasters, which are then read
    /// once; if it names them, the label rasters are read once to look for unknown codes.
    ///
    /// # Errors
    ///
    /// Those of [`scene_files`], [`Scene::open`] and [`classes_of`]. [`Error::Mismatch`] if two
    /// scenes differ in number, names, data type, scale or offset of their bands, or by more than
    /// 1 % in pixel size. [`Error::Data`] that lists codes which are neither a class nor ignored.
    pub fn open(config: &DataConfig, folder: &Path) -> Result<Self> {
        let files = scene_files(config, folder)?;
        let (classes, ignore) = if config.classes.is_empty() {
            found_classes(&files, &config.ignore)?
        } else {
            (Classes::new(config.classes.clone())?, config.ignore.clone())
        };
        let options = config.raster_options(files.len())?;
        let mut scenes: Vec<Scene> = Vec::with_capacity(files.len());
        for files in &files {
            let scene = Scene::open(files, &options, &classes, &ignore)?;
            if let Some(first) = scenes.first() {
                check_alike(first, &scene)?;
            }
            if let Some(labels) = scene.labels().filter(|_| !config.classes.is_empty()) {
                labels.check_codes()?;
            }
            scenes.push(scene);
        }
        Ok(Self { scenes, classes, ignore })
    }

    /// Number of scenes, at least 1.
    #[allow(clippy::len_without_is_empty)] // Never empty.
    pub fn len(&self) -> usize {
        self.scenes.len()
    }

    /// The scenes, in the order of their index.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Scene> {
        self.scenes.iter()
    }

    /// The scene of an index below [`Self::len`].
    pub fn scene(&self, index: usize) -> &Scene {
        &self.scenes[index]
    }

    /// The classes, in the order of their index.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Label codes that stand for no label.
    pub fn ignore(&self) -> &[i64] {
        &self.ignore
    }

    /// The bands of every scene, as the first scene describes them.
    pub fn bands(&self) -> &[Band] {
        self.scenes[0].image().bands()
    }

    /// Reads a window of scene `index`, as [`Scene::read`].
    ///
    /// # Errors
    ///
    /// Those of [`Scene::read`].
    pub fn read(&self, index: usize, window: Window) -> Result<Sample> {
        self.scenes[index].read(window)
    }
}

/// The classes of all label rasters together in the order of their codes, and the codes to ignore.
fn found_classes(files: &[SceneFiles], ignore: &[i64]) -> Result<(Classes, Vec<i64>)> {
    let mut ignore = ignore.to_vec();
    let mut by_code = BTreeMap::<u16, (Class, &Path)>::new();
    for path in files.iter().filter_map(|files| files.labels.as_deref()) {
        let found = classes_of(path)?;
        ignore.extend(found.ignore);
        for class in found.classes.iter().filter(|it| !ignore.contains(&i64::from(it.code))) {
            let generated = format!("class {}", class.code);
            match by_code.get_mut(&class.code) {
                Some((known, _)) if known.name == class.name || class.name == generated => {}
                Some((known, _)) if known.name == generated => *known = class.clone(),
                Some((known, other)) => {
                    return Err(Error::Mismatch {
                        left: other.to_owned(),
                        right: path.to_owned(),
                        what: "the name of a class code (give the names in `data.class`)",
                        left_value: format!("{} is {}", class.code, known.name),
                        right_value: format!("{} is {}", class.code, class.name),
                    });
                }
                None => {
                    by_code.insert(class.code, (class.clone(), path));
                }
            }
        }
    }
    ignore.sort_unstable();
    ignore.dedup();
    if by_code.is_empty() {
        let wanted = "labels in some scene, or `data.class`";
        return Err(Error::data("classes of all scenes", "none", wanted));
    }
    let classes = by_code.into_values().map(|(class, _)| class).collect();
    Ok((Classes::new(classes)?, ignore))
}

/// Refuses scenes that one model cannot be trained on.
fn check_alike(first: &Scene, other: &Scene) -> Result<()> {
    let differ = |what, left_value: String, right_value: String| {
        let path = |scene: &Scene| scene.image().paths()[0].clone();
        Err(Error::Mismatch {
            left: path(first),
            right: path(other),
            what,
            left_value,
            right_value,
        })
    };
    let (left, right) = (first.image().bands(), other.image().bands());
    if left.len() != right.len() {
        return differ("number of bands", left.len().to_string(), right.len().to_string());
    }
    let kind = |band: &Band| {
        format!("{} ({}, scale {}, offset {})", band.name, band.dtype, band.scale, band.offset)
    };
    for (left, right) in left.iter().zip(right) {
        if kind(left) != kind(right) {
            return differ("a band", kind(left), kind(right));
        }
    }
    let (left, right) = (first.grid().pixel_size(), other.grid().pixel_size());
    for axis in 0..2 {
        if (left[axis] - right[axis]).abs() > PIXEL_SIZE_TOLERANCE * left[axis] {
            let size = |size: [f64; 2]| format!("{} x {} map units", size[0], size[1]);
            return differ("pixel size by more than 1 %", size(left), size(right));
        }
    }
    Ok(())
}
