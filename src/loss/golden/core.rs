//! PyTorch, segmentation_models.pytorch and nnU-Net.

use burn::tensor::{DType, Device};
use serde_json::Value;

use super::{
    CORE, check, cross_entropy, n_channels, nnunet_dice, numbers, parsed, sum, target, tensor,
    top_k,
};
use crate::loss::{
    AbsentClass, Averaging, BinaryCrossEntropy, Count, Criterion, Distance, DistanceKind, Focal,
    Loss, Lovasz, LovaszHinge, OneVsRestFocal, Overlap, Shape,
};

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

/// The loss of a case of `losses_core.json` and by how much it is larger; `None` for what we lack.
fn core_loss(case: &Value) -> Option<(Criterion, f64)> {
    let params = &case["params"];
    let one = |loss| Some((sum(vec![(1.0, loss)]), 0.0));
    let number = |key: &str, default: f64| params[key].as_f64().unwrap_or(default);
    let per_image = params["per_image"] == true;
    match case["name"].as_str().unwrap() {
        "bce_with_logits" | "smp.SoftBCEWithLogitsLoss" => one(Loss::pixels(BinaryCrossEntropy {
            positive_weights: vec![number("pos_weight", 1.0)],
            class_weights: vec![1.0],
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
