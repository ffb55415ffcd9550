//! Scenes with their split, ready to train and evaluate on.

use std::{fmt, ops::Range};

use rand::Rng;
use serde::Serialize;

use crate::{
    augment::{AugmentConfig, Augmentation, CopyPaste, class_mix},
    chip::{
        Audit, AuditScene, Chip, ChipRef, ClassCentred, Normalisation, Sampler, SceneCover,
        SceneSplit, SplitSummary, audit, evaluation_windows,
    },
    error::Result,
    label::{ClassCounts, Classes, IGNORE},
    random::{Purpose, generator},
    raster::{Band, Statistics},
    scene::{Role, Sample, Scenes},
};

/// Everything that a run reads, checked and measured.
pub struct Dataset {
    /// Images and labels.
    pub scenes: Scenes,
    /// Roles of the blocks, one split per scene.
    pub splits: Vec<SceneSplit>,
    /// Labelled pixels by role and class.
    pub summary: SplitSummary,
    /// Statistics of the training pixels.
    pub statistics: Statistics,
    /// How values are normalised: by mean and standard deviation of the training pixels.
    pub normalisation: Normalisation,
    /// Draws the training windows.
    pub sampler: Sampler,
    /// How training chips are changed.
    pub augment: AugmentConfig,
    /// Pastes objects of rare classes into training chips.
    pub pasting: Option<Pasting>,
    /// Side of a chip, in pixels.
    pub chip_px: u32,
    /// Keys every random draw.
    pub seed: u64,
}

/// Pastes objects, and finds them.
pub struct Pasting {
    /// What is pasted.
    pub copy_paste: CopyPaste,
    /// Draws windows around pixels of the classes that are copied, each class equally often.
    pub sources: ClassCentred,
}

/// What a training chip got from other chips, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// Pixels laid over it by ClassMix.
    pub class_mix_px: usize,
    /// Pixels of pasted objects.
    pub copy_paste_px: usize,
}

impl fmt::Display for Merged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class_mix_px, copy_paste_px } = self;
        match (class_mix_px, copy_paste_px) {
            (0, 0) => write!(f, "nothing"),
            (n, 0) => write!(f, "{n} px by ClassMix"),
            (0, n) => write!(f, "{n} px by copy-paste"),
            (mixed, pasted) => write!(f, "{mixed} px by ClassMix, {pasted} px by copy-paste"),
        }
    }
}

impl Dataset {
    /// The classes, in the order of their index.
    pub fn classes(&self) -> &Classes {
        self.scenes.classes()
    }

    /// The bands of every scene.
    pub fn bands(&self) -> &[Band] {
        self.scenes.bands()
    }

    /// Training chip `index` of `epoch`: drawn, read, masked, normalised, merged with others, and
    /// augmented.
    ///
    /// A function of the seed and these numbers alone. `strength`, `[0, 1]`, multiplies the shares of
    /// chips that get something from others, and the largest changes of their values.
    ///
    /// # Errors
    ///
    /// Those of reading the scene.
    pub fn training_chip(&self, epoch: u32, index: u32, strength: f64) -> Result<Chip> {
        let (_, sample) = self.training_sample(epoch, index)?;
        let mut chip = Chip::from_sample(&sample, &self.normalisation);
        self.merge(epoch, index, strength, &mut chip)?;
        self.augmentation(epoch, index, strength).apply(&mut chip);
        Ok(chip)
    }

    /// Training chips `indices` of `epoch`, with distances to the borders of the classes if the loss
    /// needs them.
    ///
    /// # Errors
    ///
    /// Those of reading the scene.
    pub fn training_chips(
        &self,
        epoch: u32,
        indices: Range<u64>,
        strength: f64,
        needs_distances: bool,
    ) -> Result<Vec<Chip>> {
        let chip = |index| {
            let mut chip = self.training_chip(epoch, index as u32, strength)?;
            if needs_distances {
                chip.measure_distances(self.classes().len());
            }
            Ok(chip)
        };
        indices.map(chip).collect()
    }

    /// Puts pixels of other training chips onto `chip`, which is number `index` of `epoch`: first
    /// ClassMix with another chip of the epoch, then objects by copy-paste.
    ///
    /// The other chip is mirrored and turned as augmentations are. What it shows are training pixels,
    /// too, so nothing leaks.
    ///
    /// # Errors
    ///
    /// Those of reading the scene.
    pub fn merge(&self, epoch: u32, index: u32, strength: f64, chip: &mut Chip) -> Result<Merged> {
        let mut merged = Merged::default();
        let generator = |purpose| generator(self.seed, purpose, epoch.into(), index.into());
        let mut rng = generator(Purpose::ClassMix);
        if rng.random::<f64>() < self.augment.class_mix * strength {
            // Any chip of the epoch but this one, if there is another.
            let n_chips = self.sampler.n_chips();
            let more = rng.random_range(0..n_chips.max(2) - 1) + 1;
            let other = ((u64::from(index) + u64::from(more)) % u64::from(n_chips)) as u32;
            let (_, sample) = self.training_sample(epoch, other)?;
            let source = self.moved(&sample, &mut rng);
            merged.class_mix_px = class_mix(chip, &source, &mut rng);
        }
        let Some(Pasting { copy_paste, sources }) = &self.pasting else { return Ok(merged) };
        let mut rng = generator(Purpose::CopyPaste);
        if rng.random::<f64>() < copy_paste.probability * strength
            && let Some(at) = sources.draw(self.sampler.origins(), &mut rng)
        {
            let mut sample = self.scenes.read(at.scene, at.window)?;
            self.splits[at.scene].keep_training(&mut sample, at.window);
            let source = self.moved(&sample, &mut rng);
            merged.copy_paste_px = copy_paste.paste(chip, &source, &mut rng);
        }
        Ok(merged)
    }

    /// A chip that is merged into another, mirrored and turned.
    fn moved(&self, sample: &Sample, rng: &mut impl Rng) -> Chip {
        let mut chip = Chip::from_sample(sample, &self.normalisation);
        let drawn = Augmentation::draw(&self.augment, rng);
        Augmentation { contrast: 0.0, brightness: 0.0, ..drawn }.apply(&mut chip);
        chip
    }

    /// Training chip `index` of `epoch` before it is normalised and augmented: drawn, read and
    /// masked.
    ///
    /// # Errors
    ///
    /// Those of reading the scene.
    pub fn training_sample(&self, epoch: u32, index: u32) -> Result<(ChipRef, Sample)> {
        let read = |scene, window| self.scenes.read(scene, window);
        self.sampler.read_chip(epoch, index, &self.splits, read)
    }

    /// How training chip `index` of `epoch` is changed.
    pub fn augmentation(&self, epoch: u32, index: u32, strength: f64) -> Augmentation {
        let mut rng = generator(self.seed, Purpose::Augment, epoch.into(), index.into());
        let drawn = Augmentation::draw(&self.augment, &mut rng);
        let scaled = |change: f32| (f64::from(change) * strength) as f32;
        Augmentation {
            contrast: scaled(drawn.contrast),
            brightness: scaled(drawn.brightness),
            ..drawn
        }
    }

    /// Labelled training pixels by class; training blocks are the images.
    pub fn class_counts(&self) -> ClassCounts {
        let of_split = |split: &SceneSplit| -> Vec<Vec<u64>> {
            let blocks = (0..split.grid().n_blocks())
                .filter(|&index| split.role(index) == Some(Role::Train));
            blocks.map(|index| split.counts(index).classes.clone()).collect()
        };
        let images = self.splits.iter().flat_map(of_split).collect();
        ClassCounts { total: self.statistics.class_counts.clone(), images }
    }

    /// Pixels of the `role` blocks, labelled or not.
    pub fn n_pixels(&self, role: Role) -> u64 {
        let blocks = self.splits.iter().flat_map(|split| split.blocks(role));
        blocks.map(|block| block.n_pixels() as u64).sum::<u64>()
    }

    /// Windows of the size of a chip whose cores hold every pixel of the `role` blocks once.
    pub fn evaluation_windows(&self, role: Role) -> Vec<SceneCover> {
        evaluation_windows(&self.splits, role, self.chip_px, 0).collect()
    }

    /// The chip of an evaluation window; only pixels of its core keep their labels.
    ///
    /// # Errors
    ///
    /// Those of reading the scene.
    pub fn evaluation_chip(&self, window: &SceneCover) -> Result<Chip> {
        let sample = self.scenes.read(window.scene, window.cover.window)?;
        let mut chip = Chip::from_sample(&sample, &self.normalisation);
        let core = window.cover.core_in_window();
        let size = chip.size_px;
        for (index, label) in chip.labels.iter_mut().enumerate() {
            let (row, col) = ((index / size) as u32, (index % size) as u32);
            let in_core = (core.row..core.row_end()).contains(&row)
                && (core.col..core.col_end()).contains(&col);
            if !in_core {
                *label = IGNORE;
            }
        }
        Ok(chip)
    }

    /// What a user should know about how the files were understood, one sentence each.
    pub fn notes(&self) -> &[String] {
        self.scenes.notes()
    }

    /// Counts the pixels that splits share: all that any training window may show, and the
    /// training blocks, which the statistics come from, against the pixels of the final figures.
    ///
    /// Whatever an epoch draws, or draws again, is one of those windows, so this holds for any
    /// number of epochs.
    ///
    /// # Errors
    ///
    /// [`Error::Leak`](crate::Error::Leak) if there is one.
    pub fn audit(&self) -> Result<Audit> {
        let mut training = self.sampler.shown();
        for (scene, split) in self.splits.iter().enumerate() {
            let blocks = split.blocks(Role::Train);
            training.extend(blocks.map(|window| ChipRef { scene, window }));
        }
        let [validation, test] =
            [Role::Validation, Role::Test].map(|role| self.evaluation_windows(role));
        let scenes: Vec<_> = self
            .scenes
            .iter()
            .zip(&self.splits)
            .map(|(scene, split)| AuditScene { split, grid: scene.grid() })
            .collect();
        let audit = audit(&scenes, &training, &validation, &test)?;
        Ok(Audit { n_training_windows: self.sampler.n_origins(), ..audit })
    }
}
