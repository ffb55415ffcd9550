//! Runs that are done again: with the same seed to the same bits, and with other seeds.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde_json::Value;
use swath::train::RunFolder;

use crate::support::{
    Ended, begin, check_refused, command, copy_folder, files, site, swath, swath_ok,
};

/// A site with a finished run in `run`.
fn site_with_run() -> tempfile::TempDir {
    let site = site();
    swath_ok(site.path(), &["train", "run.toml", "-o", "run", "--threads", "2"]);
    site
}

/// Changes a cell of `history.csv`: of the row of this epoch and the column of this name.
fn change_history(run: &Path, epoch: usize, column: &str, value: &str) {
    let path = run.join("history.csv");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<Vec<String>> =
        text.lines().map(|it| it.split(',').map(str::to_owned).collect()).collect();
    let at = lines[0].iter().position(|it| it == column).unwrap();
    assert_ne!(lines[epoch][at], value);
    value.clone_into(&mut lines[epoch][at]);
    let lines: Vec<String> = lines.iter().map(|it| it.join(",") + "\n").collect();
    fs::write(path, lines.concat()).unwrap();
}

#[track_caller]
fn check_differs(site: &Path, name: &str, parts: &[&str]) -> Ended {
    let ended = swath(site, &["reproduce", "run"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let last = ended.stderr.lines().last().unwrap();
    assert_eq!(last, format!("error: 1 of 5 files differ: {name}"));
    let line = ended.stdout.lines().find(|it| it.starts_with(name)).unwrap();
    assert!(line.contains("differs"), "{line}");
    for part in parts {
        assert!(ended.stdout.contains(part), "no `{part}` in {}", ended.stdout);
    }
    ended
}

#[test]
fn a_run_done_again_is_the_same_at_any_number_of_threads() {
    let site = site_with_run();
    let site = site.path();
    change_history(&site.join("run"), 1, "train_seconds", "9.999");
    change_history(&site.join("run"), 2, "pixels_per_second", "1");
    let before = files(site);
    let args = ["reproduce", "run", "--threads", "3", "--json"];
    let ended = swath(site, &args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(before == files(site), "something was left");
    assert!(ended.stderr.contains("threads: 2 in the run, 3 here"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("bits may differ"), "{}", ended.stderr);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&found["same"], &found["kept"]), (&true.into(), &Value::Null));
    let list = found["files"].as_array().unwrap();
    let names: Vec<&str> = list.iter().map(|it| it["name"].as_str().unwrap()).collect();
    let wanted = ["model.swath", "history.csv", "steps.csv", "metrics.json", "confusion.csv"];
    assert_eq!(names, wanted);
    for file in list {
        assert!(file["sha256"][0] == file["sha256"][1] && file["difference"].is_null(), "{file}");
    }

    swath_ok(site, &["reproduce", "run", "--keep"]);
    let read = |path: &str| fs::read(site.join(path)).unwrap();
    assert!(read("run-again/model.swath") == read("run/model.swath"));
    assert!(site.join("run-again/report.html").is_file());
    check_refused(site, &["reproduce", "run", "--keep"], 1, &["run.toml of another run"]);
    check_refused(site, &["reproduce", "run", "--keep"], 1, &["give --force to replace it"]);
    swath_ok(site, &["reproduce", "run", "--keep", "--force"]);
    check_refused(
        site,
        &["reproduce", "run", "-o", "run", "--force"],
        1,
        &["run: found the run its"],
    );
}

#[test]
fn what_a_killed_reproduction_left_goes_with_the_next_one() {
    let site = site_with_run();
    let site = site.path();
    // One that goes on keeps its folder.
    let living = RunFolder::create(&site.join(".swath-reproduce-living")).unwrap();
    let lock = living.lock().unwrap();
    let before = files(site);
    let temporary = || {
        let entries = fs::read_dir(site).unwrap().map(|it| it.unwrap().path());
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with(".swath-reproduce-") && path != living.path()
        };
        entries.filter(is_ours).find(|it| it.join("steps.csv").exists())
    };
    let mut child = command(site, &["reproduce", "run"]).spawn().unwrap();
    while temporary().is_none() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it trained");
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(temporary().is_some());
    let ended = swath(site, &["reproduce", "run"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("removed .swath-reproduce-"), "{}", ended.stderr);
    assert!(before == files(site), "something was left, or is gone");
    drop(lock);
}

#[test]
fn what_differs_is_told_by_file_row_and_size() {
    let site = site_with_run();
    let site = site.path();
    let run = site.join("run");
    copy_folder(&run, &site.join("whole"));
    let restore = |name: &str| fs::copy(site.join("whole").join(name), run.join(name)).unwrap();

    change_history(&run, 2, "train_loss", "99.5");
    let parts = ["line 3, train_loss: 99.5 in the run, ", "train_loss: 1 rows, by 9"];
    check_differs(site, "history.csv", &parts);
    restore("history.csv");

    let steps = fs::read_to_string(run.join("steps.csv")).unwrap();
    let n = steps.trim_end().rfind('\n').unwrap();
    fs::write(run.join("steps.csv"), &steps[..=n]).unwrap();
    check_differs(site, "steps.csv", &["line 7, all: nothing in the run, 6,"]);
    restore("steps.csv");

    let other = "train run.toml --set seed=8 --set name=other -o other";
    swath_ok(site, &other.split(' ').collect::<Vec<_>>());
    fs::copy(site.join("other/model.swath"), run.join("model.swath")).unwrap();
    let parts = ["tensors differ", "weights: by ", "normalisation or settings differ"];
    check_differs(site, "model.swath", &parts);
    fs::write(run.join("model.swath"), b"no model").unwrap();
    check_differs(site, "model.swath", &["model.swath is not a valid swath model"]);
    restore("model.swath");

    fs::copy(site.join("other/metrics.json"), run.join("metrics.json")).unwrap();
    let ended = check_differs(site, "metrics.json", &["pixels are mapped otherwise"]);
    assert!(ended.stdout.contains("overall_accuracy: 0."), "{}", ended.stdout);
    restore("metrics.json");
    fs::remove_file(run.join("confusion.csv")).unwrap();
    check_differs(site, "confusion.csv", &["the run lacks it"]);
}

/// Sums are added in another order: that is measured, not refused.
#[test]
fn another_instruction_set_is_said_and_measured() {
    if swath_kernels::Isa::current().name() == "portable" {
        return; // There may be no other.
    }
    let site = site_with_run();
    let mut command = command(site.path(), &["reproduce", "run"]);
    let ended = Ended::from(command.env("SWATH_ISA", "portable").output().unwrap());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let said = "portable here (bits may differ)";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.ends_with("; not the same: instruction set (SWATH_ISA)"), "{last}");
    for part in ["tensors differ", "root mean square", "train_loss: "] {
        assert!(ended.stdout.contains(part), "no `{part}` in {}", ended.stdout);
    }
}

#[test]
fn what_cannot_be_the_same_run_is_refused() {
    let site = site_with_run();
    let site = site.path();
    begin(site, "begun", &[]);
    check_refused(site, &["reproduce", "begun"], 1, &["begun: found a run that is tr", "resume"]);
    check_refused(site, &["reproduce", "nowhere"], 1, &["nowhere", "no run.toml"]);

    let from_weights = "train run.toml --set weights.file=other.swath -o started";
    fs::copy(site.join("run/model.swath"), site.join("other.swath")).unwrap();
    swath_ok(site, &from_weights.split(' ').collect::<Vec<_>>());
    swath_ok(site, &["reproduce", "started"]);
    let seed_8 = "train run.toml --set seed=8 -o seed_8";
    swath_ok(site, &seed_8.split(' ').collect::<Vec<_>>());
    fs::copy(site.join("seed_8/model.swath"), site.join("other.swath")).unwrap();
    let parts = ["other.swath: found another content"];
    check_refused(site, &["reproduce", "started"], 1, &parts);

    let image = site.join("image.tif");
    let bytes = fs::read(&image).unwrap();
    fs::write(&image, [&bytes[..], b"more"].concat()).unwrap();
    for command in [&["reproduce", "run"][..], &["replicate", "run", "--seeds", "2"]] {
        check_refused(site, command, 1, &["image.tif: found another content"]);
    }
    fs::write(&image, bytes).unwrap();
    let path = site.join("run/run.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replace("seed = 7", "seed = 8")).unwrap();
    check_refused(site, &["reproduce", "run"], 1, &["run.toml: found changes made since"]);
}

#[test]
fn replicates_are_the_run_on_other_seeds() {
    let site = site();
    let site = site.path();
    let args = ["replicate", "run.toml", "--seeds", "2", "--set", "train.epochs=1", "--json"];
    let dry = swath_ok(site, &[&args[..], &["--dry-run"]].concat());
    let plan: Value = serde_json::from_str(&dry).unwrap();
    assert_eq!(plan["runs"].as_array().unwrap().len(), 2);
    assert_eq!(plan["runs"][1]["state"], "to-do");
    assert!(!site.join("runs").exists(), "a dry run wrote something");

    let found: Value = serde_json::from_str(&swath_ok(site, &args)).unwrap();
    assert_eq!((&found["n_done"], &found["n_comparisons"]), (&2.into(), &0.into()));
    let figures = found["metrics"].as_array().unwrap();
    assert_eq!(figures.len(), 10 + 4 * 5);
    let runs = found["variants"][0]["runs"].as_array().unwrap();
    let value = |run: usize| runs[run]["metrics"]["overall_accuracy"].as_f64().unwrap();
    let summary = &figures[0]["rows"][0]["summary"];
    let number = |key: &str| summary[key].as_f64().unwrap();
    let mean = (value(0) + value(1)) / 2.0;
    // Of two values sd is their distance by √2, and the interval ± t · distance / 2; t of one degree
    // of freedom is 12.7062.
    let distance = (value(0) - value(1)).abs();
    assert_ne!(distance, 0.0, "both seeds are the same");
    assert!((number("mean") - mean).abs() < 1e-12);
    assert!((number("sd") - distance / 2_f64.sqrt()).abs() < 1e-12);
    let high = summary["interval"][1].as_f64().unwrap();
    assert!((high - mean - 12.7062 * distance / 2.0).abs() < 1e-4 * distance, "{summary}");

    let folder = site.join("runs/tiny-replicates");
    let page = fs::read_to_string(folder.join("study.html")).unwrap();
    for part in ["Every figure, test split", "IoU of forest", "2 of 2 done"] {
        assert!(page.contains(part), "no `{part}`");
    }
    let table = fs::read_to_string(folder.join("study.md")).unwrap();
    assert!(table.contains("| F1 of water | 2 | "), "{table}");
    let hand = "train run.toml --set train.epochs=1 --set seed=1 --set name=tiny-seed-1 -o hand";
    swath_ok(site, &hand.split(' ').collect::<Vec<_>>());
    let read = |path: &Path| fs::read(path.join("model.swath")).unwrap();
    assert!(read(&site.join("hand")) == read(&folder.join("runs/tiny/seed-1")));

    // A run among the study's files would be neither's.
    let args = format!("train run.toml -o {}", folder.display());
    check_refused(site, &args.split(' ').collect::<Vec<_>>(), 1, &["study.json of a study"]);

    // The same of the run's folder; what is done is kept.
    let before = fs::read(folder.join("runs/tiny/seed-0/manifest.json")).unwrap();
    let args = ["replicate", "hand", "--seeds", "2", "-o", "of_folder", "--dry-run", "--json"];
    swath_ok(site, &args);
    for more in [&[][..], &["--dry-run"]] {
        let args = [&["replicate", "hand", "--seeds", "2", "-o", "hand"], more].concat();
        check_refused(site, &args, 1, &["hand: found the folder of a run", "--out"]);
    }
    let args = ["replicate", "run.toml", "--seeds", "2", "--set", "train.epochs=1"];
    let printed = swath_ok(site, &args);
    assert!(printed.contains("interval of the mean"), "{printed}");
    assert!(before == fs::read(folder.join("runs/tiny/seed-0/manifest.json")).unwrap());
    check_refused(
        site,
        &["replicate", "run.toml", "--seeds", "2", "--set", "seed=3"],
        2,
        &["`seed`"],
    );
}
