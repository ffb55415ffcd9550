//! All scenes of a run.

use std::path::Path;

use crate::{
    error::{Error, Result},
    label::Classes,
    raster::{Band, Window},
    scene::{
        DataConfig, Sample, Scene, scene_files,
        shared_classes::{SharedClasses, shared_classes},
    },
};

/// Largest difference of pixel sizes between scenes, relative.
const PIXEL_SIZE_TOLERANCE: f64 = 0.01;

/// Scenes with the same bands, pixel size and classes; extent and coordinate reference system may
/// differ.
pub struct Scenes {
    scenes: Vec<Scene>,
    classes: Classes,
    ignore: Vec<i64>,
    notes: Vec<String>,
}

impl Scenes {
    /// Opens all scenes of `config`, whose paths are relative to `folder`, and compares them.
    ///
    /// Classes that the run file does not name are found in the label rasters, which are then read
    /// once: a code that one of them calls missing is no label in any. If it names them, the label
    /// rasters are read once to look for unknown codes.
    ///
    /// # Errors
    ///
    /// Those of [`DataConfig::check`], [`scene_files`], [`Scene::open`] and
    /// [`classes_of`](crate::label::classes_of). [`Error::Mismatch`] if two
    /// scenes differ in number, names, data type, scale or offset of their bands, or by more than
    /// 1 % in pixel size. [`Error::Data`] that lists codes which are neither a class nor ignored.
    pub fn open(config: &DataConfig, folder: &Path) -> Result<Self> {
        config.check()?;
        let files = scene_files(config, folder)?;
        let shared = if config.classes.is_empty() {
            shared_classes(&files, &config.ignore, config.max_block_mib)?
        } else {
            let classes = Classes::new(config.classes.clone())?;
            SharedClasses { classes, ignore: config.ignore.clone(), notes: Vec::new() }
        };
        let SharedClasses { classes, ignore, mut notes } = shared;
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
            notes.extend(scene.notes());
            scenes.push(scene);
        }
        Ok(Self { scenes, classes, ignore, notes })
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

    /// What a user should know about how the files were understood, one sentence each, such as
    /// that a mask beside an image is not read.
    pub fn notes(&self) -> &[String] {
        &self.notes
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::{Affine, Crs, fixture::Fixture};

    const CLASSES: &str = "[[class]]\ncode = 7\nname = \"water\"\ncolor = \"#0000ff\"\n";
    const SCENES: &str = "[[scene]]\nimages = \"i_*.tif\"\nlabels = \"l_*.tif\"\n";

    /// A folder with scenes `a` of 2 x 3 px and `b` as `fixture`, labelled 7 and `code`.
    fn folder(fixture: &Fixture, code: u8) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let first = Fixture::new(2, 3);
        first.write(&path("i_a.tif"), &[1u16; 6]);
        first.write(&path("l_a.tif"), &[7u8; 6]);
        let n_pixels = fixture.grid.full_window().n_pixels();
        fixture.write(&path("i_b.tif"), &vec![2u16; n_pixels]);
        fixture.write(&path("l_b.tif"), &vec![code; n_pixels]);
        folder
    }

    fn open(folder: &Path, text: &str) -> Result<Scenes> {
        Scenes::open(&toml::from_str(text).unwrap(), folder)
    }

    #[track_caller]
    fn check_refused(folder: &Path, text: &str, wanted: &str) {
        let Err(error) = open(folder, text) else { panic!("accepted") };
        assert!(error.to_string().contains(wanted), "{error}");
    }

    /// 3 x 4 px far away, in another coordinate reference system, with pixels of `size` map units.
    fn elsewhere(size: [f64; 2]) -> Fixture {
        let mut fixture = Fixture::new(3, 4);
        fixture.grid.affine = Affine::north_up([700_000.0, 1_000_000.0], size);
        fixture.grid.crs = Crs::from_epsg(32618);
        fixture
    }

    #[test]
    fn scenes_may_differ_in_extent_and_crs_but_not_in_pixel_size() {
        let folder = folder(&elsewhere([30.2, 20.1]), 7);
        let scenes = open(folder.path(), &format!("{CLASSES}{SCENES}")).unwrap();
        assert_eq!(scenes.len(), 2);
        assert_eq!(scenes.read(1, Window::square(1, 2, 2)).unwrap().pixels.values, [2.0; 4]);
        let folder = self::folder(&elsewhere([30.0, 20.3]), 7);
        check_refused(
            folder.path(),
            SCENES,
            "i_b.tif differ in pixel size by more than 1 %: 30 x 20",
        );
    }

    #[test]
    fn scenes_with_other_bands_are_refused() {
        let folder = folder(&Fixture::new(2, 3), 7);
        let path = folder.path().join("i_b.tif");
        Fixture::new(2, 3).write(&path, &[1u16; 12]);
        check_refused(folder.path(), SCENES, "i_b.tif differ in number of bands: 1 vs 2");
        Fixture::new(2, 3).write(&path, &[1u8; 6]);
        check_refused(folder.path(), SCENES, "i_b.tif differ in a band: band_1 (");
    }

    #[test]
    fn unknown_codes_are_listed_unless_ignored() {
        let folder = folder(&Fixture::new(2, 3), 9);
        check_refused(
            folder.path(),
            &format!("{CLASSES}{SCENES}"),
            "l_b.tif: found codes 9 (6 px)",
        );
        open(folder.path(), &format!("ignore = [9]\n{CLASSES}{SCENES}")).unwrap();
    }

    #[test]
    fn a_class_that_is_ignored_too_is_refused() {
        let folder = folder(&Fixture::new(2, 3), 7);
        let wanted = "`data.ignore` = 7: is the code of class `water`";
        check_refused(folder.path(), &format!("ignore = [9, 7]\n{CLASSES}{SCENES}"), wanted);
    }

    /// The first file calls code 0 missing and the second has it as a class, or the other way
    /// round.
    #[test]
    fn a_code_without_label_in_one_file_is_none_in_all_in_any_order() {
        let other = |last: bool| if last { ("b", "a") } else { ("a", "b") };
        for (missing, class) in [other(false), other(true)] {
            let folder = folder(&Fixture::new(2, 3), 7);
            let label = |key: &str| folder.path().join(format!("l_{key}.tif"));
            Fixture::new(2, 3).nodata("0").write(&label(missing), &[0u8, 7, 7, 7, 7, 7]);
            Fixture::new(2, 3).write(&label(class), &[0u8, 0, 7, 8, 8, 8]);
            let scenes = open(folder.path(), SCENES).unwrap();
            let codes: Vec<u16> = scenes.classes().iter().map(|class| class.code).collect();
            assert_eq!((codes.as_slice(), scenes.ignore()), (&[7, 8][..], &[0][..]), "{missing}");
            let wanted = format!("l_{class}.tif: code 0 (class 0) is no label, as ");
            assert!(scenes.notes()[0].contains(&wanted), "{:?}", scenes.notes());
        }
    }

    #[test]
    fn what_is_not_read_of_images_and_labels_is_noted() {
        let folder = folder(&Fixture::new(2, 3), 7);
        for name in ["i_a.tif.msk", "l_b.tif.msk"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let scenes = open(folder.path(), SCENES).unwrap();
        assert_eq!(scenes.notes().len(), 2);
        for (note, name) in scenes.notes().iter().zip(["i_a.tif.msk", "l_b.tif.msk"]) {
            assert!(note.contains(name), "{note}");
        }
    }

    #[test]
    fn the_block_limit_holds_for_labels() {
        let folder = folder(&Fixture { rows_per_strip: 1100, ..Fixture::new(1100, 1000) }, 7);
        let image = folder.path().join("i_b.tif");
        Fixture::new(1100, 1000).write(&image, &vec![1u16; 1_100_000]);
        for classes in [CLASSES, ""] {
            let text = format!("max_block_mib = 1\n{classes}{SCENES}");
            check_refused(folder.path(), &text, "l_b.tif");
            check_refused(folder.path(), &text, "`data.max_block_mib` = 1");
        }
    }

    #[test]
    fn classes_are_found_in_all_label_rasters() {
        let folder = folder(&Fixture::new(2, 3), 3);
        let names = |text: &str| {
            let scenes = open(folder.path(), text).unwrap();
            scenes.classes().iter().map(|class| class.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(SCENES), ["class 3", "class 7"]);
        assert_eq!(names(&format!("ignore = [3]\n{SCENES}")), ["class 7"]);
        check_refused(
            folder.path(),
            &format!("ignore = [3, 7]\n{SCENES}"),
            "classes of all scenes: found none",
        );
    }
}
