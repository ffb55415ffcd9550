//! How many batches make a step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// More batches of one step than this are a slip of the finger.
const MAX: u32 = 100_000;

/// Batches whose gradients are added before a step is taken: always as many, or by epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-wanted" = "a number, or [epoch, number] pairs"))]
pub enum Accumulation {
    /// Always as many.
    Always(u32),
    /// `[epoch, number]`: from that epoch on, counted from 0, that many; 1 before the first.
    ByEpoch(Vec<[u32; 2]>),
}

impl Default for Accumulation {
    fn default() -> Self {
        Self::Always(1)
    }
}

impl Accumulation {
    /// Batches of a step in `epoch`, counted from 0.
    pub fn at(&self, epoch: u32) -> u32 {
        match self {
            Self::Always(n) => *n,
            Self::ByEpoch(changes) => {
                changes.iter().rev().find(|it| it[0] <= epoch).map_or(1, |it| it[1])
            }
        }
    }

    /// Whether a step is ever made of several batches.
    pub fn is_used(&self) -> bool {
        match self {
            Self::Always(n) => 1 < *n,
            Self::ByEpoch(changes) => changes.iter().any(|it| 1 < it[1]),
        }
    }

    /// Checks the ranges for a run of `n_epochs`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn check(&self, n_epochs: u32) -> Result<()> {
        let error =
            |found: String, rule: String| Err(Error::config("train.accumulate", found, rule));
        let numbers = match self {
            Self::Always(n) => vec![*n],
            Self::ByEpoch(changes) => {
                if !changes.is_sorted_by(|a, b| a[0] < b[0]) {
                    let rule = "must be in the order of the epochs, each once".to_owned();
                    return error(format!("{changes:?}"), rule);
                }
                if let Some([epoch, _]) = changes.iter().find(|it| n_epochs <= it[0]) {
                    let rule = format!("must be below `train.epochs` = {n_epochs}");
                    return error(format!("epoch {epoch}"), rule);
                }
                changes.iter().map(|it| it[1]).collect()
            }
        };
        match numbers.into_iter().find(|it| !(1..=MAX).contains(it)) {
            Some(n) => error(n.to_string(), format!("must lie in 1..={MAX}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_changes_at_its_epochs() {
        let by_epoch = Accumulation::ByEpoch(vec![[2, 4], [5, 8]]);
        assert_eq!([0, 1, 2, 4, 5, 99].map(|epoch| by_epoch.at(epoch)), [1, 1, 4, 4, 8, 8]);
        assert!(by_epoch.is_used() && !Accumulation::ByEpoch(Vec::new()).is_used());
        by_epoch.check(6).unwrap();
        assert!(by_epoch.check(5).unwrap_err().to_string().contains("epoch 5"));
        let wrong = [Accumulation::Always(0), Accumulation::ByEpoch(vec![[5, 1], [2, 2]])];
        for wrong in wrong {
            assert!(wrong.check(9).unwrap_err().to_string().contains("train.accumulate"));
        }
    }
}
