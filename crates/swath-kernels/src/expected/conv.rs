//! Convolutions in f64, as lists of products.

use crate::Conv;

/// Every product of a convolution with groups: image, weight and output index.
///
/// The channels of `conv` are those of all groups. Weights are `[kernel row, kernel col, channel in of a
/// group, channel out]`.
pub fn products(conv: &Conv, groups: usize) -> Vec<(usize, usize, usize)> {
    let [inputs, outputs] = conv.channels;
    let (group_inputs, group_outputs) = (inputs / groups, outputs / groups);
    let [rows, cols] = conv.output_size();
    let mut list = Vec::new();
    for pixel in 0..conv.batch * rows * cols {
        let (image, row, col) = (pixel / (rows * cols), pixel / cols % rows, pixel % cols);
        for tap in 0..conv.kernel[0] * conv.kernel[1] {
            let [tap_row, tap_col] = [tap / conv.kernel[1], tap % conv.kernel[1]];
            let row =
                (row * conv.stride[0] + tap_row * conv.dilation[0]).wrapping_sub(conv.padding[0]);
            let col =
                (col * conv.stride[1] + tap_col * conv.dilation[1]).wrapping_sub(conv.padding[1]);
            if conv.size[0] <= row || conv.size[1] <= col {
                continue;
            }
            let from = (image * conv.size[0] + row) * conv.size[1] + col;
            for output in 0..outputs {
                for input in 0..group_inputs {
                    let image = from * inputs + output / group_outputs * group_inputs + input;
                    let weight = (tap * group_inputs + input) * outputs + output;
                    list.push((image, weight, pixel * outputs + output));
                }
            }
        }
    }
    list
}

/// The sums over `products` of the `which`-th index (0 image, 1 weight, 2 output), of the values of the
/// other two in their order.
pub fn sums(
    products: &[(usize, usize, usize)],
    which: usize,
    [first, second]: [&[f32]; 2],
    length: usize,
) -> Vec<f64> {
    let mut sums = vec![0.0; length];
    for &(image, weight, output) in products {
        let (to, one, other) = match which {
            0 => (image, weight, output),
            1 => (weight, image, output),
            _ => (output, image, weight),
        };
        sums[to] += f64::from(first[one]) * f64::from(second[other]);
    }
    sums
}
