//! Several scenes, codes beyond 255, and roles of whole scenes.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use swath::{
    raster::{Affine, Grid, Raster, RasterOptions},
    run::Manifest,
    scene::{SyntheticScene, synthetic_scene},
};

use crate::support::{RUN_FILE, codes, grid, swath, swath_ok, write_image, write_labels};

/// Three scenes that differ in size and place, below `images/` and `labels/`.
fn site() -> tempfile::TempDir {
    let site = tempfile::tempdir().unwrap();
    for folder in ["images", "labels"] {
        fs::create_dir(site.path().join(folder)).unwrap();
    }
    for (name, scene, grid) in scenes() {
        let path = |folder: &str, end: &str| site.path().join(format!("{folder}/{name}{end}.tif"));
        write_image(&path("images", ""), &grid, Some(0.0), &scene.values);
        // 10, 20 ... become 1000, 2000 ...
        let codes: Vec<u16> = codes(&scene).into_iter().map(|it| 100 * u16::from(it)).collect();
        write_labels(&path("labels", "_classes"), &grid, &codes);
    }
    let scenes = "images = \"images/*.tif\"\nlabels = \"labels/*_classes.tif\"";
    write_run_file(site.path(), scenes, "");
    site
}

fn scenes() -> [(&'static str, SyntheticScene, Grid); 3] {
    [("east", 150, 100, 1), ("north", 96, 170, 2), ("west", 128, 130, 3)].map(
        |(name, rows, cols, seed)| {
            let corner = [400_000.0 + 10_000.0 * seed as f64, 5_000_000.0];
            let affine = Affine::north_up(corner, [10.0, 10.0]);
            (name, synthetic_scene(rows, cols, seed), Grid { affine, ..grid(rows, cols) })
        },
    )
}

fn write_run_file(folder: &Path, scenes: &str, split: &str) {
    let text = RUN_FILE
        .replace("images = \"image.tif\"\nlabels = \"labels.tif\"", scenes)
        .replace("[split]\n", &format!("[split]\n{split}\n"));
    fs::write(folder.join("run.toml"), text).unwrap();
}

fn manifest(folder: &Path) -> Manifest {
    Manifest::read(&folder.join("run/manifest.json")).unwrap()
}

#[test]
fn scenes_of_a_pattern_train_one_model_that_maps_them_all() {
    let site = site();
    let folder = site.path();
    swath_ok(folder, &["train", "run.toml", "-o", "run"]);
    let names: Vec<String> = manifest(folder).split.into_iter().map(|it| it.scene).collect();
    assert_eq!(names, ["east", "north", "west"]);

    let images = ["images/east.tif", "images/north.tif", "images/west.tif"];
    let predict = |images: &[&str]| {
        let args = [&["predict", "run/model.swath", "-o", "maps/"], images].concat();
        swath(folder, &args)
    };
    fs::create_dir(folder.join("maps")).unwrap();
    assert_eq!(predict(&images[..1]).code, Some(0));
    let east = fs::read(folder.join("maps/east.tif")).unwrap();
    let ended = predict(&images);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("east.tif is there already; skipped"), "{}", ended.stderr);
    assert!(east == fs::read(folder.join("maps/east.tif")).unwrap());

    let mut mapped = BTreeSet::new();
    for (name, scene, grid) in scenes() {
        let path = folder.join(format!("maps/{name}.tif"));
        let map = Raster::open(&[path], &RasterOptions::default()).unwrap();
        assert_eq!(map.grid(), &grid);
        assert_eq!(map.bands()[0].dtype.to_string(), "uint16");
        let pixels = map.read(grid.full_window()).unwrap();
        let n_pixels = pixels.n_pixels();
        for (pixel, &valid) in pixels.valid.iter().enumerate() {
            assert_eq!(valid, scene.values[pixel] != 0, "{name}, pixel {pixel} of {n_pixels}");
        }
        let valid = pixels.values.iter().zip(&pixels.valid).filter(|it| *it.1);
        mapped.extend(valid.map(|(&code, _)| code as u32));
    }
    assert!(
        mapped.len() > 1 && mapped.iter().all(|code| [1000, 2000, 3000, 4000, 5000].contains(code)),
        "{mapped:?}"
    );
}

#[test]
fn whole_scenes_have_roles() {
    let site = site();
    let folder = site.path();
    let scene = |name: &str, role: &str| {
        format!(
            "images = \"images/{name}.tif\"\nlabels = \"labels/{name}_classes.tif\"\nrole = \"{role}\""
        )
    };
    let scenes = [scene("west", "train"), scene("east", "validation"), scene("north", "test")]
        .join("\n[[data.scene]]\n");
    write_run_file(folder, &scenes, "method = \"files\"");
    let printed = swath_ok(folder, &["train", "run.toml", "-o", "run", "--json"]);
    for blocks in manifest(folder).split {
        let n_blocks = [blocks.train.len(), blocks.validation.len(), blocks.test.len()];
        let wanted = match blocks.scene.as_str() {
            "west" => [n_blocks[0], 0, 0],
            "east" => [0, n_blocks[1], 0],
            _ => [0, 0, n_blocks[2]],
        };
        assert!(n_blocks == wanted && n_blocks.iter().any(|&it| 0 < it), "{blocks:?}");
    }
    // The figures of the test split are those of the whole map of its scene.
    let args = ["predict", "run/model.swath", "images/north.tif", "-o", "north.tif"];
    swath_ok(folder, &args);
    let args = ["evaluate", "--map", "north.tif", "--labels", "labels/north_classes.tif", "--json"];
    let [run, map] = [printed, swath_ok(folder, &args)]
        .map(|text| serde_json::from_str::<Value>(&text).unwrap()["splits"].clone());
    assert_eq!(run["test"]["confusion"], map["map"]["confusion"]);
    assert_eq!(run["test"]["classes"], map["map"]["classes"]);
}
