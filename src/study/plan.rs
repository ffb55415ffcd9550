//! Every run of a study: its settings and its folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::StudyFile;
use crate::{
    error::{Error, Result},
    run::RunFile,
    train::RunFolder,
};

/// The runs of a study.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is compared.
    pub study: StudyFile,
    /// Where that was read; none if it was made by code.
    pub study_file: Option<PathBuf>,
    /// The run file that all runs begin with.
    pub base: PathBuf,
    /// Where everything of the study goes.
    pub folder: PathBuf,
    /// The base first, then the variants in the order of the study file.
    pub variants: Vec<PlannedVariant>,
    /// All runs, in the order in which they are done: seed by seed, so that comparisons are there
    /// early.
    pub runs: Vec<PlannedRun>,
}

/// The base or a variant.
#[derive(Clone, Debug)]
pub struct PlannedVariant {
    /// Its name.
    pub name: String,
    /// What it changes in the run file, the changes of all runs included.
    pub set: Vec<String>,
}

/// One run.
#[derive(Clone, Debug)]
pub struct PlannedRun {
    /// Index of its variant; 0 is the base.
    pub variant: usize,
    /// Its seed.
    pub seed: u64,
    /// Its run folder.
    pub folder: PathBuf,
    /// All changes of the base run file, seed and name included.
    pub overrides: Vec<String>,
    /// What it does.
    pub run_file: RunFile,
}

impl Plan {
    /// The runs of the study file at `path`, in `folder`. Nothing is written.
    ///
    /// # Errors
    ///
    /// Those of [`StudyFile::load`] and of [`Plan::of`].
    pub fn load(path: &Path, folder: &Path) -> Result<Self> {
        let study = StudyFile::load(path)?;
        let beside = path.parent().unwrap_or(Path::new(""));
        Ok(Self { study_file: Some(path.to_owned()), ..Self::of(study, beside, folder)? })
    }

    /// The runs of a study whose base is relative to the folder `beside`.
    ///
    /// # Errors
    ///
    /// Those of [`RunFile::load`]; [`Error::Config`] naming the variant if a change sets `seed`,
    /// `name` or the split, or if a variant equals the base or another one; [`Error::Data`] if `folder`
    /// holds a run.
    pub fn of(study: StudyFile, beside: &Path, folder: &Path) -> Result<Self> {
        study.check()?;
        check_folder(folder)?;
        let base = beside.join(&study.base);
        let base = fs::canonicalize(&base).map_err(Error::io("find the base", &base))?;
        let mut variants =
            vec![PlannedVariant { name: study.base_name.clone(), set: study.set.clone() }];
        for change in &study.set {
            check_key(change, "set", &["seed", "name"], "of each run is set by the study")?;
        }
        for variant in &study.variants {
            let rule = format!("would undo the pairing (variant `{}`)", variant.name);
            for change in &variant.set {
                check_key(change, "variant.set", &["seed", "name", "split"], &rule)?;
            }
            let set = study.set.iter().chain(&variant.set).cloned().collect();
            variants.push(PlannedVariant { name: variant.name.clone(), set });
        }
        let runs = plan_runs(&study, &base, folder, &variants)?;
        check_distinct(&variants, &runs)?;
        let folder = folder.to_owned();
        Ok(Self { study, study_file: None, base, folder, variants, runs })
    }

    /// The runs of the first seed, one a variant.
    pub fn first_runs(&self) -> &[PlannedRun] {
        &self.runs[..self.variants.len()]
    }

    /// The run of the base with the seed of `run`.
    pub fn base_of(&self, run: &PlannedRun) -> &PlannedRun {
        let base = self.runs.iter().find(|it| it.variant == 0 && it.seed == run.seed);
        base.expect("each seed has a run of the base")
    }

    /// Name of the variant of `run`.
    pub fn variant_name(&self, run: &PlannedRun) -> &str {
        &self.variants[run.variant].name
    }
}

fn plan_runs(
    study: &StudyFile,
    base: &Path,
    folder: &Path,
    variants: &[PlannedVariant],
) -> Result<Vec<PlannedRun>> {
    let mut runs = Vec::new();
    for seed in study.seeds() {
        for (index, variant) in variants.iter().enumerate() {
            let name = &variant.name;
            let mut overrides = variant.set.clone();
            overrides.push(format!("seed={seed}"));
            overrides.push(format!("name=\"{name}-seed-{seed}\""));
            let run_file =
                RunFile::load(base, &overrides).map_err(|error| in_variant(error, name))?;
            let folder = folder.join("runs").join(name).join(format!("seed-{seed}"));
            runs.push(PlannedRun { variant: index, seed, folder, overrides, run_file });
        }
    }
    Ok(runs)
}

/// Refuses the folder of a run, whose files would lie among those of the study.
fn check_folder(folder: &Path) -> Result<()> {
    let Ok(run) = RunFolder::open(folder) else { return Ok(()) };
    // A run file may lie beside a study file; what a run has written may not.
    if run.manifest().exists() {
        let wanted = "a folder for the study alone: choose another with --out";
        return Err(Error::data(folder.display(), "the folder of a run", wanted));
    }
    Ok(())
}

/// Refuses changes of `forbidden` keys and of the tables called so.
fn check_key(change: &str, place: &str, forbidden: &[&str], rule: &str) -> Result<()> {
    let key = change.split('=').next().unwrap_or_default().trim();
    match forbidden.iter().find(|it| key == **it || key.starts_with(&format!("{it}."))) {
        Some(found) => Err(Error::config(place, change, format!("`{found}` {rule}"))),
        None => Ok(()),
    }
}

/// Refuses a variant that does what the base or another variant does.
fn check_distinct(variants: &[PlannedVariant], runs: &[PlannedRun]) -> Result<()> {
    let unnamed = |run: &PlannedRun| RunFile {
        name: String::new(),
        about: Default::default(),
        ..run.run_file.clone()
    };
    for (index, run) in runs.iter().enumerate().take(variants.len()) {
        let same = runs[..index].iter().find(|other| unnamed(other) == unnamed(run));
        if let Some(other) = same {
            let (name, other) = (&variants[index].name, &variants[other.variant].name);
            let rule = format!("has the settings of `{other}`; there is nothing to compare");
            return Err(Error::config("variant.name", name, rule));
        }
    }
    Ok(())
}

/// The error with the name of the variant, where it is about a setting or data.
pub(super) fn in_variant(error: Error, name: &str) -> Error {
    match error {
        Error::Config { key, value, rule } => {
            Error::Config { key, value, rule: format!("{rule} (variant `{name}`)") }
        }
        Error::Data { what, found, wanted } => {
            Error::Data { what: format!("{what} (variant `{name}`)"), found, wanted }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::made_up::{plan, plan_error};

    #[test]
    fn runs_go_seed_by_seed_with_the_base_first() {
        let (_site, plan) = plan("[[variant]]\nname = 'dice'\nset = ['loss.kind=dice']\n");
        let order: Vec<(&str, u64)> =
            plan.runs.iter().map(|it| (plan.variant_name(it), it.seed)).collect();
        assert_eq!(order, [("base", 0), ("dice", 0), ("base", 1), ("dice", 1)]);
        let last = &plan.runs[3];
        assert!(last.folder.ends_with("out/runs/dice/seed-1"), "{last:?}");
        assert_eq!((last.run_file.seed, last.run_file.name.as_str()), (1, "dice-seed-1"));
        assert_eq!(last.run_file, RunFile::load(&plan.base, &last.overrides).unwrap());
        assert_eq!(plan.base_of(last).folder, plan.runs[2].folder);
        assert_eq!(plan.first_runs().len(), 2);
    }

    #[test]
    fn changes_of_all_runs_come_before_those_of_a_variant() {
        let (_site, plan) =
            plan("set = ['train.epochs=3']\n[[variant]]\nname = 'a'\nset = ['train.epochs=4']\n");
        assert_eq!([0, 1].map(|it| plan.runs[it].run_file.train.epochs), [3, 4]);
    }

    #[track_caller]
    fn check_refused(set: &str, parts: &[&str]) {
        let error = plan_error(&format!("[[variant]]\nname = 'a'\nset = [{set}]\n"));
        for part in parts {
            assert!(error.contains(part), "no `{part}` in: {error}");
        }
    }

    #[test]
    fn variants_that_undo_the_pairing_are_refused() {
        check_refused("'seed=3'", &["`variant.set` = seed=3", "`seed` would undo", "`a`"]);
        check_refused("' name = x'", &["`name` would undo the pairing"]);
        check_refused("'train.epochs=3', 'split.test=0.3'", &["split.test=0.3", "`split` would"]);
        check_refused("'split={}'", &["`split` would"]);
        let error = plan_error("set = ['seed=1']\n");
        assert!(error.contains("`set` = seed=1: `seed` of each run"), "{error}");
    }

    #[test]
    fn variants_that_say_nothing_new_are_refused() {
        check_refused("'train.epochs=50'", &["`variant.name` = a", "`base`"]);
        let error = plan_error(
            "[[variant]]\nname = 'a'\nset = ['train.epochs=3']\n\
             [[variant]]\nname = 'b'\nset = ['train.epochs = 3']\n",
        );
        assert!(error.contains("`variant.name` = b: has the settings of `a`"), "{error}");
    }

    #[test]
    fn a_change_that_cannot_be_names_its_variant() {
        check_refused("'loss.kind=dize'", &["loss.kind", "did you mean `dice`", "variant `a`"]);
        check_refused("'los.kind=dice'", &["`los`", "did you mean `loss`", "variant `a`"]);
        check_refused("'train.epochs'", &["table.key=value", "variant `a`"]);
        check_refused("'train.epochs=0'", &["at least 1", "variant `a`"]);
    }
}
