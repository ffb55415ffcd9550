//! What is frozen when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Parameters that are frozen for some epochs: an entry of `[[train.freeze]]` in a run file.
///
/// Gradual unfreezing (Howard & Ruder 2018, <https://arxiv.org/abs/1801.06146>) is one entry for each
/// stage of the encoder, the deepest with the lowest `until_epoch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freezing {
    /// Names of parameters as in a state dictionary or what they begin with, such as `encoder`, or a
    /// pattern with `*`.
    pub names: String,
    /// First epoch that they are frozen in, counted from 0.
    #[serde(default)]
    pub from_epoch: u32,
    /// First epoch after that that they are trained in; by default they stay frozen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_epoch: Option<u32>,
}

impl Freezing {
    /// Whether it holds in `epoch`, counted from 0.
    pub fn holds(&self, epoch: u32) -> bool {
        self.from_epoch <= epoch && self.until_epoch.is_none_or(|until| epoch < until)
    }

    /// Checks the epochs against those of a run.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn check(&self, n_epochs: u32) -> Result<()> {
        let Self { from_epoch, until_epoch, .. } = *self;
        if n_epochs <= from_epoch {
            let rule = format!("must be below `train.epochs` = {n_epochs}");
            return Err(Error::config("train.freeze.from_epoch", from_epoch, rule));
        }
        match until_epoch {
            Some(until) if until <= from_epoch => {
                let rule = format!("must be above `from_epoch` = {from_epoch}");
                Err(Error::config("train.freeze.until_epoch", until, rule))
            }
            Some(until) if n_epochs < until => {
                let rule = format!("is after the last epoch; leave it out, or at most {n_epochs}");
                Err(Error::config("train.freeze.until_epoch", until, rule))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_from_its_first_epoch_to_the_one_before_its_last() {
        let freezing = |from_epoch, until_epoch| Freezing {
            names: "encoder".to_owned(),
            from_epoch,
            until_epoch,
        };
        let held = |it: &Freezing| (0..5).filter(|&epoch| it.holds(epoch)).collect::<Vec<_>>();
        assert_eq!(held(&freezing(1, Some(3))), [1, 2]);
        assert_eq!(held(&freezing(2, None)), [2, 3, 4]);
        freezing(1, Some(3)).check(3).unwrap();
        assert!(freezing(3, None).check(3).is_err());
        assert!(freezing(1, Some(1)).check(3).is_err());
        assert!(freezing(1, Some(4)).check(3).is_err());
    }
}
