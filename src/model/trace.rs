//! What a network would do with images of a given size, without doing it.

use std::sync::{Arc, Mutex, PoisonError};

use burn::module::ParamId;

/// One step on the way of images through a network.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// What it does, such as `conv 3x3`.
    pub what: String,
    /// The weight that it uses, if any.
    pub weight: Option<ParamId>,
    /// What comes out: `[batch, row, col, channel]`.
    pub shape: [usize; 4],
    /// Multiplications that are added up, of the whole batch.
    pub multiply_adds: u64,
}

/// The steps that planned features went through, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<Mutex<Vec<Step>>>);

impl Ledger {
    /// Notes a step.
    pub fn note(&self, step: Step) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    /// All steps so far.
    pub fn steps(&self) -> Vec<Step> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
