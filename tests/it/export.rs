//! What is packed of a run, and where it may go.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use swath::run::{Manifest, hash_bytes};

use crate::support::{begin, check_refused, files, site_with_run, swath_ok};

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
