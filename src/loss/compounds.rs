//! Losses that are sums of a pixel part and a region part.

use super::{
    Averaging, Boundary, Factor, LogPower, Loss, LossKind, Overlap, Shape, Term,
    UnifiedDistribution, YeungFocal, YeungTversky,
    kinds::{foreground, linear_overlap},
    options::{Range, Settings},
};
use crate::error::Result;

/// `λ D + (1 - λ) R`
pub(super) fn unified_focal(settings: &Settings<'_>, weights: &[f64]) -> Result<Vec<Term>> {
    let o = settings.options;
    let gamma = settings.number("gamma", o.gamma, 0.5, Range::PositiveShare)?;
    let delta = settings.number("delta", o.delta, 0.6, Range::Share)?;
    let lambda = settings.number("lambda", o.lambda, 0.5, Range::Share)?;
    let smooth = settings.number("smooth", o.smooth, 1e-8, Range::NotNegative)?;
    let averaging = match settings.take("log_cosh", &o.log_cosh) {
        Some(true) => Averaging::LogCosh(gamma),
        Some(false) | None => Averaging::PowerThenMean(gamma),
    };
    let region =
        Overlap { averaging, smooth, ..linear_overlap(settings, weights, 1.0 - delta, delta)? };
    let pixels = UnifiedDistribution { gamma, class_weights: weights.to_vec() };
    Ok(vec![
        Term {
            name: "distribution".to_owned(),
            factor: Factor::Constant(lambda),
            loss: Loss::pixels(pixels),
        },
        Term {
            name: "region".to_owned(),
            factor: Factor::Constant(1.0 - lambda),
            loss: Loss::regions(region),
        },
    ])
}

/// `λ R + (1 - λ) F`
pub(super) fn yeung(
    settings: &Settings<'_>,
    n_classes: usize,
    is_asymmetric: bool,
) -> Result<Vec<Term>> {
    let o = settings.options;
    let gamma = settings.number("gamma", o.gamma, 0.5, Range::PositiveShare)?;
    let delta = settings.number("delta", o.delta, 0.6, Range::Share)?;
    let lambda = settings.number("lambda", o.lambda, 0.5, Range::Share)?;
    let region = YeungTversky { delta, gamma, is_asymmetric };
    let pixels = YeungFocal { delta, gamma, is_asymmetric };
    assert!(0 < n_classes, "a loss of no class");
    Ok(vec![
        Term {
            name: "region".to_owned(),
            factor: Factor::Constant(lambda),
            loss: Loss::regions(region),
        },
        Term {
            name: "focal".to_owned(),
            factor: Factor::Constant(1.0 - lambda),
            loss: Loss::pixels(pixels),
        },
    ])
}

/// `0.8 mean_c (-ln Dice_c)^γ + 0.2 mean (-ln p_t)^γ`
pub(super) fn exponential_log(settings: &Settings<'_>, weights: &[f64]) -> Result<Vec<Term>> {
    let o = settings.options;
    let gamma = settings.number("gamma", o.gamma, 0.3, Range::Positive)?;
    let dice_weight = settings.number("dice_weight", o.dice_weight, 0.8, Range::Positive)?;
    let pixel_weight = settings.number("pixel_weight", o.pixel_weight, 0.2, Range::Positive)?;
    let dice = Overlap {
        shape: Shape::Log,
        averaging: Averaging::PowerThenMean(gamma),
        ..linear_overlap(settings, weights, 0.5, 0.5)?
    };
    let pixels = LogPower { gamma, class_weights: weights.to_vec() };
    Ok(vec![
        LossKind::Dice.term(dice_weight, Loss::regions(dice)),
        LossKind::CrossEntropy.term(pixel_weight, Loss::pixels(pixels)),
    ])
}

/// `α Dice + (1 - α) boundary`, α falling from 1 to 0.01.
pub(super) fn boundary(settings: &Settings<'_>, weights: &[f64]) -> Result<Vec<Term>> {
    let o = settings.options;
    let step = settings.number("step", o.step, 0.01, Range::Share)?;
    let classes = foreground(settings, weights, true)?.iter().map(|it| 0.0 < *it).collect();
    let dice = linear_overlap(settings, weights, 0.5, 0.5)?;
    Ok(vec![
        Term {
            factor: Factor::Steps { first: 1.0, step: -step, last: 0.01 },
            ..LossKind::Dice.term(1.0, Loss::regions(dice))
        },
        Term {
            factor: Factor::Steps { first: 0.0, step, last: 0.99 },
            ..LossKind::Boundary.term(1.0, Loss::pixels(Boundary { classes }))
        },
    ])
}
