//! What the command prints, and where.

use std::{fs, io, process::Stdio};

use serde_json::Value;

use crate::support::{Ended, check_refused, command, files, site, swath, swath_ok};

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let site = site();
    for args in [&["schema"][..], &["info", "run.toml"], &["completions", "bash"], &["--help"]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader); // As `head -1` after its line.
        let mut command = command(site.path(), args);
        command.stdout(writer).stderr(Stdio::piped());
        let ended = Ended::from(command.spawn().unwrap().wait_with_output().unwrap());
        assert!(!ended.stderr.contains("panicked"), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    let site = site();
    for args in [
        &[][..],
        &["tarin"],
        &["train"],
        &["train", "run.toml", "--threads", "0"],
        &["train", "run.toml", "--threads", "many"],
        &["train", "run.toml", "--device", "abacus"],
        &["evaluate"],
        &["evaluate", "--map", "labels.tif"],
        &["predict", "run/model.swath", "image.tif"],
    ] {
        let ended = swath(site.path(), args);
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{args:?}: {}", ended.stderr);
    }
}

/// Results go to standard output, everything else to standard error.
#[test]
fn json_is_all_that_is_printed_on_standard_output() {
    let site = site();
    for args in [
        &["schema"][..],
        &["schema", "--study"],
        &["info", "run.toml", "--json"],
        &["info", "image.tif", "--json"],
        &["init", "image.tif", "-l", "labels.tif", "-o", "new.toml", "--json"],
        &["train", "run.toml", "--dry-run", "--json"],
        &["train", "run.toml", "-o", "run", "--json"],
        &["resume", "run", "--json"],
        &["evaluate", "run", "--json"],
        &["evaluate", "--map", "labels.tif", "--labels", "labels.tif", "--json"],
        &["report", "run", "--json"],
        &["info", "run/model.swath", "--json"],
        &["reproduce", "run", "--json"],
        &["replicate", "run", "--seeds", "2", "--dry-run", "--json"],
        &["export", "run", "--json"],
        &["predict", "run/model.swath", "im?ge.tif", "-o", "map.tif", "--json"],
    ] {
        let printed = swath_ok(site.path(), args);
        assert!(serde_json::from_str::<Value>(&printed).is_ok(), "{args:?}: {printed}");
    }
}

#[test]
fn labels_agree_with_themselves() {
    let site = site();
    let args = ["evaluate", "--map", "labels.tif", "--labels", "labels.tif", "--json"];
    let figures: Value = serde_json::from_str(&swath_ok(site.path(), &args)).unwrap();
    let map = &figures["splits"]["map"];
    assert_eq!((&map["overall_accuracy"], &map["mean_iou"]), (&1.0.into(), &1.0.into()));
}

#[test]
fn every_command_explains_itself() {
    let site = site();
    let commands = [
        "demo",
        "init",
        "info",
        "schema",
        "train",
        "resume",
        "evaluate",
        "predict",
        "report",
        "study",
        "reproduce",
        "replicate",
        "export",
        "weights",
        "bench",
        "show",
        "completions",
    ];
    let help = swath_ok(site.path(), &["--help"]);
    for name in commands {
        assert!(help.contains(&format!("\n  {name} ")), "{name} is not in {help}");
        let help = swath_ok(site.path(), &[name, "--help"]);
        assert!(help.contains("Usage:"), "{name}");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}

#[test]
fn a_report_is_written_again_from_the_folder() {
    let site = site();
    swath_ok(site.path(), &["train", "run.toml", "-o", "run"]);
    let report = site.path().join("run/report.html");
    let wanted = fs::read(&report).unwrap();
    fs::remove_file(&report).unwrap();
    let before = files(site.path());
    swath_ok(site.path(), &["report", "run"]);
    assert!(fs::read(&report).unwrap() == wanted, "the second report differs");
    fs::remove_file(&report).unwrap();
    assert!(files(site.path()) == before, "another file changed");
    check_refused(site.path(), &["report", "nowhere"], 1, &["nowhere", "no run.toml"]);
}

#[test]
fn the_demo_on_a_made_up_scene_trains_and_maps() {
    let folder = tempfile::tempdir().unwrap();
    let quick = ["--set", "model.width=4", "--set", "train.epochs=1", "--set", "chips.per_epoch=4"];
    swath_ok(folder.path(), &[&["demo", "--synthetic"], &quick[..]].concat());
    for name in ["model.swath", "map.tif", "report.html"] {
        assert!(folder.path().join("swath-demo-synthetic").join(name).exists(), "{name}");
    }
    let ended = swath(folder.path(), &["demo", "--data", "nowhere"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
}

#[test]
fn a_model_is_timed() {
    let site = tempfile::tempdir().unwrap();
    let boundary = &["--loss", "boundary"];
    for (task, args) in [("train", &[][..]), ("train", boundary), ("predict", &["--predict"])] {
        let small =
            ["bench", "--json", "--width", "2", "--batch", "2", "--size", "33", "--steps", "1"];
        let output = swath_ok(site.path(), &[&small[..], args].concat());
        let found: serde_json::Value = serde_json::from_str(&output).unwrap();
        assert_eq!(found["task"], task);
        assert!(0.0 < found["median_ms"].as_f64().unwrap(), "{found}");
        assert_eq!(found["instruction_set"], swath_kernels::Isa::current().name());
    }
}

#[test]
fn a_bench_of_nothing_is_refused() {
    let site = tempfile::tempdir().unwrap();
    for (args, parts) in [
        (["bench", "--batch", "0"], ["`--batch` = 0", "1..=65535"]),
        (["bench", "--size", "0"], ["`--size` = 0", "1..=65535"]),
        (["bench", "--batch", "99999999"], ["`--batch` = 99999999", "1..=65535"]),
    ] {
        check_refused(site.path(), &args, 2, &parts);
    }
    let single = ["bench", "--width", "2", "--batch", "1", "--size", "32"];
    check_refused(site.path(), &single, 2, &["`--batch` = 1", "batch norm"]);
}
