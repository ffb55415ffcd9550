//! From opened scenes to their splits.

use crate::{
    chip::{
        BlockGrid, ChipsConfig, SceneSplit, SplitConfig, SplitScene, SplitSummary, count_classes,
        keep_fraction, split,
    },
    error::{Error, Result},
    scene::Scenes,
};

/// Counts the labelled pixels of every block, gives the blocks their roles, and keeps the fraction
/// of the training blocks that `chips` asks for. Reads every scene once.
///
/// # Errors
///
/// Those of reading, [`split`] and [`SplitSummary::check_training`]; [`Error::Config`] for a chip size
/// out of range and for a buffer that leaves no training pixel.
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
    if !splits.iter().any(SceneSplit::leaves_training_pixels) {
        let rule = "every pixel of the training blocks is this near to a validation or test block";
        return Err(Error::config("split.buffer_px", config.buffer_px, rule));
    }
    Ok(splits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chip::{AuditScene, Sampler, audit, evaluation_windows, training_statistics},
        raster::fixture::Fixture,
        scene::Role,
    };

    const DATA: &str = "ignore = [0]\n[[scene]]\nimages = \"image.tif\"\nlabels = \"labels.tif\"";

    /// 20 x 30 px: values 1 to 600, the first row without data; codes 1 to 3 in stripes of 5
    /// columns, code 4 in the lower right corner only.
    fn scenes(folder: &std::path::Path) -> Scenes {
        let fixture = Fixture::new(20, 30);
        let image: Vec<u16> = (1..=600).map(|it| if it <= 30 { 0 } else { it }).collect();
        let label = |it: u16| if it == 599 { 4 } else { 1 + (it % 30 / 5 % 3) as u8 };
        fixture.clone().nodata("0").write(&folder.join("image.tif"), &image);
        let labels: Vec<u8> = (0..600).map(label).collect();
        fixture.write(&folder.join("labels.tif"), &labels);
        Scenes::open(&toml::from_str(DATA).unwrap(), folder).unwrap()
    }

    #[test]
    fn a_scene_goes_all_the_way_to_chips() {
        let folder = tempfile::tempdir().unwrap();
        let scenes = scenes(folder.path());
        let chips = ChipsConfig { size_px: 4, ..ChipsConfig::default() };
        let config = SplitConfig { block_px: Some(5), buffer_px: 1, ..SplitConfig::default() };
        let splits = split_scenes(&scenes, &config, &chips, 42).unwrap();
        let summary = SplitSummary::new(&splits);
        assert_eq!(summary.roles.iter().map(|it| it.n_blocks).sum::<usize>(), 24);
        assert_eq!(summary.absent(), [(Role::Validation, 3), (Role::Test, 3)]);

        let statistics = training_statistics(&scenes, &splits).unwrap();
        let (mut sum, mut n_pixels) = (0.0, 0);
        for row in 1..20 {
            for col in 0..30 {
                if splits[0].role_at(row, col) == Some(Role::Train)
                    && !splits[0].is_hidden(row, col)
                {
                    sum += f64::from(row * 30 + col + 1);
                    n_pixels += 1;
                }
            }
        }
        assert_eq!(statistics.n_labelled, n_pixels);
        assert!((statistics.bands[0].mean - sum / n_pixels as f64).abs() < 1e-9);

        let read = |scene, window| scenes.read(scene, window);
        let sampler = Sampler::new(&splits, &chips, scenes.classes(), 42, read).unwrap();
        let chip = |epoch, index| sampler.read_chip(epoch, index, &splits, read).unwrap().0;
        let training: Vec<_> = (0..3)
            .flat_map(|epoch| (0..sampler.n_chips()).map(move |index| (epoch, index)))
            .map(|(epoch, index)| chip(epoch, index))
            .collect();
        let windows = |role| evaluation_windows(&splits, role, 4, 0).collect::<Vec<_>>();
        let (validation, test) = (windows(Role::Validation), windows(Role::Test));
        let scene = [AuditScene { split: &splits[0], grid: scenes.scene(0).grid() }];
        audit(&scene, &training, &validation, &test).unwrap();
        let (chip, sample) = sampler.read_chip(0, 1, &splits, read).unwrap();
        assert_eq!((chip.window.rows, sample.pixels.rows), (4, 4));
    }

    #[test]
    fn a_class_that_training_never_sees_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let scenes = scenes(folder.path());
        let chips = ChipsConfig { size_px: 4, ..ChipsConfig::default() };
        let config = toml::from_str("block_px = 5\ntest = [[15, 25]]").unwrap();
        let error = split_scenes(&scenes, &config, &chips, 42).unwrap_err().to_string();
        assert!(error.contains("training pixels of class 4: found none"), "{error}");
        // The neighbour of the corner block is tested, and the buffer reaches the corner.
        let config = toml::from_str("block_px = 5\nbuffer_px = 5\ntest = [[15, 20]]").unwrap();
        let splits = split_scenes(&scenes, &config, &chips, 42).unwrap();
        let error = training_statistics(&scenes, &splits).unwrap_err().to_string();
        assert!(error.contains("`split.buffer_px`"), "{error}");
    }

    #[test]
    fn a_buffer_over_all_training_blocks_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let scenes = scenes(folder.path());
        let chips = ChipsConfig { size_px: 4, ..ChipsConfig::default() };
        let config = toml::from_str("block_px = 5\nbuffer_px = 30\ntest = [[5, 5]]").unwrap();
        let error = split_scenes(&scenes, &config, &chips, 42).unwrap_err().to_string();
        assert!(error.contains("`split.buffer_px` = 30"), "{error}");
    }
}
