//! Draws the windows of an epoch.

use std::sync::{Mutex, PoisonError};

use rand::Rng;

use super::{ChipOrder, ChipRef, ChipsConfig, PoolSummary, Sampling, pool::Pool, way::Way};
use crate::{
    chip::{Origins, SceneSplit},
    error::{Error, Result},
    label::Classes,
    random::{Purpose, generator},
    raster::Window,
    scene::{Role, Sample},
};

/// Draws of one chip before giving up on finding a labelled training pixel.
const MAX_DRAWS: usize = 1000;

/// Draws training windows, by default all allowed windows of all scenes with the same probability.
///
/// Chip `index` of `epoch` depends on the seed and these two numbers alone, so chips may be loaded
/// in any order, on any thread, and again after a stop.
///
/// Sources: weighted: `WeightedRandomSampler` of PyTorch; class-centred: the foreground oversampling
/// of nnU-Net (Isensee et al. 2021), for every class; resampled: background drawn anew each epoch,
/// as in Maxwell et al.'s lecture; repeated by threshold: Gupta et al. 2019 (LVIS), section 4.2, over
/// windows in place of images.
#[derive(Debug)]
pub struct Sampler {
    config: ChipsConfig,
    origins: Vec<Origins>,
    n_origins: u64,
    n_chips: u32,
    seed: u64,
    way: Way,
    seen: Mutex<Seen>,
}

/// Which windows of the pool the first epochs drew; a function of their number.
#[derive(Debug, Default)]
struct Seen {
    n_epochs: u32,
    windows: Vec<bool>,
}

impl Sampler {
    /// Finds the allowed windows of all scenes; one split per scene.
    ///
    /// `read` gives the sample of a window of a scene. Uniform sampling reads nothing, class-centred
    /// sampling every training pixel once, sampling from a pool every window of the pool.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a setting is out of range, if no window is allowed, or if a setting does
    /// not fit `classes`; those of `read`.
    pub fn new(
        splits: &[SceneSplit],
        config: &ChipsConfig,
        classes: &Classes,
        seed: u64,
        read: impl Fn(usize, Window) -> Result<Sample>,
    ) -> Result<Self> {
        config.check()?;
        let size_px = config.size_px;
        let origins: Vec<_> = splits.iter().map(|it| Origins::new(it, size_px)).collect();
        let n_origins = origins.iter().map(Origins::count).sum();
        if n_origins == 0 {
            return Err(Error::config("chips.size_px", size_px, why_none_fits(splits, size_px)));
        }
        let pool = || Pool::measure(splits, &origins, config, classes.len(), &read);
        let way = match config.sampling {
            Sampling::Uniform => Way::Uniform,
            Sampling::ClassCentred => Way::class_centred(splits, config, classes, seed, &read)?,
            Sampling::Weighted => Way::weighted(pool()?, config)?,
            Sampling::Resampled => Way::resampled(pool()?, config, classes, seed)?,
            Sampling::Repeated => Way::repeated(pool()?, config, seed)?,
        };
        let n_default = match &way {
            Way::Listed { lists, .. } => u32::try_from(lists.n_listed()).unwrap_or(u32::MAX),
            _ => default_per_epoch(splits, size_px),
        };
        let n_chips = config.per_epoch.unwrap_or(n_default);
        let seen = Mutex::default();
        Ok(Self { config: config.clone(), origins, n_origins, n_chips, seed, way, seen })
    }

    /// The same with `n_chips` chips in an epoch.
    pub fn with_chips(self, n_chips: u32) -> Self {
        Self { n_chips, seen: Mutex::default(), ..self }
    }

    /// Side of a chip, in pixels.
    pub fn size_px(&self) -> u32 {
        self.config.size_px
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

    /// How windows are drawn.
    pub fn sampling(&self) -> Sampling {
        self.config.sampling
    }

    /// The pool that windows are drawn from, if there is one.
    pub fn pool(&self) -> Option<PoolSummary> {
        let (n_background, n_listed) = match &self.way {
            Way::Listed { lists, n_background, .. } => {
                (*n_background, Some(lists.n_listed() as u64))
            }
            _ => (None, None),
        };
        let n_windows = self.way.pool()?.windows.len() as u64;
        Some(PoolSummary { n_windows, n_background, n_listed })
    }

    /// Share of the windows of the pool that the first `n_epochs` epochs draw, `[0, 1]`; none
    /// without a pool.
    pub fn pool_coverage(&self, n_epochs: u32) -> Option<f64> {
        let n_windows = self.way.pool()?.windows.len();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if n_epochs < seen.n_epochs || seen.windows.is_empty() {
            *seen = Seen { n_epochs: 0, windows: vec![false; n_windows] };
        }
        for epoch in seen.n_epochs..n_epochs {
            for index in 0..self.n_chips {
                let mut rng = self.generator(epoch, index);
                let window = self.way.pool_index(self.number(epoch, index), &mut rng);
                seen.windows[window.expect("there is a pool")] = true;
            }
        }
        seen.n_epochs = n_epochs;
        let n_seen = seen.windows.iter().filter(|it| **it).count();
        Some(n_seen as f64 / n_windows as f64)
    }

    /// Reads chip `index` of `epoch`, fit for training (see [`SceneSplit::keep_training`]).
    ///
    /// Windows are drawn until one holds a labelled training pixel, and as many of them as
    /// `chips.min_labelled` asks for. `read` gives the sample of a window of a scene; `splits` are
    /// those of [`Self::new`].
    ///
    /// # Errors
    ///
    /// Those of `read`, and [`Error::Data`] if 1000 windows are not labelled enough.
    pub fn read_chip(
        &self,
        epoch: u32,
        index: u32,
        splits: &[SceneSplit],
        read: impl Fn(usize, Window) -> Result<Sample>,
    ) -> Result<(ChipRef, Sample)> {
        let mut rng = self.generator(epoch, index);
        let number = self.number(epoch, index);
        for _ in 0..MAX_DRAWS {
            let Some(chip) = self.draw(number, &mut rng) else { continue };
            let mut sample = read(chip.scene, chip.window)?;
            splits[chip.scene].keep_training(&mut sample, chip.window);
            if self.config.is_labelled_enough(&sample) {
                return Ok((chip, sample));
            }
        }
        let found = format!("none in {MAX_DRAWS} training windows");
        let wanted = match self.config.min_labelled {
            0.0 => "at least one in most windows".to_owned(),
            share => {
                format!("at least {share} of the pixels of most windows (`chips.min_labelled`)")
            }
        };
        Err(Error::data("labelled training pixels", found, wanted))
    }

    fn generator(&self, epoch: u32, index: u32) -> impl Rng + use<> {
        generator(self.seed, Purpose::Sample, self.drawn(epoch).into(), index.into())
    }

    /// The epoch that `epoch` has its windows from.
    fn drawn(&self, epoch: u32) -> u32 {
        match self.config.order {
            ChipOrder::Shuffle => epoch,
            ChipOrder::Fixed => 0,
        }
    }

    /// Number of a chip in all epochs together.
    fn number(&self, epoch: u32, index: u32) -> u64 {
        u64::from(self.drawn(epoch)) * u64::from(self.n_chips) + u64::from(index)
    }

    fn draw(&self, number: u64, rng: &mut impl Rng) -> Option<ChipRef> {
        match &self.way {
            Way::Uniform => Some(self.pick(rng.random_range(0..self.n_origins))),
            Way::ClassCentred(centred) => centred.draw(&self.origins, rng),
            Way::Weighted(pool, _) | Way::Listed { pool, .. } => {
                self.way.pool_index(number, rng).map(|it| pool.windows[it])
            }
        }
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
pub(super) mod tests {
    use super::*;
    use crate::{
        chip::{BlockCounts, BlockGrid},
        label::IGNORE,
        raster::Pixels,
    };

    /// A sample whose values name scene, row and column; labelled where `labelled` says so.
    pub(in crate::chip::sample) fn read(
        scene: usize,
        window: Window,
        labelled: impl Fn(u32, u32) -> bool,
    ) -> Sample {
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

    fn uniform(splits: &[SceneSplit], config: &ChipsConfig, seed: u64) -> Result<Sampler> {
        let read = |_, _| unreachable!("uniform sampling reads nothing");
        Sampler::new(splits, config, &Classes::numbered(1), seed, read)
    }

    fn windows(sampler: &Sampler, splits: &[SceneSplit], epoch: u32) -> Vec<ChipRef> {
        let read = |scene, window| Ok(read(scene, window, |_, _| true));
        let chip = |index| sampler.read_chip(epoch, index, splits, read).unwrap().0;
        (0..sampler.n_chips()).map(chip).collect()
    }

    fn config(size_px: u32) -> ChipsConfig {
        ChipsConfig { size_px, ..ChipsConfig::default() }
    }

    #[test]
    fn an_epoch_depends_on_its_number_and_the_seed_alone() {
        let splits = [all_training(40, 50, 8), all_training(20, 9, 8)];
        let windows =
            |seed, epoch| windows(&uniform(&splits, &config(4), seed).unwrap(), &splits, epoch);
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
        let sampler = uniform(&splits, &config, 5).unwrap();
        let mut drawn = std::collections::BTreeMap::<ChipRef, u32>::new();
        for chip in windows(&sampler, &splits, 0) {
            *drawn.entry(chip).or_default() += 1;
        }
        assert_eq!((drawn.len(), sampler.n_origins()), (12, 12));
        // The standard deviation of each count is 30.
        assert!(drawn.values().all(|&n| 850 < n && n < 1150), "{drawn:?}");
    }

    #[test]
    fn windows_without_a_label_are_drawn_again() {
        let splits = [all_training(30, 30, 30)];
        let sampler = uniform(&splits, &config(3), 0).unwrap();
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
            let error = uniform(std::slice::from_ref(split), &config(size_px), 0).unwrap_err();
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
        assert_eq!(uniform(&[split], &config(5), 0).unwrap().n_origins(), 4);
    }
}
