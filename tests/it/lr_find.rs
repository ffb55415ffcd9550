//! The learning-rate finder, by itself and before a training.

use serde_json::Value;
use swath::lr_find::Found;

use crate::support::{begin, files, history, site, swath, swath_ok, train};

const QUICK: [&str; 2] = ["--set", "lr_find.n_iterations=40"];

#[test]
fn it_shows_every_rule_and_leaves_no_trace() {
    let site = site();
    let folder = site.path();
    swath_ok(folder, &["train", "run.toml", "-o", "before"]);
    let args = [&["lr-find", "run.toml", "--seeds", "2", "-o", "found.svg"], &QUICK[..]].concat();
    let text = swath_ok(folder, &args);
    for name in ["steepest", "valley", "slide", "minimum-tenth", "arcgis", "for one cycle"] {
        assert!(text.contains(name), "{name} in {text}");
    }
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    assert!(folder.join("found.svg").exists());
    let names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names.len(), 7, "{names:?}"); // Rasters with two sidecars, run file, run, picture.

    swath_ok(folder, &["train", "run.toml", "-o", "after"]);
    let model = |run: &str| std::fs::read(folder.join(run).join("model.swath")).unwrap();
    assert!(model("before") == model("after"));

    let args = [&["lr-find", "run.toml", "--json"], &QUICK[..]].concat();
    let [first, again] = [(); 2].map(|()| swath_ok(folder, &args));
    assert_eq!(first, again, "a sweep is a function of the run file");
    let found: Found = serde_json::from_str(&first).unwrap();
    assert_eq!(found.sweeps[0].lr[0], 1e-7);
    assert!(20 < found.band.lr.len(), "{found:?}");
}

#[test]
fn a_rate_that_is_found_is_that_of_the_run_also_after_a_stop() {
    let site = site();
    let folder = site.path();
    let settings = ["optimizer.lr=auto", "lr_find.n_iterations=60", "lr_find.rule=minimum-tenth"];
    let mut whole = begin(folder, "whole", &settings);
    train(&mut whole, None).unwrap();
    let text = std::fs::read_to_string(folder.join("whole/lr_find.json")).unwrap();
    let found: Found = serde_json::from_str(&text).unwrap();
    let suggested = found.suggested().unwrap();
    let steps = std::fs::read_to_string(folder.join("whole/steps.csv")).unwrap();
    let rates = steps.lines().skip(1).map(|it| it.split(',').nth(2).unwrap().parse().unwrap());
    let highest = rates.fold(0.0, f64::max);
    assert!(0.2 * suggested < highest && highest <= suggested, "{highest} of {suggested}");

    let mut stopped = begin(folder, "stopped", &settings);
    train(&mut stopped, Some(2)).unwrap_err();
    train(&mut stopped, None).unwrap();
    assert_eq!(history(&folder.join("stopped")), history(&folder.join("whole")));
    let [one, other] = ["stopped", "whole"].map(|it| files(&folder.join(it)));
    for name in ["model.swath", "lr_find.json", "steps.csv"] {
        assert!(one[std::path::Path::new(name)] == other[std::path::Path::new(name)], "{name}");
    }
}

#[test]
fn cycles_take_their_range_from_the_sweep() {
    let site = site();
    let settings = [
        "optimizer.lr=auto",
        "lr_find.n_iterations=60",
        "schedule.kind=cyclic",
        "schedule.step_size_up=2",
    ];
    let mut run = begin(site.path(), "run", &settings);
    train(&mut run, None).unwrap();
    let text = std::fs::read_to_string(site.path().join("run/lr_find.json")).unwrap();
    let range = serde_json::from_str::<Found>(&text).unwrap().range.unwrap();
    let steps = std::fs::read_to_string(site.path().join("run/steps.csv")).unwrap();
    let first: f64 = steps.lines().nth(1).unwrap().split(',').nth(2).unwrap().parse().unwrap();
    assert!((first / range.base_lr - 1.0).abs() < 1e-9, "{first}, {range:?}");
    assert!(range.max_lr <= 30.0 * range.base_lr, "{range:?}");
}

#[test]
fn a_sweep_that_diverges_at_once_says_what_to_change() {
    let site = site();
    let sets = ["lr_find.start_lr=1e30", "lr_find.end_lr=1e38", "lr_find.n_iterations=20"];
    let sets: Vec<&str> = sets.iter().flat_map(|it| ["--set", it]).collect();
    let args = [&["lr-find", "run.toml", "--json"], &sets[..]].concat();
    let ended = swath(site.path(), &args);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("lower `lr_find.start_lr`"), "{}", ended.stderr);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(found["sweeps"][0]["ended"], "not-finite");
}

#[test]
fn a_sweep_that_finds_nothing_begins_no_training() {
    let site = site();
    let settings = ["optimizer.lr=auto", "lr_find.start_lr=1e20", "lr_find.end_lr=1e30"];
    let error = train(&mut begin(site.path(), "run", &settings), None).unwrap_err().to_string();
    assert!(error.contains("learning-rate finder: found"), "{error}");
    assert!(!site.path().join("run/steps.csv").exists(), "{error}");
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let site = site();
    for (set, wanted) in [
        ("lr_find.end_lr=1e-9", "lr_find.end_lr"),
        ("lr_find.rule=steap", "did you mean `steep`"),
        ("optimizer.lr=fast", "a number above 0, or \"auto\""),
        ("optimizer.lr=-1", "optimizer.lr"),
        ("lr_find.n_iterations=5", "lr_find.n_iterations"),
    ] {
        let ended = swath(site.path(), &["lr-find", "run.toml", "--json", "--set", set]);
        assert_eq!(ended.code, Some(2), "{set}: {}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{set}: {}", ended.stderr);
    }
    let show = ["show", "schedule", "run.toml", "--json", "--set", "optimizer.lr=auto"];
    let ended = swath(site.path(), &show);
    assert!(ended.stderr.contains("swath lr-find"), "{}", ended.stderr);
}
