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
        let rows: Tensor<2> = values.clone().slice([0..n_rows * ROW]).reshape([n_rows, ROW]);
        let mut sums: Tensor<1> = rows.sum_dim(1).reshape([n_rows]);
        if n_rows * ROW < n_values {
            let rest = values.slice([n_rows * ROW..n_values]).sum_dim(0);
            sums = Tensor::cat(vec![sums, rest], 0);
        }
        values = sums;
    }
}
