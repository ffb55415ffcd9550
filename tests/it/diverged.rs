//! Trainings that leave the numbers.

use swath::Error;

use crate::support::{begin, site, train};

/// Trains one step with `overrides`, which must end as diverged in that step and say `what`.
#[track_caller]
fn check(overrides: &[&str], what: &str) {
    let site = site();
    let short = ["chips.per_epoch=4", "train.epochs=1"];
    let mut run = begin(site.path(), "run", &[&short[..], overrides].concat());
    let error = train(&mut run, None).unwrap_err();
    assert!(matches!(error, Error::Diverged { step: 1, epoch: 1, .. }), "{error:?}");
    assert!(error.to_string().starts_with(what), "{error}");
    assert!(!run.folder.best_checkpoint().exists() && !run.folder.model().exists());
}

/// No step comes after the one that ruins the weights.
#[test]
fn weights_that_overflow_in_the_last_step_are_seen_in_validation() {
    check(&["optimizer.kind=sgd", "optimizer.lr=1e38"], "validation loss is");
}

/// The weight of the loss is so small that one over it, which scales the gradients, is infinite.
#[test]
fn a_gradient_that_is_no_number_does_not_reach_the_weights() {
    let weights = "loss.class_weights=[1e-43, 1e-43, 1e-43, 1e-43, 1e-43]";
    check(&[weights], "norm of the gradients is");
}
