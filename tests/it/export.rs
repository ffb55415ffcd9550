//! What is packed of a run, and what is said of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use swath::{
    bundle::Bundle,
    run::{About, Manifest, RunFile, hash_bytes},
};

use crate::support::{begin, check_refused, files, site, swath, swath_ok};

/// A site with a finished run in `run`, whose run file says where it is.
fn site_with_run() -> tempfile::TempDir {
    let site = site();
    let path = site.path().join("run.toml");
    let about = "\n[about]\nstudy_area = \"A valley | by a river\"\n";
    fs::write(&path, fs::read_to_string(&path).unwrap() + about).unwrap();
    swath_ok(site.path(), &["train", "run.toml", "-o", "run"]);
    site
}

/// The files of an archive of stored records, by their local headers.
fn unzip(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let (mut found, mut at) = (BTreeMap::new(), 0);
    while bytes[at..].starts_with(b"PK\x03\x04") {
        let number = |from: usize, n: usize| {
            let field = &bytes[at + from..at + from + n];
            field.iter().rev().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte))
        };
        let (size, n_name) = (number(18, 4), number(26, 2));
        assert_eq!((number(8, 2), number(28, 2)), (0, 0), "compressed, or with extra fields");
        let (name, start) = (at + 30, at + 30 + n_name);
        let name = String::from_utf8(bytes[name..start].to_vec()).unwrap();
        assert_eq!(number(14, 4) as u32, crc32(&bytes[start..start + size]), "{name}");
        found.insert(name, bytes[start..start + size].to_vec());
        at = start + size;
    }
    found
}

/// The checksum of zip, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
    let add = |sum: u32, &byte: &u8| (0..8).fold(sum ^ u32::from(byte), |sum, _| step(sum));
    !bytes.iter().fold(!0, add)
}

#[test]
fn the_checksums_of_a_folder_and_of_an_archive_verify() {
    let site = site_with_run();
    let site = site.path();
    swath_ok(site, &["export", "run", "-o", "folder"]);
    swath_ok(site, &["export", "run"]);
    let folder = site.join("folder");
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let mut listed = BTreeMap::new();
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        assert_eq!(hash_bytes(&fs::read(folder.join(name)).unwrap()), sum, "{name}");
        listed.insert(PathBuf::from(name), ());
    }
    let mut there = files(&folder);
    there.retain(|path, _| !folder.join(path).is_dir() && path != Path::new("SHA256SUMS"));
    assert!(there.keys().eq(listed.keys()), "{there:?}");
    for name in ["model.swath", "run.toml", "manifest.json", "steps.csv", "confusion.csv"] {
        let read = |folder: &str| fs::read(site.join(folder).join(name)).unwrap();
        assert!(read("run") == read("folder"), "{name}");
    }
    assert!(there.keys().filter(|it| it.starts_with("plots")).count() > 5);

    let mut packed = unzip(&site.join("run.zip"));
    assert_eq!(packed.remove("tiny/SHA256SUMS").unwrap(), sums.as_bytes());
    let of_folder = there.into_iter().map(|(path, it)| (format!("tiny/{}", path.display()), it));
    assert!(packed == of_folder.collect());
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let site = site_with_run();
    let site = site.path();
    swath_ok(site, &["export", "run", "-o", "a.zip"]);
    swath_ok(site, &["export", "run", "-o", "b.zip", "--threads", "1"]);
    assert!(fs::read(site.join("a.zip")).unwrap() == fs::read(site.join("b.zip")).unwrap());
}

/// Area of a ring that runs counterclockwise.
fn area(ring: &[Value]) -> f64 {
    let corner = |it: &Value| [it[0].as_f64().unwrap(), it[1].as_f64().unwrap()];
    let ring: Vec<[f64; 2]> = ring.iter().map(corner).collect();
    assert_eq!(ring.first(), ring.last(), "the ring is open");
    let twice = ring.windows(2).map(|it| {
        let [[ax, ay], [bx, by]] = [it[0], it[1]].map(|[x, y]| [x - 500_000.0, y - 5_400_000.0]);
        ax * by - bx * ay
    });
    twice.sum::<f64>() / 2.0
}

#[test]
fn polygons_cover_what_the_manifest_lists() {
    let site = site_with_run();
    let site = site.path();
    swath_ok(site, &["export", "run", "-o", "folder"]);
    let text = fs::read_to_string(site.join("folder/splits.geojson")).unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["type"], "FeatureCollection");
    assert_eq!(found["crs"]["properties"]["name"], "urn:ogc:def:crs:EPSG::32632");
    let manifest = Manifest::read(&site.join("run/manifest.json")).unwrap();
    let [left, bottom, right, top] = manifest.inputs[0].bounds;
    let mut labelled = 0;
    for (role, blocks, of_class) in [
        (
            "train",
            &manifest.split[0].train,
            manifest.classes.iter().map(|it| it.train).sum::<u64>(),
        ),
        (
            "validation",
            &manifest.split[0].validation,
            manifest.classes.iter().map(|it| it.validation).sum(),
        ),
        ("test", &manifest.split[0].test, manifest.classes.iter().map(|it| it.test).sum()),
    ] {
        let features: Vec<&Value> = found["features"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["properties"]["role"] == role)
            .collect();
        assert_eq!(features.len(), blocks.len());
        let size = |start: u32, end: usize| {
            f64::from((end as u32 - start).min(manifest.split[0].block_px))
        };
        let wanted: f64 = blocks
            .iter()
            .map(|&[row, col]| {
                100.0 * size(row, crate::support::ROWS) * size(col, crate::support::COLS)
            })
            .sum();
        let mut area_of_role = 0.0;
        let mut n_labelled = 0;
        for feature in features {
            let ring = feature["geometry"]["coordinates"][0].as_array().unwrap();
            for corner in ring {
                let [x, y] = [0, 1].map(|axis| corner[axis].as_f64().unwrap());
                assert!((left..=right).contains(&x) && (bottom..=top).contains(&y), "{corner}");
            }
            area_of_role += area(ring);
            n_labelled += feature["properties"]["labelled_px"].as_u64().unwrap();
        }
        assert!((area_of_role - wanted).abs() < 1e-3, "{role}: {area_of_role} for {wanted}");
        assert!(0.0 < wanted && n_labelled == of_class, "{role}: {n_labelled} for {of_class}");
        labelled += n_labelled;
    }
    assert!(0 < labelled);
}

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

#[test]
fn exports_replace_nothing_unasked_and_only_exports() {
    let site = site_with_run();
    let site = site.path();
    swath_ok(site, &["export", "run", "-o", "folder"]);
    check_refused(
        site,
        &["export", "run", "-o", "folder"],
        1,
        &["folder: found a folder", "--force"],
    );
    let args = ["export", "run", "-o", "folder", "--force"];
    fs::write(site.join("folder/plots/mine.svg"), "mine").unwrap();
    check_refused(site, &args, 1, &["folder: found a folder with other files: plots/mine.svg"]);
    assert!(site.join("folder/plots/mine.svg").exists());
    fs::remove_file(site.join("folder/plots/mine.svg")).unwrap();
    fs::write(site.join("folder/run.toml"), "changed").unwrap();
    swath_ok(site, &args);
    assert_ne!(fs::read_to_string(site.join("folder/run.toml")).unwrap(), "changed");
    // Whoever downloads data has files of checksums, too.
    fs::create_dir_all(site.join("data")).unwrap();
    fs::write(site.join("data/a.tif"), "a").unwrap();
    fs::write(site.join("data/SHA256SUMS"), "0  a.tif\n0  SHA256SUMS\n").unwrap();
    let args = ["export", "run", "-o", "data", "--force"];
    check_refused(site, &args, 1, &["data: found a folder with other files"]);
    fs::create_dir(site.join("mine")).unwrap();
    fs::write(site.join("mine/notes.txt"), "mine").unwrap();
    let args = ["export", "run", "-o", "mine", "--force"];
    check_refused(site, &args, 1, &["mine: found a folder with other files"]);
    let args = ["export", "run", "-o", "run", "--force"];
    check_refused(site, &args, 1, &["run: found a folder with other files"]);
    swath_ok(site, &["export", "run", "-o", "a.zip"]);
    check_refused(site, &["export", "run", "-o", "a.zip"], 1, &["a.zip: found a file", "--force"]);
    fs::create_dir(site.join("empty")).unwrap();
    swath_ok(site, &["export", "run", "-o", "empty"]);
    assert!(site.join("empty/MODEL_CARD.md").is_file());
    swath_ok(site, &["export", "run", "-o", "B.ZIP"]);
    assert_eq!(unzip(&site.join("B.ZIP")), unzip(&site.join("a.zip")));
    fs::create_dir(site.join("c.Zip")).unwrap();
    check_refused(
        site,
        &["export", "run", "-o", "c.Zip", "--force"],
        1,
        &["c.Zip: found a folder"],
    );
    swath_ok(site, &["export", "run", "-o", "a.zip", "--force"]);

    begin(site, "begun", &[]);
    check_refused(site, &["export", "begun"], 1, &["begun: found a run that is", "swath resume"]);
    fs::remove_file(site.join("run/report.html")).unwrap();
    check_refused(
        site,
        &["export", "run"],
        1,
        &["report.html: found no such file", "swath report"],
    );
    fs::write(site.join("about.toml"), "study_aera = 'x'").unwrap();
    let parts = ["`study_aera` = \"x\"", "did you mean `study_area`?"];
    check_refused(site, &["export", "run", "--about", "about.toml"], 2, &parts);
}

#[test]
fn a_new_run_file_asks_for_what_only_people_know() {
    let site = site();
    let site = site.path();
    swath_ok(site, &["init", "image.tif", "-l", "labels.tif", "-o", "new.toml"]);
    let text = fs::read_to_string(site.join("new.toml")).unwrap();
    let (_, prompts) = text.split_once("\n[about]\n").unwrap();
    for (name, _) in About::default().items() {
        let key = name.replace(' ', "_");
        assert!(prompts.contains(&format!("\n# {key} =\n")), "no {key} in {prompts}");
    }
    // Keys of schedules stand once each, with the kind that has them.
    let at = |part: &str| {
        assert_eq!(text.matches(part).count(), 1, "{part}");
        text.find(part).unwrap()
    };
    let order = [
        "\n# Keys of kind = \"multi-step\": milestones, gamma.\n",
        "\n# milestones =\n",
        "\n# Keys of kind = \"linear\": length, start_factor, end_factor.\n",
        "\n# start_factor =\n",
        "\n# Keys of kind = \"plateau\": monitor, factor,",
        "\n# cooldown =\n",
        "\n# Keys of kind = \"product\": piece.\n",
    ];
    assert!(order.map(at).is_sorted(), "{:?}", order.map(at));
    let stated = text.replace("# study_area =", "study_area = \"here\"");
    fs::write(site.join("new.toml"), stated).unwrap();
    let run_file = RunFile::load(&site.join("new.toml"), &[]).unwrap();
    assert_eq!(run_file.about.study_area.as_deref(), Some("here"));
}

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
    fs::write(file("history.csv"), history).unwrap();

    // Figures of another model are not the run's.
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
    // An older version noted no hashes.
    let mut older: Manifest = serde_json::from_str(&whole).unwrap();
    older.outputs.clear();
    older.write(&file("manifest.json")).unwrap();
    let ended = swath(site, &["export", "run"]);
    let told = "not checked, as the run noted no hash of them: confusion.csv, history.csv, ";
    assert!(ended.code == Some(0) && ended.stderr.contains(told), "{}", ended.stderr);
}
