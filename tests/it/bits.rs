//! Same inputs, same bits: at any number of threads, and through any stop.

use std::{fs, path::Path, sync::LazyLock};

use burn::tensor::Device;
use swath::{
    Error,
    bundle::Bundle,
    run::{Run, RunFile, open_dataset},
    scene::Role,
    train::Copied,
    weights::state_dict,
};
use tempfile::TempDir;

use crate::support::{Watch, begin, copy_folder, history, on_threads, site, train};

/// Ten chips in batches of four: the last step of an epoch has two.
const STEPS_PER_EPOCH: u64 = 3;
const N_STEPS: u64 = 2 * STEPS_PER_EPOCH;

/// A folder with the scene and the run `whole`, done on one thread without a stop.
static SITE: LazyLock<TempDir> = LazyLock::new(|| {
    let site = site();
    on_threads(1, || train(&mut begin(site.path(), "whole", &[]), None)).unwrap();
    site
});

/// Compares everything that a training writes with the run `whole`, bit by bit.
#[track_caller]
fn check(run: &Path) {
    let whole = SITE.path().join("whole");
    for name in
        ["model.swath", "steps.csv", "checkpoints/last.safetensors", "checkpoints/best.safetensors"]
    {
        let [found, wanted] = [run, &whole].map(|it| fs::read(it.join(name)).unwrap());
        assert!(found == wanted, "{name} of {} differs", run.display());
    }
    assert_eq!(history(run), history(&whole));
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for n_threads in [2, 7] {
        let name = format!("threads_{n_threads}");
        on_threads(n_threads, || train(&mut begin(SITE.path(), &name, &[]), None)).unwrap();
        check(&SITE.path().join(name));
    }
}

#[test]
fn the_run_is_long_enough_to_see_a_difference() {
    let steps = fs::read_to_string(SITE.path().join("whole/steps.csv")).unwrap();
    assert_eq!(steps.lines().count() as u64, 1 + N_STEPS);
    assert_eq!(history(&SITE.path().join("whole")).len(), 3);
}

/// In the middle of an epoch, at the very end of one, and after the last step.
#[test]
fn a_stop_changes_no_bit() {
    for stop in [1, STEPS_PER_EPOCH, STEPS_PER_EPOCH + 1, N_STEPS] {
        let name = format!("stop_{stop}");
        let run = SITE.path().join(&name);
        let stopped = on_threads(2, || train(&mut begin(SITE.path(), &name, &[]), Some(stop)));
        assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
        assert!(!run.join("model.swath").exists());
        train(&mut Run::open(&run, Device::flex()).unwrap(), None).unwrap();
        check(&run);
    }
}

#[test]
fn a_stop_after_every_step_changes_no_bit() {
    let run = SITE.path().join("stop_often");
    let mut stopped = train(&mut begin(SITE.path(), "stop_often", &[]), Some(1));
    let mut n_starts = 1;
    while let Err(Error::Interrupted) = stopped {
        assert!(n_starts <= N_STEPS, "starts that do not go on");
        stopped = train(&mut Run::open(&run, Device::flex()).unwrap(), Some(1));
        n_starts += 1;
    }
    stopped.unwrap();
    assert_eq!(n_starts, N_STEPS + 1); // The last start takes no step: it validates and saves.
    check(&run);
}

/// A killed program leaves what is on disk at that moment.
#[test]
fn a_killed_run_goes_on_from_its_last_checkpoint() {
    let killed = SITE.path().join("killed");
    let mut run = begin(SITE.path(), "before_the_kill", &[]);
    let folder = run.folder.path().to_owned();
    let mut copy = |step| {
        if step == N_STEPS - 1 {
            copy_folder(&folder, &killed);
        }
    };
    run.train(&mut Watch { stop_after: u64::MAX, at_step: &mut copy, n_steps: 0 }).unwrap();

    let steps = fs::read_to_string(killed.join("steps.csv")).unwrap();
    assert_eq!(steps.lines().count() as u64, N_STEPS); // Two of them after the checkpoint.
    train(&mut Run::open(&killed, Device::flex()).unwrap(), None).unwrap();
    check(&killed);
}

#[test]
fn a_run_without_validation_can_be_opened_and_trained_again_when_it_is_done() {
    let mut run = begin(SITE.path(), "unvalidated", &["split.validation=0.0"]);
    train(&mut run, None).unwrap();
    let model = fs::read(run.folder.model()).unwrap();
    let mut again = Run::open(run.folder.path(), Device::flex()).unwrap();
    train(&mut again, None).unwrap();
    assert!(model == fs::read(again.folder.model()).unwrap());
}

#[test]
fn another_seed_is_another_model() {
    let mut run = begin(SITE.path(), "seed_8", &["seed=8"]);
    train(&mut run, None).unwrap();
    let [found, whole] = ["seed_8", "whole"]
        .map(|name| Bundle::read(&SITE.path().join(name).join("model.swath")).unwrap().state);
    assert!(found != whole, "both seeds give the same weights");
}

/// Weights that no training gave are told from those of the last epoch.
#[test]
fn the_model_is_the_best_checkpoint() {
    let mut run = begin(SITE.path(), "best", &[]);
    train(&mut run, None).unwrap();
    let other = run.run_file.model.build(5, 5, 99, &Device::flex());
    Copied::weights(&other).write(&run.folder.best_checkpoint()).unwrap();
    train(&mut Run::open(run.folder.path(), Device::flex()).unwrap(), None).unwrap();
    assert!(Bundle::read(&run.folder.model()).unwrap().state == state_dict(&other));
}

#[test]
fn smaller_fractions_train_on_part_of_the_blocks_and_leave_the_others_alone() {
    let blocks = |fraction: &str| {
        let overrides = [format!("chips.fraction={fraction}")];
        let path = SITE.path().join("run.toml");
        let data = open_dataset(&RunFile::load(&path, &overrides).unwrap()).unwrap();
        Role::ALL.map(|role| data.splits[0].blocks(role).collect::<Vec<_>>())
    };
    let [all, validation, test] = blocks("1.0");
    let mut larger = all;
    for fraction in ["0.8", "0.5"] {
        let [smaller, same_validation, same_test] = blocks(fraction);
        assert!(smaller.len() < larger.len());
        assert!(smaller.iter().all(|block| larger.contains(block)));
        assert_eq!((&same_validation, &same_test), (&validation, &test));
        larger = smaller;
    }
}
