//! How far apart the weights of two models are.

use serde::Serialize;

use crate::{
    bundle::Bundle,
    weights::{Entry, Values},
};

/// In what two models differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WeightsDifference {
    /// Tensors that differ, or that only one of the two has.
    pub n_tensors: usize,
    /// Tensors of both together, by name.
    pub n_tensors_of: usize,
    /// Largest difference of two numbers.
    pub largest: f64,
    /// The tensor that it is in; empty if no number differs.
    pub largest_in: String,
    /// Root mean square of the differences of all numbers that both have.
    pub rms: f64,
    /// Root mean square of the weights of the run.
    pub rms_of_weights: f64,
    /// Whether bands, classes, normalisation or settings differ.
    pub header_differs: bool,
}

impl WeightsDifference {
    /// Compares tensors of the same name.
    pub(super) fn of(began: &Bundle, here: &Bundle) -> Self {
        let mut found = Self {
            n_tensors: 0,
            n_tensors_of: began.state.entries.len(),
            largest: 0.0,
            largest_in: String::new(),
            rms: 0.0,
            rms_of_weights: 0.0,
            header_differs: began.header != here.header,
        };
        let (mut squares, mut squares_of, mut n_values) = (0.0, 0.0, 0_usize);
        for entry in &began.state.entries {
            let Some(other) = here.state.find(&entry.name).filter(|it| it.shape == entry.shape)
            else {
                found.n_tensors += 1;
                continue;
            };
            found.n_tensors += usize::from(!same_bits(entry, other));
            for (a, b) in numbers(entry).zip(numbers(other)) {
                let difference = (a - b).abs();
                squares += difference * difference;
                squares_of += a * a;
                n_values += 1;
                // A number against NaN is the largest of all.
                if found.largest < difference || difference.is_nan() {
                    found.largest = difference;
                    found.largest_in.clone_from(&entry.name);
                }
            }
        }
        let is_new = |it: &&Entry| began.state.find(&it.name).is_none();
        let n_new = here.state.entries.iter().filter(is_new).count();
        found.n_tensors += n_new;
        found.n_tensors_of += n_new;
        let rms = |squares: f64| (squares / n_values.max(1) as f64).sqrt();
        (found.rms, found.rms_of_weights) = (rms(squares), rms(squares_of));
        found
    }
}

fn same_bits(left: &Entry, right: &Entry) -> bool {
    match (&left.values, &right.values) {
        (Values::F32(left), Values::F32(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        (Values::I64(left), Values::I64(right)) => left == right,
        (Values::F32(_), Values::I64(_)) | (Values::I64(_), Values::F32(_)) => false,
    }
}

fn numbers(entry: &Entry) -> Box<dyn Iterator<Item = f64> + '_> {
    match &entry.values {
        Values::F32(values) => Box::new(values.iter().map(|&it| f64::from(it))),
        Values::I64(values) => Box::new(values.iter().map(|&it| it as f64)),
    }
}
