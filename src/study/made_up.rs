//! Plans and runs made by code, for tests.

use std::{collections::BTreeMap, fs, path::Path};

use super::{InitialWeights, Outcome, Plan, PlannedRun, Results};
use crate::{
    label::{Class, Classes, Color},
    raster::fixture::Fixture,
    run::{Environment, Manifest, Status},
    score::{Confusion, Metrics, MetricsFile},
    train::RunFolder,
};

const RUN_FILE: &str = "[data]\nignore = [0]\n[[data.scene]]\nimages = ['a.tif', 'b.tif']\n\
                        labels = 'labels.tif'\n[chips]\nsize_px = 4\n[split]\nblock_px = 8\n";

const STUDY_FILE: &str = "name = 'made-up'\nbase = 'run.toml'\nseeds = 2\n";

fn load(folder: &Path, more: &str) -> crate::Result<Plan> {
    fs::write(folder.join("run.toml"), RUN_FILE).unwrap();
    fs::write(folder.join("study.toml"), format!("{STUDY_FILE}{more}")).unwrap();
    Plan::load(&folder.join("study.toml"), &folder.join("out"))
}

/// A study of two seeds with these variants; its rasters do not exist.
#[track_caller]
pub(super) fn plan(more: &str) -> (tempfile::TempDir, Plan) {
    let folder = tempfile::tempdir().unwrap();
    let plan = load(folder.path(), more).unwrap();
    (folder, plan)
}

/// Why there is no such study.
#[track_caller]
pub(super) fn plan_error(more: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path(), more).unwrap_err().to_string()
}

/// The same with a scene of two bands and three classes.
#[track_caller]
pub(super) fn plan_with_rasters(more: &str) -> (tempfile::TempDir, Plan) {
    let (folder, plan) = plan(more);
    let pixels = |value: &dyn Fn(u32) -> u32| -> Vec<u8> {
        (0..24 * 40).map(|it| value(it) as u8).collect()
    };
    let fixture = Fixture::new(24, 40);
    fixture.write(&folder.path().join("a.tif"), &pixels(&|it| it % 7));
    fixture.write(&folder.path().join("b.tif"), &pixels(&|it| 10 + it % 11));
    fixture.write(&folder.path().join("labels.tif"), &pixels(&|it| 1 + it % 3));
    (folder, plan)
}

/// Figures of two or more classes, called `class 0` and so on.
pub(super) fn metrics(confusion: &[Vec<u64>]) -> Metrics {
    let class = |index: usize| Class {
        code: index as u16,
        name: format!("class {index}"),
        color: Color([0; 3]),
    };
    let classes = Classes::new((0..confusion.len()).map(class).collect()).unwrap();
    Metrics::new(&Confusion::from_rows(confusion).unwrap(), &classes, 1.0)
}

/// Leaves the files of a run whose test figures are those of `confusion`.
pub(super) fn do_run(run: &PlannedRun, confusion: &[Vec<u64>], status: Status) {
    let folder = RunFolder::replace(&run.folder).unwrap();
    fs::write(folder.run_file(), run.run_file.to_toml()).unwrap();
    let seconds = [("prepare", 1.0), ("train", 2.0), ("evaluate", 0.5)];
    let manifest = Manifest {
        version: Manifest::VERSION,
        status,
        started: "2026-01-31T12:00:00Z".to_owned(),
        seed: run.seed,
        environment: Environment::here(1, "cpu"),
        run_file_sha256: String::new(),
        inputs: Vec::new(),
        sidecars: Vec::new(),
        split: Vec::new(),
        classes: Vec::new(),
        audit: None,
        about: Default::default(),
        outputs: Default::default(),
        n_parameters: 1,
        weights: None,
        seconds: BTreeMap::from(seconds.map(|(part, seconds)| (part.to_owned(), seconds))),
        peak_memory_bytes: Some(250_000_000),
    };
    manifest.write(&folder.manifest()).unwrap();
    let history = "epoch,step,lr,train_loss,validation_loss,validation_mean_iou,\
                   validation_mean_f1,validation_overall_accuracy,validation_kappa,\
                   ema_loss,ema_mean_iou,ema_mean_f1,ema_overall_accuracy,ema_kappa,\
                   class_px,pool_coverage,train_seconds,validation_seconds,pixels_per_second\n\
                   1,8,0.001,1.5,,,,,,,,,,,5 6,,3.000,1.000,100\n";
    fs::write(folder.history(), history).unwrap();
    let splits = BTreeMap::from([("test".to_owned(), metrics(confusion))]);
    fs::write(folder.metrics(), MetricsFile::new(splits).to_json()).unwrap();
}

/// What the finished runs of a plan found.
#[track_caller]
pub(super) fn outcome(plan: Plan) -> Outcome {
    let results = Results::read(&plan).unwrap();
    let initial_weights = vec![InitialWeights { n_tensors: 7, n_shared: 7 }; plan.variants.len()];
    Outcome { plan, results, initial_weights }
}

/// A finished study of two seeds: overall accuracies of the base 14/17 and 12/17, of the first
/// variant 15/17 and 14/17.
#[track_caller]
pub(super) fn finished(more: &str) -> (tempfile::TempDir, Outcome) {
    let (folder, plan) = plan(more);
    let right = [[[5, 9], [4, 8]], [[5, 10], [5, 9]]];
    for run in &plan.runs {
        let [first, second] = right[run.variant][run.seed as usize];
        do_run(run, &[vec![first, 11 - second], vec![6 - first, second]], Status::Done);
    }
    (folder, outcome(plan))
}
