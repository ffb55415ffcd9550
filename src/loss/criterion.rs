//! What is minimised: one loss, or a weighted sum of several.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::{ClassSums, Parts, PixelLoss, RegionLoss, Target, Weighted, channels::cropped};
use crate::{
    error::{Error, Result},
    schedule::Curve,
};

/// A loss of either kind.
#[derive(Clone, Debug)]
pub enum Loss {
    /// A mean over pixels.
    Pixels(Arc<dyn PixelLoss>),
    /// A function of sums by image and class.
    Regions(Arc<dyn RegionLoss>),
}

impl Loss {
    /// A loss over pixels.
    pub fn pixels(loss: impl PixelLoss + 'static) -> Self {
        Self::Pixels(Arc::new(loss))
    }

    /// A loss over regions.
    pub fn regions(loss: impl RegionLoss + 'static) -> Self {
        Self::Regions(Arc::new(loss))
    }
}

/// A loss in a sum.
#[derive(Clone, Debug)]
pub struct Term {
    /// What it is called in logs and messages.
    pub name: String,
    /// What it is multiplied with.
    pub factor: Factor,
    /// The loss.
    pub loss: Loss,
}

/// What a term is multiplied with, by epoch.
#[derive(Clone, Debug)]
pub enum Factor {
    /// Always the same.
    Constant(f64),
    /// From `first` in the first epoch by `step` more in each, up or down to `last`.
    Steps {
        /// In the first epoch.
        first: f64,
        /// More in each epoch than in the one before.
        step: f64,
        /// Where it ends.
        last: f64,
    },
    /// `base` times a curve over the epochs.
    Course {
        /// What the curve multiplies.
        base: f64,
        /// Its time is the number of epochs that are finished.
        curve: Curve,
    },
}

impl Factor {
    /// In `epoch`, counted from 0.
    pub fn at(&self, epoch: u32) -> f64 {
        match *self {
            Self::Constant(factor) => factor,
            Self::Course { base, ref curve } => base * curve.factor(f64::from(epoch)),
            Self::Steps { first, step, last } => {
                let factor = first + step * f64::from(epoch);
                if step == 0.0 {
                    first
                } else if step < 0.0 {
                    factor.max(last)
                } else {
                    factor.min(last)
                }
            }
        }
    }
}

/// What is minimised.
///
/// ```text
/// loss = Σ_k factor_k loss_k
/// ```
#[derive(Clone, Debug)]
pub struct Criterion {
    terms: Vec<Term>,
    border_px: usize,
}

/// A loss and its terms before their factors; all `[1]`.
#[derive(Clone, Debug)]
pub struct LossValue {
    /// The weighted sum.
    pub total: Tensor<1>,
    /// Every term by itself, in order.
    pub terms: Vec<Tensor<1>>,
}

impl Criterion {
    /// The sum of `terms`, of the pixels further than `border_px` from the border of the chip.
    ///
    /// # Panics
    ///
    /// If there is no term.
    pub fn new(terms: Vec<Term>, border_px: usize) -> Self {
        assert!(!terms.is_empty(), "a criterion needs a term");
        Self { terms, border_px }
    }

    /// One loss.
    pub fn of(name: &str, loss: Loss) -> Self {
        let factor = Factor::Constant(1.0);
        Self::new(vec![Term { name: name.to_owned(), factor, loss }], 0)
    }

    /// The terms, in order.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether a term looks at the distances of [`Target::Classes`].
    pub fn needs_distances(&self) -> bool {
        self.terms.iter().any(|term| match &term.loss {
            Loss::Pixels(loss) => loss.needs_distances(),
            Loss::Regions(_) => false,
        })
    }

    /// What a batch contributes to each term.
    ///
    /// # Shapes
    ///
    /// - `logits`: `[batch, class, row, col]`
    /// - `target`: as [`Target`] says
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) naming a term that has no meaning for the target.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, or the border leaves no pixel.
    pub fn parts(&self, logits: Tensor<4>, target: &Target) -> Result<Vec<Parts>> {
        let inner;
        let (logits, target) = if self.border_px == 0 {
            (logits, target)
        } else {
            inner = target.clone().cropped(self.border_px);
            (cropped(logits, [2, 3], self.border_px), &inner)
        };
        let part = |term: &Term| {
            Ok(match &term.loss {
                Loss::Pixels(loss) => Parts::Pixels(loss.sum(logits.clone(), target)?),
                Loss::Regions(_) => {
                    let sums = ClassSums::new(logits.clone(), target, &term.name)?;
                    Parts::Regions(sums)
                }
            })
        };
        self.terms.iter().map(part).collect()
    }

    /// The loss in `epoch`, counted from 0, of what one or several batches contribute.
    ///
    /// # Panics
    ///
    /// If there are not as many parts as terms, or they are of other losses.
    pub fn value(&self, parts: &[Parts], epoch: u32) -> LossValue {
        assert_eq!(parts.len(), self.terms.len(), "parts of another criterion");
        let value = |(term, parts): (&Term, &Parts)| match (&term.loss, parts) {
            (Loss::Pixels(_), Parts::Pixels(it)) => it.per_weight(),
            (Loss::Regions(loss), Parts::Regions(sums)) => loss.of(sums),
            _ => panic!("parts of another loss than {}", term.name),
        };
        let terms: Vec<Tensor<1>> = self.terms.iter().zip(parts).map(value).collect();
        let scaled = terms.iter().zip(&self.terms);
        let scaled = scaled.map(|(value, term)| match term.factor.at(epoch) {
            1.0 => value.clone(),
            factor => value.clone() * factor,
        });
        let total = scaled.reduce(|sum, it| sum + it).expect("there is a term");
        LossValue { total, terms }
    }

    /// Whether the loss is a single mean over pixels.
    pub fn is_single_mean(&self) -> bool {
        matches!(
            self.terms.as_slice(),
            [Term { loss: Loss::Pixels(_), factor: Factor::Constant(1.0), .. }]
        )
    }

    /// Refuses losses that cannot be computed batch by batch.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the term.
    pub fn check_accumulation(&self) -> Result<()> {
        let ranks = |term: &&Term| match &term.loss {
            Loss::Pixels(loss) => loss.ranks_pixels(),
            Loss::Regions(_) => false,
        };
        match self.terms.iter().find(ranks) {
            None => Ok(()),
            Some(Term { name, .. }) => {
                let rule = format!(
                    "{name} ranks the pixels of a whole step, which batches one after the other \
                     cannot; take a larger `train.batch`, or another loss"
                );
                Err(Error::config("train.accumulate", "more than 1", rule))
            }
        }
    }

    /// Sum and weight, where the loss is a single mean over pixels: batches of such a loss, and
    /// their gradients, can be added exactly.
    pub fn single_mean<'a>(&self, parts: &'a [Parts]) -> Option<&'a Weighted> {
        match (parts, self.terms.as_slice()) {
            ([Parts::Pixels(it)], [Term { factor: Factor::Constant(1.0), .. }]) => Some(it),
            _ => None,
        }
    }
}
