//! Runs whose files were changed after they were written.

use std::fs;

use serde_json::Value;
use swath::{
    bundle::Bundle,
    run::{Manifest, hash_bytes},
};

use crate::support::{check_refused, site_with_run, swath, swath_ok};

#[test]
fn files_that_were_changed_after_the_run_are_packed_only_when_asked_for() {
    let site = site_with_run();
    let site = site.path();
    let file = |name: &str| site.join("run").join(name);
    let manifest = || Manifest::read(&file("manifest.json")).unwrap();
    let outputs = manifest().outputs;
    let wanted = [
        "confusion.csv",
        "history.csv",
        "metrics.json",
        "model.swath",
        "statistics.json",
        "steps.csv",
    ];
    assert!(outputs.keys().eq(wanted), "{outputs:?}");
    for name in wanted {
        let whole = fs::read(file(name)).unwrap();
        fs::write(file(name), [&whole[..], b"\n"].concat()).unwrap();
        let found = hash_bytes(&fs::read(file(name)).unwrap());
        let parts = [&format!("{name}: {found}, written as {}", outputs[name]), "--altered"];
        check_refused(site, &["export", "run"], 1, &parts);
        fs::write(file(name), whole).unwrap();
    }
    // Neither a new evaluation nor a training that has nothing left to do makes it the run's own.
    let history = fs::read_to_string(file("history.csv")).unwrap();
    fs::write(file("history.csv"), history.replacen(",0.", ",0.9", 1)).unwrap();
    swath_ok(site, &["evaluate", "run"]);
    swath_ok(site, &["resume", "run"]);
    assert_eq!(manifest().outputs, outputs);
    check_refused(site, &["export", "run"], 1, &["history.csv: "]);
    assert!(!site.join("run.zip").exists());
    let printed = swath_ok(site, &["export", "run", "--altered", "-o", "folder", "--json"]);
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["altered"][0]["name"], "history.csv");
    let card = fs::read_to_string(site.join("folder/MODEL_CARD.md")).unwrap();
    assert!(card.contains("**Changed after the run wrote them: `history.csv`.**"), "{card}");
}

#[test]
fn figures_of_another_model_are_not_the_runs() {
    let site = site_with_run();
    let site = site.path();
    let file = |name: &str| site.join("run").join(name);
    let model = fs::read(file("model.swath")).unwrap();
    let mut other = Bundle::read(&file("model.swath")).unwrap();
    other.header.name = "other".to_owned();
    other.write(&file("model.swath")).unwrap();
    check_refused(
        site,
        &["evaluate", "run"],
        1,
        &["model.swath", "the model that the run trained"],
    );
    fs::write(file("model.swath"), model).unwrap();
    swath_ok(site, &["evaluate", "run"]);
}

#[test]
fn a_manifest_that_does_not_fit_is_not_packed() {
    let site = site_with_run();
    let site = site.path();
    let file = |name: &str| site.join("run").join(name);
    let manifest = || Manifest::read(&file("manifest.json")).unwrap();
    let whole = fs::read_to_string(file("manifest.json")).unwrap();
    type Change = fn(&mut Manifest);
    let changes: [(&str, Change); 4] = [
        ("seed", |it| it.seed += 1),
        ("split", |it| _ = it.split[0].test.pop()),
        ("classes", |it| _ = it.classes.pop()),
        ("audit", |it| it.audit.as_mut().unwrap().n_training_windows += 1),
    ];
    for (key, change) in changes {
        let mut changed = manifest();
        change(&mut changed);
        changed.write(&file("manifest.json")).unwrap();
        let wanted = format!("manifest.json: found another `{key}`");
        check_refused(site, &["export", "run"], 1, &[&wanted]);
        fs::write(file("manifest.json"), &whole).unwrap();
    }
}

#[test]
fn files_of_older_versions_are_packed_unchecked() {
    let site = site_with_run();
    let site = site.path();
    let path = site.join("run/manifest.json");
    let mut older = Manifest::read(&path).unwrap();
    older.outputs.clear();
    older.write(&path).unwrap();
    let ended = swath(site, &["export", "run"]);
    let told = "not checked, as the run noted no hash of them: confusion.csv, history.csv, ";
    assert!(ended.code == Some(0) && ended.stderr.contains(told), "{}", ended.stderr);
}
