//! Where a training stands, and the files that keep it.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use burn::module::Module;
use serde::{Deserialize, Serialize};

use super::{Ema, ValidationRow, best_checks};
use crate::{
    chip::Chip,
    error::{Error, Result},
    label::count_labels,
    optim::Optimizer,
    raster::write_atomically_with,
    score::Monitor,
    weights::{
        Safetensors, StateDict, content_hash, load, read_safetensors, state_dict,
        write_safetensors_to,
    },
};

const FORMAT: &str = "swath checkpoint";
const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";
const EMA: &str = "ema.";
const POSITION: &str = "position";
const HASH: &str = "sha256";

/// Where a training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Optimizer steps taken.
    pub step: u64,
    /// Epochs finished.
    pub epoch: u32,
    /// Steps taken in the epoch that is not finished.
    pub step_in_epoch: u64,
    /// Loss of these steps.
    pub loss: LossSum,
    /// Labelled pixels of each class in the chips of these steps.
    pub class_px: Vec<u64>,
    /// What every check on the validation split found, in order.
    pub checks: Vec<Check>,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Number of the epoch; the first is 1.
    pub epoch: u32,
    /// Mean loss of its training chips, as bits.
    train_loss: u64,
    /// Figures of the weights.
    pub raw: ValidationRow,
    /// Figures of the averaged weights, if there are any.
    pub ema: Option<ValidationRow>,
}

impl Check {
    /// A check after `epoch`.
    pub fn new(
        epoch: u32,
        train_loss: f64,
        raw: ValidationRow,
        ema: Option<ValidationRow>,
    ) -> Self {
        Self { epoch, train_loss: train_loss.to_bits(), raw, ema }
    }

    /// The figure of the weights that are kept: the averaged ones, if there are any.
    pub fn figure(&self, monitor: Monitor) -> f64 {
        let row = self.ema.unwrap_or(self.raw);
        match monitor {
            Monitor::MeanIou => row.mean_iou,
            Monitor::MeanF1 => row.mean_f1,
            Monitor::OverallAccuracy => row.overall_accuracy,
            Monitor::Kappa => row.kappa,
            Monitor::ValidationLoss => row.loss,
            Monitor::TrainLoss => f64::from_bits(self.train_loss),
        }
    }
}

impl Position {
    /// The figures of all checks.
    pub fn figures(&self, monitor: Monitor) -> Vec<f64> {
        self.checks.iter().map(|it| it.figure(monitor)).collect()
    }

    /// The `n` best checks so far, the best first, of equals the earliest.
    pub fn best(&self, monitor: Monitor, n: usize) -> Vec<Best> {
        let best = |it: &Check| Best { epoch: it.epoch, figure: it.figure(monitor) };
        best_checks(monitor.better(), self.checks.iter().map(best).collect(), n)
    }

    /// Adds the labelled pixels of `chips` to those of the epoch.
    pub fn count_classes(&mut self, chips: &[Chip], n_classes: usize) {
        self.class_px.resize(n_classes, 0);
        count_labels(chips.iter().flat_map(|chip| &chip.labels), &mut self.class_px);
    }
}

/// A sum that is divided at the end of the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "[u64; 2]", into = "[u64; 2]")]
pub struct LossSum {
    /// Sum of the loss.
    pub sum: f64,
    /// Sum of the weights.
    pub weight: f64,
}

/// One of the best epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Number of the epoch; the first is 1.
    pub epoch: u32,
    /// The figure that was watched.
    pub figure: f64,
}

impl LossSum {
    /// Mean loss; 0 where nothing counted.
    pub fn per_weight(self) -> f64 {
        if self.weight == 0.0 { 0.0 } else { self.sum / self.weight }
    }
}

// As bits, so that no digit and no NaN is lost on the way through text.
impl From<[u64; 2]> for LossSum {
    fn from([sum, weight]: [u64; 2]) -> Self {
        Self { sum: f64::from_bits(sum), weight: f64::from_bits(weight) }
    }
}

impl From<LossSum> for [u64; 2] {
    fn from(LossSum { sum, weight }: LossSum) -> Self {
        [sum.to_bits(), weight.to_bits()]
    }
}

/// A copy of what a file will hold: training may go on while it is written.
#[derive(Clone, Debug)]
pub struct Copied {
    state: StateDict,
    metadata: BTreeMap<String, String>,
}

impl Copied {
    /// Model, optimizer, averages and position. They alone decide the bytes: no time, path or random
    /// id is in them.
    pub fn checkpoint<M: Module>(
        model: &M,
        optimizer: &Optimizer,
        ema: Option<&Ema>,
        position: &Position,
    ) -> Self {
        let mut state = prefixed(state_dict(model), MODEL);
        state.entries.extend(prefixed(optimizer.state(), OPTIMIZER).entries);
        state.entries.extend(prefixed(ema.map(Ema::state).unwrap_or_default(), EMA).entries);
        let position = serde_json::to_string(position).expect("a position is plain data");
        let format = ("format".to_owned(), FORMAT.to_owned());
        Self { state, metadata: BTreeMap::from([format, (POSITION.to_owned(), position)]) }
    }

    /// The weights alone.
    pub fn weights<M: Module>(model: &M) -> Self {
        Self { state: state_dict(model), metadata: BTreeMap::new() }
    }

    /// Writes a file that tells whether it is damaged, replacing an older one at once.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(self, path: &Path) -> Result<()> {
        self.write_before(path, || Ok(()))
    }

    /// The same, with the older file moved to `before`: once all bytes of the new one are on disk.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a file cannot be written or moved.
    pub fn replace(self, path: &Path, before: &Path) -> Result<()> {
        self.write_before(path, || match path.exists() {
            true => fs::rename(path, before).map_err(Error::io("rename to", before)),
            false => Ok(()),
        })
    }

    fn write_before(mut self, path: &Path, make_room: impl FnOnce() -> Result<()>) -> Result<()> {
        let hash = content_hash(&self.state, &self.metadata);
        self.metadata.insert(HASH.to_owned(), hash);
        let write = |file: &mut dyn Write| write_safetensors_to(file, &self.state, &self.metadata);
        write_atomically_with(path, write, make_room)
    }
}

/// Reads a file of [`Copied::write`].
fn read_hashed(path: &Path, format: &'static str) -> Result<Safetensors> {
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let malformed = |reason: String| Error::malformed(path, format, reason);
    let mut file = read_safetensors(&bytes).map_err(malformed)?;
    let hash = file.metadata.remove(HASH);
    if hash != Some(content_hash(&file.state, &file.metadata)) {
        return Err(malformed("its contents do not match their hash".to_owned()));
    }
    Ok(file)
}

/// Reads a checkpoint into a model and optimizer of the same configuration.
///
/// # Errors
///
/// [`Error::Io`], [`Error::Malformed`], or [`Error::Data`] that lists the tensors that do not fit.
pub fn load_checkpoint<M: Module>(
    path: &Path,
    model: M,
    optimizer: &mut Optimizer,
) -> Result<(M, Option<Ema>, Position)> {
    let file = read_hashed(path, "checkpoint")?;
    let malformed = |reason: String| Error::malformed(path, "checkpoint", reason);
    if file.metadata.get("format").map(String::as_str) != Some(FORMAT) {
        return Err(malformed(format!("its metadata do not say `{FORMAT}`")));
    }
    let text = file.metadata.get(POSITION).ok_or_else(|| malformed("no position".to_owned()))?;
    let position: Position =
        serde_json::from_str(text).map_err(|error| malformed(format!("position: {error}")))?;

    let mut states = [(); 3].map(|()| StateDict::default());
    for mut entry in file.state.entries {
        let of = [MODEL, OPTIMIZER, EMA].iter().position(|it| entry.name.starts_with(it));
        let Some(index) = of else {
            return Err(malformed(format!("{} is of no part of a training", entry.name)));
        };
        entry.name.drain(..[MODEL, OPTIMIZER, EMA][index].len());
        states[index].entries.push(entry);
    }
    let [weights, memory, averages] = states;
    let model = load(model, &weights, &format!("weights of {}", path.display()))?;
    let what = format!("optimizer of {}", path.display());
    optimizer.load(&model, &memory, position.step, &what)?;
    let what = format!("averages of {}", path.display());
    let has_averages = !averages.entries.is_empty();
    let ema = has_averages.then(|| Ema::load(&model, averages, &what)).transpose()?;
    Ok((model, ema, position))
}

/// Reads weights into a model of the same configuration.
///
/// # Errors
///
/// As [`load_checkpoint`].
pub fn load_weights<M: Module>(path: &Path, model: M) -> Result<M> {
    let file = read_hashed(path, "weights file")?;
    load(model, &file.state, &format!("weights of {}", path.display()))
}

fn prefixed(mut state: StateDict, prefix: &str) -> StateDict {
    for entry in &mut state.entries {
        entry.name.insert_str(0, prefix);
    }
    state
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{model::Conv2d, optim::OptimizerConfig};

    #[test]
    fn a_checkpoint_that_lost_its_optimizer_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.safetensors");
        let model = Conv2d::new([2, 3], 3, &Device::flex().autodiff());
        let load_after = |step| {
            let mut optimizer = OptimizerConfig::default().build().unwrap();
            let position = Position { step, ..Position::default() };
            Copied::checkpoint(&model, &optimizer, None, &position).write(&path).unwrap();
            load_checkpoint(&path, model.clone(), &mut optimizer).map(|_| ())
        };
        load_after(0).unwrap();
        let error = load_after(3).unwrap_err().to_string();
        assert!(error.contains("last.safetensors") && error.contains("3 steps"), "{error}");
    }
}
