//! A made-up run, for tests.

use super::{
    BandView, DisplayBands, Fact, Panel, ReportData, SceneView, SplitBlock, SplitMetrics, Timing,
    composite,
};
use crate::{
    chip::RoleSummary,
    label::{Class, Classes, Color, IGNORE},
    raster::{BandStatistics, Pixels, Window},
    scene::Role,
    score::{Confusion, Metrics},
    train::{EpochRow, StepRow, ValidationRow},
};

/// Class names as real legends have them.
pub(super) const LONG_NAMES: [&str; 20] = [
    "Open water",
    "Perennial ice and snow",
    "Developed, open space",
    "Developed, low intensity",
    "Developed, medium intensity",
    "Developed, high intensity",
    "Barren land (rock, sand, clay) with less than 15 % vegetation",
    "Deciduous forest",
    "Evergreen forest",
    "Mixed forest",
    "Shrub and scrub",
    "Grassland and herbaceous",
    "Pasture and hay",
    "Cultivated crops, irrigated and rain-fed, with hedgerows",
    "Woody wetlands",
    "Emergent herbaceous wetlands",
    "Transitional",
    "Orchards and vineyards",
    "Verkehrsinfrastrukturbegleitflächenbewirtschaftung",
    "Cloud & shadow <masked>",
];

/// A run over these classes; every part of the report has something to show.
pub(super) fn made_up(names: &[&str]) -> ReportData {
    let colors = [
        [70, 120, 200],
        [225, 215, 120],
        [20, 110, 50],
        [200, 60, 50],
        [160, 160, 150],
        [240, 160, 90],
        [120, 200, 120],
        [150, 100, 180],
        [110, 80, 40],
        [240, 240, 200],
    ];
    let class = |(index, name): (usize, &&str)| Class {
        code: u16::try_from(index + 1).unwrap(),
        name: (*name).to_owned(),
        color: Color(
            colors[index % colors.len()].map(|it: u8| it.wrapping_sub((index / 10 * 60) as u8)),
        ),
    };
    let classes = Classes::new(names.iter().enumerate().map(class).collect()).unwrap();
    let band_names = ["blue", "green", "red", "near infrared"].map(str::to_owned);
    let (rows, cols) = (200, 260);
    let labels = field(rows, cols, classes.len(), 0.0);
    let map = field(rows, cols, classes.len(), 0.35);
    let pixels = image_of(&labels, rows, cols);
    let display = DisplayBands::guess(&band_names, &[[0.0, 140.0]; 4]);
    let panel = |row: usize, col: usize| {
        let cut = |values: &[u8]| cut(values, cols, row, col);
        let (reference, map) = (cut(&labels), cut(&map));
        let title =
            format!("made-up scene, rows {row} to {}, columns {col} to {}", row + 64, col + 64);
        Panel::new(
            title,
            &image_of(&reference, 64, 64),
            &display,
            &band_names,
            &reference,
            &map,
            &classes,
        )
    };
    ReportData {
        title: "made-up-2026-11-22".into(),
        summary: vec![
            Fact::new("model", "U-Net, ResNet-18"),
            Fact::new("parameters", "14 337 735"),
            Fact::new("trained", "24 epochs, best at 19"),
            Fact::new("seed", "42"),
        ],
        settings: "seed = 42\n\n[data]\nbands = [\"1\", \"2\"]\n\n[chips]\nsize_px = 64\n".into(),
        environment: vec![
            Fact::new("swath", "0.1.0"),
            Fact::new("threads", "2"),
            Fact::new("model.swath, SHA-256", "4f2a".repeat(16)),
        ],
        splits: ["test", "validation"]
            .map(|name| {
                let mut confusion = Confusion::new(classes.len());
                let skip = if name == "test" { 0 } else { 7 };
                confusion.add_all(&map[skip..], &labels[..labels.len() - skip]);
                let metrics = Metrics::new(&confusion, &classes, 812.25);
                SplitMetrics { name: name.into(), metrics }
            })
            .to_vec(),
        area_unit: "m²".into(),
        scenes: vec![SceneView {
            name: "made-up scene".into(),
            overview: composite(&pixels, &display),
            rows: 400,
            cols: 520,
            pixel_size: "28.5 m".into(),
            crs: "NAD83 / North Carolina".into(),
            blocks: blocks(),
        }],
        n_scenes: 1,
        roles: Role::ALL
            .into_iter()
            .enumerate()
            .map(|(index, role)| RoleSummary {
                role,
                n_blocks: 9,
                class_counts: (0..classes.len() as u64)
                    .map(|k| (k + 1) * 700 / (index as u64 + 1) % 9001)
                    .collect(),
            })
            .collect(),
        bands: band_names
            .clone()
            .map(|name| BandView {
                name,
                statistics: BandStatistics {
                    mean: 71.93,
                    std: 21.4,
                    min: 0.0,
                    max: 255.0,
                    p2: 31.0,
                    p98: 133.2,
                    n_pixels: 9001,
                },
            })
            .to_vec(),
        notes: vec!["No block of the test split holds a pixel of class 7.".into()],
        epochs: (1..=24).map(epoch).collect(),
        steps: (1..=24 * 40).map(step).collect(),
        panels: vec![panel(10, 20), panel(120, 180)],
        timings: [("reading", 2.1), ("training", 171.4), ("evaluation", 6.3)]
            .map(|(part, seconds)| Timing { part: part.into(), seconds })
            .to_vec(),
        classes,
    }
}

fn epoch(epoch: u32) -> EpochRow {
    let t = f64::from(epoch);
    EpochRow {
        epoch,
        step: u64::from(epoch) * 40,
        lr: step(u64::from(epoch) * 40).lr,
        train_loss: 1.8 * (-t / 9.0).exp() + 0.35,
        validation: epoch.is_multiple_of(2).then(|| ValidationRow {
            loss: 1.7 * (-t / 7.0).exp() + 0.55 + 0.06 * (t * 1.7).sin(),
            mean_iou: 0.52 * (1.0 - (-t / 6.0).exp()) + 0.02 * (t * 2.1).sin(),
            mean_f1: 0.6 * (1.0 - (-t / 6.0).exp()),
            overall_accuracy: 0.71 * (1.0 - (-t / 4.0).exp()),
            kappa: 0.5 * (1.0 - (-t / 5.0).exp()),
        }),
        ema: None,
        train_seconds: 7.1,
        validation_seconds: 0.4,
        pixels_per_second: 23_104.0,
        class_px: (1..=7).map(|k| k * 1000).collect(),
        pool_coverage: None,
    }
}

fn step(step: u64) -> StepRow {
    let t = step as f64 / 960.0;
    let lr = if t < 0.3 {
        1e-3 * (0.04 + 0.96 * t / 0.3)
    } else {
        1e-3 * (1.0 - (t - 0.3) / 0.7).max(0.0)
    };
    let loss = 1.9 * (-t * 2.7).exp() + 0.3 + 0.2 * (step as f64 * 2.3).sin().abs();
    let epoch = step.div_ceil(40) as u32;
    StepRow {
        step,
        epoch,
        lr,
        momentum: None,
        loss: loss as f32,
        n_labelled: 4096,
        terms: Vec::new(),
    }
}

/// Classes in waves, with a strip without labels; `shift` moves the waves.
fn field(rows: usize, cols: usize, n_classes: usize, shift: f64) -> Vec<u8> {
    let class = |index: usize| {
        let (row, col) = (index / cols, index % cols);
        if col < 6 && shift == 0.0 {
            return IGNORE;
        }
        let (row, col) = (row as f64 / 23.0 + shift, col as f64 / 31.0);
        let wave = ((row.sin() + (col + row * 0.4).cos() + 2.0) / 4.0).clamp(0.0, 0.999);
        (wave * n_classes as f64) as u8
    };
    (0..rows * cols).map(class).collect()
}

fn cut(values: &[u8], cols: usize, row: usize, col: usize) -> Vec<u8> {
    (row..row + 64).flat_map(|row| values[row * cols + col..][..64].to_vec()).collect()
}

/// Four bands that depend on the class, with a hole.
fn image_of(labels: &[u8], rows: usize, cols: usize) -> Pixels {
    let value = |band: usize, index: usize| {
        let class = f32::from(labels[index].min(20));
        (30.0 + class * 13.0 * (1.0 + band as f32 * 0.4) + (index * 7919 % 23) as f32) % 140.0
    };
    let values = (0..4).flat_map(|band| (0..rows * cols).map(move |index| (band, index)));
    let values = values.map(|(band, index)| value(band, index)).collect();
    let mut pixels = Pixels { n_bands: 4, rows, cols, values, valid: vec![true; rows * cols] };
    for row in 0..rows / 4 {
        for col in 0..cols / 8 - row.min(cols / 8) / 3 {
            pixels.hide(row * cols + cols - 1 - col);
        }
    }
    pixels
}

fn blocks() -> Vec<SplitBlock> {
    let roles = [Role::Train, Role::Train, Role::Validation, Role::Train, Role::Test];
    let cells = (0..6).flat_map(|row| (0..8).map(move |col| (row, col)));
    let block = |(row, col): (u32, u32)| {
        let whole = Window { row: 0, col: 0, rows: 400, cols: 520 };
        let window = Window::square(row * 64, col * 64, 64).intersection(whole)?;
        let role = roles[((row * 3 + col * 7) % 5) as usize];
        (row + col != 5).then_some(SplitBlock { window, role })
    };
    cells.filter_map(block).collect()
}

/// Writes reports to look at: `SWATH_REPORT_DIR=folder cargo test --lib look_at -- --ignored`.
#[test]
#[ignore = "writes files for eyes"]
fn look_at_reports() {
    let folder = std::env::var_os("SWATH_REPORT_DIR").expect("SWATH_REPORT_DIR names a folder");
    for n_classes in [2, 7, 20] {
        let folder = std::path::Path::new(&folder).join(n_classes.to_string());
        super::write(&made_up(&LONG_NAMES[20 - n_classes..]), &folder).unwrap();
    }
}
