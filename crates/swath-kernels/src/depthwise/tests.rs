//! Depthwise convolution against plain loops in f64.

use super::DepthwiseConv;
use crate::{
    Activation, Epilogue,
    expected::{Random, assert_close, assert_same_bits_on_any_threads, products, sums},
};

struct Values {
    images: Vec<f32>,
    weights: Vec<f32>,
    gradient: Vec<f32>,
}

fn values(conv: &DepthwiseConv) -> Values {
    let mut random = Random::new(conv.channels as u64);
    Values {
        images: random.values(conv.images_len()),
        weights: random.values(conv.weights_len()),
        gradient: random.values(conv.output_len()),
    }
}

fn run(conv: &DepthwiseConv, values: &Values) -> [Vec<f32>; 3] {
    let Values { images, weights, gradient } = values;
    let mut out = vec![f32::NAN; gradient.len()];
    let (mut of_images, mut of_weights) =
        (vec![f32::NAN; images.len()], vec![f32::NAN; weights.len()]);
    conv.forward(images, weights, Epilogue::default(), &mut out);
    conv.image_gradient(gradient, weights, &mut of_images);
    conv.weight_gradient(images, gradient, &mut of_weights);
    [out, of_images, of_weights]
}

fn check(conv: DepthwiseConv) {
    let values = values(&conv);
    let [out, of_images, of_weights] = run(&conv, &values);
    let Values { images, weights, gradient } = &values;
    let products = products(&conv.dense(), conv.channels);
    let what = format!("{conv:?}");
    assert_close(&what, &out, &sums(&products, 2, [images, weights], out.len()), 1e-6);
    let want = sums(&products, 0, [weights, gradient], images.len());
    assert_close(&what, &of_images, &want, 1e-6);
    let want = sums(&products, 1, [images, gradient], weights.len());
    assert_close(&what, &of_weights, &want, 1e-6);
}

const NET: DepthwiseConv = DepthwiseConv {
    batch: 2,
    channels: 40,
    size: [13, 17],
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
};

#[test]
fn kernels_of_networks_are_right() {
    check(NET);
    check(DepthwiseConv { stride: [2, 2], ..NET });
    check(DepthwiseConv { stride: [2, 2], size: [14, 16], ..NET });
    let wide = DepthwiseConv { kernel: [5, 5], padding: [2, 2], ..NET };
    check(wide);
    check(DepthwiseConv { stride: [2, 2], channels: 300, ..wide });
    check(DepthwiseConv { dilation: [6, 6], padding: [6, 6], ..NET });
    check(DepthwiseConv { dilation: [36, 36], padding: [36, 36], channels: 16, ..NET });
    check(DepthwiseConv { batch: 0, ..NET });
    check(DepthwiseConv { size: [90, 64], channels: 24, ..NET });
}

#[test]
fn any_shape_is_right() {
    let mut random = Random::new(1);
    for _ in 0..150 {
        let mut pair = |first, last| [random.between(first, last), random.between(first, last)];
        let (size, kernel, stride) = (pair(1, 20), pair(1, 5), pair(1, 3));
        let (padding, dilation) = (pair(0, 6), pair(1, 4));
        let channels = [1, 3, 8, 16, 17, 33][random.below(6)];
        let batch = random.between(1, 2);
        let fits =
            (0..2).all(|axis| (kernel[axis] - 1) * dilation[axis] < size[axis] + 2 * padding[axis]);
        if fits {
            check(DepthwiseConv { batch, channels, size, kernel, stride, padding, dilation });
        }
    }
}

#[test]
fn the_epilogue_adds_and_activates() {
    let conv = DepthwiseConv { stride: [2, 1], ..NET };
    let Values { images, weights, gradient } = values(&conv);
    let bias = Random::new(3).values(conv.channels);
    let mut plain = vec![f32::NAN; gradient.len()];
    conv.forward(&images, &weights, Epilogue::default(), &mut plain);
    let want = plain.iter().zip(&gradient).enumerate().map(|(index, (out, residual))| {
        f64::from((out + bias[index % conv.channels] + residual).max(0.0))
    });
    let epilogue = Epilogue {
        scale: None,
        bias: Some(&bias),
        residual: Some(&gradient),
        activation: Activation::Relu,
    };
    let mut out = vec![f32::NAN; gradient.len()];
    conv.forward(&images, &weights, epilogue, &mut out);
    assert_close("epilogue", &out, &want.collect::<Vec<_>>(), 1e-6);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for conv in [NET, DepthwiseConv { size: [90, 64], stride: [2, 2], ..NET }] {
        let values = values(&conv);
        assert_same_bits_on_any_threads("depthwise", || run(&conv, &values).concat());
    }
}

#[test]
#[should_panic(expected = "numbers in the weights and in its shape")]
fn weights_of_another_length_are_refused() {
    NET.forward(&vec![0.0; NET.images_len()], &[0.0; 9], Epilogue::default(), &mut []);
}
