//! The run file: everything that decides what a run does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use toml::Table;

use super::{About, check_keys, set};
use crate::{
    augment::AugmentConfig,
    chip::{ChipsConfig, SplitConfig},
    error::{Error, Result},
    infer::PredictConfig,
    loss::LossConfig,
    lr_find::LrFindConfig,
    model::ModelConfig,
    optim::OptimizerConfig,
    scene::DataConfig,
    schedule::{CurveKind, Schedule, ScheduleConfig},
    train::TrainConfig,
    weights::WeightsConfig,
};

/// What a run does. Every key but the scenes has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFile {
    /// Name of the run; its folder begins with it.
    #[serde(default = "default_name")]
    pub name: String,
    /// Decides every random draw.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Rasters, labels and classes.
    pub data: DataConfig,
    /// Which pixels are trained on, validated on and tested on.
    #[serde(default)]
    pub split: SplitConfig,
    /// The windows that an epoch trains on.
    #[serde(default)]
    pub chips: ChipsConfig,
    /// Random changes of training chips.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// The network.
    #[serde(default)]
    pub model: ModelConfig,
    /// What the network starts from.
    #[serde(default)]
    pub weights: WeightsConfig,
    /// What is minimised.
    #[serde(default)]
    pub loss: LossConfig,
    /// How parameters follow their gradients.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// Learning rate and momentum of each step.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// How a learning rate is found.
    #[serde(default)]
    pub lr_find: LrFindConfig,
    /// Epochs and batches.
    #[serde(default)]
    pub train: TrainConfig,
    /// How a raster is cut for maps and final figures.
    #[serde(default)]
    pub predict: PredictConfig,
    /// What only people know of the data; it goes into manifest and model card and changes no
    /// result.
    #[serde(default)]
    pub about: About,
}

fn default_name() -> String {
    "run".to_owned()
}

fn default_seed() -> u64 {
    42
}

impl RunFile {
    /// Reads the run file at `path` and changes the keys that `overrides` name, each as
    /// `table.key=value`.
    ///
    /// Paths of rasters and weights are taken relative to the folder of the run file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, [`Error::Malformed`] if it is not TOML, and
    /// [`Error::Config`] with the key that is unknown, of the wrong kind, or out of range.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        let mut table: Table = toml::from_str(&text)
            .map_err(|error| Error::malformed(path, "run file", in_one_line(&error)))?;
        for assignment in overrides {
            set(&mut table, assignment)?;
        }
        let mut run_file = Self::from_table(table, path)?;
        let folder = path.parent().filter(|it| *it != Path::new("")).unwrap_or(Path::new("."));
        let folder = fs::canonicalize(folder).map_err(Error::io("find folder", folder))?;
        run_file.data.resolve_paths(&folder);
        run_file.weights.resolve_path(&folder);
        Ok(run_file)
    }

    fn from_table(table: Table, path: &Path) -> Result<Self> {
        check_keys(&table, &Self::schema())?;
        let mut run_file: Self = table
            .try_into()
            .map_err(|error| Error::malformed(path, "run file", in_one_line(&error)))?;
        run_file.check()?;
        run_file.schedule = run_file.schedule.with_defaults();
        Ok(run_file)
    }

    /// Checks every value that can be checked without the data.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn check(&self) -> Result<()> {
        let is_unusable = |it: char| it.is_control() || "/\\:*?\"<>|".contains(it);
        let ends_badly = self.name.ends_with(['.', ' ']) || self.name.starts_with(' ');
        if self.name.is_empty() || self.name.contains(is_unusable) || ends_badly {
            return Err(Error::config("name", &self.name, "must be usable as a file name"));
        }
        self.data.check()?;
        self.chips.check()?;
        self.augment.check()?;
        self.loss.check(self.chips.size_px)?;
        self.model.check()?;
        self.train.check()?;
        self.model.check_batch(self.train.batch, self.chips.size_px)?;
        self.predict.check(self.chips.size_px)?;
        self.optimizer.build()?;
        self.lr_find.check()?;
        let mut schedule = self.schedule.clone();
        if self.optimizer.lr.value().is_none() {
            let rule = "is in units of a rate that is not known yet: leave it out";
            match schedule.rate.min {
                Some(min) if min != 0.0 => return Err(Error::config("schedule.min", min, rule)),
                _ if schedule.rate.kind == CurveKind::Cyclic => {
                    schedule.rate.min = Some(0.0); // Found together with the rate.
                }
                _ => {}
            }
        }
        Schedule::check(&schedule, self.optimizer.bases())
    }

    /// The whole run file as TOML, with every default.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("a run file is plain data")
    }

    /// The JSON Schema of run files, for editors.
    pub fn schema() -> serde_json::Value {
        schema_for!(Self).to_value()
    }

    /// Where the run's folder goes if nobody says otherwise: `runs/<name>-<time>`.
    pub fn default_folder(&self, time: &str) -> PathBuf {
        Path::new("runs").join(format!("{}-{time}", self.name))
    }
}

/// The message of a TOML error, with its line and column.
pub(crate) fn in_one_line(error: &toml::de::Error) -> String {
    error
        .to_string()
        .lines()
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
