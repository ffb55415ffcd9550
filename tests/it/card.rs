//! What the model card of an export says.

use std::fs;

use serde_json::Value;
use swath::run::Manifest;

use crate::support::{site, site_with_run, swath_ok};

#[test]
fn the_card_has_figures_classes_and_what_was_stated() {
    let site = site_with_run();
    let site = site.path();
    let about = "imagery_date = '2020-06-01'\nlicence = 'CC0'\n";
    fs::write(site.join("about.toml"), about).unwrap();
    let args = ["export", "run", "-o", "folder", "--about", "about.toml", "--json"];
    let printed: Value = serde_json::from_str(&swath_ok(site, &args)).unwrap();
    assert_eq!(printed["not_stated"].as_array().unwrap().len(), 6);
    let card = fs::read_to_string(site.join("folder/MODEL_CARD.md")).unwrap();
    let text = fs::read_to_string(site.join("run/metrics.json")).unwrap();
    let metrics: Value = serde_json::from_str(&text).unwrap();
    let test = &metrics["splits"]["test"];
    let figure = |value: &Value| format!("{:.4}", value.as_f64().unwrap());
    let manifest = Manifest::read(&site.join("run/manifest.json")).unwrap();
    let forest = manifest.classes.iter().find(|it| it.name == "forest").unwrap();
    for part in [
        "| study area | A valley \\| by a river |".to_owned(),
        "| imagery date | 2020-06-01 |".to_owned(),
        "| label protocol | not stated |".to_owned(),
        format!("| mean IoU | {} |", figure(&test["mean_iou"])),
        format!("| forest | {} |", figure(&test["classes"][2]["iou"])),
        "| 1 | blue | uint16 | 0 |".to_owned(),
        "All weights were drawn at random, keyed by the seed 7.".to_owned(),
        "| test pixels that a training window shows | 0 |".to_owned(),
        "lr = 0.003".to_owned(),
        "| best while training | mean-iou 0.".to_owned(),
        "Accuracy holds for the test blocks of these scenes.".to_owned(),
        "| `confusion.csv` |".to_owned(),
        manifest.environment.instruction_set.clone(),
    ] {
        assert!(card.contains(&part), "no `{part}` in {card}");
    }
    assert!(!card.contains("lr_find.json"), "{card}");
    // Thousands are grouped.
    let row = card.lines().find(|it| it.starts_with("| 30 | forest |")).unwrap();
    let plain = row.replace(',', "");
    let wanted = format!("| {} | {} | {} |", forest.train, forest.validation, forest.test);
    assert!(plain.contains(&wanted), "no `{wanted}` in {plain}");
    assert!(!card.contains(&*site.to_string_lossy()), "a path of this machine: {card}");
    assert_eq!(manifest.about.study_area.as_deref(), Some("A valley | by a river"));
    assert_eq!(manifest.audit.unwrap().n_train_test_px, 0);
}

#[test]
fn the_card_of_a_run_without_test_blocks_claims_nothing_of_them() {
    let site = site();
    let site = site.path();
    let text = fs::read_to_string(site.join("run.toml")).unwrap();
    let about = "\n[about]\nlicence = ' '\ncitation = 'by <b>us</b> \\and `others`'\n\
                 study_area = \"a\\u001b\\nb\"\n";
    let text =
        text.replace("block_px = 32", "block_px = 32\nvalidation = [[0, 0], [32, 64]]\ntest = 0");
    let text = text.replace("lr = 3e-3", "lr = 'auto'");
    fs::write(site.join("run.toml"), text + about).unwrap();
    swath_ok(site, &["train", "run.toml", "-o", "run"]);
    let printed = swath_ok(site, &["export", "run", "-o", "folder", "--json"]);
    let card = fs::read_to_string(site.join("folder/MODEL_CARD.md")).unwrap();
    for part in [
        "There are no test blocks: the figures are those of the validation blocks",
        "Accuracy holds for the validation blocks of these scenes.",
        "| `lr_find.json` |",
        "| licence | not stated |",
        "| citation | by \\<b>us\\</b> \\\\and \\`others\\` |",
        "| study area | a b |",
        "| test | 0 | 0 |",
    ] {
        assert!(card.contains(part), "no `{part}` in {card}");
    }
    for part in ["test blocks of these", "chosen on the test", "\nvalidation = "] {
        assert!(!card.contains(part), "`{part}` in {card}");
    }
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert!(printed["not_stated"].as_array().unwrap().contains(&"licence".into()));
    let about = fs::read_to_string(site.join("folder/about.toml")).unwrap();
    assert!(!about.contains("licence") && about.contains("citation"), "{about}");
}
