//! A tensor in a file.

use crate::weights::{Dtype, Values};

/// A named tensor whose numbers lie in a file, not necessarily side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileTensor {
    /// Name, without what was taken off all names of the file.
    pub name: String,
    /// Type of its numbers in the file.
    pub dtype: Dtype,
    /// Length of every axis; none for a single number.
    pub shape: Vec<usize>,
    /// Byte of the first number.
    pub(super) start: usize,
    /// Distance of neighbours along each axis, in numbers.
    pub(super) strides: Vec<usize>,
}

impl FileTensor {
    /// How many numbers there are.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }

    /// The numbers in the order of the shape, out of the bytes of the file.
    ///
    /// # Errors
    ///
    /// The first number that is finite in the file and would not be in `F32`.
    pub(super) fn values(&self, bytes: &[u8]) -> Result<Values, f64> {
        let size = self.dtype.n_bytes();
        if self.strides == side_by_side(&self.shape) {
            return self.dtype.decode(&bytes[self.start..self.start + self.n_values() * size]);
        }
        let mut gathered = Vec::with_capacity(self.n_values() * size);
        for index in 0..self.n_values() {
            let start = self.start + self.position(index) * size;
            gathered.extend(&bytes[start..start + size]);
        }
        self.dtype.decode(&gathered)
    }

    /// How many numbers lie between the first one and that at `index` in the order of the shape.
    fn position(&self, mut index: usize) -> usize {
        let mut position = 0;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            position += index % size * stride;
            index /= size;
        }
        position
    }
}

/// The strides of numbers without a gap, the last axis being the fastest. The product of the lengths
/// is known to fit.
pub(super) fn side_by_side(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        // An axis of length 0 leaves no number to be found.
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shape: &[usize], strides: &[usize], start: usize, want: &[i64]) {
        let bytes: Vec<u8> = (0..24).collect();
        let tensor = FileTensor {
            name: String::new(),
            dtype: Dtype::U8,
            shape: shape.to_vec(),
            start,
            strides: strides.to_vec(),
        };
        assert_eq!(tensor.values(&bytes), Ok(Values::I64(want.to_vec())));
    }

    #[test]
    fn strides_lead_to_the_numbers() {
        check(&[2, 3], &[3, 1], 4, &[4, 5, 6, 7, 8, 9]);
        check(&[3, 2], &[1, 3], 4, &[4, 7, 5, 8, 6, 9]); // The transpose.
        check(&[2, 2, 2], &[12, 2, 5], 0, &[0, 5, 2, 7, 12, 17, 14, 19]);
        check(&[2], &[0], 9, &[9, 9]);
        check(&[], &[], 23, &[23]);
        check(&[0, 4], &[4, 1], 24, &[]);
    }

    #[test]
    fn numbers_side_by_side_have_these_strides() {
        assert_eq!(side_by_side(&[2, 3, 4]), [12, 4, 1]);
        assert!(side_by_side(&[]).is_empty());
    }
}
