//! Losses from the overlap of prediction and reference: Dice, Jaccard, Tversky and their powers.

use burn::tensor::Tensor;

use super::RegionLoss;
use crate::loss::{ClassSums, channels::constant, sum_fixed};

/// Smallest index and smallest loss whose logarithm or power is taken.
const TINY: f64 = 1e-7;

/// One minus the Tversky index, averaged over classes.
///
/// ```text
/// S_c = (TP_c + smooth) / (TP_c + α_c FP_c + β_c FN_c + smooth)
/// l_c = 1 - S_c                               Dice: α = β = 1/2; Jaccard: α = β = 1
/// loss = Σ_c w_c l_c / Σ_c w_c                over the chosen classes
/// ```
///
/// Sums are over all images of the batch, or over each image by itself, whose losses are then
/// averaged as classes are. What becomes of a class without a pixel in the reference is said by
/// [`AbsentClass`]; where no pixel counts the loss is 0.
///
/// Source: Tversky index: Salehi et al. 2017, eq. 3, <https://arxiv.org/abs/1706.05721>; its power:
/// Abraham and Khan 2018, eq. 4, <https://arxiv.org/abs/1810.07842>; Dice: Milletari et al. 2016;
/// `log` is that of segmentation_models.pytorch. We leave absent classes out of the mean by
/// default; that library counts them with loss 0, nnU-Net and geodl with their false positives.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlap {
    /// α of each class: what a false positive costs.
    pub false_positives: Vec<f64>,
    /// β of each class: what a false negative costs.
    pub false_negatives: Vec<f64>,
    /// Added to numerator and denominator, 0 or more.
    pub smooth: f64,
    /// Weight of each class in the mean; 0 leaves it out.
    pub class_weights: Vec<f64>,
    /// What becomes of classes that the reference lacks.
    pub absent: AbsentClass,
    /// What is made of the index.
    pub shape: Shape,
    /// Power of the loss and of which loss; 1 is none.
    pub averaging: Averaging,
    /// Whether every image is measured by itself.
    pub per_image: bool,
}

/// What becomes of a class without a pixel in the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AbsentClass {
    /// It is left out of the mean.
    #[default]
    LeftOut,
    /// It counts with loss 0, which makes a batch that lacks classes look better:
    /// segmentation_models.pytorch.
    Zero,
    /// It counts as any other: every false positive costs nearly the whole class: nnU-Net, geodl.
    Counted,
}

/// What is made of the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// `1 - S`
    #[default]
    Linear,
    /// `-ln S`
    Log,
}

/// How the losses of the classes become one, with power γ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Averaging {
    /// `mean(l_c^γ)`
    PowerThenMean(f64),
    /// `mean(l_c)^γ`
    MeanThenPower(f64),
    /// `ln cosh(mean(l_c^γ))`: geodl.
    LogCosh(f64),
    /// `(-ln(1 - mean(l_c)))^γ`: the exponential logarithmic loss of SegLossOdyssey.
    LogOfMean(f64),
}

impl Overlap {
    /// The Tversky loss with these costs of a false positive and of a false negative.
    pub fn tversky(n_classes: usize, false_positives: f64, false_negatives: f64) -> Self {
        Self {
            false_positives: vec![false_positives; n_classes],
            false_negatives: vec![false_negatives; n_classes],
            smooth: 0.0,
            class_weights: vec![1.0; n_classes],
            absent: AbsentClass::default(),
            shape: Shape::default(),
            averaging: Averaging::PowerThenMean(1.0),
            per_image: false,
        }
    }

    /// The Dice loss.
    pub fn dice(n_classes: usize) -> Self {
        Self::tversky(n_classes, 0.5, 0.5)
    }

    /// The Jaccard loss, one minus the intersection over the union.
    pub fn jaccard(n_classes: usize) -> Self {
        Self::tversky(n_classes, 1.0, 1.0)
    }

    /// The index of each image and class; at least [`TINY`] below in the denominator.
    fn index(&self, sums: &ClassSums) -> Tensor<2> {
        let row = |values: &[f64]| row(values, &sums.intersection);
        let costs = row(&self.false_positives) * sums.false_positives()
            + row(&self.false_negatives) * sums.false_negatives();
        let hits = sums.intersection.clone() + self.smooth;
        hits.clone() / (hits + costs).clamp_min(TINY)
    }
}

impl RegionLoss for Overlap {
    fn of(&self, sums: &ClassSums) -> Tensor<1> {
        let pooled;
        let sums = if self.per_image {
            sums
        } else {
            pooled = sums.pooled();
            &pooled
        };
        let losses = match self.shape {
            Shape::Linear => -self.index(sums) + 1.0,
            Shape::Log => -self.index(sums).clamp_min(TINY).log(),
        };
        let losses = match self.averaging {
            Averaging::PowerThenMean(power) | Averaging::LogCosh(power) => raised(losses, power),
            Averaging::MeanThenPower(_) | Averaging::LogOfMean(_) => losses,
        };
        let weights = row(&self.class_weights, &losses).expand(losses.dims());
        // An image without any pixel that counts has neither a class nor a loss.
        let n_pixels = sums.reference.clone().sum_dim(1).expand(losses.dims());
        let counts = n_pixels.greater_elem(0.0).float().cast(losses.dtype());
        let (kept, counted) = match self.absent {
            AbsentClass::LeftOut => (sums.presence(), sums.presence()),
            AbsentClass::Zero => (sums.presence(), counts),
            AbsentClass::Counted => (counts.clone(), counts),
        };
        let weight = sum_fixed(weights.clone() * counted);
        let is_empty = weight.clone().lower_equal_elem(0.0);
        let mean = sum_fixed(losses * weights * kept) / weight.mask_fill(is_empty.clone(), 1.0);
        let loss = match self.averaging {
            Averaging::PowerThenMean(_) => mean,
            Averaging::MeanThenPower(power) => raised(mean, power),
            Averaging::LogCosh(_) => log_cosh(mean),
            Averaging::LogOfMean(power) => raised(-(-mean + 1.0).clamp_min(TINY).log(), power),
        };
        loss.mask_fill(is_empty, 0.0)
    }
}

/// `values^power`; values next to 0 are kept away from it, where a root has no slope.
fn raised<const D: usize>(values: Tensor<D>, power: f64) -> Tensor<D> {
    if power == 1.0 { values } else { values.clamp_min(TINY).powf_scalar(power) }
}

/// `ln cosh x = |x| + ln(1 + e^(-2|x|)) - ln 2`
fn log_cosh(values: Tensor<1>) -> Tensor<1> {
    let size = values.abs();
    size.clone() + (size * -2.0).exp().log1p() - std::f64::consts::LN_2
}

/// `[1, class]`, where and of the type that `like` is.
fn row(values: &[f64], like: &Tensor<2>) -> Tensor<2> {
    constant(values.to_vec(), [1, values.len()], like)
}
