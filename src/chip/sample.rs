//! The windows that an epoch trains on.

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    chip::{Origins, SceneSplit, blocks::READ_PX, cover},
    error::{Error, Result},
    random::{Purpose, generator},
    raster::Window,
    scene::{Role, Sample},
};

/// Draws of one chip before giving up on finding a labelled training pixel.
const MAX_DRAWS: usize = 1000;

/// Most chips of an epoch.
const MAX_PER_EPOCH: u32 = 10_000_000;

/// The `[chips]` table of a run file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChipsConfig {
    /// Side of a chip, in pixels.
    pub size_px: u32,
    /// Chips of an epoch, 1 to 10000000; by default as many as it takes to hold all pixels of the
    /// training blocks.
    pub per_epoch: Option<u32>,
    /// Share of the training blocks to train on, `(0, 1]`; a smaller set is part of every larger
    /// one of the same seed.
    pub fraction: f64,
}

impl Default for ChipsConfig {
    fn default() -> Self {
        Self { size_px: 256, per_epoch: None, fraction: 1.0 }
    }
}

impl ChipsConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        if self.size_px == 0 || self.size_px > 1 << 14 {
            return Err(Error::config("chips.size_px", self.size_px, "must lie in 1..=16384"));
        }
        if let Some(n_chips) = self.per_epoch
            && !(1..=MAX_PER_EPOCH).contains(&n_chips)
        {
            let rule = format!("must lie in 1..={MAX_PER_EPOCH}");
            return Err(Error::config("chips.per_epoch", n_chips, rule));
        }
        if !(0.0 < self.fraction && self.fraction <= 1.0) {
            let rule = "must be above 0 and at most 1";
            return Err(Error::config("chips.fraction", self.fraction, rule));
        }
        Ok(())
    }
}

/// A window of one of the scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChipRef {
    /// Index of the scene.
    pub scene: usize,
    /// Pixels of the chip.
    pub window: Window,
}

/// Draws training windows, all allowed windows of all scenes with the same probability.
///
/// Chip `index` of `epoch` depends on the seed and these two numbers alone, so chips may be loaded
/// in any order, on any thread, and again after a stop.
#[derive(Clone, Debug)]
pub struct Sampler {
    size_px: u32,
    origins: Vec<Origins>,
    n_origins: u64,
    n_chips: u32,
    seed: u64,
}

impl Sampler {
    /// Finds the allowed windows of all scenes; one split per scene.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a setting is out of range, or if no window is allowed.
    pub fn new(splits: &[SceneSplit], config: &ChipsConfig, seed: u64) -> Result<Self> {
        config.check()?;
        let size_px = config.size_px;
        let origins: Vec<_> = splits.iter().map(|it| Origins::new(it, size_px)).collect();
        let n_origins = origins.iter().map(Origins::count).sum();
        if n_origins == 0 {
            return Err(Error::config("chips.size_px", size_px, why_none_fits(splits, size_px)));
        }
        let n_chips = config.per_epoch.unwrap_or_else(|| default_per_epoch(splits, size_px));
        Ok(Self { size_px, origins, n_origins, n_chips, seed })
    }

    /// The same with `n_chips` chips in an epoch.
    pub fn with_chips(self, n_chips: u32) -> Self {
        Self { n_chips, ..self }
    }

    /// Side of a chip, in pixels.
    pub fn size_px(&self) -> u32 {
        self.size_px
    }

    /// Chips of an epoch.
    pub fn n_chips(&self) -> u32 {
        self.n_chips
    }

    /// How many different windows may be drawn.
    pub fn n_origins(&self) -> u64 {
        self.n_origins
    }

    /// Allowed windows of each scene.
    pub fn origins(&self) -> &[Origins] {
        &self.origins
    }

    /// Rectangles of the pixels that training windows may show: every allowed window lies in one,
    /// and every pixel of one lies in an allowed window. Their number depends on the blocks alone.
    pub fn shown(&self) -> Vec<ChipRef> {
        let of_scene = |(scene, origins): (usize, &Origins)| {
            let regions = origins.regions().into_iter();
            regions.map(move |window| ChipRef { scene, window }).collect::<Vec<_>>()
        };
        self.origins.iter().enumerate().flat_map(of_scene).collect()
    }

    /// First draw of each chip of `epoch`, in the order of the chips.
    ///
    /// A window that turns out to hold no labelled training pixel is replaced by
    /// [`Self::read_chip`].
    pub fn epoch_windows(&self, epoch: u32) -> impl Iterator<Item = ChipRef> {
        (0..self.n_chips).map(move |index| {
            self.draws(epoch, index).next().expect("a sampler without origins is refused")
        })
    }

    /// Reads chip `index` of `epoch`, fit for training (see [`SceneSplit::keep_training`]).
    ///
    /// Windows are drawn until one holds a labelled training pixel. `read` gives the sample of a
    /// window of a scene; `splits` are those of [`Self::new`].
    ///
    /// # Errors
    ///
    /// Those of `read`, and [`Error::Data`] if 1000 windows hold no labelled training pixel.
    pub fn read_chip(
        &self,
        epoch: u32,
        index: u32,
        splits: &[SceneSplit],
        read: impl Fn(usize, Window) -> Result<Sample>,
    ) -> Result<(ChipRef, Sample)> {
        for chip in self.draws(epoch, index).take(MAX_DRAWS) {
            let mut sample = read(chip.scene, chip.window)?;
            splits[chip.scene].keep_training(&mut sample, chip.window);
            if sample.is_labelled() {
                return Ok((chip, sample));
            }
        }
        let found = format!("none in {MAX_DRAWS} training windows");
        Err(Error::data("labelled training pixels", found, "at least one in most windows"))
    }

    /// Endless draws for one chip.
    fn draws(&self, epoch: u32, index: u32) -> impl Iterator<Item = ChipRef> {
        let mut rng = generator(self.seed, Purpose::Sample, epoch.into(), index.into());
        std::iter::repeat_with(move || self.pick(rng.random_range(0..self.n_origins)))
    }

    fn pick(&self, mut index: u64) -> ChipRef {
        for (scene, origins) in self.origins.iter().enumerate() {
            if index < origins.count() {
                return ChipRef { scene, window: origins.pick(index) };
            }
            index -= origins.count();
        }
        unreachable!("origin {index} beyond all {}", self.n_origins)
    }
}

/// The pixels that training may learn from, a part of a training block at a time.
///
/// Feeds the statistics: every labelled training pixel of every scene comes exactly once, hidden
/// pixels are masked. `read` gives the sample of a window of a scene.
pub fn training_samples<'a>(
    splits: &'a [SceneSplit],
    read: impl Fn(usize, Window) -> Result<Sample> + 'a,
) -> impl Iterator<Item = Result<Sample>> + 'a {
    let parts = splits.iter().enumerate().flat_map(|(scene, split)| {
        let (rows, cols) = (split.grid().rows(), split.grid().cols());
        let blocks = split.blocks(Role::Train);
        blocks.flat_map(move |block| {
            cover(block, rows, cols, READ_PX, 0).map(move |part| (scene, part.core))
        })
    });
    parts.map(move |(scene, window)| {
        let mut sample = read(scene, window)?;
        splits[scene].keep_training(&mut sample, window);
        Ok(sample)
    })
}

fn default_per_epoch(splits: &[SceneSplit], size_px: u32) -> u32 {
    let blocks = splits.iter().flat_map(|split| split.blocks(Role::Train));
    let n_pixels: usize = blocks.map(Window::n_pixels).sum();
    let n_chips = n_pixels.div_ceil(Window::square(0, 0, size_px).n_pixels());
    u32::try_from(n_chips).unwrap_or(u32::MAX)
}

/// The rule that a chip size breaks if no window of it is allowed in any scene.
fn why_none_fits(splits: &[SceneSplit], size_px: u32) -> String {
    let side = |split: &SceneSplit| split.grid().rows().min(split.grid().cols());
    let largest_px = splits.iter().map(side).max().unwrap_or(0);
    if largest_px < size_px {
        return format!("no raster is that large: the largest square in one is {largest_px} px");
    }
    let blocks = splits.iter().flat_map(|split| split.blocks(Role::Train));
    let block_px = blocks.map(|block| block.rows.min(block.cols)).max().unwrap_or(0);
    format!(
        "no window of this size holds training pixels and keeps away from validation and test \
         blocks (training blocks are up to {block_px} px); make chips smaller or `split.block_px` \
         larger, or set `split.hide = true`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chip::{BlockCounts, BlockGrid, scene_split::tests::splits},
        label::IGNORE,
        raster::Pixels,
    };
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// A sample whose values name scene, row and column; labelled where `labelled` says so.
    fn read(scene: usize, window: Window, labelled: impl Fn(u32, u32) -> bool) -> Sample {
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for row in window.row..window.row_end() {
            for col in window.col..window.col_end() {
                values.push((scene as u32 * 10_000 + row * 100 + col) as f32);
                labels.push(if labelled(row, col) { 0 } else { IGNORE });
            }
        }
        let (rows, cols) = (window.rows as usize, window.cols as usize);
        let pixels = Pixels { n_bands: 1, rows, cols, valid: vec![true; values.len()], values };
        Sample::new(pixels, labels)
    }

    fn all_training(rows: u32, cols: u32, block_px: u32) -> SceneSplit {
        let grid = BlockGrid::new(rows, cols, block_px);
        let counts = vec![BlockCounts { classes: vec![1] }; grid.n_blocks()];
        SceneSplit::new(grid, vec![Some(Role::Train); grid.n_blocks()], counts, 0, false)
    }

    fn config(size_px: u32) -> ChipsConfig {
        ChipsConfig { size_px, ..ChipsConfig::default() }
    }

    #[test]
    fn an_epoch_depends_on_its_number_and_the_seed_alone() {
        let splits = [all_training(40, 50, 8), all_training(20, 9, 8)];
        let windows = |seed, epoch| {
            let sampler = Sampler::new(&splits, &config(4), seed).unwrap();
            sampler.epoch_windows(epoch).collect::<Vec<_>>()
        };
        assert_eq!(windows(1, 3), windows(1, 3));
        assert_ne!(windows(1, 3), windows(1, 4));
        assert_ne!(windows(1, 3), windows(2, 3));
        assert_eq!(windows(1, 0).len(), (40 * 50 + 20 * 9usize).div_ceil(16));
        assert!(windows(1, 0).iter().any(|chip| chip.scene == 1));
    }

    // Two scenes of 2 x 3 and 3 x 2 origins: 12 windows, of which 3000 draws miss none.
    #[test]
    fn every_window_of_every_scene_is_drawn_equally_often() {
        let splits = [all_training(3, 4, 2), all_training(4, 3, 2)];
        let config = ChipsConfig { per_epoch: Some(12_000), ..config(2) };
        let sampler = Sampler::new(&splits, &config, 5).unwrap();
        let mut drawn = std::collections::BTreeMap::<ChipRef, u32>::new();
        for chip in sampler.epoch_windows(0) {
            *drawn.entry(chip).or_default() += 1;
        }
        assert_eq!((drawn.len(), sampler.n_origins()), (12, 12));
        // The standard deviation of each count is 30.
        assert!(drawn.values().all(|&n| 850 < n && n < 1150), "{drawn:?}");
    }

    #[test]
    fn windows_without_a_label_are_drawn_again() {
        let splits = [all_training(30, 30, 30)];
        let sampler = Sampler::new(&splits, &config(3), 0).unwrap();
        let labelled = |row: u32, col: u32| row == 7 && col < 9;
        for index in 0..20 {
            let chip =
                sampler.read_chip(2, index, &splits, |s, window| Ok(read(s, window, labelled)));
            assert!(chip.unwrap().1.is_labelled());
        }
        let none = sampler.read_chip(2, 0, &splits, |s, window| Ok(read(s, window, |_, _| false)));
        assert!(none.unwrap_err().to_string().contains("none in 1000 training windows"));
    }

    #[test]
    fn a_chip_that_fits_nowhere_is_refused_with_the_reason() {
        let check = |split: &SceneSplit, size_px, wanted: &str| {
            let error = Sampler::new(std::slice::from_ref(split), &config(size_px), 0).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        };
        check(
            &all_training(4, 9, 2),
            5,
            "`chips.size_px` = 5: no raster is that large: the largest",
        );
        check(&all_training(4, 9, 2), 0, "must lie in");
        let mut split = all_training(6, 6, 2);
        for row_and_col in [[2, 2], [0, 4], [4, 0]] {
            let index = split.grid.index_of(row_and_col.into()).unwrap();
            split.roles[index] = Some(Role::Test);
        }
        check(&split, 5, "training blocks are up to 2 px");
        split.hide = true;
        assert_eq!(Sampler::new(&[split], &config(5), 0).unwrap().n_origins(), 4);
    }

    proptest! {
        #[test]
        fn statistics_see_each_visible_training_pixel_once(splits in [splits(), splits()]) {
            let mut seen = BTreeSet::new();
            for sample in training_samples(&splits, |s, window| Ok(read(s, window, |_, _| true))) {
                let sample = sample.unwrap();
                for (index, &label) in sample.labels.iter().enumerate() {
                    if label != IGNORE {
                        prop_assert!(seen.insert(sample.pixels.values[index] as u32));
                    }
                }
            }
            let mut wanted = BTreeSet::new();
            for (scene, split) in splits.iter().enumerate() {
                for row in 0..split.grid().rows() {
                    for col in 0..split.grid().cols() {
                        if split.role_at(row, col) == Some(Role::Train) && !split.is_hidden(row, col) {
                            wanted.insert(scene as u32 * 10_000 + row * 100 + col);
                        }
                    }
                }
            }
            prop_assert_eq!(seen, wanted);
        }
    }
}
