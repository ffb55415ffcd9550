//! Every loss against the figures of its reference implementation, in double precision.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use serde_json::Value;

use super::{
    AbsentClass, Averaging, BinaryCrossEntropy, Boundary, Count, Criterion, CrossEntropy, Distance,
    DistanceKind, Factor, Focal, GeneralisedDice, HardPixels, Kept, LogPower, Loss, Lovasz,
    LovaszHinge, OneVsRestFocal, Overlap, Shape, Target, Term, UnifiedDistribution, YeungFocal,
    YeungTversky,
};
use crate::label::IGNORE;

const CORE: &str = include_str!("../../tests/golden/losses_core.json");
const ODYSSEY: &str = include_str!("../../tests/golden/losses_odyssey.json");
const UNIFIED: &str = include_str!("../../tests/golden/losses_unified_focal.json");

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

/// A region loss as segmentation_models.pytorch has it.
fn smp_overlap(case: &Value, alpha: f64, beta: f64) -> Loss {
    let params = &case["params"];
    let n = n_channels(case);
    let mut class_weights = numbers(&params["class_weights"]).unwrap_or(vec![1.0; n]);
    if let Some(classes) = numbers(&params["classes"]) {
        class_weights =
            (0..n).map(|it| f64::from(u8::from(classes.contains(&(it as f64))))).collect();
    }
    Loss::regions(Overlap {
        smooth: params["smooth"].as_f64().unwrap_or(0.0),
        shape: if params["log_loss"] == true { Shape::Log } else { Shape::Linear },
        averaging: Averaging::MeanThenPower(params["gamma"].as_f64().unwrap_or(1.0)),
        absent: AbsentClass::Zero,
        class_weights,
        ..Overlap::tversky(n, alpha, beta)
    })
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

/// The loss of a case of `losses_core.json` and by how much it is larger; `None` for what we lack.
fn core_loss(case: &Value) -> Option<(Criterion, f64)> {
    let params = &case["params"];
    let one = |loss| Some((sum(vec![(1.0, loss)]), 0.0));
    let number = |key: &str, default: f64| params[key].as_f64().unwrap_or(default);
    let per_image = params["per_image"] == true;
    match case["name"].as_str().unwrap() {
        "bce_with_logits" | "smp.SoftBCEWithLogitsLoss" => one(Loss::pixels(BinaryCrossEntropy {
            positive_weights: vec![number("pos_weight", 1.0)],
            smoothing: number("smooth_factor", 0.0),
            count: if params["ignore_index"].is_null() { Count::Valid } else { Count::All },
        })),
        "cross_entropy" => one(cross_entropy(params, Count::Valid)),
        "smp.SoftCrossEntropyLoss" => one(cross_entropy(params, Count::All)),
        "mse" => one(Loss::pixels(Distance { kind: DistanceKind::Squared })),
        "smp.DiceLoss" => one(smp_overlap(case, 0.5, 0.5)),
        "smp.JaccardLoss" => one(smp_overlap(case, 1.0, 1.0)),
        "smp.TverskyLoss" => one(smp_overlap(case, number("alpha", 0.5), number("beta", 0.5))),
        // One plus twice the hits over one plus all.
        "smp.utils.losses.DiceLoss" => one(Loss::regions(Overlap {
            smooth: 0.5,
            absent: AbsentClass::Counted,
            ..Overlap::dice(1)
        })),
        "smp.FocalLoss" => one(Loss::pixels(OneVsRestFocal {
            gamma: number("gamma", 2.0),
            alpha: params["alpha"].as_f64(),
            class_weights: numbers(&params["class_weights"]).unwrap_or(vec![1.0; n_channels(case)]),
            normalised: params["normalized"] == true,
            threshold: params["reduced_threshold"].as_f64(),
        })),
        "softmax_focal" => {
            one(Loss::pixels(Focal { gamma: number("gamma", 2.0), class_weights: vec![1.0; 3] }))
        }
        "smp.LovaszLoss" if case["input"] == "bin_logits" => {
            one(Loss::pixels(LovaszHinge { per_image }))
        }
        "smp.LovaszLoss" => one(Loss::pixels(Lovasz { class_weights: vec![1.0; 3], per_image })),
        "nnunetv2.TopKLoss" => one(top_k(params)),
        "nnunetv2.SoftDiceLoss" => {
            Some((sum(vec![(1.0, Loss::regions(nnunet_dice(params)))]), 1.0))
        }
        "nnunetv2.DC_and_CE_loss" => {
            let dice = Loss::regions(nnunet_dice(&params["soft_dice_kwargs"]));
            Some((sum(vec![(1.0, dice), (1.0, cross_entropy(params, Count::Valid))]), 1.0))
        }
        "nnunetv2.DC_and_topk_loss" => {
            let dice = Loss::regions(nnunet_dice(&params["soft_dice_kwargs"]));
            Some((sum(vec![(1.0, dice), (1.0, top_k(&params["ce_kwargs"]))]), 1.0))
        }
        _ => None,
    }
}

#[test]
fn losses_are_those_of_pytorch_smp_and_nnunet() {
    let golden = parsed(CORE);
    let (mut n_checked, mut skipped) = (0, Vec::new());
    for case in golden["cases"].as_array().unwrap() {
        let (name, params) = (case["name"].as_str().unwrap(), &case["params"]);
        let found = core_loss(case);
        let is_plain = case["value"].is_number() && params["reduction"].as_str() != Some("sum");
        let Some((criterion, offset)) = found.filter(|_| is_plain) else {
            skipped.push(name);
            continue;
        };
        check(&format!("{name} {params}"), &criterion, &golden["inputs"], case, offset);
        n_checked += 1;
    }
    skipped.sort_unstable();
    // Lists of losses by pixel (2), sums and a mean of nothing (see below: 6), a reference that
    // fails, and Matthews' correlation, which we do not have.
    assert_eq!((n_checked, skipped.len()), (74, 10), "{skipped:?}");
}

#[test]
fn losses_are_those_of_the_odyssey() {
    let (golden, inputs) = (parsed(ODYSSEY), parsed(CORE)["inputs"].clone());
    let (mut n_checked, mut skipped) = (0, Vec::new());
    for case in golden["cases"].as_array().unwrap() {
        let (name, params) = (case["name"].as_str().unwrap(), &case["params"]);
        let dice = || nnunet_dice(params);
        let one = |loss| sum(vec![(1.0, loss)]);
        let ce = || cross_entropy(&Value::Null, Count::Valid);
        let region = |alpha: f64, beta: f64| Overlap {
            false_positives: vec![alpha; 3],
            false_negatives: vec![beta; 3],
            smooth: 1e-5,
            ..dice()
        };
        let is_square = params["square"] == true;
        let (criterion, offset) = match name {
            "CE" | "WCE" => (one(cross_entropy(params, Count::Valid)), 0.0),
            "TopK" => (one(top_k(params)), 0.0),
            "Dice" if !is_square => (one(Loss::regions(dice())), 1.0),
            "IoU" => (one(Loss::regions(region(1.0, 1.0))), 1.0),
            "Tversky" => (one(Loss::regions(region(0.3, 0.7))), 1.0),
            "FocalTversky" => {
                let averaging = Averaging::MeanThenPower(0.75);
                (one(Loss::regions(Overlap { averaging, ..region(0.3, 0.7) })), 0.0)
            }
            "Asym" => (one(Loss::regions(region(1.0 / 3.25, 2.25 / 3.25))), 1.0),
            "GDice" => (one(Loss::regions(GeneralisedDice { smooth: 1e-5, per_image: true })), 1.0),
            "GDiceV2" => {
                // The reference smooths the denominator alone, by less than our tolerance.
                (one(Loss::regions(GeneralisedDice { smooth: 0.0, per_image: false })), 1.0)
            }
            "DiceCE" => (sum(vec![(1.0, Loss::regions(dice())), (1.0, ce())]), 1.0),
            "DiceTopK" => (sum(vec![(1.0, Loss::regions(dice())), (1.0, top_k(params))]), 1.0),
            "ELL" => {
                let averaging = Averaging::LogOfMean(0.3);
                let weights = numbers(&params["wce_weight"]).unwrap();
                let pixels = LogPower { gamma: 1.0, class_weights: weights };
                let dice = Loss::regions(Overlap { averaging, ..dice() });
                (sum(vec![(0.8, dice), (0.2, Loss::pixels(pixels))]), 0.0)
            }
            "Lovasz(softmax)" => {
                (one(Loss::pixels(Lovasz { class_weights: vec![1.0; 3], per_image: false })), 0.0)
            }
            _ => {
                skipped.push(name);
                continue;
            }
        };
        // The reference is in single precision.
        let target = target(&inputs, "logits", case["target"].as_str().unwrap(), DType::F32);
        let (value, gradient) = run(&criterion, &inputs["logits"], &target, DType::F32);
        let wanted = case["value"].as_f64().unwrap() + offset;
        assert!((value - wanted).abs() <= 1e-5 * wanted.abs(), "{name}: {value}, wanted {wanted}");
        let (wanted, _) = flat(&case["grad"]);
        let largest = wanted.iter().fold(0.0, |it: f64, v| it.max(v.abs()));
        for (found, wanted) in gradient.iter().zip(&wanted) {
            assert!((found - wanted).abs() <= 1e-4 * largest, "{name}: {found}, wanted {wanted}");
        }
        n_checked += 1;
    }
    // Variants that we do not have: targets smoothed before the focal loss, squared Dice, sensitivity
    // and specificity, penalties by ratio, Hausdorff distance, penalised cross-entropy. The boundary
    // loss is looked at below.
    let lacking = ["BD", "Dice", "DiceBD", "DiceHD", "Focal", "Focal", "HD", "SS", "pGDice"];
    skipped.retain(|it| !it.starts_with("pCE"));
    skipped.sort_unstable();
    assert_eq!((n_checked, skipped), (14, lacking.to_vec()));
}

#[test]
fn the_unified_focal_loss_is_that_of_geodl() {
    let (golden, inputs) = (parsed(UNIFIED), parsed(CORE)["inputs"].clone());
    for case in golden["geodl"].as_array().unwrap() {
        let params = &case["params"];
        let number = |key: &str, default: f64| params[key].as_f64().unwrap_or(default);
        let weights = |key: &str| numbers(&params[key]).unwrap_or(vec![1.0; 3]);
        let (lambda, gamma) = (number("lam", 0.5), number("gamma", 0.5));
        let delta = numbers(&params["delta"]).unwrap_or(vec![number("delta", 0.6); 3]);
        let region = Overlap {
            false_positives: delta.iter().map(|it| 1.0 - it).collect(),
            false_negatives: delta,
            smooth: 1e-8,
            class_weights: weights("wr"),
            absent: AbsentClass::Counted,
            averaging: match params["logcosh"] == true {
                true => Averaging::LogCosh(gamma),
                false => Averaging::PowerThenMean(gamma),
            },
            ..Overlap::dice(3)
        };
        let pixels = UnifiedDistribution { gamma, class_weights: weights("wd") };
        let criterion =
            sum(vec![(lambda, Loss::pixels(pixels)), (1.0 - lambda, Loss::regions(region))]);
        check(&params.to_string(), &criterion, &inputs, case, 0.0);
    }
}

#[test]
fn the_unified_focal_losses_are_those_of_yeung() {
    let (golden, inputs) = (parsed(UNIFIED), parsed(CORE)["inputs"].clone());
    let (values, shape) = flat(&inputs["logits"]);
    let logits = TensorData::new(values, shape).convert_dtype(DType::F64);
    let logits = Tensor::<4>::from_data(logits, (&Device::flex(), DType::F64)).narrow(1, 0, 2);
    let (labels, shape) = flat(&inputs["target"]);
    let labels: Vec<i64> = labels.iter().map(|&it| i64::from(0.0 < it)).collect();
    let labels = Tensor::from_data(TensorData::new(labels, shape), &Device::flex());
    let target = Target::classes(labels);
    for (key, is_asymmetric) in
        [("sym_unified_focal_loss", false), ("asym_unified_focal_loss", true)]
    {
        let (delta, gamma) = (0.6, 0.5);
        let criterion = sum(vec![
            (0.5, Loss::regions(YeungTversky { delta, gamma, is_asymmetric })),
            (0.5, Loss::pixels(YeungFocal { delta, gamma, is_asymmetric })),
        ]);
        let parts = criterion.parts(logits.clone(), &target).unwrap();
        let found: f64 = criterion.value(&parts, 0).total.into_scalar();
        let wanted = golden["yeung"]["values"][key].as_f64().unwrap();
        assert!((found / wanted - 1.0).abs() < 1e-6, "{key}: {found}, wanted {wanted}");
    }
}

/// Sums in place of means, and a mean of nothing.
#[test]
fn sums_are_those_of_the_references() {
    let golden = parsed(CORE);
    let mut n_checked = 0;
    for case in golden["cases"].as_array().unwrap() {
        let Some((criterion, _)) = core_loss(case) else { continue };
        let input = case["input"].as_str().unwrap();
        let name = case["target"].as_str().unwrap();
        let is_sum = case["params"]["reduction"] == "sum";
        if !is_sum && name != "target_all_ignored" {
            continue;
        }
        let target = target(&golden["inputs"], input, name, DType::F64);
        let logits = tensor(&golden["inputs"][input], DType::F64, &Device::flex());
        let parts = criterion.parts(logits, &target).unwrap();
        let found = criterion.single_mean(&parts).unwrap();
        if is_sum {
            let (found, wanted) =
                (found.sum.clone().into_scalar::<f64>(), case["value"].as_f64().unwrap());
            assert!((found / wanted - 1.0).abs() < 1e-9, "{case}: {found}");
        } else {
            // There PyTorch's mean is NaN; ours is 0.
            assert_eq!(case["value"], "nan");
            assert_eq!(found.per_weight().into_scalar::<f64>(), 0.0);
        }
        n_checked += 1;
    }
    assert_eq!(n_checked, 6);
}

/// With the distances of SegLossOdyssey, which are 0 on the inner side of a border.
#[test]
fn the_boundary_loss_is_that_of_the_odyssey() {
    let (golden, inputs) = (parsed(ODYSSEY), parsed(CORE)["inputs"].clone());
    let (labels, shape) = flat(&inputs["target"]);
    let n_pixels = shape[1] * shape[2];
    let mut distances = Vec::new();
    for image in labels.chunks(n_pixels) {
        for class in 0..3 {
            let is_class: Vec<bool> = image.iter().map(|&it| it == f64::from(class)).collect();
            let ours = crate::chip::signed_distances(&is_class, [shape[1], shape[2]]);
            // Inside, ours are to the border, theirs to the first pixel outside.
            distances.extend(ours.iter().map(|&it| if it < 0.0 { it - 1.0 } else { it }));
        }
    }
    let case = golden["cases"].as_array().unwrap().iter().find(|it| it["name"] == "BD").unwrap();
    let device = Device::flex();
    let labels: Vec<i64> = labels.iter().map(|&it| it as i64).collect();
    let target = Target::Classes {
        labels: Tensor::from_data(TensorData::new(labels, shape.clone()), &device),
        distances: Some(Tensor::from_data(
            TensorData::new(distances, [shape[0], 3, shape[1], shape[2]]),
            &device,
        )),
    };
    let boundary = Boundary { classes: vec![false, true, true] };
    let criterion = sum(vec![(1.0, Loss::pixels(boundary))]);
    let (value, gradient) = run(&criterion, &inputs["logits"], &target, DType::F32);
    let wanted = case["value"].as_f64().unwrap();
    assert!((value - wanted).abs() < 1e-6, "{value}, wanted {wanted}");
    for (found, wanted) in gradient.iter().zip(flat(&case["grad"]).0) {
        assert!((found - wanted).abs() < 1e-6, "gradient {found}, wanted {wanted}");
    }
}
