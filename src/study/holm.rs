//! Holm's correction for many comparisons.

/// p values that hold for `n_comparisons` together, in the order given: with the values sorted
/// upwards, `max over j <= i of min(1, (n_comparisons - j) p_j)`, j counted from 0.
///
/// NaN stays NaN but is one of the comparisons: a run that is still to come makes nothing easier.
///
/// Source: Holm 1979, Scandinavian Journal of Statistics 6(2), 65-70.
///
/// # Panics
///
/// If there are more values than comparisons.
pub fn holm(p_values: &[f64], n_comparisons: usize) -> Vec<f64> {
    assert!(p_values.len() <= n_comparisons, "{} of {n_comparisons}", p_values.len());
    let mut order: Vec<usize> = (0..p_values.len()).filter(|&it| !p_values[it].is_nan()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut corrected = vec![f64::NAN; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        largest = largest.max((n_comparisons - rank) as f64 * p_values[index]).min(1.0);
        corrected[index] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(p_values: &[f64], n_comparisons: usize, wanted: &[f64]) {
        let found = holm(p_values, n_comparisons);
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(wanted) {
            let is_right = found.is_nan() && wanted.is_nan() || (found - wanted).abs() < 1e-15;
            assert!(is_right, "{found} {wanted}");
        }
    }

    // Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04; the last rises to
    // the one before.
    #[test]
    fn values_are_multiplied_by_rank_and_never_fall() {
        check(&[0.01, 0.04, 0.03, 0.005], 4, &[0.03, 0.06, 0.06, 0.02]);
        check(&[0.4, 0.6], 2, &[0.8, 0.8]);
        check(&[0.7, 0.8], 2, &[1.0, 1.0]);
        check(&[0.03], 1, &[0.03]);
    }

    #[test]
    fn comparisons_without_a_value_count() {
        check(&[0.01, f64::NAN], 3, &[0.03, f64::NAN]);
    }
}
