//! Rasters that cannot be trained on.

use std::{fs, path::Path};

use swath::raster::{Affine, Crs, Grid};

use crate::support::{
    COLS, ROWS, RUN_FILE, check_refused, codes, grid, scene, site, write_image, write_labels,
};

const N_PIXELS: usize = ROWS * COLS;

/// The classes of the usual scene but for roads (50), as a run file gives them.
const CLASSES: &str = r##"
class = [
    { code = 10, name = "bare soil", color = "#ddaa33" },
    { code = 20, name = "crop", color = "#99cc66" },
    { code = 30, name = "forest", color = "#117733" },
    { code = 40, name = "water", color = "#3366bb" },
    MORE
]
"##;

/// Trains, which must fail with code 1, say all `parts`, and write nothing.
#[track_caller]
fn check(folder: &Path, parts: &[&str]) {
    check_refused(folder, &["train", "run.toml", "-o", "run"], 1, parts);
}

/// Writes a run file with the classes of [`CLASSES`] and `more`.
fn name_classes(folder: &Path, more: &str) {
    let classes = CLASSES.replace("MORE", more);
    let text = RUN_FILE.replace("ignore = [0]", &format!("ignore = [0]{classes}"));
    fs::write(folder.join("run.toml"), text).unwrap();
}

#[test]
fn missing_files_are_named() {
    for name in ["image.tif", "labels.tif", "run.toml"] {
        let site = site();
        fs::remove_file(site.path().join(name)).unwrap();
        check(site.path(), &[name, "cannot "]);
    }
}

#[test]
fn files_that_are_no_tiff_are_named() {
    for name in ["image.tif", "labels.tif"] {
        for content in ["", "II", "II*\0", "not a picture at all, but long enough for a header"] {
            let site = site();
            fs::write(site.path().join(name), content).unwrap();
            check(site.path(), &[name, "is not a valid GeoTIFF"]);
        }
    }
}

#[test]
fn files_that_are_cut_off_are_named() {
    for name in ["image.tif", "labels.tif"] {
        let site = site();
        let path = site.path().join(name);
        let whole = fs::read(&path).unwrap();
        for n_bytes in [8, 100, whole.len() / 3, whole.len() / 2, whole.len() * 9 / 10] {
            fs::write(&path, &whole[..n_bytes]).unwrap();
            check(site.path(), &[name, "not a valid"]);
        }
    }
}

#[test]
fn a_raster_without_a_pixel_is_refused() {
    for (name, tag) in [("image.tif", 256), ("labels.tif", 257)] {
        let site = site();
        let path = site.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        set_tag_to_zero(&mut bytes, tag);
        fs::write(&path, bytes).unwrap();
        check(site.path(), &[name, "not a valid GeoTIFF"]);
    }
}

/// Sets the value of a tag in the first directory of a little-endian TIFF.
fn set_tag_to_zero(bytes: &mut [u8], tag: u16) {
    assert_eq!(bytes[..4], *b"II*\0");
    let word = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let start = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let n_entries = usize::from(word(bytes, start));
    let entries = (0..n_entries).map(|index| start + 2 + 12 * index);
    let entry = entries.into_iter().find(|&at| word(bytes, at) == tag).expect("the tag is there");
    bytes[entry + 8..entry + 12].fill(0);
}

#[test]
fn labels_on_another_grid_are_refused_with_what_differs() {
    let usual = grid(ROWS, COLS);
    let north_up = |x: f64, size: f64| Affine::north_up([x, 5_400_000.0], [size, size]);
    let other_grids = [
        (grid(ROWS, COLS - 1), "size: 140 rows x 171 columns vs 140 rows x 170 columns"),
        (grid(ROWS + 1, COLS), "size"),
        (Grid { crs: Crs::from_epsg(32633), ..usual.clone() }, "coordinate reference system"),
        (Grid { affine: north_up(500_000.0, 10.1), ..usual.clone() }, "pixel size"),
        (Grid { affine: north_up(500_010.0, 10.0), ..usual.clone() }, "transform"),
    ];
    for (other, what) in other_grids {
        let site = site();
        let codes = vec![10u8; other.full_window().n_pixels()];
        write_labels(&site.path().join("labels.tif"), &other, &codes);
        check(site.path(), &["image.tif and ", "labels.tif differ in ", what]);
        let args = ["init", "image.tif", "--labels", "labels.tif", "-o", "new.toml"];
        check_refused(site.path(), &args, 1, &["image.tif and ", "labels.tif differ in ", what]);
    }
}

#[test]
fn scenes_that_differ_in_kind_are_refused_with_what_differs() {
    let (usual, values) = (grid(ROWS, COLS), scene().values);
    let large =
        Grid { affine: Affine::north_up([500_000.0, 5_400_000.0], [10.2, 10.2]), ..usual.clone() };
    let real: Vec<f32> = values.iter().map(|&it| f32::from(it)).collect();
    for what in ["number of bands: 5 vs 4", "a band: blue (uint16", "pixel size by more than 1 %"] {
        let site = site();
        let path = |name: &str| site.path().join(name);
        let other = if what.contains("pixel") { &large } else { &usual };
        match what {
            "number of bands: 5 vs 4" => {
                write_image(&path("other.tif"), other, Some(0.0), &values[..4 * N_PIXELS]);
            }
            "a band: blue (uint16" => write_image(&path("other.tif"), other, Some(0.0), &real),
            _ => write_image(&path("other.tif"), other, Some(0.0), &values),
        }
        write_labels(&path("other_labels.tif"), other, &codes(&scene()));
        let scenes = "labels = \"labels.tif\"\n[[data.scene]]\nimages = \"other.tif\"\n\
                      labels = \"other_labels.tif\"";
        let text = RUN_FILE.replace("labels = \"labels.tif\"", scenes);
        fs::write(path("run.toml"), text).unwrap();
        check(site.path(), &["image.tif and ", "other.tif differ in ", what]);
    }
}

#[test]
fn unknown_codes_are_listed_with_their_number_of_pixels() {
    let site = site();
    name_classes(site.path(), "");
    let mut codes = codes(&scene());
    let n_roads = codes.iter().filter(|&&code| code == 50).count();
    check(site.path(), &["labels.tif", &format!("50 ({n_roads} px)"), "data.ignore"]);
    codes[..3].fill(99);
    let n_roads = codes.iter().filter(|&&code| code == 50).count();
    write_labels(&site.path().join("labels.tif"), &grid(ROWS, COLS), &codes);
    check(site.path(), &[&format!("50 ({n_roads} px), 99 (3 px)")]);
}

#[test]
fn a_scene_without_a_valid_pixel_is_refused() {
    let site = site();
    let values = vec![0u16; 5 * N_PIXELS];
    write_image(&site.path().join("image.tif"), &grid(ROWS, COLS), Some(0.0), &values);
    check(site.path(), &["pixels with both data and a label", "none"]);
    let values = vec![f32::NAN; 5 * N_PIXELS];
    write_image(&site.path().join("image.tif"), &grid(ROWS, COLS), None, &values);
    check(site.path(), &["pixels with both data and a label", "none"]);
}

#[test]
fn labels_without_a_class_are_refused() {
    let site = site();
    write_labels(&site.path().join("labels.tif"), &grid(ROWS, COLS), &vec![0u8; N_PIXELS]);
    check(site.path(), &["labels.tif", "0 classes", "1 to 255"]);
}

#[test]
fn a_class_without_a_training_pixel_is_named() {
    let site = site();
    let road = r##"{ code = 50, name = "road", color = "#5a5a5a" },"##;
    let lake = r##"{ code = 60, name = "lake", color = "#0000ff" }"##;
    name_classes(site.path(), &format!("{road} {lake}"));
    check(site.path(), &["training pixels of lake", "none"]);
}

#[test]
fn a_class_that_a_buffer_hides_from_training_is_named() {
    let site = site();
    let mut codes = codes(&scene());
    // Soil but for the right border of the block at [0, 0], beside that at [0, 32].
    for (pixel, code) in codes.iter_mut().enumerate() {
        *code = if pixel % COLS == 31 && pixel < 32 * COLS { 20 } else { 10 };
    }
    write_labels(&site.path().join("labels.tif"), &grid(ROWS, COLS), &codes);
    let blocks = ["split.train=[[0, 0], [64, 0], [96, 0]]", "split.test=[[0, 32]]"];
    let args = ["train", "run.toml", "-o", "run", "--set", blocks[0], "--set", blocks[1]];
    let others = ["--set", "split.validation=[[96, 96]]", "--set", "split.hide=true"];
    let buffer = ["--set", "split.buffer_px=2"];
    let args = [&args[..], &others, &buffer].concat();
    check_refused(site.path(), &args, 1, &["training pixels of crop", "none", "split.buffer_px"]);
}

#[test]
fn leftovers_of_a_pattern_are_listed() {
    let site = site();
    for name in ["a_image.tif", "b_image.tif", "a_labels.tif"] {
        let from = if name.contains("image") { "image.tif" } else { "labels.tif" };
        fs::copy(site.path().join(from), site.path().join(name)).unwrap();
    }
    let text = RUN_FILE.replace("\"image.tif\"", "\"*_image.tif\"");
    let text = text.replace("\"labels.tif\"", "\"*_labels.tif\"");
    fs::write(site.path().join("run.toml"), text).unwrap();
    let args = ["train", "run.toml", "-o", "run"];
    check_refused(site.path(), &args, 2, &["*_labels.tif", "matches no file for b"]);
}
