//! The whole way through the command line, from rasters to an evaluated map.

use std::{fs, path::Path, sync::LazyLock};

use serde_json::Value;
use swath::{
    raster::{Grid, Raster, RasterOptions, Window},
    run::Manifest,
    scene::{SyntheticScene, synthetic_scene},
    score::Confusion,
};
use tempfile::TempDir;

use crate::support::{codes, files, swath, swath_ok, write_scene};

const CODES: [f32; 5] = [10.0, 20.0, 30.0, 40.0, 50.0];

/// Changes that make the run file of `swath init` a quick one.
const QUICK: [&str; 10] = [
    "--set",
    "model.width=4",
    "--set",
    "model.encoder=resnet18",
    "--set",
    "train.epochs=2",
    "--set",
    "chips.per_epoch=12",
    "--set",
    "optimizer.lr=0.01",
];

fn scene() -> SyntheticScene {
    synthetic_scene(256, 321, 3)
}

/// A folder with a scene, the run file of `swath init`, its run, and the map of the whole image.
static SITE: LazyLock<TempDir> = LazyLock::new(|| {
    let site = tempfile::tempdir().unwrap();
    let folder = site.path();
    write_scene(folder, &scene());
    fs::remove_file(folder.join("run.toml")).unwrap();
    swath_ok(folder, &["init", "image.tif", "--labels", "labels.tif"]);
    swath_ok(folder, &[&["train", "run.toml", "-o", "run"], &QUICK[..]].concat());
    swath_ok(folder, &["predict", "run/model.swath", "image.tif", "-o", "map.tif"]);
    site
});

fn metrics(path: &str) -> Value {
    serde_json::from_slice(&fs::read(SITE.path().join(path)).unwrap()).unwrap()
}

fn read(path: &Path, window: Option<Window>) -> (Grid, Vec<f32>) {
    let raster = Raster::open(&[path.to_owned()], &RasterOptions::default()).unwrap();
    let window = window.unwrap_or(raster.grid().full_window());
    // Missing pixels are NaN, which equals nothing.
    let pixels = raster.read(window).unwrap();
    let value = |(&value, &valid): (&f32, &bool)| if valid { value } else { 0.0 };
    let values = pixels.values.iter().zip(&pixels.valid).map(value).collect();
    (raster.grid().clone(), values)
}

/// Counts map against labels within windows; both are codes, 0 for none.
fn confusion(map: &[f32], labels: &[u8], cols: usize, windows: &[Window]) -> Vec<Vec<u64>> {
    let index = |code: f32| CODES.iter().position(|&it| it == code);
    let mut confusion = Confusion::new(CODES.len());
    for window in windows {
        for row in window.row..window.row_end() {
            for col in window.col..window.col_end() {
                let pixel = row as usize * cols + col as usize;
                let label = index(f32::from(labels[pixel]));
                if let Some((map, label)) = index(map[pixel]).zip(label) {
                    confusion.add(map as u8, label as u8);
                }
            }
        }
    }
    confusion.rows()
}

fn counts(metrics: &Value) -> Vec<Vec<u64>> {
    serde_json::from_value(metrics["confusion"].clone()).unwrap()
}

#[test]
fn the_run_file_of_init_can_be_trained_as_it_is() {
    let text = swath_ok(SITE.path(), &["info", "run.toml"]);
    assert!(text.contains("256 rows x 321 columns") && text.contains("crop"), "{text}");
    let ended = swath(SITE.path(), &["train", "run.toml", "--dry-run", "-o", "dry"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("unet-resnet34 of width 64"), "{}", ended.stderr);
    assert!(!SITE.path().join("dry").exists(), "a dry run leaves something behind");
}

#[test]
fn a_run_folder_holds_everything() {
    let folder = SITE.path().join("run");
    let found: Vec<String> =
        files(&folder).keys().map(|it| it.to_str().unwrap().replace('\\', "/")).collect();
    for wanted in [
        "run.toml",
        "manifest.json",
        "statistics.json",
        "history.csv",
        "steps.csv",
        "metrics.json",
        "confusion.csv",
        "report.html",
        "model.swath",
        "checkpoints/last.safetensors",
        "checkpoints/best.safetensors",
        "plots/training_curves.svg",
        "plots/confusion_test.png",
    ] {
        assert!(found.iter().any(|it| it == wanted), "{wanted} is not in {found:?}");
    }
    assert!(!found.iter().any(|it| it.ends_with(".part")), "{found:?}");
}

/// The form that other programs rely on.
#[test]
fn metrics_have_the_documented_form() {
    let file = metrics("run/metrics.json");
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (keys(&file), &file["version"]),
        (vec!["splits".into(), "version".into()], &1.into())
    );
    assert_eq!(keys(&file["splits"]), ["test", "validation"]);
    for split in ["test", "validation"] {
        let split = &file["splits"][split];
        for key in ["overall_accuracy", "mean_iou", "macro_f1_mean", "kappa"] {
            assert!(split[key].is_f64(), "{key}: {}", split[key]);
        }
        let classes = split["classes"].as_array().unwrap();
        let names: Vec<&str> = classes.iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["bare soil", "crop", "forest", "water", "road"]);
        for class in classes {
            assert!(class["support"].is_u64());
            for key in ["iou", "precision", "recall", "f1"] {
                assert!(class[key].is_f64() || class[key].is_null(), "{key}: {}", class[key]);
            }
        }
        let counts = counts(split);
        assert!(counts.len() == 5 && counts.iter().all(|row| row.len() == 5));
        // Rows are the map, columns the reference.
        let support: u64 = counts.iter().map(|row| row[2]).sum();
        assert_eq!(classes[2]["support"], support);
    }
}

#[test]
fn the_map_has_the_users_codes_where_the_image_has_data() {
    let (grid, map) = read(&SITE.path().join("map.tif"), None);
    let (image_grid, _) = read(&SITE.path().join("image.tif"), None);
    assert_eq!(grid, image_grid);
    for (code, value) in map.iter().zip(&scene().values) {
        assert_eq!(*code == 0.0, *value == 0, "map {code}, image {value}");
        assert!(*code == 0.0 || CODES.contains(code), "{code}");
    }
    assert!(CODES.iter().filter(|code| map.contains(code)).count() > 1, "one class everywhere");
    let sidecar = fs::read_to_string(SITE.path().join("map.tif.aux.xml")).unwrap();
    assert!(sidecar.contains("bare soil"), "{sidecar}");
}

#[test]
fn a_window_of_the_map_is_that_part_of_the_whole_map() {
    let window = Window { row: 37, col: 101, rows: 90, cols: 77 };
    let args = ["predict", "run/model.swath", "image.tif", "-o", "part.tif"];
    swath_ok(SITE.path(), &[&args[..], &["--window", "37,101,90,77"]].concat());
    let (grid, part) = read(&SITE.path().join("part.tif"), None);
    let (whole_grid, wanted) = read(&SITE.path().join("map.tif"), Some(window));
    assert_eq!(grid, whole_grid.part(window));
    assert!(part == wanted, "the part differs from the whole");
}

#[test]
fn figures_of_the_run_are_those_of_its_map() {
    let (grid, map) = read(&SITE.path().join("map.tif"), None);
    let manifest = Manifest::read(&SITE.path().join("run/manifest.json")).unwrap();
    let blocks = &manifest.split[0];
    let file = metrics("run/metrics.json");
    for (split, origins) in [("test", &blocks.test), ("validation", &blocks.validation)] {
        let block = |&[row, col]: &[u32; 2]| Window::square(row, col, blocks.block_px);
        let windows: Vec<Window> = origins
            .iter()
            .map(block)
            .filter_map(|it| grid.full_window().intersection(it))
            .collect();
        assert_eq!(windows.len(), origins.len());
        let wanted = confusion(&map, &codes(&scene()), grid.cols as usize, &windows);
        assert_eq!(counts(&file["splits"][split]), wanted, "{split}");
    }
    let again = swath_ok(SITE.path(), &["evaluate", "run", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), file);
}

#[test]
fn a_map_is_evaluated_against_any_labels() {
    let (grid, map) = read(&SITE.path().join("map.tif"), None);
    let args =
        ["evaluate", "--map", "map.tif", "--labels", "labels.tif", "--json", "-o", "figures"];
    let printed: Value = serde_json::from_str(&swath_ok(SITE.path(), &args)).unwrap();
    let wanted = confusion(&map, &codes(&scene()), grid.cols as usize, &[grid.full_window()]);
    assert_eq!(counts(&printed["splits"]["map"]), wanted);
    assert_eq!(metrics("figures/metrics.json"), printed);
    // A pixel is 10 m x 10 m.
    let class = &printed["splits"]["map"]["classes"][1];
    assert_eq!(class["area"].as_f64().unwrap(), 100.0 * class["mapped"].as_f64().unwrap());
}
