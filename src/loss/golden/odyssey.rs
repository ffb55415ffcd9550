//! SegLossOdyssey.

use burn::tensor::{DType, Device, Tensor, TensorData};
use serde_json::Value;

use super::{CORE, cross_entropy, flat, nnunet_dice, numbers, parsed, run, sum, target, top_k};
use crate::loss::{
    Averaging, Boundary, Count, GeneralisedDice, LogPower, Loss, Lovasz, Overlap, Target,
};

const ODYSSEY: &str = include_str!("../../../tests/golden/losses_odyssey.json");

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
