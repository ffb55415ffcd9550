//! Every loss against the figures of its reference implementation.

mod core;

mod odyssey;

mod unified;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use serde_json::Value;

use super::{
    AbsentClass, Count, Criterion, CrossEntropy, Factor, HardPixels, Kept, Loss, Overlap, Target,
    Term,
};
use crate::label::IGNORE;

const CORE: &str = include_str!("../../../tests/golden/losses_core.json");

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// All numbers of nested lists, and the lengths of the lists.
fn flat(value: &Value) -> (Vec<f64>, Vec<usize>) {
    let Value::Array(items) = value else { return (vec![value.as_f64().unwrap()], Vec::new()) };
    let parts: Vec<_> = items.iter().map(flat).collect();
    let mut shape = vec![items.len()];
    shape.extend(&parts[0].1);
    (parts.into_iter().flat_map(|it| it.0).collect(), shape)
}

fn tensor<const D: usize>(value: &Value, dtype: DType, device: &Device) -> Tensor<D> {
    let (values, shape) = flat(value);
    Tensor::from_data(TensorData::new(values, shape).convert_dtype(dtype), (device, dtype))
}

/// The target that a case names, of the kind that its logits ask for.
fn target(inputs: &Value, input: &str, name: &str, dtype: DType) -> Target {
    let device = Device::flex();
    let (values, shape) = flat(&inputs[name]);
    if shape.len() == 3 {
        let labels: Vec<i64> = values.iter().map(|&it| it as i64).collect();
        return Target::classes(Tensor::<3, Int>::from_data(
            TensorData::new(labels, shape),
            &device,
        ));
    }
    let all: Tensor<4> = tensor(&inputs[name], dtype, &device);
    let valid = all.clone().equal_elem(f64::from(IGNORE)).bool_not();
    let known = all.mask_fill(valid.clone().bool_not(), 0.0);
    match input {
        "regr_pred" => Target::Values { values: known, valid },
        _ => Target::Labels { labels: known, valid },
    }
}

/// Value and gradient of the logits.
fn run(criterion: &Criterion, logits: &Value, target: &Target, dtype: DType) -> (f64, Vec<f64>) {
    let device = Device::flex().autodiff();
    let logits = tensor::<4>(logits, dtype, &device).require_grad();
    let moved = moved(target, &device);
    let parts = criterion.parts(logits.clone(), &moved).unwrap();
    let total = criterion.value(&parts, 0).total;
    let gradients = total.backward();
    let gradient = logits.grad(&gradients).unwrap();
    (total.into_scalar(), gradient.into_data().iter().collect())
}

fn moved(target: &Target, device: &Device) -> Target {
    match target.clone() {
        Target::Classes { labels, distances } => Target::Classes {
            labels: labels.to_device(device),
            distances: distances.map(|it| it.to_device(device)),
        },
        Target::Soft { probabilities, valid } => Target::Soft {
            probabilities: probabilities.to_device(device),
            valid: valid.to_device(device),
        },
        Target::Labels { labels, valid } => {
            Target::Labels { labels: labels.to_device(device), valid: valid.to_device(device) }
        }
        Target::Values { values, valid } => {
            Target::Values { values: values.to_device(device), valid: valid.to_device(device) }
        }
    }
}

/// Compares with a reference that is `offset` lower, in both precisions.
#[track_caller]
fn check(name: &str, criterion: &Criterion, inputs: &Value, case: &Value, offset: f64) {
    let input = case["input"].as_str().unwrap_or("logits");
    let wanted = case["value"].as_f64().unwrap() + offset;
    // The reference of Lovász works in single precision alone, nnU-Net's Dice in between.
    let is_single = name.starts_with("smp.LovaszLoss") || name.starts_with("nnunetv2.");
    for dtype in [DType::F64, DType::F32] {
        let tolerance = if dtype == DType::F64 && !is_single { 1e-9 } else { 1e-5 };
        let target = target(inputs, input, case["target"].as_str().unwrap(), dtype);
        let (value, gradient) = run(criterion, &inputs[input], &target, dtype);
        let error = (value - wanted).abs() / wanted.abs().max(1e-2);
        assert!(error <= tolerance, "{name} {dtype:?}: {value}, wanted {wanted}");
        if case["grad"].is_array() {
            let (wanted, _) = flat(&case["grad"]);
            let largest = wanted.iter().fold(0.0, |it: f64, v| it.max(v.abs()));
            for (found, wanted) in gradient.iter().zip(&wanted) {
                let error = (found - wanted).abs();
                let allowed = if tolerance < 1e-8 { 1e-9 } else { 1e-4 } * largest.max(1e-3);
                assert!(error <= allowed, "{name} {dtype:?}: gradient {found}, wanted {wanted}");
            }
        }
    }
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.is_array().then(|| flat(value).0)
}

fn n_channels(case: &Value) -> usize {
    if case["input"] == "bin_logits" { 1 } else { 3 }
}

/// A Dice loss as nnU-Net has it, plus one.
fn nnunet_dice(params: &Value) -> Overlap {
    let background = if params["do_bg"] == true { 1.0 } else { 0.0 };
    Overlap {
        smooth: params["smooth"].as_f64().unwrap() / 2.0,
        absent: AbsentClass::Counted,
        per_image: params["batch_dice"] == false,
        class_weights: vec![background, 1.0, 1.0],
        ..Overlap::dice(3)
    }
}

fn top_k(params: &Value) -> Loss {
    let percent = params["k"].as_f64().unwrap();
    Loss::pixels(HardPixels {
        kept: Kept::TopPercent { percent, count: Count::All },
        class_weights: vec![1.0; 3],
    })
}

fn cross_entropy(params: &Value, count: Count) -> Loss {
    Loss::pixels(CrossEntropy {
        class_weights: numbers(&params["weight"]).unwrap_or(vec![1.0; 3]),
        label_smoothing: params["label_smoothing"]
            .as_f64()
            .or(params["smooth_factor"].as_f64())
            .unwrap_or(0.0),
        count,
    })
}

fn sum(terms: Vec<(f64, Loss)>) -> Criterion {
    let term =
        |(factor, loss)| Term { name: "term".to_owned(), factor: Factor::Constant(factor), loss };
    Criterion::new(terms.into_iter().map(term).collect(), 0)
}
