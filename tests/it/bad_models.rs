//! Models, runs and rasters that do not fit together.

use std::{fs, path::Path, sync::LazyLock};

use swath::{
    bundle::Bundle,
    raster::{Affine, Grid},
    weights::Values,
};
use tempfile::TempDir;

use crate::support::{
    COLS, ROWS, check_refused, copy_folder, grid, scene, site, swath, swath_ok, write_image,
};

const PREDICT: [&str; 5] = ["predict", "run/model.swath", "other.tif", "-o", "map.tif"];

/// A scene with its run.
static TRAINED: LazyLock<TempDir> = LazyLock::new(|| {
    let site = site();
    swath_ok(site.path(), &["train", "run.toml", "-o", "run"]);
    site
});

/// A copy of the scene with its run, whose run file has the paths of the original.
fn trained() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(TRAINED.path(), folder.path());
    folder
}

/// Predicts `other.tif`, which must fail with code 1 and say all `parts`.
#[track_caller]
fn check(folder: &Path, parts: &[&str]) {
    check_refused(folder, &PREDICT, 1, parts);
}

#[test]
fn a_raster_of_another_kind_is_refused_with_what_differs() {
    let (values, usual) = (scene().values, grid(ROWS, COLS));
    let real: Vec<f32> = values.iter().map(|&it| f32::from(it)).collect();
    let folder = trained();
    let other = folder.path().join("other.tif");

    write_image(&other, &usual, Some(0.0), &values[..4 * ROWS * COLS]);
    check(folder.path(), &["bands of other.tif", "found 4", "wanted 5", "swir1"]);
    write_image(&other, &usual, Some(0.0), &real);
    check(folder.path(), &["band 1 of other.tif", "found float32", "wanted uint16"]);
    fs::write(&other, "no raster").unwrap();
    check(folder.path(), &["other.tif is not a valid GeoTIFF"]);
    fs::remove_file(&other).unwrap();
    check(folder.path(), &["other.tif", "cannot "]);
}

#[test]
fn another_pixel_size_is_refused_unless_forced() {
    let folder = trained();
    let affine = Affine::north_up([500_000.0, 5_400_000.0], [20.0, 20.0]);
    let coarse = Grid { affine, ..grid(ROWS, COLS) };
    write_image(&folder.path().join("other.tif"), &coarse, Some(0.0), &scene().values);
    check(
        folder.path(),
        &["pixel size of other.tif", "found 20 x 20", "wanted 10 x 10", "--force"],
    );
    swath_ok(folder.path(), &[&PREDICT[..], &["--force"]].concat());
    assert!(folder.path().join("map.tif").exists());
}

#[test]
fn an_image_that_is_cut_off_leaves_no_map() {
    let folder = trained();
    let whole = fs::read(folder.path().join("image.tif")).unwrap();
    for n_bytes in [100, whole.len() / 2, whole.len() * 9 / 10] {
        fs::write(folder.path().join("other.tif"), &whole[..n_bytes]).unwrap();
        check(folder.path(), &["other.tif is not a valid GeoTIFF"]);
    }
}

#[test]
fn windows_outside_of_the_raster_are_refused() {
    let args = ["predict", "run/model.swath", "image.tif", "-o", "map.tif", "--window"];
    for window in ["0,0,141,10", "0,171,1,1", "139,0,2,2", "0,0,0,5", "4294967295,0,2,2"] {
        let parts = ["`--window`", "140 rows x 171 columns"];
        check_refused(TRAINED.path(), &[&args[..], &[window]].concat(), 2, &parts);
    }
    check_refused(TRAINED.path(), &[&args[..], &["1,2,3"]].concat(), 2, &["four numbers"]);
    let args = ["predict", "run/model.swath", "image.tif", "-o", "map.tif", "--bounds"];
    check_refused(
        TRAINED.path(),
        &[&args[..], &["0,0,1,1"]].concat(),
        2,
        &["`--bounds`", "touches"],
    );
}

#[test]
fn maps_go_to_new_places_only() {
    let folder = trained();
    let predict = ["predict", "run/model.swath", "image.tif", "-o"];
    let refused = |output: &str, parts: &[&str]| {
        check_refused(folder.path(), &[&predict[..], &[output]].concat(), 1, parts);
    };
    refused("image.tif", &["image.tif is there already", "--overwrite"]);
    refused("none/map.tif", &["none"]);
    refused("run.toml/map.tif", &["run.toml"]);
    refused(".", &["image.tif is an image", "must not replace it"]);
    let args = [&predict[..], &["image.tif", "--overwrite"]].concat();
    check_refused(folder.path(), &args, 1, &["image.tif is an image"]);
    let args = ["predict", "none.swath", "labels.tif", "image.tif", "-o", "maps"];
    check_refused(folder.path(), &args, 1, &[]);
    let args = ["predict", "run/model.swath", "labels.tif", "-o", "maps/"];
    check_refused(folder.path(), &args, 1, &["labels.tif"]); // And no empty folder is left.
}

/// One bad raster does not cost the others their maps, and is not forgotten.
#[test]
fn a_bad_raster_among_others_is_told_and_passed_over() {
    let folder = trained();
    let args = ["predict", "run/model.swath", "labels.tif", "image.tif", "-o", "maps"];
    let ended = swath(folder.path(), &args);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for part in ["bands of labels.tif", "1 of 2 rasters could not be predicted"] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    assert!(folder.path().join("maps/image.tif").exists());
    assert!(!folder.path().join("maps/labels.tif").exists());
}

/// Cut anywhere, or changed in any byte, a model file is refused, or is as good as it was.
#[test]
fn a_damaged_model_is_refused() {
    let folder = trained();
    let path = folder.path().join("run/model.swath");
    let whole = fs::read(&path).unwrap();
    let wanted = Bundle::read(&path).unwrap();
    let head = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    for n_bytes in (0..head).step_by(97).chain([head, head + 1000, whole.len() - 1]) {
        fs::write(&path, &whole[..n_bytes]).unwrap();
        assert!(Bundle::read(&path).is_err(), "cut to {n_bytes} bytes");
    }
    for at in (0..16).chain((16..head).step_by(7)).chain((head..whole.len()).step_by(9973)) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x24;
        fs::write(&path, &bytes).unwrap();
        let Ok(read) = Bundle::read(&path) else { continue };
        assert!(at < head && read == wanted, "byte {at} of {head} + weights");
    }
    for bytes in [&b"swath"[..], &whole[..head], &[]] {
        fs::write(&path, bytes).unwrap();
        let args = ["predict", "run/model.swath", "image.tif", "-o", "map.tif"];
        check_refused(folder.path(), &args, 1, &["model.swath is not a valid swath model"]);
    }
}

/// Weights that are no numbers give no map: class 0 everywhere would look like one.
#[test]
fn a_model_that_says_nan_is_named() {
    let folder = trained();
    let path = folder.path().join("run/model.swath");
    let mut bundle = Bundle::read(&path).unwrap();
    let Values::F32(weights) = &mut bundle.state.entries[0].values else { panic!() };
    weights[0] = f32::NAN;
    bundle.write(&path).unwrap();
    let args = ["predict", "run/model.swath", "image.tif", "-o", "map.tif"];
    check_refused(folder.path(), &args, 1, &["model `tiny`", "NaN"]);
}

#[test]
fn a_run_of_another_version_or_device_is_not_resumed() {
    let folder = trained();
    let path = folder.path().join("run/manifest.json");
    let manifest = fs::read_to_string(&path).unwrap();
    let resume = ["resume", "run"];
    let version = env!("CARGO_PKG_VERSION");
    for (old, new, parts) in [
        (format!("\"version\": \"{version}\""), "\"version\": \"0.0.7\"", ["0.0.7", version]),
        ("\"device\": \"cpu\"".to_owned(), "\"device\": \"cuda\"", ["cuda", "cpu"]),
        (
            format!("\"instruction_set\": \"{}\"", swath_kernels::Isa::current().name()),
            "\"instruction_set\": \"sse9\"",
            ["sse9", "SWATH_ISA"],
        ),
        ("\"features\": []".to_owned(), "\"features\": [\"wgpu\"]", ["wgpu", "none"]),
        ("\"version\": 1,".to_owned(), "\"version\": 2,", ["manifest.json", "version 2"]),
    ] {
        assert!(manifest.contains(&old), "{old} is not in {manifest}");
        fs::write(&path, manifest.replace(&old, new)).unwrap();
        check_refused(folder.path(), &resume, 1, &parts);
    }
    let threads = "\"threads\": ";
    fs::write(&path, manifest.replace(threads, "\"threads\": 7")).unwrap();
    swath_ok(folder.path(), &resume);
}

#[test]
fn a_changed_run_is_not_resumed() {
    let site = site();
    swath_ok(site.path(), &["train", "run.toml", "-o", "run"]);
    let path = |name: &str| site.path().join(name);
    let resume = ["resume", "run"];

    let run_file = fs::read_to_string(path("run/run.toml")).unwrap();
    fs::write(path("run/run.toml"), run_file.replace("lr = 0.003", "lr = 0.004")).unwrap();
    check_refused(
        site.path(),
        &resume,
        1,
        &["run.toml", "changes made", "optimizer.lr = 0.004 was 0.003", "new run"],
    );
    fs::write(path("run/run.toml"), &run_file).unwrap();

    let image = fs::read(path("image.tif")).unwrap();
    let values: Vec<u16> = scene().values.iter().map(|it| it + 1).collect();
    write_image(&path("image.tif"), &grid(ROWS, COLS), Some(0.0), &values);
    check_refused(site.path(), &resume, 1, &["image.tif", "another content (SHA-256 "]);
    fs::write(path("image.tif"), image).unwrap();

    let sidecar = fs::read_to_string(path("labels.tif.aux.xml")).unwrap();
    fs::write(path("labels.tif.aux.xml"), format!("{sidecar}\n")).unwrap();
    check_refused(site.path(), &resume, 1, &["labels.tif.aux.xml", "another content"]);
    fs::remove_file(path("labels.tif.aux.xml")).unwrap();
    check_refused(site.path(), &resume, 1, &["labels.tif.aux.xml"]);
    fs::write(path("labels.tif.aux.xml"), sidecar).unwrap();
    assert!(!path("image.tif.aux.xml").exists());
    fs::write(path("image.tif.aux.xml"), "<PAMDataset/>").unwrap();
    check_refused(site.path(), &resume, 1, &["image.tif.aux.xml", "a new file"]);
    fs::remove_file(path("image.tif.aux.xml")).unwrap();

    let [last, previous] =
        ["last", "previous"].map(|it| path(&format!("run/checkpoints/{it}.safetensors")));
    let checkpoint = fs::read(&last).unwrap();
    fs::write(&previous, "").unwrap();
    for n_bytes in [0, 7, 500, checkpoint.len() / 2] {
        fs::write(&last, &checkpoint[..n_bytes]).unwrap();
        check_refused(site.path(), &resume, 1, &["previous.safetensors is not a valid checkpoint"]);
    }
    fs::remove_file(&previous).unwrap();
    check_refused(site.path(), &resume, 1, &["last.safetensors is not a valid checkpoint"]);
    check_refused(site.path(), &["resume", "nowhere"], 1, &["nowhere", "no run.toml"]);
}
