//! The `[chips]` table of a run file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    label::ClassWeights,
};

/// Most chips of an epoch.
const MAX_PER_EPOCH: u32 = 10_000_000;

/// The `[chips]` table of a run file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChipsConfig {
    /// Side of a chip, in pixels.
    pub size_px: u32,
    /// Chips of an epoch, 1 to 10000000; by default as many as it takes to hold all pixels of the
    /// training blocks, or as `sampling` lists.
    pub per_epoch: Option<u32>,
    /// Share of the training blocks to train on, `(0, 1]`; a smaller set is part of every larger
    /// one of the same seed.
    pub fraction: f64,
    /// Least share of the pixels of a chip that are labelled training pixels, `[0, 1]`; one pixel
    /// always is.
    pub min_labelled: f64,
    /// How windows are drawn. Each of the keys below belongs to some of the ways and is refused
    /// beside the others.
    pub sampling: Sampling,
    /// Whether every epoch draws anew.
    pub order: ChipOrder,
    /// class-centred: how often each class is drawn, relative to the others, in the order of the
    /// classes; by default equally often.
    pub class_shares: Option<Vec<f64>>,
    /// weighted: weight of each class, by rule or one number for each; default
    /// `inverse-frequency`.
    pub class_weights: Option<ClassWeights>,
    /// weighted: how the weight of a window follows from those of its classes; default `mean`.
    pub window_weight: Option<WindowWeight>,
    /// resampled: names of the classes of which there is plenty.
    pub background: Option<Vec<String>>,
    /// resampled: background windows of a list; by default as many as there are other windows in
    /// it, or all.
    pub n_background: Option<u32>,
    /// resampled: largest share of the labelled pixels of a background window that may belong to
    /// other classes, `[0, 1)`; default 0.
    pub background_tolerance: Option<f64>,
    /// resampled: how often every other window comes in a list, 1 or more; 1.5 is once, and half of
    /// the windows twice; default 1.
    pub repeat: Option<f64>,
    /// repeated: how often windows with a class come in a list, in the order of the classes; below 1
    /// only some of them come. The highest number of its classes counts for a window.
    pub repeats: Option<Vec<f64>>,
    /// repeated: in place of `repeats`, windows come max(1, sqrt(t / f)) times, t being this
    /// number in `(0, 1)` and f the share of the windows that hold the class.
    pub repeat_threshold: Option<f64>,
    /// weighted, resampled, repeated: distance of the windows of the pool, in pixels; by default
    /// half of `size_px`.
    pub stride_px: Option<u32>,
}

/// How windows are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// All windows with the same probability.
    #[default]
    Uniform,
    /// A class, then one of its pixels, then the window around it.
    ClassCentred,
    /// From a pool of windows, with probabilities that follow from the classes in them.
    Weighted,
    /// Lists of a pool of windows: all but background, and background drawn anew for each list.
    Resampled,
    /// Lists of a pool of windows in which windows come more or less often than once.
    Repeated,
}

/// Which windows an epoch has, and in which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChipOrder {
    /// Drawn anew for every epoch.
    #[default]
    Shuffle,
    /// Those of the first epoch, in the same order; augmentations are still drawn anew.
    Fixed,
}

/// How the weight of a window follows from the weights of the classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WindowWeight {
    /// Mean over its labelled pixels.
    #[default]
    Mean,
    /// The highest of the classes in it.
    Max,
    /// That of its most frequent class.
    Dominant,
}

impl Default for ChipsConfig {
    fn default() -> Self {
        Self {
            size_px: 256,
            per_epoch: None,
            fraction: 1.0,
            min_labelled: 0.0,
            sampling: Sampling::Uniform,
            order: ChipOrder::Shuffle,
            class_shares: None,
            class_weights: None,
            window_weight: None,
            background: None,
            n_background: None,
            background_tolerance: None,
            repeat: None,
            repeats: None,
            repeat_threshold: None,
            stride_px: None,
        }
    }
}

impl ChipsConfig {
    /// Checks the ranges, and that no key belongs to another way of sampling.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
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
        if !(0.0 <= self.min_labelled && self.min_labelled <= 1.0) {
            return Err(Error::config(
                "chips.min_labelled",
                self.min_labelled,
                "must lie in 0..=1",
            ));
        }
        self.check_owners()?;
        self.check_background()?;
        self.check_repeats()
    }

    /// Distance of the windows of a pool, in pixels.
    pub(super) fn stride_px(&self) -> u32 {
        self.stride_px.unwrap_or(self.size_px.div_ceil(2))
    }

    fn check_owners(&self) -> Result<()> {
        use Sampling::{ClassCentred, Repeated, Resampled, Weighted};
        let keys: [(&str, bool, &[Sampling]); 10] = [
            ("class_shares", self.class_shares.is_some(), &[ClassCentred]),
            ("class_weights", self.class_weights.is_some(), &[Weighted]),
            ("window_weight", self.window_weight.is_some(), &[Weighted]),
            ("background", self.background.is_some(), &[Resampled]),
            ("n_background", self.n_background.is_some(), &[Resampled]),
            ("background_tolerance", self.background_tolerance.is_some(), &[Resampled]),
            ("repeat", self.repeat.is_some(), &[Resampled]),
            ("repeats", self.repeats.is_some(), &[Repeated]),
            ("repeat_threshold", self.repeat_threshold.is_some(), &[Repeated]),
            ("stride_px", self.stride_px.is_some(), &[Weighted, Resampled, Repeated]),
        ];
        for (key, is_set, owners) in keys {
            if is_set && !owners.contains(&self.sampling) {
                let owners: Vec<_> = owners.iter().map(|it| format!("\"{}\"", it.name())).collect();
                let rule = format!(
                    "belongs to sampling = {}, found sampling = \"{}\"",
                    owners.join(" or "),
                    self.sampling.name()
                );
                return Err(Error::config(format!("chips.{key}"), "given", rule));
            }
        }
        match self.stride_px {
            Some(0) => Err(Error::config("chips.stride_px", 0, "must be 1 or more")),
            _ => Ok(()),
        }
    }

    fn check_background(&self) -> Result<()> {
        if self.sampling == Sampling::Resampled
            && self.background.as_ref().is_none_or(Vec::is_empty)
        {
            let rule = "sampling = \"resampled\" needs the names of one or more classes";
            return Err(Error::config("chips.background", "[]", rule));
        }
        if let Some(it) = self.background_tolerance
            && !(0.0..1.0).contains(&it)
        {
            return Err(Error::config("chips.background_tolerance", it, "must lie in 0..1"));
        }
        match self.repeat {
            Some(it) if !(1.0..=1000.0).contains(&it) => {
                Err(Error::config("chips.repeat", it, "must lie in 1..=1000"))
            }
            _ => Ok(()),
        }
    }

    fn check_repeats(&self) -> Result<()> {
        if let Some(it) = self.repeat_threshold
            && !(0.0 < it && it < 1.0)
        {
            return Err(Error::config("chips.repeat_threshold", it, "must lie between 0 and 1"));
        }
        let Some(repeats) = &self.repeats else {
            let lacks = self.sampling == Sampling::Repeated && self.repeat_threshold.is_none();
            let rule = "sampling = \"repeated\" needs one number for each class, or \
                        `repeat_threshold`";
            return if lacks { Err(Error::config("chips.repeats", "none", rule)) } else { Ok(()) };
        };
        let fault = |rule| Err(Error::config("chips.repeats", format!("{repeats:?}"), rule));
        if self.repeat_threshold.is_some() {
            return fault("stands beside `repeat_threshold`; give one of the two");
        }
        if !repeats.iter().all(|it| (0.0..=1000.0).contains(it)) {
            return fault("must lie in 0..=1000");
        }
        Ok(())
    }
}

impl Sampling {
    /// The name that it has in a run file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::ClassCentred => "class-centred",
            Self::Weighted => "weighted",
            Self::Resampled => "resampled",
            Self::Repeated => "repeated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<()> {
        toml::from_str::<ChipsConfig>(text).unwrap().check()
    }

    #[track_caller]
    fn check_refused(text: &str, wanted: &str) {
        let error = check(text).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }

    #[test]
    fn a_key_of_another_way_of_sampling_is_refused() {
        check("").unwrap();
        check("sampling = 'class-centred'\nclass_shares = [1, 2]").unwrap();
        check("sampling = 'weighted'\nclass_weights = 'enet'\nstride_px = 3").unwrap();
        check("sampling = 'resampled'\nbackground = ['a']\nrepeat = 2").unwrap();
        check("sampling = 'repeated'\nrepeats = [0.5, 2]").unwrap();
        check("sampling = 'repeated'\nrepeat_threshold = 0.5").unwrap();
        let weights = "`chips.class_weights` = given: belongs to sampling = \"weighted\", found \
                       sampling = \"uniform\"";
        check_refused("class_weights = 'balanced'", weights);
        check_refused("sampling = 'class-centred'\nstride_px = 3", "\"weighted\" or \"resampled\"");
        check_refused("sampling = 'weighted'\nbackground = ['a']", "chips.background");
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        check_refused("min_labelled = 1.1", "`chips.min_labelled` = 1.1");
        check_refused("min_labelled = nan", "`chips.min_labelled`");
        check_refused("sampling = 'weighted'\nstride_px = 0", "`chips.stride_px` = 0");
        check_refused("sampling = 'resampled'", "needs the names");
        check_refused("sampling = 'resampled'\nbackground = []", "needs the names");
        let resampled = "sampling = 'resampled'\nbackground = ['a']";
        check_refused(&format!("{resampled}\nrepeat = 0.5"), "`chips.repeat` = 0.5");
        check_refused(&format!("{resampled}\nbackground_tolerance = 1"), "must lie in 0..1");
        check_refused("sampling = 'repeated'", "needs one number for each class");
        check_refused("sampling = 'repeated'\nrepeats = [-1]", "must lie in 0..=1000");
        check_refused("sampling = 'repeated'\nrepeat_threshold = 1", "between 0 and 1");
        let both = "sampling = 'repeated'\nrepeats = [1]\nrepeat_threshold = 0.5";
        check_refused(both, "one of the two");
    }
}
