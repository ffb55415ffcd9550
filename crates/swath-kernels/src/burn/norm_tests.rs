//! Batch normalisation against burn's operations.

use burn::{backend::DType, tensor::Device};

use super::*;
use crate::{
    burn::agreement::{assert_agree, channels, numbers, random},
    expected::{ACTIVATIONS, assert_close},
};

const SHAPES: [[usize; 4]; 3] = [[2, 7, 5, 6], [1, 5, 9, 1], [1, 8, 8, 20]];

fn cases() -> impl Iterator<Item = (Norm, [usize; 4])> {
    ACTIVATIONS
        .into_iter()
        .flat_map(|activation| SHAPES.map(|shape| (Norm { epsilon: 1e-3, activation }, shape)))
}

fn inputs(
    images: Tensor<4>,
    residual: Option<Tensor<4>>,
    weight: Tensor<4>,
    bias: Tensor<4>,
) -> NormInputs {
    NormInputs { images, residual, weight: channels(weight), bias: channels(bias) }
}

#[test]
fn the_norm_by_batch_is_that_of_burn() {
    for (norm, shape @ [.., n_channels]) in cases() {
        let affine = [1, 1, 1, n_channels];
        let what = format!("{norm:?} {shape:?}");
        assert_agree(&what, [shape, affine, affine], |[images, weight, bias]| {
            norm.by_batch(inputs(images, None, weight, bias)).0
        });
        let shapes = [shape, shape, affine, affine];
        assert_agree(&what, shapes, |[images, residual, weight, bias]| {
            norm.by_batch(inputs(images, Some(residual), weight, bias)).0
        });
    }
}

#[test]
fn the_norm_by_running_statistics_is_that_of_burn() {
    for (norm, shape @ [.., n_channels]) in cases() {
        let affine = [1, 1, 1, n_channels];
        let running = |dtype| {
            let device = Device::flex();
            let mean = channels(random(affine, dtype, &device));
            ChannelStatistics { variance: mean.clone() * mean.clone() + 0.5, mean }
        };
        let what = format!("{norm:?} {shape:?}");
        assert_agree(&what, [shape, affine, affine], |[images, weight, bias]| {
            let running = running(images.dtype());
            norm.by_running(inputs(images, None, weight, bias), running)
        });
        let shapes = [shape, shape, affine, affine];
        assert_agree(&what, shapes, |[images, residual, weight, bias]| {
            let running = running(images.dtype());
            norm.by_running(inputs(images, Some(residual), weight, bias), running)
        });
    }
}

#[test]
fn statistics_are_those_of_burn_and_without_a_gradient() {
    for device in [Device::flex(), Device::flex().autodiff()] {
        for shape @ [.., n_channels] in SHAPES {
            let [got, want] = [DType::F32, DType::F64].map(|dtype| {
                let affine = || random([1, 1, 1, n_channels], dtype, &device);
                let images = random(shape, dtype, &device) + 3.0;
                let norm = Norm { epsilon: 1e-5, activation: Activation::Relu };
                let found = norm.by_batch(inputs(images, None, affine(), affine())).1;
                assert!(!found.mean.is_autodiff() && !found.variance.is_autodiff());
                [numbers(found.mean), numbers(found.variance)]
            });
            for (got, want) in got.into_iter().zip(want) {
                let got: Vec<f32> = got.into_iter().map(|it| it as f32).collect();
                assert_close("statistics", &got, &want, 1e-6);
            }
        }
    }
}
