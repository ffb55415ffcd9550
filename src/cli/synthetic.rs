//! Files of the scene made by code.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Error,
    label::IGNORE,
    predict::legend,
    raster::{Affine, Crs, Grid, MapLayout, MapWriter, write_atomically},
    scene::{BAND_NAMES, synthetic_classes, synthetic_scene},
};

const ROWS: usize = 384;
const COLS: usize = 448;
const SEED: u64 = 1;

const RUN_FILE: &str = r#"# The run file of `swath demo --synthetic`.
name = "synthetic"

[data]
nodata = 0.0

[[data.scene]]
images = "image.tif"
labels = "labels.tif"

[chips]
size_px = 64

[model]
encoder = "resnet18"
width = 16

[optimizer]
lr = 3e-3

[train]
epochs = 12
"#;

/// Writes image, labels and run file of the made-up scene into `folder`; returns the run file.
pub(super) fn write_scene(folder: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder).map_err(Error::io("make folder", folder))?;
    let scene = synthetic_scene(ROWS, COLS, SEED);
    let grid = Grid {
        rows: ROWS as u32,
        cols: COLS as u32,
        affine: Affine::north_up([500_000.0, 5_400_000.0], [10.0, 10.0]),
        crs: Crs::from_epsg(32632),
    };
    let classes = synthetic_classes();
    let codes: Vec<u8> = scene
        .labels
        .iter()
        .map(|&label| if label == IGNORE { 0 } else { classes.class(label.into()).code as u8 })
        .collect();

    let names = BAND_NAMES.map(str::to_owned).to_vec();
    let layout = MapLayout { band_names: names, nodata: Some(0.0), legend: Vec::new() };
    let mut image = MapWriter::<u16>::create(&folder.join("image.tif"), &grid, layout)?;
    image.write_rows(0, &scene.values)?;
    image.finish()?;

    let layout = MapLayout {
        band_names: vec!["land cover".to_owned()],
        nodata: Some(0.0),
        legend: legend(&classes),
    };
    let mut labels = MapWriter::<u8>::create(&folder.join("labels.tif"), &grid, layout)?;
    labels.write_rows(0, &codes)?;
    labels.finish()?;

    let path = folder.join("run.toml");
    write_atomically(&path, RUN_FILE.as_bytes())?;
    Ok(path)
}
