//! From run file to data set.

use std::path::Path;

use crate::{
    chip::{Normalisation, Sampler, SplitSummary, split_scenes, training_statistics},
    error::Result,
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
    let RunFile { data, split, chips, seed, .. } = run_file;
    let scenes = Scenes::open(data, Path::new(""))?;
    let splits = split_scenes(&scenes, split, chips, *seed)?;
    let summary = SplitSummary::new(&splits);
    let sampler = Sampler::new(&splits, chips, *seed)?;

    let statistics = training_statistics(&scenes, &splits)?;
    let normalisation = Normalisation::of(&statistics)?;
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
