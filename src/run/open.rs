//! From run file to data set.

use std::path::Path;

use crate::{
    chip::{
        BlockGrid, Normalisation, Sampler, SplitScene, SplitSummary, count_classes, keep_fraction,
        split, training_samples,
    },
    error::Result,
    raster::Statistics,
    run::RunFile,
    scene::Scenes,
    train::Dataset,
};

/// Opens the scenes of a run file, splits them and measures the training pixels.
///
/// Reads every label once and every training pixel twice; nothing is written.
///
/// # Errors
///
/// Whatever is wrong with the files, the labels or the settings; see
/// [`Error`](crate::error::Error).
pub fn open_dataset(run_file: &RunFile) -> Result<Dataset> {
    let RunFile { data, split: split_config, chips, seed, .. } = run_file;
    let scenes = Scenes::open(data, Path::new(""))?;
    let n_classes = scenes.classes().len();

    let mut split_scenes = Vec::with_capacity(scenes.len());
    let block_px = split_config.block_px(chips.size_px)?;
    for scene in scenes.iter() {
        let grid = scene.grid();
        let grid = BlockGrid::new(grid.rows, grid.cols, block_px);
        let counts = count_classes(&grid, n_classes, |window| scene.read(window))?;
        let name = scene.name().to_owned();
        split_scenes.push(SplitScene { name, role: scene.role(), grid, counts });
    }
    let mut splits = split(split_scenes, split_config, *seed)?;
    chips.check()?;
    keep_fraction(&mut splits, chips.fraction, *seed);
    let summary = SplitSummary::new(&splits);
    summary.check_training(scenes.classes())?;
    let sampler = Sampler::new(&splits, chips, *seed)?;

    let read = |scene, window| scenes.read(scene, window);
    let statistics = Statistics::measure(scenes.bands().len(), n_classes, || {
        training_samples(&splits, read).map(|it| it.map(|it| (it.pixels, it.labels)))
    })?;
    let of_bands = |value: fn(&crate::raster::BandStatistics) -> f64| {
        statistics.bands.iter().map(value).collect::<Vec<_>>()
    };
    let normalisation = Normalisation::new(of_bands(|it| it.mean), of_bands(|it| it.std))?;
    Ok(Dataset {
        scenes,
        splits,
        summary,
        statistics,
        normalisation,
        sampler,
        augment: run_file.augment.clone(),
        chip_px: chips.size_px,
        seed: *seed,
    })
}
