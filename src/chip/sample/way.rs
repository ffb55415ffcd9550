//! How windows are drawn, with what it takes.

use rand::Rng;

use super::{
    ChipsConfig, class_centred::ClassCentred, epoch_list::EpochLists, pool::Pool,
    weighted::Weighted,
};
use crate::{
    chip::SceneSplit,
    error::{Error, Result},
    label::{ClassCounts, ClassWeights, Classes, EFFECTIVE_NUMBER_BETA, WeightRule, check_weights},
    raster::Window,
    scene::Sample,
};

/// How windows are drawn, with what it takes.
#[derive(Debug)]
pub(super) enum Way {
    Uniform,
    ClassCentred(ClassCentred),
    Weighted(Pool, Weighted),
    Listed { pool: Pool, lists: EpochLists, n_background: Option<u64> },
}

impl Way {
    pub(super) fn class_centred(
        splits: &[SceneSplit],
        config: &ChipsConfig,
        classes: &Classes,
        seed: u64,
        read: impl Fn(usize, Window) -> Result<Sample>,
    ) -> Result<Self> {
        let key = "chips.class_shares";
        let equal = vec![1.0; classes.len()];
        let shares = config.class_shares.as_ref().unwrap_or(&equal);
        check_weights(shares, classes.len(), key)?;
        let centred = ClassCentred::measure(splits, config.size_px, shares, seed, read)?;
        centred.map(Self::ClassCentred).ok_or_else(|| {
            let rule = "is above 0 only for classes without a training pixel";
            Error::config(key, format!("{shares:?}"), rule)
        })
    }

    pub(super) fn weighted(pool: Pool, config: &ChipsConfig) -> Result<Self> {
        let rule = ClassWeights::Rule(WeightRule::InverseFrequency);
        let weights = config.class_weights.as_ref().unwrap_or(&rule);
        let weights = weights.of(&pool.counts, EFFECTIVE_NUMBER_BETA, "chips.class_weights")?;
        let how = config.window_weight.unwrap_or_default();
        let weighted = Weighted::of_pool(&pool, &weights, how)?;
        Ok(Self::Weighted(pool, weighted))
    }

    pub(super) fn resampled(
        pool: Pool,
        config: &ChipsConfig,
        classes: &Classes,
        seed: u64,
    ) -> Result<Self> {
        let mut plenty = vec![false; classes.len()];
        for name in config.background.iter().flatten() {
            plenty[usize::from(classes.named(name, "chips.background")?)] = true;
        }
        let tolerance = config.background_tolerance.unwrap_or(0.0);
        let is_background = |counts: &Vec<u64>| {
            let others = counts.iter().zip(&plenty).filter(|(_, plenty)| !**plenty);
            let n_others: u64 = others.map(|(n, _)| n).sum();
            n_others as f64 <= tolerance * counts.iter().sum::<u64>() as f64
        };
        let is_background: Vec<bool> = pool.counts.images.iter().map(is_background).collect();
        if !is_background.contains(&true) {
            let names = config.background.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
            let rule = "no window of the pool is background; raise `chips.background_tolerance` or \
                        make chips smaller";
            return Err(Error::config("chips.background", names, rule));
        }
        let repeat = config.repeat.unwrap_or(1.0);
        let (lists, n_background) =
            EpochLists::resampled(&is_background, repeat, config.n_background, seed);
        if lists.n_listed() == 0 {
            let rule = "leaves no window: all of the pool are background";
            return Err(Error::config("chips.n_background", 0, rule));
        }
        Ok(Self::Listed { pool, lists, n_background: Some(n_background) })
    }

    pub(super) fn repeated(pool: Pool, config: &ChipsConfig, seed: u64) -> Result<Self> {
        let n_classes = pool.counts.total.len();
        let of_class = match (&config.repeats, config.repeat_threshold) {
            (Some(repeats), _) => {
                check_weights(repeats, n_classes, "chips.repeats")?;
                repeats.clone()
            }
            (None, Some(threshold)) => repeat_factors(&pool.counts, threshold),
            (None, None) => unreachable!("the settings are checked"),
        };
        let of_window = |counts: &Vec<u64>| {
            let present = counts.iter().zip(&of_class).filter(|(n, _)| 0 < **n);
            present.map(|(_, &factor)| factor).fold(0.0, f64::max)
        };
        let factors: Vec<f64> = pool.counts.images.iter().map(of_window).collect();
        let lists = EpochLists::repeated(&factors, seed);
        if lists.n_listed() == 0 {
            let rule = format!("leaves none of the {} windows of the pool", factors.len());
            return Err(Error::config("chips.repeats", format!("{of_class:?}"), rule));
        }
        Ok(Self::Listed { pool, lists, n_background: None })
    }

    pub(super) fn pool(&self) -> Option<&Pool> {
        match self {
            Self::Uniform | Self::ClassCentred(_) => None,
            Self::Weighted(pool, _) | Self::Listed { pool, .. } => Some(pool),
        }
    }

    /// Index in the pool of number `number` of all chips.
    pub(super) fn pool_index(&self, number: u64, rng: &mut impl Rng) -> Option<usize> {
        match self {
            Self::Uniform | Self::ClassCentred(_) => None,
            Self::Weighted(_, weighted) => Some(weighted.draw(rng)),
            Self::Listed { lists, .. } => Some(lists.window(number)),
        }
    }
}

/// `max(1, sqrt(threshold / f))` of each class, f being the share of the windows that hold it.
fn repeat_factors(counts: &ClassCounts, threshold: f64) -> Vec<f64> {
    let n_windows = counts.images.len() as f64;
    let factor = |class: usize| {
        let n_with = counts.images.iter().filter(|it| 0 < it[class]).count() as f64;
        (threshold * n_windows / n_with.max(1.0)).sqrt().max(1.0)
    };
    (0..counts.total.len()).map(factor).collect()
}
