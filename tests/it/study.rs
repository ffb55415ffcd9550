//! Studies: runs that are compared, stopped, killed and gone on with.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use swath::run::{Manifest, Status};

use crate::support::{Ended, check_refused, command, site, swath, swath_ok};

const STUDY: &str = "name = 'tiny'\nbase = 'run.toml'\nseeds = [3, 5]\n\
                     set = ['train.epochs=12', 'train.validate_every=12']\n\
                     [[variant]]\nname = 'slow'\nset = ['optimizer.lr=1e-3']\n";

/// Lines of a file after its first; 0 without a file.
fn n_rows(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |it| it.lines().count().saturating_sub(1))
}

/// Starts the study and waits until a run has taken some steps.
fn start(site: &Path, run: &str) -> Child {
    let mut command = command(site, &["study", "study.toml", "-o", "out", "--threads", "1"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while n_rows(&site.join("out/runs").join(run).join("steps.csv")) < 4 {
        assert!(began.elapsed() < Duration::from_secs(60), "no step after a minute");
        sleep(Duration::from_millis(5));
    }
    child
}

fn states(site: &Path) -> Vec<String> {
    let args = ["study", "study.toml", "-o", "out", "--dry-run", "--json"];
    let plan: Value = serde_json::from_str(&swath_ok(site, &args)).unwrap();
    let runs = plan["runs"].as_array().unwrap().iter();
    runs.map(|it| it["state"].as_str().unwrap().to_owned()).collect()
}

#[cfg(unix)]
#[test]
fn a_study_that_is_stopped_and_killed_goes_on_to_the_end() {
    let site = site();
    let site = site.path();
    fs::write(site.join("study.toml"), STUDY).unwrap();
    assert_eq!(states(site), ["to-do"; 4]);
    assert!(!site.join("out").exists(), "a dry run wrote something");

    let study = start(site, "base/seed-3");
    let sent = Command::new("kill").args(["-TERM", &study.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ended = Ended::from(study.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("stopped; the same command goes on"), "{}", ended.stderr);
    assert!(ended.stdout.contains("4 of 4 runs are not finished"), "{}", ended.stdout);
    assert_eq!(states(site), ["to-resume", "to-do", "to-do", "to-do"]);

    let mut study = start(site, "slow/seed-3");
    study.kill().unwrap();
    study.wait().unwrap();
    // Nobody tells the run to stop, but its standard input ends.
    let manifest = site.join("out/runs/slow/seed-3/manifest.json");
    let began = Instant::now();
    while Manifest::read(&manifest).unwrap().status != Status::Interrupted {
        assert!(began.elapsed() < Duration::from_secs(60), "the run outlives its study");
        sleep(Duration::from_millis(5));
    }
    assert_eq!(states(site), ["done", "to-resume", "to-do", "to-do"]);
    let first = site.join("out/runs/base/seed-3/manifest.json");
    let before = fs::read(&first).unwrap();
    assert_eq!(n_rows(&site.join("out/runs.csv")), 1);

    let args = ["study", "study.toml", "-o", "out", "--threads", "1", "--json"];
    let ended = swath(site, &args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let study: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&study["n_done"], &study["split"]), (&4.into(), &"test".into()));
    assert!(fs::read(&first).unwrap() == before, "a finished run was done again");
    assert_eq!(n_rows(&site.join("out/runs/slow/seed-3/steps.csv")), 12 * 3);
    let rows = &study["metrics"][0]["rows"];
    let mean = |row: usize| rows[row]["summary"]["mean"].as_f64().unwrap();
    let difference = &rows[1]["paired"]["difference"];
    assert!((difference["mean"].as_f64().unwrap() - (mean(1) - mean(0))).abs() < 1e-12);
    assert_eq!(difference["n"], 2);
    for name in ["study.toml", "study.csv", "study.json", "study.md", "study.png", "study.html"] {
        assert!(site.join("out").join(name).is_file(), "{name}");
    }

    // The run that was killed is the one that is made by hand.
    let hand = "train run.toml --set train.epochs=12 --set train.validate_every=12 --set \
                optimizer.lr=1e-3 --set seed=3 --set name=slow-seed-3 -o hand";
    swath_ok(site, &hand.split_whitespace().collect::<Vec<_>>());
    for name in ["model.swath", "metrics.json", "run.toml"] {
        let read = |folder: &str| fs::read(site.join(folder).join(name)).unwrap();
        assert!(read("hand") == read("out/runs/slow/seed-3"), "{name} differs");
    }

    fs::write(site.join("study.toml"), STUDY.replace("1e-3", "2e-3")).unwrap();
    let parts = ["runs/slow/seed-3/run.toml", "`optimizer.lr` = 0.001", "0.002", "--out"];
    check_refused(site, &args[..4], 1, &parts);
}

/// A process begins with what the one that started it held, as `getrusage` counts.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_a_run_is_its_own() {
    let site = site();
    let held = vec![1_u8; 256 << 20];
    swath_ok(site.path(), &["train", "run.toml", "-o", "run", "--set", "train.epochs=1"]);
    let manifest = Manifest::read(&site.path().join("run/manifest.json")).unwrap();
    let peak = manifest.peak_memory_bytes.unwrap();
    assert!(1 << 20 < peak && peak < held.len() as u64, "{peak}");
}

#[test]
fn a_run_that_fails_does_not_take_the_study_with_it() {
    let site = site();
    let study = "name = 'tiny'\nbase = 'run.toml'\nseeds = 1\nset = ['train.epochs=1']\n\
                 [[variant]]\nname = 'wild'\nset = ['optimizer.lr=1e30']\n\
                 [[variant]]\nname = 'dice'\nset = ['loss.kind=dice']\n";
    fs::write(site.path().join("study.toml"), study).unwrap();
    let ended = swath(site.path(), &["study", "study.toml", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let last = ended.stderr.lines().last().unwrap();
    for part in ["error: 1 of 3 runs failed: wild, seed 0: ", "lower `optimizer.lr`"] {
        assert!(last.contains(part), "no `{part}`: {last}");
    }
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(found["n_done"], 2);
    let paired = &found["metrics"][0]["rows"][2]["paired"];
    assert!(paired["difference"]["n"] == 1 && paired["p"].is_null(), "{paired}");
}

#[test]
fn studies_that_cannot_be_paired_are_refused() {
    let site = site();
    let check = |variant: &str, parts: &[&str]| {
        let text = format!("name = 'a'\nbase = 'run.toml'\nseeds = 2\n[[variant]]\n{variant}");
        fs::write(site.path().join("study.toml"), text).unwrap();
        check_refused(site.path(), &["study", "study.toml"], 2, parts);
    };
    check("name = 'a'\nset = ['split.test=0.3']", &["`variant.set` = split.test=0.3", "pairing"]);
    check("name = 'a'\nset = ['optimizer.lr=0.003']", &["`variant.name` = a", "of `base`"]);
    check("name = 'a'\nset = ['chips.size_px=64', 'data.nodata=9']", &["evaluated on other"]);
    check("name = 'a'\nset = ['data.bands=[9]']", &["9"]);
    check("name = 'a'\nsets = []", &["variant.sets", "did you mean `set`"]);
    check("name = 'a/b'\nset = ['seed=1']", &["variant.name", "folder"]);
    check("name = 'a'", &["`variant`", "needs the key `set`"]);
}
