//! What holds for every loss of a run file.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rand::Rng;

use super::{Criterion, LossConfig, LossKind, LossOptions, Target, TermConfig};
use crate::{
    chip::signed_distances,
    label::{ClassCounts, IGNORE},
    random::{Purpose, generator},
};

/// Batch, classes, rows, columns.
const SHAPE: [usize; 4] = [2, 3, 4, 5];
const N_PIXELS: usize = 20;

/// Every loss for classes, with its defaults and with some of its settings.
pub(super) fn criteria() -> Vec<(String, Criterion)> {
    let kinds = [
        LossKind::CrossEntropy,
        LossKind::Bce,
        LossKind::Focal,
        LossKind::OneVsRestFocal,
        LossKind::TopK,
        LossKind::Ohem,
        LossKind::Dice,
        LossKind::Jaccard,
        LossKind::Tversky,
        LossKind::FocalTversky,
        LossKind::GeneralisedDice,
        LossKind::Lovasz,
        LossKind::DiceCe,
        LossKind::DiceFocal,
        LossKind::DiceTopK,
        LossKind::UnifiedFocal,
        LossKind::SymmetricUnifiedFocal,
        LossKind::AsymmetricUnifiedFocal,
        LossKind::ExponentialLog,
        LossKind::Boundary,
        LossKind::Compound,
    ];
    let counts = ClassCounts::new(3, vec![vec![9, 3, 1]]);
    let mut all = Vec::new();
    for kind in kinds {
        let mut variants = vec![LossOptions::default()];
        let per_image = LossOptions { per_image: Some(true), ..LossOptions::default() };
        let log = LossOptions { log: Some(true), ..LossOptions::default() };
        let smoothed = LossOptions { label_smoothing: Some(0.1), ..LossOptions::default() };
        let steep = LossOptions { gamma: Some(0.5), ..LossOptions::default() };
        for options in [per_image, log, smoothed, steep] {
            let config = LossConfig { kind, options: options.clone(), ..LossConfig::default() };
            if config.build(&counts).is_ok() {
                variants.push(options);
            }
        }
        for options in variants {
            let term = |kind| TermConfig {
                kind,
                weight: 0.5,
                schedule: None,
                options: LossOptions::default(),
            };
            let terms = match kind {
                LossKind::Compound => vec![term(LossKind::Jaccard), term(LossKind::Focal)],
                _ => Vec::new(),
            };
            let config = LossConfig { kind, options: options.clone(), terms, ..Default::default() };
            let name = format!("{} {:?}", kind.name(), serde_json::to_string(&options).unwrap());
            all.push((name, config.build(&counts).unwrap()));
        }
    }
    assert!(35 < all.len(), "{} losses", all.len());
    all
}

pub(super) fn logits(size: f64) -> Vec<f64> {
    let mut rng = generator(8, Purpose::Synthetic, 0, 0);
    (0..SHAPE.iter().product()).map(|_| size * rng.random_range(-1.0..1.0)).collect()
}

/// Labels of all classes, some without.
pub(super) fn labels() -> Vec<i64> {
    let label = |index: usize| match index * 7 % 11 {
        0..5 => 0,
        5..8 => 1,
        8..10 => 2,
        _ => i64::from(IGNORE),
    };
    (0..2 * N_PIXELS).map(label).collect()
}

/// Value and gradient in the epoch where every term counts.
pub(super) fn run(criterion: &Criterion, logits: &[f64], labels: &[i64]) -> (f64, Vec<f64>) {
    run_in(DType::F64, criterion, logits, labels)
}

fn run_in(dtype: DType, criterion: &Criterion, logits: &[f64], labels: &[i64]) -> (f64, Vec<f64>) {
    let device = Device::flex().autodiff();
    let [batch, n_classes, rows, cols] = SHAPE;
    let mut distances = Vec::new();
    for image in labels.chunks(N_PIXELS) {
        for class in 0..n_classes {
            let is_class: Vec<bool> = image.iter().map(|&it| it == class as i64).collect();
            distances.extend(signed_distances(&is_class, [rows, cols]));
        }
    }
    let double = (&device, dtype);
    let distances = TensorData::new(distances, SHAPE).convert_dtype(dtype);
    let target = Target::Classes {
        labels: Tensor::from_data(TensorData::new(labels.to_vec(), [batch, rows, cols]), &device),
        distances: Some(Tensor::from_data(distances, double)),
    };
    let logits = TensorData::new(logits.to_vec(), SHAPE).convert_dtype(dtype);
    let logits = Tensor::<4>::from_data(logits, double);
    let logits = logits.require_grad();
    let parts = criterion.parts(logits.clone(), &target).unwrap();
    let total = criterion.value(&parts, 30).total;
    let gradient = logits.grad(&total.backward()).unwrap();
    (total.into_scalar(), gradient.into_data().iter().collect())
}

#[test]
fn gradients_are_the_slopes_of_the_values() {
    let (logits, labels) = (logits(2.0), labels());
    for (name, criterion) in criteria() {
        let (_, gradient) = run(&criterion, &logits, &labels);
        for index in (0..logits.len()).step_by(7) {
            let at = |offset: f64| {
                let mut moved = logits.clone();
                moved[index] += offset;
                run(&criterion, &moved, &labels).0
            };
            let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
            let error = (gradient[index] - slope).abs();
            assert!(error < 1e-7, "{name} at {index}: {}, slope {slope}", gradient[index]);
        }
    }
}

/// In single precision there are kernels, in double precision there are none.
#[test]
fn kernels_agree_with_the_formulas() {
    let (logits, labels) = (logits(3.0), labels());
    for (name, criterion) in criteria() {
        let (wanted, wanted_gradient) = run(&criterion, &logits, &labels);
        let (found, gradient) = run_in(DType::F32, &criterion, &logits, &labels);
        assert!((found - wanted).abs() < 2e-6 * wanted.abs().max(1.0), "{name}: {found}, {wanted}");
        let largest = wanted_gradient.iter().fold(0.0, |it: f64, v| it.max(v.abs()));
        for (found, wanted) in gradient.iter().zip(&wanted_gradient) {
            assert!((found - wanted).abs() < 2e-5 * largest, "{name}: {found}, wanted {wanted}");
        }
        for extreme in [100.0, -100.0] {
            let logits: Vec<f64> = logits.iter().map(|it| extreme * it.signum()).collect();
            let (found, gradient) = run_in(DType::F32, &criterion, &logits, &labels);
            let is_finite = found.is_finite() && gradient.iter().all(|it| it.is_finite());
            assert!(is_finite, "{name}: {found}");
        }
    }
}

#[test]
fn pixels_without_a_label_change_nothing() {
    let (logits, labels) = (logits(2.0), labels());
    let ignored: Vec<usize> =
        (0..labels.len()).filter(|&it| labels[it] == i64::from(IGNORE)).collect();
    assert!(1 < ignored.len());
    for (name, criterion) in criteria() {
        let (value, gradient) = run(&criterion, &logits, &labels);
        let mut other = logits.clone();
        for pixel in &ignored {
            let place = pixel / N_PIXELS * 3 * N_PIXELS + pixel % N_PIXELS;
            for class in 0..3 {
                assert_eq!(gradient[place + class * N_PIXELS], 0.0, "{name}");
                other[place + class * N_PIXELS] += (class as f64 - 1.0) * 3.0;
            }
        }
        let (same, _) = run(&criterion, &other, &labels);
        assert!((value - same).abs() < 1e-14, "{name}: {value} and {same}");
    }
}

#[test]
fn extremes_stay_finite() {
    let ignored = vec![i64::from(IGNORE); 2 * N_PIXELS];
    let right = |labels: &[i64]| -> Vec<f64> {
        let place = |index: usize| (index / (3 * N_PIXELS), index / N_PIXELS % 3, index % N_PIXELS);
        let logit = |index: usize| {
            let (image, class, pixel) = place(index);
            if labels[image * N_PIXELS + pixel] == class as i64 { 100.0 } else { -100.0 }
        };
        (0..SHAPE.iter().product()).map(logit).collect()
    };
    let wrong: Vec<f64> = right(&labels()).iter().map(|it| -it).collect();
    let background = vec![0; 2 * N_PIXELS];
    for (name, criterion) in criteria() {
        for (what, logits, labels) in [
            ("right", right(&labels()), labels()),
            ("wrong", wrong.clone(), labels()),
            ("equal", vec![0.0; 120], labels()),
            ("background, right", right(&background), background.clone()),
            ("background, wrong", wrong.clone(), background.clone()),
            ("nothing", logits(2.0), ignored.clone()),
        ] {
            let (value, gradient) = run(&criterion, &logits, &labels);
            let is_finite = value.is_finite() && gradient.iter().all(|it| it.is_finite());
            assert!(is_finite, "{name}, {what}: {value} {gradient:?}");
            // Whose best is below 0, and who does not want to be sure.
            let has_other_best = name.starts_with("boundary") || name.contains("smoothing");
            if what.ends_with("right") && !has_other_best {
                assert!(value.abs() < 2e-2, "{name}, {what}: {value}");
            }
            if what == "nothing" {
                assert_eq!((value, gradient), (0.0, vec![0.0; 120]), "{name}");
            }
            if what == "wrong" {
                let (best, _) = run(&criterion, &right(&labels), &labels);
                assert!(best + 0.3 < value, "{name}: {best} if right, {value} if wrong");
            }
        }
    }
}

#[test]
fn parts_of_batches_join_to_those_of_both() {
    let (logits, labels) = (logits(2.0), labels());
    let device = Device::flex();
    for (name, criterion) in criteria() {
        // Those whose pixels are chosen or ranked in a batch have nothing to join.
        if ["top-k", "ohem", "lovasz", "boundary"].iter().any(|it| name.contains(it)) {
            continue;
        }
        let parts = |images: std::ops::Range<usize>| {
            let n = images.len();
            let values = logits[images.start * 60..images.end * 60].to_vec();
            let labels = labels[images.start * N_PIXELS..images.end * N_PIXELS].to_vec();
            let logits = TensorData::new(values, [n, 3, 4, 5]);
            let logits = Tensor::<4>::from_data(logits, (&device, DType::F64));
            let labels = Tensor::from_data(TensorData::new(labels, [n, 4, 5]), &device);
            criterion.parts(logits, &Target::classes(labels)).unwrap()
        };
        let value = |parts: &[_]| criterion.value(parts, 0).total.into_scalar::<f64>();
        let whole = value(&parts(0..2));
        let joined = parts(0..1).into_iter().zip(parts(1..2)).map(|(a, b)| a.join(b));
        let joined = value(&joined.collect::<Vec<_>>());
        assert!((whole - joined).abs() < 1e-12, "{name}: {whole} and {joined}");
    }
}

#[test]
fn a_border_takes_its_pixels_out() {
    let config = LossConfig { border_px: 1, kind: LossKind::DiceCe, ..LossConfig::default() };
    let criterion = config.build(&ClassCounts::uniform(3)).unwrap();
    let (logits, mut labels) = (logits(2.0), labels());
    let (before, _) = run(&criterion, &logits, &labels);
    for (index, label) in labels.iter_mut().enumerate() {
        let (row, col) = (index % N_PIXELS / 5, index % 5);
        if row == 0 || row == 3 || col == 0 || col == 4 {
            *label = 2;
        }
    }
    assert_eq!(run(&criterion, &logits, &labels).0, before);
    labels[6] = (labels[6] + 1) % 3;
    assert_ne!(run(&criterion, &logits, &labels).0, before);
}
