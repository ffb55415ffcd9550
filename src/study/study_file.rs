//! The study file: which settings are compared, on which seeds.

use std::{collections::BTreeSet, fs, path::Path};

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use toml::Table;

use super::Metric;
use crate::{
    error::{Error, Result},
    run::{check_keys, in_one_line},
};

/// Most seeds; more is a slip of the finger.
const MAX_SEEDS: usize = 1000;

/// What a study compares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StudyFile {
    /// Name of the study; its folder is called so.
    pub name: String,
    /// Run file that all runs begin with, relative to the folder of the study file.
    pub base: String,
    /// What the base is called in tables and folders.
    #[serde(default = "default_base_name")]
    pub base_name: String,
    /// Changes of the run file in all runs, as `train.epochs=10`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Seeds of the runs of each variant: how many, counted from 0, or a list.
    #[serde(default)]
    pub seeds: Seeds,
    /// Figures to show; tables of all others are written, too.
    #[serde(default = "Metric::defaults")]
    pub metrics: Vec<Metric>,
    /// Blocks whose figures are compared: `test`, or `validation` to choose settings by; by default
    /// test, and validation if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<FigureSplit>,
    /// Probability with which intervals cover, in (0, 1).
    #[serde(default = "default_confidence")]
    pub confidence: f64,
    /// What is compared with the base; without any, the study tells how the figures of the base
    /// scatter over the seeds.
    #[serde(default, rename = "variant", skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

/// Blocks whose figures are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FigureSplit {
    /// Those that settings were chosen by.
    Validation,
    /// Those that nothing was chosen by.
    Test,
}

impl FigureSplit {
    /// The name of the split in `metrics.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// A change whose effect is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Name in tables and folders: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Changes of the run file, as `loss.kind=dice`.
    pub set: Vec<String>,
}

/// Seeds of the runs of each variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "wanted a number of seeds or a list of seeds")]
#[schemars(extend("x-wanted" = "a number of seeds, which are 0, 1, ..., or a list of seeds"))]
pub enum Seeds {
    /// 0, 1, and so on: this many.
    Count(u32),
    /// These.
    List(Vec<u64>),
}

impl Default for Seeds {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

fn default_base_name() -> String {
    "base".to_owned()
}

fn default_confidence() -> f64 {
    0.95
}

impl StudyFile {
    /// A study without variants: how the figures of the run file `base`, with the changes `set`,
    /// scatter over the seeds 0 to `n_seeds` - 1. `run_name` is the name of its run.
    pub fn replicates(run_name: &str, base: &Path, set: Vec<String>, n_seeds: u32) -> Self {
        let run_name = plain_name(run_name);
        Self {
            name: format!("{run_name}-replicates"),
            base: base.display().to_string(),
            base_name: run_name,
            set,
            seeds: Seeds::Count(n_seeds),
            metrics: Metric::defaults(),
            split: None,
            confidence: default_confidence(),
            variants: Vec::new(),
        }
    }

    /// Reads and checks the study file at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, [`Error::Malformed`] if it is not TOML or lacks a key,
    /// and [`Error::Config`] with the key that is unknown, of the wrong kind, or out of range.
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        let malformed = |error| Error::malformed(path, "study file", in_one_line(&error));
        let table: Table = toml::from_str(&text).map_err(malformed)?;
        check_keys(&table, &Self::schema())?;
        let study: Self = table.try_into().map_err(malformed)?;
        study.check()?;
        Ok(study)
    }

    /// Checks every value that can be checked without the base.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn check(&self) -> Result<()> {
        check_name("name", &self.name)?;
        check_name("base_name", &self.base_name)?;
        // Some file systems do not tell capital letters from small ones.
        let mut names = BTreeSet::from([self.base_name.to_lowercase()]);
        for variant in &self.variants {
            check_name("variant.name", &variant.name)?;
            if !names.insert(variant.name.to_lowercase()) {
                let rule = "is the name of another variant or of the base";
                return Err(Error::config("variant.name", &variant.name, rule));
            }
            if variant.set.is_empty() {
                let rule = format!("changes nothing in variant `{}`", variant.name);
                return Err(Error::config("variant.set", "[]", rule));
            }
        }
        self.check_seeds()?;
        if self.metrics.is_empty() {
            return Err(Error::config("metrics", "[]", "wanted at least one figure"));
        }
        let mut metrics = Vec::new();
        for metric in &self.metrics {
            if metrics.contains(&metric) {
                return Err(Error::config("metrics", metric, "is listed twice"));
            }
            metrics.push(metric);
        }
        if !(0.0 < self.confidence && self.confidence < 1.0) {
            return Err(Error::config("confidence", self.confidence, "must lie between 0 and 1"));
        }
        Ok(())
    }

    fn check_seeds(&self) -> Result<()> {
        let n_seeds = match &self.seeds {
            Seeds::Count(n) => *n as usize,
            Seeds::List(list) => list.len(),
        };
        if !(1..=MAX_SEEDS).contains(&n_seeds) {
            let rule =
                format!("wanted 1 to {MAX_SEEDS} of them, as `seeds = 5` or `seeds = [1, 2]`");
            return Err(Error::config("seeds", format!("{n_seeds} seeds"), rule));
        }
        let mut seen = BTreeSet::new();
        match self.seeds().into_iter().find(|it| !seen.insert(*it)) {
            Some(twice) => Err(Error::config("seeds", twice, "is listed twice")),
            None => Ok(()),
        }
    }

    /// The seeds, in order.
    pub fn seeds(&self) -> Vec<u64> {
        match &self.seeds {
            Seeds::Count(n) => (0..u64::from(*n)).collect(),
            Seeds::List(list) => list.clone(),
        }
    }

    /// The study file as TOML, with every default.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("a study file is plain data")
    }

    /// The JSON Schema of study files, for editors.
    pub fn schema() -> serde_json::Value {
        schema_for!(Self).to_value()
    }
}

/// A name that [`check_name`] accepts, with room for more behind it.
fn plain_name(name: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() || "-_.".contains(it) { it } else { '-' };
    let name: String = name.chars().map(plain).take(40).collect();
    let name = name.trim_start_matches(['-', '_', '.']).trim_end_matches('.');
    if name.is_empty() { "run".to_owned() } else { name.to_owned() }
}

/// Names become folders, words of commands and cells of tables.
fn check_name(key: &str, name: &str) -> Result<()> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    let is_fine = !name.is_empty()
        && name.len() <= 64
        && name.chars().all(is_plain)
        && name.starts_with(|it: char| it.is_ascii_alphanumeric())
        && !name.ends_with('.');
    if is_fine {
        return Ok(());
    }
    let rule = "must be usable as a folder: 1 to 64 letters, digits, `-`, `_` or `.`, the first a \
                letter or digit";
    Err(Error::config(key, format!("{name:?}"), rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "name = 'a'\nbase = 'run.toml'\nseeds = 2\n";

    fn load(text: &str) -> Result<StudyFile> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.toml");
        fs::write(&path, text).unwrap();
        StudyFile::load(&path)
    }

    #[track_caller]
    fn check_refused(text: &str, parts: &[&str]) {
        let error = load(text).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "no `{part}` in: {error}");
        }
    }

    #[test]
    fn replicates_of_any_run_have_names_that_are_folders() {
        for (run_name, name) in [
            ("demo", "demo"),
            ("Grünland 2020", "Gr-nland-2020"),
            ("...", "run"),
            ("_a.", "a"),
            (&"x".repeat(100), &"x".repeat(40)),
        ] {
            let study = StudyFile::replicates(run_name, Path::new("run.toml"), Vec::new(), 3);
            study.check().unwrap();
            assert_eq!((study.base_name.as_str(), study.seeds()), (name, vec![0, 1, 2]));
        }
    }

    #[test]
    fn a_study_without_variants_is_one_of_the_base_alone() {
        let study = load(HEAD).unwrap();
        assert_eq!((study.base_name.as_str(), study.confidence), ("base", 0.95));
        assert_eq!(study.seeds(), [0, 1]);
        assert_eq!(study.metrics, Metric::defaults());
        assert_eq!(load(&study.to_toml()).unwrap(), study);
    }

    #[test]
    fn variants_and_listed_seeds_are_read() {
        let text = "name = 'a'\nbase = 'run.toml'\nseeds = [3, 1]\nmetrics = ['iou:open water']\n\
                    [[variant]]\nname = 'dice'\nset = ['loss.kind=dice']";
        let study = load(text).unwrap();
        assert_eq!((study.seeds(), study.variants[0].name.as_str()), (vec![3, 1], "dice"));
        assert_eq!(load(&study.to_toml()).unwrap(), study);
    }

    #[test]
    fn what_cannot_be_is_refused_by_key_and_value() {
        check_refused("name = 'a'\nbase = 'b'", &["`seeds` = 0 seeds", "1 to 1000"]);
        check_refused("name = 'a'\nseeds = 2", &["study.toml", "missing field `base`"]);
        check_refused("name = 'a'\nbase = 'b'\nseeds = [1, 2, 1]", &["`seeds` = 1", "twice"]);
        check_refused("name = 'a'\nbase = 'b'\nseeds = 'x'", &["`seeds`", "a number of seeds"]);
        check_refused(&format!("{HEAD}metrik = []"), &["`metrik`", "did you mean `metrics`"]);
        check_refused(&format!("{HEAD}metrics = []"), &["`metrics` = []"]);
        check_refused(&format!("{HEAD}metrics = ['miou']"), &["`miou` is no figure", "mean_iou"]);
        let twice = format!("{HEAD}metrics = ['mean_iou', 'mean_iou']");
        check_refused(&twice, &["`metrics` = mean_iou", "listed twice"]);
        check_refused(&format!("{HEAD}split = 'train'"), &["`split`", "`validation` or `test`"]);
        check_refused(&format!("{HEAD}confidence = 95"), &["`confidence` = 95"]);
        let variant =
            |name: &str, set: &str| format!("{HEAD}[[variant]]\nname = '{name}'\nset = [{set}]\n");
        check_refused(&variant("../a", "'a=1'"), &["variant.name", "\"../a\"", "folder"]);
        check_refused(&variant("", "'a=1'"), &["variant.name", "folder"]);
        check_refused(&variant("Base", "'a=1'"), &["`variant.name` = Base", "another"]);
        check_refused(&variant("a", ""), &["variant.set", "`a`"]);
        let twice = variant("a", "'a=1'") + "[[variant]]\nname = 'A'\nset = ['b=1']";
        check_refused(&twice, &["`variant.name` = A", "another"]);
        let typo = format!("{HEAD}[[variant]]\nname = 'a'\nsets = []");
        check_refused(&typo, &["variant.sets", "did you mean `set`"]);
    }
}
