//! Runs that are killed at any moment and go on, to the same bits.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use rand::Rng;
use swath::random::{Purpose, generator};

use crate::support::{history, site};

/// Everything that a checkpoint must hold: accumulation, averaged weights, momentum that moves,
/// background drawn anew, augmentation and objects from other chips, dropout, freezing, early
/// stopping, and the best epochs.
const SETTINGS: [&str; 23] = [
    "train.epochs=14",
    "train.batch=2",
    "train.accumulate=[[0, 2], [9, 3]]",
    "train.ema.decay=0.9",
    "train.checkpoint_steps=1",
    "train.validate_every=2",
    "train.keep_best=2",
    "train.early_stopping.patience=13",
    "train.freeze=[{names='encoder.layer4', until_epoch=3}]",
    "train.clip_norm=1.0",
    "chips.per_epoch=14",
    "chips.sampling=resampled",
    "chips.background=['water']",
    "chips.background_tolerance=0.9",
    "augment.brightness=0.2",
    "augment.contrast=0.1",
    "augment.class_mix=0.5",
    "model.drop_prob=0.2",
    "schedule.kind=one-cycle",
    "schedule.drop_prob.kind=linear",
    "schedule.augment.kind=cosine",
    "optimizer.weight_decay=0.05",
    "optimizer.decay_norms_and_biases=false",
];

fn swath(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swath"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn train(folder: &Path, out: &str) -> Command {
    let mut command = swath(folder);
    command.args(["train", "run.toml", "--out", out]);
    SETTINGS.iter().for_each(|it| {
        command.args(["--set", it]);
    });
    command
}

/// Steps that are written down.
fn n_steps(run: &Path) -> usize {
    fs::read_to_string(run.join("steps.csv")).map_or(0, |it| it.lines().count().saturating_sub(1))
}

/// Waits until `is_time`, and kills; false if the program ended before that.
fn kill_when(child: &mut Child, mut is_time: impl FnMut() -> bool) -> bool {
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if is_time() {
            child.kill().unwrap(); // SIGKILL: nothing is cleaned up.
            child.wait().unwrap();
            return true;
        }
        thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_with_the_same_bytes() {
    let site = site();
    let folder = site.path();
    let ended = train(folder, "whole").stderr(Stdio::piped()).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let n_all = n_steps(&folder.join("whole"));
    assert!(40 < n_all, "{n_all}");

    let run = folder.join("killed");
    let [last, previous] =
        ["last", "previous"].map(|it| run.join(format!("checkpoints/{it}.safetensors")));
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let mut rng = generator(now.as_nanos() as u64, Purpose::Synthetic, 0, 0);
    let mut n_kills = 0;
    let mut n_in_rename = 0;
    while n_kills < 6 || n_in_rename == 0 {
        let mut child = match n_kills {
            0 => train(folder, "killed"),
            _ => {
                let mut command = swath(folder);
                command.args(["resume", "killed"]);
                command
            }
        }
        .spawn()
        .unwrap();
        let killed = if n_kills % 2 == 1 {
            // Between the two renames of a checkpoint there is no last one.
            kill_when(&mut child, || !last.exists() && previous.exists())
        } else {
            let until = n_steps(&run) + rng.random_range(1..n_all / 10);
            let pause = Duration::from_millis(rng.random_range(0..20));
            kill_when(&mut child, || {
                until <= n_steps(&run) && {
                    thread::sleep(pause);
                    true
                }
            })
        };
        assert!(killed, "the run ended after {n_kills} kills, {n_in_rename} of them in a rename");
        n_kills += 1;
        n_in_rename += u32::from(!last.exists() && previous.exists());
        assert!(n_kills < 60, "never killed between two renames");
    }
    assert!(swath(folder).args(["resume", "killed"]).status().unwrap().success());

    let whole = folder.join("whole");
    assert_eq!(n_steps(&run), n_all);
    assert_eq!(history(&run), history(&whole));
    let mut files: Vec<PathBuf> =
        ["model.swath", "steps.csv", "metrics.json", "confusion.csv"].map(PathBuf::from).to_vec();
    for entry in fs::read_dir(whole.join("checkpoints")).unwrap() {
        let name = entry.unwrap().file_name();
        files.extend((name != ".lock").then(|| Path::new("checkpoints").join(name)));
    }
    assert!(7 < files.len(), "{files:?}");
    for file in files {
        let [killed, whole] = [&run, &whole].map(|it| fs::read(it.join(&file)).unwrap());
        assert!(killed == whole, "{} differs", file.display());
    }
}
