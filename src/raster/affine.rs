//! Pixel positions to map positions.

use serde::{Deserialize, Serialize};

/// An affine transform from pixel to map positions, six numbers in GDAL's order.
///
/// ```text
/// x = a[0] + col * a[1] + row * a[2]
/// y = a[3] + col * a[4] + row * a[5]
/// ```
///
/// `(col, row) = (0, 0)` is the outer corner of the upper-left pixel; its centre is `(0.5, 0.5)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine(pub [f64; 6]);

impl Affine {
    /// The transform of a raster without georeferencing: map units are pixels, y runs down.
    pub const IDENTITY: Self = Self([0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);

    /// A north-up transform: the map position of the upper-left corner, and pixels of
    /// `pixel_size` map units, `[x, y]`, both positive.
    pub fn north_up(upper_left: [f64; 2], pixel_size: [f64; 2]) -> Self {
        Self([upper_left[0], pixel_size[0], 0.0, upper_left[1], 0.0, -pixel_size[1]])
    }

    /// Map position `[x, y]` of a pixel position.
    pub fn map_position(&self, col: f64, row: f64) -> [f64; 2] {
        let a = &self.0;
        [a[0] + col * a[1] + row * a[2], a[3] + col * a[4] + row * a[5]]
    }

    /// Pixel position `[col, row]` of a map position; `None` if the transform has no inverse.
    pub fn pixel_position(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        let a = &self.0;
        let determinant = a[1] * a[5] - a[2] * a[4];
        if determinant == 0.0 || !determinant.is_finite() {
            return None;
        }
        let (dx, dy) = (x - a[0], y - a[3]);
        Some([(dx * a[5] - dy * a[2]) / determinant, (dy * a[1] - dx * a[4]) / determinant])
    }

    /// Length of a pixel's sides along a row and along a column, in map units, both positive.
    pub fn pixel_size(&self) -> [f64; 2] {
        let a = &self.0;
        [a[1].hypot(a[4]), a[2].hypot(a[5])]
    }

    /// Whether rows run along x and columns against y.
    pub fn is_north_up(&self) -> bool {
        let a = &self.0;
        a[2] == 0.0 && a[4] == 0.0 && a[1] > 0.0 && a[5] < 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_and_map_positions_are_inverse_when_rotated() {
        let affine = Affine([100.0, 3.0, 1.0, 200.0, -2.0, -4.0]);
        assert_eq!(affine.map_position(2.0, 5.0), [111.0, 176.0]);
        let [col, row] = affine.pixel_position(111.0, 176.0).unwrap();
        assert!((col - 2.0).abs() < 1e-12 && (row - 5.0).abs() < 1e-12);
        assert_eq!(affine.pixel_size(), [13.0_f64.sqrt(), 17.0_f64.sqrt()]);
        assert_eq!(Affine([0.0; 6]).pixel_position(1.0, 1.0), None);
    }

    #[test]
    fn only_a_plain_north_up_transform_is_called_so() {
        assert!(Affine::north_up([5.0, 9.0], [2.0, 3.0]).is_north_up());
        assert!(!Affine::IDENTITY.is_north_up());
        assert!(!Affine([0.0, 1.0, 0.1, 0.0, 0.0, -1.0]).is_north_up());
    }
}
