//! One band of a raster.

use serde::{Deserialize, Serialize};

use super::DataType;

/// What a band is called and how its stored numbers become physical values.
///
/// ```text
/// value = stored * scale + offset
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Description in the file, or `band_1`, `band_2`, ... by place in the stack.
    pub name: String,
    /// Type of the stored numbers.
    pub dtype: DataType,
    /// Physical units per stored unit.
    pub scale: f64,
    /// Physical value of a stored 0.
    pub offset: f64,
    /// Stored value of a missing pixel. NaN and infinite values are always missing.
    pub nodata: Option<f64>,
}

impl Band {
    /// The physical value of a stored one, NaN if it is missing or beyond the range of f32.
    pub(super) fn value(&self, stored: f64) -> f32 {
        if Some(stored) == self.nodata {
            return f32::NAN;
        }
        let value = (stored * self.scale + self.offset) as f32;
        if value.is_finite() { value } else { f32::NAN }
    }
}
