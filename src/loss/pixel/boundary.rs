//! Boundary loss.

use burn::tensor::Tensor;

use super::PixelLoss;
use crate::{
    error::{Error, Result},
    loss::{
        Target, Weighted,
        channels::{channels_last, probabilities},
        sum_fixed,
        target::Reference,
    },
};

/// Probability of a class times the signed distance to its border.
///
/// ```text
/// loss = Σ_i Σ_c p_ic φ_ic / (n C)       over the n labelled pixels i and the C chosen classes c
/// ```
///
/// φ is positive outside of the class and negative inside, in pixels, and 0 for a class that the
/// image lacks; whoever makes the target makes it. The loss is negative where a prediction is right,
/// and is used beside a region loss.
///
/// Source: Kervadec et al. 2019, eq. 5, <https://arxiv.org/abs/1812.07032>.
#[derive(Clone, Debug, PartialEq)]
pub struct Boundary {
    /// Whether each class is looked at; the paper leaves the background out.
    pub classes: Vec<bool>,
}

impl PixelLoss for Boundary {
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let Target::Classes { distances, .. } = target else {
            return Err(target.refused_by("boundary"));
        };
        let Some(distances) = distances else {
            let rule = "needs targets with distances to the border of each class";
            return Err(Error::config("loss.kind", "boundary", rule));
        };
        let reference = Reference::of(target, &logits);
        let Reference { valid, .. } = reference.expect("class indices have shares");
        let chosen: Vec<f64> = self.classes.iter().map(|&it| f64::from(u8::from(it))).collect();
        let n_chosen = chosen.iter().sum::<f64>();
        let distances = channels_last(distances.clone());
        let chosen = crate::loss::channels::per_class(&chosen, &distances).expand(distances.dims());
        let p = probabilities(channels_last(logits), true) * valid.clone();
        let sum = sum_fixed(p * distances * chosen);
        Ok(Weighted { sum, weight: sum_fixed(valid) * n_chosen })
    }

    fn needs_distances(&self) -> bool {
        true
    }
}
