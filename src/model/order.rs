//! The order of the axes of weights, here and in state dictionaries.

use burn::tensor::{Device, Tensor, TensorData};
use swath_kernels::transpose;

/// The axes of a convolution's weight, `[row, col, channel in, channel out]`, in the order of
/// PyTorch, `[channel out, channel in, row, col]`.
const AXES: [usize; 4] = [3, 2, 0, 1];

/// The way back.
const BACK: [usize; 4] = [2, 3, 1, 0];

/// The shape of a parameter as a state dictionary has it: that of a convolution's weight, which has
/// four axes, and of a linear function, which has two, are turned; others stay.
pub fn in_pytorch_order(shape: &[usize]) -> Vec<usize> {
    match shape {
        [_, _, _, _] => AXES.iter().map(|&axis| shape[axis]).collect(),
        &[input, output] => vec![output, input],
        _ => shape.to_vec(),
    }
}

/// The values of a parameter as a state dictionary has them.
pub fn to_pytorch_order<const D: usize>(parameter: Tensor<D>) -> TensorData {
    let data = parameter.into_data();
    let shape = data.shape().to_vec();
    let turned = match (shape.as_slice(), data.as_slice::<f32>()) {
        (&[rows, cols, input, output], Ok(values)) => {
            let taps = rows * cols;
            let by_output = transposed([taps * input, output], values);
            transposed([taps, input], &by_output)
        }
        (&[input, output], Ok(values)) => transposed([input, output], values),
        (&[_, _, _, _] | &[_, _], Err(_)) => return turned_by_burn::<D>(data),
        _ => return data,
    };
    TensorData::new(turned, in_pytorch_order(&shape))
}

/// Rows for columns, in each of the matrices of this shape that `values` are.
fn transposed(shape: [usize; 2], values: &[f32]) -> Vec<f32> {
    let mut turned = vec![0.0; values.len()];
    transpose(shape, values, &mut turned);
    turned
}

/// The same of other types of numbers, and slower.
fn turned_by_burn<const D: usize>(data: TensorData) -> TensorData {
    let dtype = data.dtype();
    let tensor = Tensor::<D>::from_data(data, (&Device::flex(), dtype));
    let tensor = if D == 4 { tensor.permute(turn::<D>(AXES)) } else { tensor.swap_dims(0, 1) };
    tensor.into_data()
}

/// The parameter whose values a state dictionary has as `data`; it keeps their type.
pub fn from_pytorch_order<const D: usize>(data: TensorData, device: &Device) -> Tensor<D> {
    let dtype = data.dtype();
    let tensor = Tensor::from_data(data, (device, dtype));
    match D {
        4 => in_order(tensor.permute(turn::<D>(BACK))),
        2 => in_order(tensor.swap_dims(0, 1)),
        _ => tensor,
    }
}

/// `axes` where there are four, which the compiler cannot know.
fn turn<const D: usize>(axes: [usize; 4]) -> [isize; D] {
    std::array::from_fn(|axis| axes[axis] as isize)
}

/// The same values in the order of the axes, once and for all.
fn in_order<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    let (device, dtype) = (tensor.device(), tensor.dtype());
    Tensor::from_data(tensor.into_data(), (&device, dtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_turn_and_turn_back() {
        let values: Vec<f32> = (0..2 * 3 * 5 * 7).map(|k| k as f32).collect();
        let data = TensorData::new(values, [7, 5, 2, 3]);
        let weight: Tensor<4> = from_pytorch_order(data.clone(), &Device::flex());
        assert_eq!(weight.dims(), [2, 3, 5, 7]);
        assert_eq!(in_pytorch_order(&weight.dims()), [7, 5, 2, 3]);
        // Row 1, column 2, channel 3 in, channel 4 out.
        let value: f32 = weight.clone().slice([1..2, 2..3, 3..4, 4..5]).into_scalar();
        assert_eq!(value, (((4 * 5) + 3) * 2 + 1) as f32 * 3.0 + 2.0);
        assert_eq!(to_pytorch_order(weight), data);
    }

    #[test]
    fn linear_functions_turn_and_turn_back() {
        let data = TensorData::new(vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
        let weight: Tensor<2> = from_pytorch_order(data.clone(), &Device::flex());
        assert_eq!(weight.dims(), [3, 2]);
        assert_eq!(in_pytorch_order(&weight.dims()), [2, 3]);
        assert_eq!(
            weight.clone().into_data().iter::<f32>().collect::<Vec<_>>(),
            [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]
        );
        assert_eq!(to_pytorch_order(weight), data);
    }

    #[test]
    fn other_parameters_stay() {
        let data = TensorData::new(vec![1.0f32, 2.0], [2]);
        let bias: Tensor<1> = from_pytorch_order(data.clone(), &Device::flex());
        assert_eq!(in_pytorch_order(&[2]), [2]);
        assert_eq!(to_pytorch_order(bias), data);
    }
}
