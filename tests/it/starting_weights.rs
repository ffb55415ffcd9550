//! Runs that start from a file of weights.

use std::{fs, path::Path};

use serde_json::Value;
use swath::{
    bundle::Bundle,
    weights::{StateDict, Values, read_safetensors, write_safetensors},
};

use crate::support::{begin, check_refused, site, swath, swath_ok, train};

/// Steps so small that weights stay as they are.
const STILL: [&str; 4] = ["--set", "optimizer.lr=1e-12", "--set", "optimizer.weight_decay=0"];

/// A folder with a scene, a trained run in `run` and its weights in `first.safetensors`.
fn trained() -> tempfile::TempDir {
    let site = site();
    swath_ok(site.path(), &["train", "run.toml", "-o", "run"]);
    swath_ok(site.path(), &["weights", "export", "run", "first.safetensors"]);
    site
}

fn weights(path: &Path) -> StateDict {
    read_safetensors(&fs::read(path).unwrap()).unwrap().state
}

/// The largest difference of the tensors that are trained and whose names begin with `part`.
fn difference(left: &StateDict, right: &StateDict, part: &str) -> f32 {
    let mut largest = 0.0f32;
    let mut n_compared = 0;
    for (left, right) in left.entries.iter().zip(&right.entries) {
        assert_eq!(left.name, right.name);
        let is_statistic = left.name.contains("running_");
        let (Values::F32(left_values), Values::F32(right)) = (&left.values, &right.values) else {
            continue;
        };
        if is_statistic || !left.name.starts_with(part) {
            continue;
        }
        n_compared += 1;
        for (left, right) in left_values.iter().zip(right) {
            largest = largest.max((left - right).abs());
        }
    }
    assert!(0 < n_compared, "nothing begins with {part}");
    largest
}

#[test]
fn a_run_starts_from_the_weights_of_its_file() {
    let site = trained();
    let path = |name: &str| site.path().join(name);
    let exported = weights(&path("first.safetensors"));
    assert_eq!(exported, Bundle::read(&path("run/model.swath")).unwrap().state);

    let start = ["train", "run.toml", "--set", "weights.file=first.safetensors"];
    swath_ok(site.path(), &[&start[..], &STILL, &["-o", "strict"]].concat());
    let strict = Bundle::read(&path("strict/model.swath")).unwrap().state;
    assert!(difference(&exported, &strict, "") < 1e-9);

    let encoder = ["--set", "weights.loading=encoder", "--set", "seed=8", "-o", "encoder"];
    swath_ok(site.path(), &[&start[..], &STILL, &encoder].concat());
    let encoder = Bundle::read(&path("encoder/model.swath")).unwrap().state;
    assert!(difference(&exported, &encoder, "encoder.") < 1e-9);
    assert!(0.01 < difference(&exported, &encoder, "decoder."));

    let text = fs::read_to_string(path("encoder/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let noted = &manifest["weights"];
    let bytes = fs::read(path("first.safetensors")).unwrap();
    assert_eq!(noted["sha256"], swath::run::hash_bytes(&bytes));
    assert_eq!(noted["loading"], "encoder");
    let n_fresh = noted["fresh"].as_array().unwrap().len();
    assert_eq!(noted["n_used"].as_u64().unwrap() as usize + n_fresh, exported.entries.len());
    // A model says nothing of the file: equal training gives equal bytes, wherever it lay.
    let model = fs::read(path("strict/model.swath")).unwrap();
    assert!(!model.windows(17).any(|it| it == b"first.safetensors"));
}

#[test]
fn what_is_going_to_be_used_is_told() {
    let site = trained();
    let start = ["train", "run.toml", "--dry-run", "--set", "weights.file=first.safetensors"];
    let ended = swath(site.path(), &start);
    assert!(ended.stderr.contains("first.safetensors (strict)"), "{}", ended.stderr);
    let n_tensors = weights(&site.path().join("first.safetensors")).entries.len();
    let line = format!("{n_tensors} tensors used, 0 of the model start afresh, 0 of the file");
    assert!(ended.stderr.contains(&line), "{}", ended.stderr);
}

#[test]
fn weights_that_do_not_fit_are_refused_before_there_is_a_folder() {
    let site = trained();
    let set = |key_values: &[&str], code: i32, parts: &[&str]| {
        let mut args = vec!["train", "run.toml", "-o", "new"];
        key_values.iter().for_each(|it| args.extend(["--set", it]));
        check_refused(site.path(), &args, code, parts);
    };
    let file = "weights.file=first.safetensors";
    set(&["weights.loading=partial"], 2, &["`weights.loading` = partial", "`weights.file`"]);
    set(&[file, "weights.loading=lax"], 2, &["`weights.loading`", "`strict`", "`partial`"]);
    set(&["weights.file=none.pth"], 1, &["cannot read", "none.pth"]);
    set(&["weights.file=run.toml"], 1, &["run.toml", "neither a safetensors file nor"]);
    set(
        &[file, "model.width=8"],
        1,
        &["encoder.conv1.weight is [4, 5, 7, 7], wanted [8, 5, 7, 7]"],
    );
    set(&[file, "data.bands=['red']"], 1, &["made for 5 bands, this model has 1"]);
}

#[test]
fn a_checkpoint_wins_over_the_file() {
    let site = trained();
    let path = |name: &str| site.path().join(name);
    let start = ["weights.file=first.safetensors"];
    let mut whole = begin(site.path(), "whole", &start);
    train(&mut whole, None).unwrap();
    let mut stopped = begin(site.path(), "stopped", &start);
    assert!(train(&mut stopped, Some(2)).is_err());
    drop(stopped);

    let mut changed = begin(site.path(), "changed", &start);
    let mut other = weights(&path("first.safetensors"));
    other.entries.reverse();
    fs::write(path("first.safetensors"), write_safetensors(&other, &Default::default())).unwrap();
    let error = train(&mut changed, None).unwrap_err().to_string();
    assert!(error.contains("first.safetensors: found another content"), "{error}");

    fs::remove_file(path("first.safetensors")).unwrap();
    swath_ok(site.path(), &["resume", "stopped"]);
    let model = |run: &str| fs::read(path(run).join("model.swath")).unwrap();
    assert!(model("stopped") == model("whole"), "another model after stop and resume");
}

#[test]
fn only_models_are_exported() {
    let site = site();
    let export = |from: &str, parts: &[&str]| {
        check_refused(site.path(), &["weights", "export", from, "out.safetensors"], 1, parts);
    };
    export("run.toml", &["run.toml is not a valid swath model"]);
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    for name in ["plain.pth", "legacy.pth"] {
        fs::copy(files.join(name), site.path().join(name)).unwrap();
    }
    let alone = write_safetensors(&StateDict::default(), &Default::default());
    fs::write(site.path().join("alone.safetensors"), alone).unwrap();
    for name in ["plain.pth", "legacy.pth", "alone.safetensors"] {
        export(name, &["is not a valid swath model", "weights alone", "swath weights convert"]);
    }
    export("nowhere", &["nowhere"]);
    let mut run = begin(site.path(), "run", &[]);
    assert!(train(&mut run, Some(1)).is_err());
    drop(run);
    export("run", &["run has no model yet", "swath resume"]);
    swath_ok(site.path(), &["resume", "run"]);
    let args = ["weights", "export", "run/model.swath", "out.safetensors", "--json"];
    let done: Value = serde_json::from_str(&swath_ok(site.path(), &args)).unwrap();
    assert_eq!(done["in_segmentation_models_pytorch"], Value::Null);
    let lacking = done["not_in_segmentation_models_pytorch"].to_string();
    assert!(lacking.contains("width = 4: networks there have 64"), "{lacking}");
    export("run", &["out.safetensors is there already", "--force"]);

    let mut bundle = Bundle::read(&site.path().join("run/model.swath")).unwrap();
    bundle.state.entries.remove(0);
    bundle.write(&site.path().join("lacking.swath")).unwrap();
    let args = ["weights", "export", "lacking.swath", "other.safetensors"];
    check_refused(site.path(), &args, 1, &["encoder.conv1.weight is missing"]);
}
