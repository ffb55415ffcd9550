//! What is masked changes nothing: not the statistics, the losses, the weights, the figures or the
//! map.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;
use rand::Rng;
use swath::{
    bundle::{Bundle, Header},
    random::{Purpose, generator},
    raster::Window,
    run::Manifest,
    train::Silent,
    weights::StateDict,
};

use crate::support::{
    COLS, ROWS, RUN_FILE, begin, codes, grid, history, scene, swath_ok, train, write_image,
    write_labels,
};

const N_PIXELS: usize = ROWS * COLS;
const NODATA: f32 = -9999.0;
/// Codes for no label; the second one is in no run but those below.
const UNLABELLED: [u8; 2] = [0, 77];
const CODES: [u8; 5] = [10, 20, 30, 40, 50];

/// Everything that a run says, but for times and the hashes of its inputs.
#[derive(Debug, PartialEq)]
struct Result {
    header: Header,
    state: StateDict,
    history: Vec<String>,
    /// Statistics, steps, metrics, and the map.
    files: BTreeMap<&'static str, Vec<u8>>,
}

impl Result {
    #[track_caller]
    fn check(&self, other: &Self) {
        assert_eq!(self.history, other.history);
        assert_eq!(self.header, other.header);
        assert!(self.state == other.state, "weights differ");
        for (name, bytes) in &self.files {
            assert!(*bytes == other.files[name], "{name} differs");
        }
    }
}

/// Trains on image and codes and maps the image.
fn result(image: &[f32], codes: &[u8], overrides: &[&str]) -> Result {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_image(&path("image.tif"), &grid(ROWS, COLS), Some(f64::from(NODATA)), image);
    write_labels(&path("labels.tif"), &grid(ROWS, COLS), codes);
    let run_file = RUN_FILE.replace("nodata = 0.0\nignore = [0]", "ignore = [0, 77]");
    fs::write(path("run.toml"), run_file).unwrap();
    let mut run = begin(folder.path(), "run", overrides);
    train(&mut run, None).unwrap();
    run.evaluate(&mut Silent).unwrap();
    let out = run.folder.path();
    swath_ok(folder.path(), &["predict", "run/model.swath", "image.tif", "-o", "map.tif"]);
    let Bundle { header, state } = Bundle::read(&run.folder.model()).unwrap();
    let read = |path: &Path| fs::read(path).unwrap();
    let files =
        ["statistics.json", "steps.csv", "metrics.json"].map(|it| (it, read(&out.join(it))));
    let map = [("map.tif", read(&path("map.tif")))];
    Result {
        header: Header { inputs_sha256: Vec::new(), ..header },
        state,
        history: history(out),
        files: files.into_iter().chain(map).collect(),
    }
}

/// The usual scene as real numbers, missing under clouds, and its codes, with a strip unlabelled.
fn plain() -> (Vec<f32>, Vec<u8>) {
    let scene = scene();
    let value = |&it: &u16| if it == 0 { NODATA } else { f32::from(it) };
    let mut codes = codes(&scene);
    codes.iter_mut().skip(11).step_by(13).for_each(|code| *code = 0);
    (scene.values.iter().map(value).collect(), codes)
}

/// Any number at all, missing or not.
fn any_value(rng: &mut impl Rng) -> f32 {
    match rng.random_range(0..6) {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        3 => NODATA,
        4 => rng.random_range(-1e30..1e30),
        _ => rng.random_range(0.0..10_000.0),
    }
}

/// A value that is missing in a file whose nodata value is [`NODATA`].
fn missing_value(rng: &mut impl Rng) -> f32 {
    // NaN carries a payload, which must not matter either.
    let nan = f32::from_bits(0x7fc0_0000 | rng.random_range(0..1 << 22));
    [NODATA, f32::INFINITY, f32::NEG_INFINITY, nan][rng.random_range(0..4)]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// A pixel is missing where any band is: the other bands may hold anything.
    #[test]
    fn values_and_labels_under_the_mask_change_nothing(seed: u64) {
        let (mut image, mut codes) = plain();
        let wanted = result(&image, &codes, &[]);
        let mut rng = generator(seed, Purpose::Synthetic, 0, 0);
        let (mut n_masked, mut n_unlabelled) = (0, 0);
        for pixel in 0..N_PIXELS {
            if image[pixel] == NODATA {
                let marked = rng.random_range(0..5);
                for band in 0..5 {
                    let value = &mut image[band * N_PIXELS + pixel];
                    *value =
                        if band == marked { missing_value(&mut rng) } else { any_value(&mut rng) };
                }
                codes[pixel] = CODES[rng.random_range(0..CODES.len())];
                n_masked += 1;
            } else if codes[pixel] == 0 {
                codes[pixel] = UNLABELLED[rng.random_range(0..2)];
                n_unlabelled += 1;
            }
        }
        assert!(500 < n_masked && 500 < n_unlabelled, "{n_masked}, {n_unlabelled}");
        result(&image, &codes, &[]).check(&wanted);
    }

    /// Whether training windows reach into validation and test blocks or keep away from them.
    #[test]
    fn pixels_outside_of_the_training_blocks_do_not_reach_the_weights(seed: u64) {
        for hide in [true, false] {
            check_outside(seed, hide);
        }
    }
}

#[track_caller]
fn check_outside(seed: u64, hide: bool) {
    let (image, codes) = plain();
    let listed = blocks();
    let [train, validation, test] = listed.each_ref().map(|it| format!("{it:?}"));
    let overrides = [
        format!("split.train={train}"),
        format!("split.validation={validation}"),
        format!("split.test={test}"),
        format!("split.hide={hide}"),
        "chips.size_px=24".to_owned(),
        "train.validate_every=99".to_owned(), // The last epoch is the only one to choose.
    ];
    let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
    let wanted = result(&image, &codes, &overrides);

    let mut rng = generator(seed, Purpose::Synthetic, 0, 0);
    let (mut changed_image, mut changed_codes) = (image.clone(), codes.clone());
    for origin in listed[1].iter().chain(&listed[2]) {
        let block = Window::square(origin[0], origin[1], 32);
        let block = grid(ROWS, COLS).full_window().intersection(block).unwrap();
        for row in block.row..block.row_end() {
            for col in block.col..block.col_end() {
                let pixel = row as usize * COLS + col as usize;
                for band in 0..5 {
                    changed_image[band * N_PIXELS + pixel] = rng.random_range(-1e6..1e6);
                }
                changed_codes[pixel] = CODES[rng.random_range(0..CODES.len())];
            }
        }
    }
    let found = result(&changed_image, &changed_codes, &overrides);
    assert!(found.state == wanted.state, "weights differ");
    assert_eq!(found.header, wanted.header);
    for name in ["statistics.json", "steps.csv"] {
        assert!(found.files[name] == wanted.files[name], "{name} differs");
    }
    // The figures are those of the changed pixels, or nothing was changed.
    assert!(found.files["metrics.json"] != wanted.files["metrics.json"]);
}

/// The blocks that the usual run draws: train, validation, test.
fn blocks() -> [Vec<[u32; 2]>; 3] {
    let folder = crate::support::site();
    let run = begin(folder.path(), "run", &[]);
    let Manifest { mut split, .. } = Manifest::read(&run.folder.manifest()).unwrap();
    let blocks = split.remove(0);
    [blocks.train, blocks.validation, blocks.test]
}
