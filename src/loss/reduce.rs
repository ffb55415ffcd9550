//! Sums whose bits do not depend on the number of threads.

use burn::tensor::Tensor;

/// How many numbers are added in one go.
const ROW: usize = 1024;

/// The sum of all elements, `[1]`, added in the same order whatever the number of threads.
///
/// The elements are cut into rows of 1024, each row is summed, and the sums are summed in the same
/// way. Burn's own `sum` and `mean` of a whole tensor must not be used: from 4,194,304 elements on,
/// its CPU backend adds partial sums in the order in which threads finish. Its `sum_dim` runs on
/// one thread.
pub fn sum_fixed<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let n_values: usize = tensor.dims().iter().product();
    let mut values: Tensor<1> = tensor.reshape([n_values]);
    loop {
        let [n_values] = values.dims();
        if n_values <= ROW {
            return values.sum_dim(0);
        }
        let n_rows = n_values / ROW;
        let rows: Tensor<2> = values.clone().narrow(0, 0, n_rows * ROW).reshape([n_rows, ROW]);
        let mut sums: Tensor<1> = rows.sum_dim(1).reshape([n_rows]);
        if n_rows * ROW < n_values {
            let rest = values.narrow(0, n_rows * ROW, n_values % ROW).sum_dim(0);
            sums = Tensor::cat(vec![sums, rest], 0);
        }
        values = sums;
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    /// Numbers of all sizes that nearly cancel, so that the bits show the order of additions.
    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|k| (k as f32 * 0.7).sin() * 10f32.powi(k as i32 % 7 - 3)).collect()
    }

    fn sum(values: &[f32]) -> f32 {
        let data = TensorData::new(values.to_vec(), [values.len()]);
        sum_fixed(Tensor::<1>::from_data(data, &Device::flex())).into_scalar()
    }

    #[test]
    fn the_sum_is_the_sum() {
        for n in [1, 2, 1023, 1024, 1025, 2048, 3000, 1024 * 1024 + 1, 5_000_000] {
            let values = values(n);
            let want: f64 = values.iter().map(|&it| f64::from(it)).sum();
            let error = (f64::from(sum(&values)) - want).abs();
            // Of n numbers up to 1000: three levels of rows, each off by a few units in the last place.
            assert!(error <= 1e-4 * n as f64, "{n} numbers: off by {error}");
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let values = values(5_000_000);
        let want = sum(&values).to_bits();
        for n_threads in [1, 2, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            for _ in 0..20 {
                assert_eq!(pool.install(|| sum(&values)).to_bits(), want, "{n_threads} threads");
            }
        }
    }

    #[test]
    fn every_element_has_gradient_one() {
        let device = Device::flex().autodiff();
        let values = Tensor::<2>::ones([3, 1000], &device).require_grad();
        let gradients = sum_fixed(values.clone() * 2.0).backward();
        let gradient = values.grad(&gradients).unwrap().into_data();
        assert!(gradient.iter::<f32>().all(|it| it == 2.0));
    }
}
