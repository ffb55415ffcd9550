//! Which loss to train with: the `[loss]` table of a run file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Criterion, Factor, Loss, Term, TermConfig,
    options::{LARGEST, LossOptions, Settings},
    term::{scheduled, times},
};
use crate::{
    error::{Error, Result},
    label::{ClassCounts, ClassWeights, EFFECTIVE_NUMBER_BETA},
};

/// The `[loss]` table of a run file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LossConfig {
    /// What is minimised.
    pub kind: LossKind,
    /// Weight of each class: a rule by which they follow from the training pixels, or one number
    /// for each in the order of the classes. None weighs them equally.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// `class_weights = "effective-number"`: β, in (0, 1).
    pub effective_number_beta: f64,
    /// Pixels next to the border of a chip that do not count.
    pub border_px: u32,
    /// Settings of the kind; those that it does not have are refused.
    #[serde(flatten)]
    pub options: LossOptions,
    /// `compound`: the losses of the sum.
    #[serde(rename = "term", skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<TermConfig>,
}

/// What is minimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Cross-entropy.
    #[default]
    CrossEntropy,
    /// Binary cross-entropy of each class against all others.
    Bce,
    /// Focal loss over the softmax.
    Focal,
    /// Focal loss of each class against all others.
    OneVsRestFocal,
    /// Cross-entropy of the percent of the pixels that are hardest.
    TopK,
    /// Cross-entropy of the pixels whose label is improbable.
    Ohem,
    /// Dice loss.
    Dice,
    /// Jaccard loss: one minus intersection over union.
    Jaccard,
    /// Tversky loss: false positives and false negatives at prices of their own.
    Tversky,
    /// A power of the Tversky loss.
    FocalTversky,
    /// Dice with all classes in one ratio.
    GeneralisedDice,
    /// Lovász-softmax.
    Lovasz,
    /// Dice and cross-entropy.
    DiceCe,
    /// Dice and focal loss.
    DiceFocal,
    /// Dice and top-k cross-entropy.
    DiceTopK,
    /// geodl's unified focal loss.
    UnifiedFocal,
    /// Unified focal loss of Yeung et al., background and foreground treated alike.
    SymmetricUnifiedFocal,
    /// Unified focal loss of Yeung et al., background suppressed, foreground enhanced.
    AsymmetricUnifiedFocal,
    /// Exponential logarithmic loss.
    ExponentialLog,
    /// Boundary loss beside Dice, with more of it from epoch to epoch.
    Boundary,
    /// A weighted sum: `[[loss.term]]`.
    Compound,
    /// Mean squared error, of real values.
    Mse,
    /// Mean absolute error, of real values.
    Mae,
    /// Huber loss, of real values.
    Huber,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            kind: LossKind::default(),
            class_weights: None,
            effective_number_beta: EFFECTIVE_NUMBER_BETA,
            border_px: 0,
            options: LossOptions::default(),
            terms: Vec::new(),
        }
    }
}

impl LossConfig {
    /// The loss for classes that occur as `counts` says.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key that is out of range or that the kind does not have; if
    /// there is not one weight for each class, a weight is negative or not a number, or all are 0.
    ///
    /// How long a run is, is not known here: see [`Self::build_for`].
    pub fn build(&self, counts: &ClassCounts) -> Result<Criterion> {
        self.build_over(counts, None)
    }

    /// The same for a run of `n_epochs` epochs, which the schedules of terms are for.
    ///
    /// # Errors
    ///
    /// As [`Self::build`], and if a schedule is longer or shorter than the run.
    pub fn build_for(&self, counts: &ClassCounts, n_epochs: u32) -> Result<Criterion> {
        self.build_over(counts, Some(n_epochs))
    }

    fn build_over(&self, counts: &ClassCounts, n_epochs: Option<u32>) -> Result<Criterion> {
        let weights = self.class_weights(counts)?;
        if self.class_weights.is_some()
            && let Some(kind) = self.kinds().find(|kind| !kind.has_class_weights())
        {
            let rule = format!("have no meaning for {}", kind.name());
            return Err(Error::config("loss.class_weights", "given", rule));
        }
        let terms = match self.kind {
            LossKind::Compound => {
                Settings::new(&self.options, "loss").finish(self.kind)?;
                self.compound(&weights, n_epochs)?
            }
            kind if self.terms.is_empty() => kind.build(&self.options, "loss", &weights)?,
            kind => {
                let rule = format!("is for kind = \"compound\", not \"{}\"", kind.name());
                return Err(Error::config("loss.term", "[…]", rule));
            }
        };
        Ok(Criterion::new(terms, self.border_px as usize))
    }

    fn kinds(&self) -> impl Iterator<Item = LossKind> {
        self.terms.iter().map(|term| term.kind).chain([self.kind])
    }

    /// Checks what can be checked without data.
    ///
    /// # Errors
    ///
    /// As [`Self::build`], but for the number of weights.
    pub fn check(&self, chip_px: u32) -> Result<()> {
        if chip_px <= self.border_px.saturating_mul(2) {
            let rule = format!("leaves nothing of chips of {chip_px} px");
            return Err(Error::config("loss.border_px", self.border_px, rule));
        }
        // The classes are not known yet: a list says how many there are; without one any number does.
        let given = match &self.class_weights {
            Some(ClassWeights::Given(weights)) => Some(weights.len()),
            Some(ClassWeights::Rule(_)) | None => None,
        };
        let options = self.terms.iter().map(|term| &term.options).chain([&self.options]);
        let positive = options.filter_map(|it| it.positive_weights.as_ref().map(Vec::len)).next();
        let n_classes = given.or(positive).unwrap_or(2);
        self.check_for_classes()?;
        self.build(&ClassCounts::uniform(n_classes)).map(|_| ())
    }

    /// Refuses losses of real values.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the loss.
    pub fn check_for_classes(&self) -> Result<()> {
        for kind in self.kinds() {
            if matches!(kind, LossKind::Mse | LossKind::Mae | LossKind::Huber) {
                let rule = "has no meaning for classes; it is for real values";
                return Err(Error::config("loss.kind", kind.name(), rule));
            }
        }
        Ok(())
    }

    /// The weight of each class, 1 where nothing is said.
    ///
    /// # Errors
    ///
    /// As [`Self::build`].
    pub fn class_weights(&self, counts: &ClassCounts) -> Result<Vec<f64>> {
        let n_classes = counts.total.len();
        let beta = self.effective_number_beta;
        if !(0.0 < beta && beta < 1.0) {
            let rule = "must lie in (0, 1)";
            return Err(Error::config("loss.effective_number_beta", beta, rule));
        }
        match &self.class_weights {
            None => Ok(vec![1.0; n_classes]),
            Some(weights) => weights.of(counts, beta, "loss.class_weights"),
        }
    }

    fn compound(&self, weights: &[f64], n_epochs: Option<u32>) -> Result<Vec<Term>> {
        if self.terms.is_empty() {
            let rule = "needs at least one `[[loss.term]]`";
            return Err(Error::config("loss.kind", "compound", rule));
        }
        let mut terms = Vec::new();
        for (index, config) in self.terms.iter().enumerate() {
            let place = format!("loss.term.{index}");
            if config.kind == LossKind::Compound {
                return Err(Error::config(format!("{place}.kind"), "compound", "is no term"));
            }
            if !(0.0 < config.weight && config.weight <= LARGEST) {
                let rule = "must lie in (0, 1000000]";
                return Err(Error::config(format!("{place}.weight"), config.weight, rule));
            }
            for mut term in config.kind.build(&config.options, &place, weights)? {
                term.factor = times(term.factor, config.weight);
                if let Some(schedule) = &config.schedule {
                    term.factor = scheduled(term.factor, schedule, &place, n_epochs)?;
                }
                terms.push(term);
            }
        }
        Ok(terms)
    }
}

impl LossKind {
    /// The name that it has in a run file.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).expect("a choice is written as its name");
        name.as_str().expect("a choice is written as its name").to_owned()
    }

    /// Whether classes may count differently in it.
    pub(super) fn has_class_weights(self) -> bool {
        !matches!(
            self,
            Self::GeneralisedDice
                | Self::SymmetricUnifiedFocal
                | Self::AsymmetricUnifiedFocal
                | Self::Mse
                | Self::Mae
                | Self::Huber
        )
    }

    pub(super) fn term(self, factor: f64, loss: Loss) -> Term {
        Term { name: self.name(), factor: Factor::Constant(factor), loss }
    }
}
