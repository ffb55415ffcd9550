//! What losses do to a class of 1 % of the pixels, on a scene made by code, over three seeds.
//!
//! Bright discs are of the rare class or not, by chance, the more likely the brighter they are: no loss
//! can find all of one kind and none of the other, so each shows what it prefers.

use std::{collections::BTreeMap, fs, path::Path, thread};

use rand::Rng;
use swath::{
    random::{Purpose, generator},
    run::Run,
    score::Metrics,
    train::Silent,
};

use crate::support::{begin, grid, on_threads, write_image, write_labels};

const SIZE_PX: usize = 896;
const N_BANDS: usize = 3;
const RADIUS_PX: i64 = 6;
const SEEDS: [u64; 3] = [0, 1, 2];

/// Runs at the same time, each on one thread.
const N_WORKERS: usize = 2;

const RUN_FILE: &str = r##"
name = "rare"

[data]
ignore = [0]

[[data.scene]]
images = "image.tif"
labels = "labels.tif"

[[data.class]]
code = 1
name = "background"
color = "#117733"

[[data.class]]
code = 2
name = "rare"
color = "#d55e00"

[split]
block_px = 32
validation = 0.1
test = 0.4

[chips]
size_px = 32
per_epoch = 128

[model]
encoder = "resnet18"
width = 32

[optimizer]
lr = 3e-3

[train]
epochs = 24
batch = 8
"##;

/// What is compared: a name and the keys of the run file that it changes.
const VARIANTS: [(&str, &[&str]); 8] = [
    ("cross-entropy", &["loss.kind=cross-entropy"]),
    ("weighted", &["loss.kind=cross-entropy", "loss.class_weights=inverse-frequency"]),
    ("tversky 0.3", &["loss.kind=tversky", "loss.alpha=0.7", "loss.beta=0.3"]),
    ("tversky 0.5", &["loss.kind=tversky", "loss.alpha=0.5", "loss.beta=0.5"]),
    ("tversky 0.7", &["loss.kind=tversky", "loss.alpha=0.3", "loss.beta=0.7"]),
    ("dice-ce", &["loss.kind=dice-ce"]),
    ("dice-focal", &["loss.kind=dice-focal"]),
    ("dice-top-k", &["loss.kind=dice-top-k"]),
];

/// Writes the scene of a seed and its run file.
fn write_scene(folder: &Path, seed: u64) {
    let mut rng = generator(seed, Purpose::Synthetic, 0, 1);
    // Twelve uniform draws have variance 1.
    let mut noise = || 0.7 * ((0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0);
    let n_pixels = SIZE_PX * SIZE_PX;
    let mut labels = vec![1_u8; n_pixels];
    let mut values: Vec<f32> = (0..N_BANDS * n_pixels).map(|_| noise() as f32).collect();
    let mut rng = generator(seed, Purpose::Synthetic, 0, 2);
    let is_in = |down: i64, right: i64| down * down + right * right < RADIUS_PX * RADIUS_PX;
    let side = || 1 - RADIUS_PX..RADIUS_PX;
    let disc: Vec<[i64; 2]> = side()
        .flat_map(|down| side().map(move |right| [down, right]))
        .filter(|&[down, right]| is_in(down, right))
        .collect();
    // Half of the discs are rare, in all 1 % of the pixels.
    for _ in 0..2 * n_pixels / 100 / disc.len() {
        let brightness: f64 = rng.random();
        let label = if rng.random::<f64>() < brightness { 2 } else { 1 };
        let centre = [(); 2].map(|()| rng.random_range(RADIUS_PX..SIZE_PX as i64 - RADIUS_PX));
        for [down, right] in &disc {
            let pixel = (centre[0] + down) as usize * SIZE_PX + (centre[1] + right) as usize;
            labels[pixel] = label;
            for band in 0..N_BANDS {
                values[band * n_pixels + pixel] = (1.0 + 2.0 * brightness + noise()) as f32;
            }
        }
    }
    let grid = grid(SIZE_PX, SIZE_PX);
    write_image(&folder.join("image.tif"), &grid, None, &values);
    write_labels(&folder.join("labels.tif"), &grid, &labels);
    fs::write(folder.join("run.toml"), RUN_FILE).unwrap();
}

/// Precision, recall and F1 of the rare class on the test blocks.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    precision: f64,
    recall: f64,
    f1: f64,
}

impl Figures {
    fn of(metrics: &Metrics) -> Self {
        let rare = &metrics.classes[1];
        Self { precision: rare.precision, recall: rare.recall, f1: rare.f1 }
    }

    fn mean(all: &[Self]) -> Self {
        let mean = |of: fn(&Self) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
        Self {
            precision: mean(|it| it.precision),
            recall: mean(|it| it.recall),
            f1: mean(|it| it.f1),
        }
    }
}

fn run(folder: &Path, index: usize, seed: u64, overrides: &[&str]) -> Figures {
    let seed = format!("seed={seed}");
    let overrides = [&[seed.as_str()], overrides].concat();
    let mut run: Run = begin(folder, &format!("run_{index}"), &overrides);
    run.train(&mut Silent).unwrap();
    let figures = run.evaluate(&mut Silent).unwrap();
    Figures::of(&figures.splits["test"])
}

/// A line for each variant: the means, and the F1 of every seed.
fn table(found: &BTreeMap<&str, Vec<Figures>>) -> String {
    let mut text = "variant         precision  recall  F1      F1 by seed\n".to_owned();
    for (name, all) in found {
        let Figures { precision, recall, f1 } = Figures::mean(all);
        let seeds: Vec<String> = all.iter().map(|it| format!("{:.3}", it.f1)).collect();
        text += &format!("{name:<16}{precision:<11.3}{recall:<8.3}{f1:<8.3}{}\n", seeds.join(" "));
    }
    text
}

/// Takes five to ten minutes on two cores: `cargo test --test it rare_class -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn losses_trade_precision_for_recall_as_their_formulas_say() {
    let mut found = BTreeMap::<&str, Vec<Figures>>::new();
    for seed in SEEDS {
        let folder = tempfile::tempdir().unwrap();
        write_scene(folder.path(), seed);
        // Networks as narrow as these keep one thread busy, not two.
        let share = |worker| {
            let of_worker = VARIANTS.iter().enumerate().skip(worker).step_by(N_WORKERS);
            let figures = |(index, (name, overrides)): (usize, &(&'static str, &[&str]))| {
                (*name, on_threads(1, || run(folder.path(), index, seed, overrides)))
            };
            of_worker.map(figures).collect::<Vec<_>>()
        };
        let all = thread::scope(|scope| {
            let share = &share;
            let workers: Vec<_> =
                (0..N_WORKERS).map(|worker| scope.spawn(move || share(worker))).collect();
            workers.into_iter().flat_map(|it| it.join().unwrap()).collect::<Vec<_>>()
        });
        for (name, figures) in all {
            found.entry(name).or_default().push(figures);
        }
    }
    let mean: BTreeMap<&str, Figures> =
        found.iter().map(|(name, all)| (*name, Figures::mean(all))).collect();
    let table = table(&found);
    println!("{table}");
    let recalls = ["tversky 0.3", "tversky 0.5", "tversky 0.7"].map(|name| mean[name].recall);
    assert!(recalls.is_sorted_by(|a, b| a < b), "{table}");
    let (plain, weighted) = (mean["cross-entropy"], mean["weighted"]);
    assert!(plain.recall < weighted.recall, "{table}");
    assert!(weighted.precision < plain.precision, "{table}");
    for name in ["dice-ce", "dice-focal", "dice-top-k"] {
        assert!(plain.f1 <= mean[name].f1, "{name}: {table}");
    }
}
