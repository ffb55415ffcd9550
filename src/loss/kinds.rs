//! From the name of a loss and its settings to the loss.

use super::{
    AbsentClass, Averaging, BinaryCrossEntropy, Count, CrossEntropy, Distance, DistanceKind, Focal,
    GeneralisedDice, HardPixels, Kept, Loss, LossKind, Lovasz, OneVsRestFocal, Overlap, Shape,
    Term,
    compounds::{boundary, exponential_log, unified_focal, yeung},
    options::{AbsentChoice, LARGEST, LossOptions, Range, Settings},
};
use crate::error::Result;

impl LossKind {
    /// The terms of this loss with class weights `weights`; `place` is the table of its settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) naming the setting that is out of range or that it
    /// does not have.
    pub(super) fn build(
        self,
        options: &LossOptions,
        place: &str,
        weights: &[f64],
    ) -> Result<Vec<Term>> {
        let settings = Settings::new(options, place);
        let terms = self.terms(&settings, weights)?;
        settings.finish(self)?;
        Ok(terms)
    }

    fn terms(self, settings: &Settings<'_>, weights: &[f64]) -> Result<Vec<Term>> {
        let o = settings.options;
        let class_weights = || weights.to_vec();
        let one = |loss: Loss| Ok(vec![self.term(1.0, loss)]);
        match self {
            Self::CrossEntropy => one(Loss::pixels(cross_entropy(settings, weights)?)),
            Self::Bce => one(Loss::pixels(BinaryCrossEntropy {
                positive_weights: positive_weights(settings, weights.len())?,
                class_weights: class_weights(),
                smoothing: smoothing(settings)?,
                count: Count::Valid,
            })),
            Self::Focal => one(Loss::pixels(focal(settings, weights)?)),
            Self::OneVsRestFocal => one(Loss::pixels(OneVsRestFocal {
                gamma: settings.number("gamma", o.gamma, 2.0, Range::NotNegative)?,
                alpha: match o.alpha {
                    None => None,
                    given => Some(settings.number("alpha", given, 0.5, Range::Share)?),
                },
                class_weights: class_weights(),
                normalised: false,
                threshold: None,
            })),
            Self::TopK => one(Loss::pixels(top_k(settings, weights)?)),
            Self::Ohem => one(Loss::pixels(HardPixels {
                kept: Kept::Below {
                    probability: settings.number(
                        "probability",
                        o.probability,
                        0.7,
                        Range::PositiveShare,
                    )?,
                    least_percent: settings.number("percent", o.percent, 5.0, Range::Percent)?,
                },
                class_weights: class_weights(),
            })),
            Self::Dice => one(Loss::regions(overlap(settings, weights, 0.5, 0.5)?)),
            Self::Jaccard => one(Loss::regions(overlap(settings, weights, 1.0, 1.0)?)),
            Self::Tversky => {
                let [alpha, beta] = prices(settings, 0.5, 0.5)?;
                one(Loss::regions(overlap(settings, weights, alpha, beta)?))
            }
            Self::FocalTversky => {
                let [alpha, beta] = prices(settings, 0.3, 0.7)?;
                let gamma = settings.number("gamma", o.gamma, 0.75, Range::Positive)?;
                let averaging = match settings.take("mean_then_power", &o.mean_then_power) {
                    Some(true) => Averaging::MeanThenPower(gamma),
                    Some(false) | None => Averaging::PowerThenMean(gamma),
                };
                let loss = linear_overlap(settings, weights, alpha, beta)?;
                one(Loss::regions(Overlap { averaging, ..loss }))
            }
            Self::GeneralisedDice => one(Loss::regions(GeneralisedDice {
                smooth: settings.number("smooth", o.smooth, 1e-5, Range::NotNegative)?,
                per_image: settings.take("per_image", &o.per_image).unwrap_or(false),
            })),
            Self::Lovasz => one(Loss::pixels(Lovasz {
                class_weights: class_weights(),
                per_image: settings.take("per_image", &o.per_image).unwrap_or(false),
            })),
            Self::DiceCe => {
                let other = Loss::pixels(cross_entropy(settings, weights)?);
                self.beside_dice(settings, weights, (Self::CrossEntropy, other))
            }
            Self::DiceFocal => {
                let other = Loss::pixels(focal(settings, weights)?);
                self.beside_dice(settings, weights, (Self::Focal, other))
            }
            Self::DiceTopK => {
                let other = Loss::pixels(top_k(settings, weights)?);
                self.beside_dice(settings, weights, (Self::TopK, other))
            }
            Self::UnifiedFocal => unified_focal(settings, weights),
            Self::SymmetricUnifiedFocal => yeung(settings, weights.len(), false),
            Self::AsymmetricUnifiedFocal => yeung(settings, weights.len(), true),
            Self::ExponentialLog => exponential_log(settings, weights),
            Self::Boundary => boundary(settings, weights),
            Self::Compound => unreachable!("a compound is built of its terms"),
            Self::Mse => one(Loss::pixels(Distance { kind: DistanceKind::Squared })),
            Self::Mae => one(Loss::pixels(Distance { kind: DistanceKind::Absolute })),
            Self::Huber => {
                let delta = settings.number("huber_delta", o.huber_delta, 1.0, Range::Positive)?;
                one(Loss::pixels(Distance { kind: DistanceKind::Huber(delta) }))
            }
        }
    }

    /// Dice and another loss.
    fn beside_dice(
        self,
        settings: &Settings<'_>,
        weights: &[f64],
        (other_kind, other): (Self, Loss),
    ) -> Result<Vec<Term>> {
        let o = settings.options;
        let dice_weight = settings.number("dice_weight", o.dice_weight, 1.0, Range::Positive)?;
        let other_weight = settings.number("pixel_weight", o.pixel_weight, 1.0, Range::Positive)?;
        let dice = linear_overlap(settings, weights, 0.5, 0.5)?;
        Ok(vec![
            Self::Dice.term(dice_weight, Loss::regions(dice)),
            other_kind.term(other_weight, other),
        ])
    }
}

fn smoothing(settings: &Settings<'_>) -> Result<f64> {
    let given = settings.options.label_smoothing;
    settings.number("label_smoothing", given, 0.0, Range::ShareBelowOne)
}

fn cross_entropy(settings: &Settings<'_>, weights: &[f64]) -> Result<CrossEntropy> {
    Ok(CrossEntropy {
        class_weights: weights.to_vec(),
        label_smoothing: smoothing(settings)?,
        count: Count::Valid,
    })
}

fn focal(settings: &Settings<'_>, weights: &[f64]) -> Result<Focal> {
    let gamma = settings.number("gamma", settings.options.gamma, 2.0, Range::NotNegative)?;
    Ok(Focal { gamma, class_weights: weights.to_vec() })
}

fn top_k(settings: &Settings<'_>, weights: &[f64]) -> Result<HardPixels> {
    let given = settings.options.percent;
    let percent = settings.number("percent", given, 10.0, Range::PositivePercent)?;
    let kept = Kept::TopPercent { percent, count: Count::Valid };
    Ok(HardPixels { kept, class_weights: weights.to_vec() })
}

fn positive_weights(settings: &Settings<'_>, n_classes: usize) -> Result<Vec<f64>> {
    let given = settings.take("positive_weights", &settings.options.positive_weights);
    let weights = given.unwrap_or_else(|| vec![1.0; n_classes]);
    let is_fine =
        weights.len() == n_classes && weights.iter().all(|it| (0.0..=LARGEST).contains(it));
    if is_fine {
        return Ok(weights);
    }
    let rule = format!("must be {n_classes} numbers, one for each class, in [0, 1000000]");
    Err(settings.fault("positive_weights", format!("{weights:?}"), rule))
}

/// What a false positive and a false negative cost.
fn prices(settings: &Settings<'_>, alpha: f64, beta: f64) -> Result<[f64; 2]> {
    let o = settings.options;
    let prices = [
        settings.number("alpha", o.alpha, alpha, Range::NotNegative)?,
        settings.number("beta", o.beta, beta, Range::NotNegative)?,
    ];
    if prices == [0.0; 2] {
        return Err(settings.fault("beta", 0, "must be above 0 where alpha is 0".to_owned()));
    }
    Ok(prices)
}

/// A loss of overlap with the settings that all of them have and `log`.
fn overlap(settings: &Settings<'_>, weights: &[f64], alpha: f64, beta: f64) -> Result<Overlap> {
    let shape = match settings.take("log", &settings.options.log) {
        Some(true) => Shape::Log,
        Some(false) | None => Shape::Linear,
    };
    Ok(Overlap { shape, ..linear_overlap(settings, weights, alpha, beta)? })
}

pub(super) fn linear_overlap(
    settings: &Settings<'_>,
    weights: &[f64],
    alpha: f64,
    beta: f64,
) -> Result<Overlap> {
    let o = settings.options;
    let absent = match settings.take("absent_class", &o.absent_class) {
        Some(AbsentChoice::LeftOut) | None => AbsentClass::LeftOut,
        Some(AbsentChoice::Zero) => AbsentClass::Zero,
        Some(AbsentChoice::Counted) => AbsentClass::Counted,
    };
    Ok(Overlap {
        smooth: settings.number("smooth", o.smooth, 0.0, Range::NotNegative)?,
        class_weights: foreground(settings, weights, false)?,
        absent,
        per_image: settings.take("per_image", &o.per_image).unwrap_or(false),
        ..Overlap::tversky(weights.len(), alpha, beta)
    })
}

/// The weights, with 0 for the first class if it is left out.
pub(super) fn foreground(
    settings: &Settings<'_>,
    weights: &[f64],
    by_default: bool,
) -> Result<Vec<f64>> {
    let given = settings.take("ignore_background", &settings.options.ignore_background);
    let mut weights = weights.to_vec();
    if given.unwrap_or(by_default) {
        weights[0] = 0.0;
        if weights.iter().all(|&weight| weight == 0.0) {
            let rule = "leaves no class with a weight above 0".to_owned();
            return Err(settings.fault("ignore_background", true, rule));
        }
    }
    Ok(weights)
}
