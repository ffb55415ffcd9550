//! The unified focal losses of geodl and of Yeung et al.

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::{CORE, check, flat, numbers, parsed, sum};
use crate::loss::{
    AbsentClass, Averaging, Loss, Overlap, Target, UnifiedDistribution, YeungFocal, YeungTversky,
};

const UNIFIED: &str = include_str!("../../../tests/golden/losses_unified_focal.json");

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
    let region =
        |is_asymmetric, delta, gamma| Loss::regions(YeungTversky { delta, gamma, is_asymmetric });
    let pixels =
        |is_asymmetric, delta, gamma| Loss::pixels(YeungFocal { delta, gamma, is_asymmetric });
    let unified =
        |asymmetric| vec![(0.5, region(asymmetric, 0.6, 0.5)), (0.5, pixels(asymmetric, 0.6, 0.5))];
    // With the defaults of each of the authors' functions.
    for (key, terms) in [
        ("sym_unified_focal_loss", unified(false)),
        ("asym_unified_focal_loss", unified(true)),
        ("symmetric_focal_loss", vec![(1.0, pixels(false, 0.7, 2.0))]),
        ("asymmetric_focal_loss", vec![(1.0, pixels(true, 0.7, 2.0))]),
        ("symmetric_focal_tversky_loss", vec![(1.0, region(false, 0.7, 0.75))]),
        ("asymmetric_focal_tversky_loss", vec![(1.0, region(true, 0.7, 0.75))]),
    ] {
        let criterion = sum(terms);
        let parts = criterion.parts(logits.clone(), &target).unwrap();
        let found: f64 = criterion.value(&parts, 0).total.into_scalar();
        let wanted = golden["yeung"]["values"][key].as_f64().unwrap();
        assert!((found / wanted - 1.0).abs() < 1e-6, "{key}: {found}, wanted {wanted}");
    }
}
