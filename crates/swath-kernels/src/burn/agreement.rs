//! The kernels, on `f32`, against burn's own operations, on `f64`: for tests alone.

use burn::{
    backend::DType,
    tensor::{Device, Tensor, TensorData},
};

use crate::expected::{Random, assert_close};

/// How far the kernels may be off, relative to the Euclidean norm.
const TOLERANCE: f64 = 1e-5;

/// How the values of a tensor lie in memory.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// In the order of their axes.
    InOrder,
    /// Channels first; gradients arrive so, too.
    Permuted,
    /// In order, behind others.
    Behind,
}

/// Checks that kernels and burn's operations give the same output and the same gradients of all
/// inputs, of random values of these `shapes`: in every layout, with and without gradients, and with
/// the gradient of one input alone. Where there is one channel, a tensor counts as in order always.
///
/// `[channel]` is given as `[1, 1, 1, channel]`; `run` turns it with [`channels`].
#[track_caller]
pub fn assert_agree<const N: usize>(
    what: &str,
    shapes: [[usize; 4]; N],
    run: impl Fn([Tensor<4>; N]) -> Tensor<4>,
) {
    let mut random = Random::new(1);
    let values = shapes.map(|shape| random.values(shape.iter().product()));
    let inputs = |dtype, device: &Device, layout| {
        let mut values = values.iter();
        shapes.map(|shape| {
            let values = values.next().expect("as many as shapes").clone();
            laid_out(tensor(values, shape, dtype, device), layout)
        })
    };
    let (plain, tracked) = (Device::flex(), Device::flex().autodiff());
    let all = [true; N];
    let want = gradients(inputs(DType::F64, &tracked, Layout::InOrder), all, false, &run);
    for layout in [Layout::InOrder, Layout::Permuted, Layout::Behind] {
        let what = format!("{what}, {layout:?}");
        let output = numbers(run(inputs(DType::F32, &plain, layout)));
        let output: Vec<f32> = output.into_iter().map(|it| it as f32).collect();
        assert_close(&format!("{what}: output"), &output, &want.output, TOLERANCE);

        let only = (0..N).map(|one| std::array::from_fn(|index| index == one));
        for is_wanted in only.chain([all]) {
            let is_permuted = matches!(layout, Layout::Permuted);
            let given = inputs(DType::F32, &tracked, layout);
            let found = gradients(given, is_wanted, is_permuted, &run);
            let found_output: Vec<f32> = found.output.iter().map(|&it| it as f32).collect();
            assert!(found_output == output, "{what}: the gradient changes the output");
            for (index, gradient) in found.inputs.iter().enumerate() {
                let what = format!("{what}: gradient {index} of {is_wanted:?}");
                assert_eq!(gradient.is_some(), is_wanted[index], "{what}: it is there");
                let Some(gradient) = gradient else { continue };
                let got: Vec<f32> = gradient.iter().map(|&it| it as f32).collect();
                let want = want.inputs[index].as_ref().expect("all are wanted");
                assert_close(&what, &got, want, TOLERANCE);
            }
        }
    }
}

/// `[1, 1, 1, channel]` to `[channel]`.
pub fn channels(values: Tensor<4>) -> Tensor<1> {
    let [.., channels] = values.dims();
    values.reshape([channels])
}

/// The values in the order of the axes.
pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// A tensor of random values of `[-2, 2)`.
pub fn random(shape: [usize; 4], dtype: DType, device: &Device) -> Tensor<4> {
    tensor(Random::new(2).values(shape.iter().product()), shape, dtype, device)
}

fn tensor(values: Vec<f32>, shape: [usize; 4], dtype: DType, device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, shape), (device, dtype))
}

fn laid_out(tensor: Tensor<4>, layout: Layout) -> Tensor<4> {
    let (device, dtype) = (tensor.device(), tensor.dtype());
    match layout {
        Layout::InOrder => tensor,
        Layout::Permuted => {
            let data = tensor.permute([0, 3, 1, 2]).into_data();
            Tensor::from_data(data, (&device, dtype)).permute([0, 2, 3, 1])
        }
        Layout::Behind => {
            let batch = tensor.dims()[0];
            Tensor::cat(vec![tensor.clone() + 1.0, tensor], 0).narrow(0, batch, batch)
        }
    }
}

struct Found<const N: usize> {
    output: Vec<f64>,
    inputs: [Option<Vec<f64>>; N],
}

/// Output, and gradients of a random sum of its values, which arrives channels first if
/// `is_permuted`.
fn gradients<const N: usize>(
    inputs: [Tensor<4>; N],
    is_wanted: [bool; N],
    is_permuted: bool,
    run: impl Fn([Tensor<4>; N]) -> Tensor<4>,
) -> Found<N> {
    let mut is_wanted = is_wanted.into_iter();
    let inputs =
        inputs.map(|it| if is_wanted.next() == Some(true) { it.require_grad() } else { it });
    let output = run(inputs.clone());
    let factors = random(output.dims(), output.dtype(), &output.device());
    let sum = if is_permuted {
        let factors = factors.permute([0, 3, 1, 2]).into_data();
        let permuted = output.clone().permute([0, 3, 1, 2]);
        (permuted * Tensor::from_data(factors, (&output.device(), output.dtype()))).sum()
    } else {
        (output.clone() * factors).sum()
    };
    let gradients = sum.backward();
    let inputs = inputs.map(|it| it.grad(&gradients).map(numbers));
    Found { output: numbers(output), inputs }
}

/// Classes of `n_pixels` pixels, of which about a quarter is `ignore`.
pub fn random_labels(
    generator: &mut Random,
    n_pixels: usize,
    classes: usize,
    ignore: i64,
) -> Vec<i64> {
    let mut label =
        || if generator.below(4) == 0 { ignore } else { generator.below(classes) as i64 };
    (0..n_pixels).map(|_| label()).collect()
}
