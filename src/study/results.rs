//! What the finished runs of a study found.

use std::{collections::BTreeMap, fs};

use super::{FigureSplit, Plan, PlannedRun, RunState};
use crate::{
    error::{Error, Result},
    run::{Environment, Manifest},
    score::{Metrics, MetricsFile},
    train::{RunFolder, read_history},
};

/// The figures of the finished runs.
#[derive(Clone, Debug)]
pub struct Results {
    /// Split that the figures are of: `test`, or `validation` where the runs have no test split.
    pub split: String,
    /// The finished runs of each variant, by the order of the plan's variants and of its seeds.
    pub variants: Vec<Vec<RunResult>>,
    /// Runs that are not finished.
    pub n_missing: usize,
    /// What a reader must know of how the runs were made.
    pub notes: Vec<String>,
}

/// What a finished run found.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// Its seed.
    pub seed: u64,
    /// Its folder, relative to that of the study.
    pub folder: String,
    /// Seconds that it took: preparing, training, validating and evaluating.
    pub seconds: f64,
    /// Most memory held at once, in bytes; `None` where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// Its figures.
    pub metrics: Metrics,
    /// Hash of every raster that it read, by path.
    inputs: BTreeMap<String, String>,
    environment: Environment,
}

impl Results {
    /// Reads the folders of all finished runs.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if runs that should be paired were not evaluated on the same pixels, or the
    /// runs of a variant read other files; as [`PlannedRun::state`], and those of reading files.
    pub fn read(plan: &Plan) -> Result<Self> {
        let mut found = Vec::new();
        for run in &plan.runs {
            if run.state()? == RunState::Done {
                found.push((run, read_metrics(run)?));
            }
        }
        let n_missing = plan.runs.len() - found.len();
        let has_test = found.iter().all(|(_, splits)| splits.contains_key("test"));
        let split = match plan.study.split {
            Some(split) => split.name(),
            None if has_test => FigureSplit::Test.name(),
            None => FigureSplit::Validation.name(),
        };
        let mut variants = vec![Vec::new(); plan.variants.len()];
        for (run, splits) in found {
            variants[run.variant].push(RunResult::read(plan, run, splits, split)?);
        }
        check_paired(plan, &variants)?;
        let mut notes = notes(variants.iter().flatten());
        notes.extend(without_effect(plan, &variants));
        Ok(Self { split: split.to_owned(), variants, n_missing, notes })
    }

    /// The run of the base with this seed.
    pub fn base(&self, seed: u64) -> Option<&RunResult> {
        self.variants[0].iter().find(|it| it.seed == seed)
    }

    /// Names of the classes; none before a run is finished.
    pub fn class_names(&self) -> Vec<&str> {
        let first = self.variants.iter().flatten().next();
        first.map_or(Vec::new(), |it| it.metrics.classes.iter().map(|it| &*it.name).collect())
    }
}

impl RunResult {
    fn read(
        plan: &Plan,
        run: &PlannedRun,
        mut splits: BTreeMap<String, Metrics>,
        split: &str,
    ) -> Result<Self> {
        let folder = RunFolder::open(&run.folder)?;
        let manifest = Manifest::read(&folder.manifest())?;
        let path = folder.metrics();
        let metrics = splits.remove(split).ok_or_else(|| {
            let found = format!("no figures of the {split} split");
            Error::data(path.display(), found, "those of a validation or test split")
        })?;
        // A start that was killed noted no time, but the epochs that it did are in the history.
        let epochs = read_history(&folder.history())?;
        let trained =
            epochs.iter().map(|row| row.train_seconds + row.validation_seconds).sum::<f64>();
        let seconds = manifest.seconds.iter().map(|(part, &seconds)| match part.as_str() {
            "train" => seconds.max(trained),
            _ => seconds,
        });
        let relative = run.folder.strip_prefix(&plan.folder).unwrap_or(&run.folder);
        Ok(Self {
            seed: run.seed,
            folder: relative.display().to_string(),
            seconds: seconds.sum::<f64>(),
            peak_memory_bytes: manifest.peak_memory_bytes,
            metrics,
            inputs: manifest.inputs.into_iter().map(|it| (it.path, it.sha256)).collect(),
            environment: manifest.environment,
        })
    }

    /// What must be the same for figures to be paired: each class with its labelled pixels.
    fn reference(&self) -> (Vec<(&str, u64)>, u64) {
        let classes = self.metrics.classes.iter().map(|it| (&*it.name, it.support)).collect();
        (classes, self.metrics.n_unmapped)
    }
}

fn read_metrics(run: &PlannedRun) -> Result<BTreeMap<String, Metrics>> {
    let path = RunFolder::open(&run.folder)?.metrics();
    let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    Ok(MetricsFile::from_json(&text, &path)?.splits)
}

fn check_paired(plan: &Plan, variants: &[Vec<RunResult>]) -> Result<()> {
    for runs in variants {
        for run in runs {
            // Variants may read other files, but the same files must have been the same.
            let first = variants.iter().flatten().next().unwrap_or(run);
            let changed = |(path, hash): &(&String, &String)| {
                first.inputs.get(*path).is_some_and(|known| known != *hash)
            };
            if let Some((path, _)) = run.inputs.iter().find(changed) {
                let found = format!("another content of {path}");
                let wanted = format!("that of {}; do these runs again", first.folder);
                return Err(Error::data(&run.folder, found, wanted));
            }
            let base = variants[0].iter().find(|it| it.seed == run.seed);
            if base.is_some_and(|base| base.reference() != run.reference()) {
                let name = &plan.variants[0].name;
                let wanted = format!("those of `{name}` with seed {}", run.seed);
                return Err(Error::data(&run.folder, "other evaluated pixels", wanted));
            }
        }
    }
    Ok(())
}

/// Variants whose figures are those of the base on every seed.
fn without_effect(plan: &Plan, variants: &[Vec<RunResult>]) -> Vec<String> {
    let (base, others) = (&variants[0], &variants[1..]);
    let is_same = |run: &RunResult| {
        let base = base.iter().find(|it| it.seed == run.seed);
        base.is_some_and(|base| base.metrics.confusion == run.metrics.confusion)
    };
    let same = others
        .iter()
        .zip(&plan.variants[1..])
        .filter(|(runs, _)| !runs.is_empty() && runs.iter().all(is_same));
    same.map(|(_, variant)| {
        format!(
            "`{}` has exactly the figures of `{}`: its settings change nothing here.",
            variant.name, plan.variants[0].name
        )
    })
    .collect()
}

/// Differences of the machines and builds, which may change the last bits.
fn notes<'a>(runs: impl Iterator<Item = &'a RunResult>) -> Vec<String> {
    let mut versions: Vec<String> = runs
        .map(|run| {
            let Environment { version, instruction_set, device, features, .. } = &run.environment;
            let features = features.join("+");
            format!("swath {version} {features}, {device}, {instruction_set}").replace(" ,", ",")
        })
        .collect();
    versions.sort();
    versions.dedup();
    if versions.len() < 2 {
        return Vec::new();
    }
    vec![format!("The runs were made by different builds or devices: {}.", versions.join("; "))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run::{InputFile, Status},
        study::made_up::{do_run, plan},
    };

    const VARIANT: &str = "[[variant]]\nname = 'a'\nset = ['model.width=8']\n";

    #[test]
    fn only_finished_runs_count() {
        let (_site, plan) = plan(VARIANT);
        let nothing = Results::read(&plan).unwrap();
        assert_eq!((nothing.n_missing, nothing.class_names().len()), (4, 0));
        do_run(&plan.runs[0], &[vec![5, 2], vec![1, 9]], Status::Done);
        do_run(&plan.runs[1], &[vec![5, 2], vec![1, 9]], Status::Interrupted);
        do_run(&plan.runs[3], &[vec![4, 2], vec![2, 9]], Status::Done);
        let results = Results::read(&plan).unwrap();
        assert_eq!((results.split.as_str(), results.n_missing), ("test", 2));
        assert_eq!(results.variants[0][0].folder, "runs/base/seed-0");
        assert_eq!((results.variants[1].len(), results.variants[1][0].seed), (1, 1));
        // 1 s to prepare, 2 s noted for training but 3 + 1 s in the history, 0.5 s to evaluate.
        assert_eq!(results.variants[0][0].seconds, 5.5);
        assert_eq!(results.class_names(), ["class 0", "class 1"]);
        assert!(results.base(0).is_some() && results.base(1).is_none());
    }

    #[test]
    fn pairs_on_other_pixels_are_refused() {
        let (_site, plan) = plan(VARIANT);
        do_run(&plan.runs[0], &[vec![5, 2], vec![1, 9]], Status::Done);
        do_run(&plan.runs[1], &[vec![5, 2], vec![1, 10]], Status::Done);
        let error = Results::read(&plan).unwrap_err().to_string();
        assert!(error.contains("runs/a/seed-0: found other evaluated pixels"), "{error}");
    }

    /// As if a run had read `path` with a content of this hash.
    fn read_raster(run: &PlannedRun, path: &str, sha256: &str) {
        let file = RunFolder::open(&run.folder).unwrap().manifest();
        let mut manifest = Manifest::read(&file).unwrap();
        manifest.inputs.push(InputFile {
            path: path.to_owned(),
            bytes: 1,
            sha256: sha256.to_owned(),
            rows: 1,
            cols: 1,
            pixel_size: [1.0; 2],
            bounds: [0.0; 4],
            crs: String::new(),
        });
        manifest.write(&file).unwrap();
    }

    #[test]
    fn pairs_of_a_raster_that_has_changed_are_refused() {
        let (_site, plan) = plan(VARIANT);
        let confusion = [vec![5, 2], vec![1, 9]];
        for (run, path, hash) in
            [(0, "a.tif", "x"), (1, "a.tif", "x"), (1, "b.tif", "y"), (2, "a.tif", "z")]
        {
            if !plan.runs[run].folder.exists() {
                do_run(&plan.runs[run], &confusion, Status::Done);
            }
            read_raster(&plan.runs[run], path, hash);
            let found = Results::read(&plan).map_err(|it| it.to_string());
            match found {
                Ok(_) => assert!(run < 2, "z is taken for x"),
                Err(error) => assert!(run == 2 && error.contains("another content of a.tif")),
            }
        }
    }

    #[test]
    fn a_variant_without_effect_is_noted() {
        let (_site, plan) = plan(VARIANT);
        for (run, right) in [(0, 9), (1, 9), (2, 8)] {
            do_run(&plan.runs[run], &[vec![5, 2], vec![1, right]], Status::Done);
        }
        let notes = Results::read(&plan).unwrap().notes;
        assert!(notes.len() == 1 && notes[0].contains("`a` has exactly the figures"), "{notes:?}");
        do_run(&plan.runs[3], &[vec![4, 2], vec![2, 8]], Status::Done);
        assert!(Results::read(&plan).unwrap().notes.is_empty());
    }

    #[test]
    fn the_split_of_the_figures_can_be_chosen() {
        let (_site, plan) = plan("split = 'validation'\n");
        do_run(&plan.runs[0], &[vec![5, 2], vec![1, 9]], Status::Done);
        let error = Results::read(&plan).unwrap_err().to_string();
        assert!(error.contains("found no figures of the validation split"), "{error}");
    }
}
