//! What is tested of every kind of convolution.

use std::fmt::Debug;

use super::{Random, assert_close, assert_same_bits_on_any_threads, sums};
use crate::{Activation, Epilogue};

/// A convolution under test.
pub trait Convolution: Debug + Sync {
    /// Numbers in the images, the weights and the output.
    fn lengths(&self) -> [usize; 3];

    /// Channels out.
    fn outputs(&self) -> usize;

    /// Every product: image, weight and output index.
    fn products(&self) -> Vec<(usize, usize, usize)>;

    fn forward(&self, images: &[f32], weights: &[f32], epilogue: Epilogue, out: &mut [f32]);

    fn image_gradient(&self, gradient: &[f32], weights: &[f32], out: &mut [f32]);

    fn weight_gradient(&self, images: &[f32], gradient: &[f32], out: &mut [f32]);
}

/// Output and gradients are the sums of products, within `tolerance`.
#[track_caller]
pub fn assert_convolves(of: &impl Convolution, tolerance: f64) {
    let values @ [images, weights, gradient] = &values(of);
    let [out, of_images, of_weights] = run(of, values);
    let (products, what) = (of.products(), format!("{of:?}"));
    let want = sums(&products, 2, [images, weights], out.len());
    assert_close(&what, &out, &want, tolerance);
    let want = sums(&products, 0, [weights, gradient], images.len());
    assert_close(&what, &of_images, &want, tolerance);
    let want = sums(&products, 1, [images, gradient], weights.len());
    assert_close(&what, &of_weights, &want, tolerance);
}

/// All steps of an epilogue follow the convolution.
#[track_caller]
pub fn assert_finishes(of: &impl Convolution) {
    let [images, weights, residual] = values(of);
    let outputs = of.outputs();
    let [scale, bias] = [2, 3].map(|seed| Random::new(seed).values(outputs));
    let mut plain = vec![f32::NAN; residual.len()];
    of.forward(&images, &weights, Epilogue::default(), &mut plain);
    let want = plain.iter().zip(&residual).enumerate().map(|(index, (out, residual))| {
        let channel = index % outputs;
        let scaled = f64::from(*out) * f64::from(scale[channel]);
        (scaled + f64::from(bias[channel]) + f64::from(*residual)).max(0.0)
    });
    let epilogue = Epilogue {
        scale: Some(&scale),
        bias: Some(&bias),
        residual: Some(&residual),
        activation: Activation::Relu,
    };
    let mut out = vec![f32::NAN; residual.len()];
    of.forward(&images, &weights, epilogue, &mut out);
    assert_close("epilogue", &out, &want.collect::<Vec<_>>(), 1e-6);
}

/// Output and gradients have the same bits on any number of threads.
#[track_caller]
pub fn assert_convolves_on_any_threads(of: &impl Convolution) {
    let values = values(of);
    assert_same_bits_on_any_threads(&format!("{of:?}"), || run(of, &values).concat());
}

/// Images, weights and gradient of the output.
fn values(of: &impl Convolution) -> [Vec<f32>; 3] {
    let mut random = Random::new(of.outputs() as u64);
    of.lengths().map(|n| random.values(n))
}

/// Output, image gradient and weight gradient.
fn run(of: &impl Convolution, [images, weights, gradient]: &[Vec<f32>; 3]) -> [Vec<f32>; 3] {
    let [mut out, mut of_images, mut of_weights] =
        [gradient, images, weights].map(|it| vec![f32::NAN; it.len()]);
    of.forward(images, weights, Epilogue::default(), &mut out);
    of.image_gradient(gradient, weights, &mut of_images);
    of.weight_gradient(images, gradient, &mut of_weights);
    [out, of_images, of_weights]
}
