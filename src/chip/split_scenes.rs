//! From opened scenes to their splits.

use crate::{
    chip::{
        BlockGrid, ChipsConfig, SceneSplit, SplitConfig, SplitScene, SplitSummary, count_classes,
        keep_fraction, split,
    },
    error::Result,
    scene::Scenes,
};

/// Counts the labelled pixels of every block, gives the blocks their roles, and keeps the fraction
/// of the training blocks that `chips` asks for. Reads every scene once.
///
/// # Errors
///
/// Those of reading, [`split`] and [`SplitSummary::check_training`]; a chip size out of range.
pub fn split_scenes(
    scenes: &Scenes,
    config: &SplitConfig,
    chips: &ChipsConfig,
    seed: u64,
) -> Result<Vec<SceneSplit>> {
    chips.check()?;
    let block_px = config.block_px(chips.size_px)?;
    let mut counted = Vec::with_capacity(scenes.len());
    for scene in scenes.iter() {
        let (rows, cols) = (scene.grid().rows, scene.grid().cols);
        let grid = BlockGrid::new(rows, cols, block_px);
        let counts = count_classes(&grid, scenes.classes().len(), |window| scene.read(window))?;
        counted.push(SplitScene { name: scene.name().into(), role: scene.role(), grid, counts });
    }
    let mut splits = split(counted, config, seed)?;
    keep_fraction(&mut splits, chips.fraction, seed);
    SplitSummary::new(&splits).check_training(scenes.classes())?;
    Ok(splits)
}
