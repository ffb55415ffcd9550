//! Slopes of a curve from iteration to iteration.

/// `(v_(i+1) - v_(i-1)) / 2`, at the ends the difference to the only neighbour; 0 for one value.
///
/// Source: `numpy.gradient`, which refuses a single value.
pub(super) fn gradient(values: &[f64]) -> Vec<f64> {
    let last = values.len().saturating_sub(1);
    let slope = |index: usize| {
        let (before, after) = (index.saturating_sub(1), (index + 1).min(last));
        (values[after] - values[before]) / (after - before).max(1) as f64
    };
    (0..values.len()).map(slope).collect()
}

/// Index of the smallest value, the first of equal ones; NaN is none.
pub(super) fn smallest(values: &[f64]) -> Option<usize> {
    let numbers = values.iter().enumerate().filter(|(_, it)| !it.is_nan());
    numbers.min_by(|(_, a), (_, b)| a.partial_cmp(b).expect("numbers")).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], wanted: &[f64], wanted_smallest: Option<usize>) {
        assert_eq!(gradient(values), wanted);
        assert_eq!(smallest(values), wanted_smallest);
    }

    // By hand: 4 - 1, (2 - 1) / 2, (8 - 4) / 2, 8 - 2.
    #[test]
    fn equals_hand_values() {
        check(&[1.0, 4.0, 2.0, 8.0], &[3.0, 0.5, 2.0, 6.0], Some(0));
        check(&[3.0, 1.0], &[-2.0, -2.0], Some(1));
        check(&[3.0], &[0.0], Some(0));
        check(&[], &[], None);
    }

    #[test]
    fn the_first_of_equal_values_is_the_smallest() {
        assert_eq!(smallest(&[2.0, -0.0, 0.0, -0.0]), Some(1));
        assert_eq!(smallest(&[f64::NAN, 1.0, f64::NEG_INFINITY]), Some(2));
        assert_eq!(smallest(&[f64::NAN]), None);
    }
}
