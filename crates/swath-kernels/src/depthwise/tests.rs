//! Depthwise convolution against plain loops in f64.

use super::DepthwiseConv;
use crate::{
    Epilogue,
    expected::{
        Convolution, Random, assert_convolves, assert_convolves_on_any_threads, assert_finishes,
        products,
    },
};

impl Convolution for DepthwiseConv {
    fn lengths(&self) -> [usize; 3] {
        [self.images_len(), self.weights_len(), self.output_len()]
    }

    fn outputs(&self) -> usize {
        self.channels
    }

    fn products(&self) -> Vec<(usize, usize, usize)> {
        products(&self.dense(), self.channels)
    }

    fn forward(&self, images: &[f32], weights: &[f32], epilogue: Epilogue, out: &mut [f32]) {
        DepthwiseConv::forward(self, images, weights, epilogue, out);
    }

    fn image_gradient(&self, gradient: &[f32], weights: &[f32], out: &mut [f32]) {
        DepthwiseConv::image_gradient(self, gradient, weights, out);
    }

    fn weight_gradient(&self, images: &[f32], gradient: &[f32], out: &mut [f32]) {
        DepthwiseConv::weight_gradient(self, images, gradient, out);
    }
}

#[track_caller]
fn check(conv: DepthwiseConv) {
    assert_convolves(&conv, 1e-6);
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
        let (size, kernel, stride) = (random.pair(1, 20), random.pair(1, 5), random.pair(1, 3));
        let (padding, dilation) = (random.pair(0, 6), random.pair(1, 4));
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
fn the_epilogue_scales_adds_and_activates() {
    assert_finishes(&DepthwiseConv { stride: [2, 1], ..NET });
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    assert_convolves_on_any_threads(&NET);
    assert_convolves_on_any_threads(&DepthwiseConv { size: [90, 64], stride: [2, 2], ..NET });
}

#[test]
#[should_panic(expected = "numbers in the weights and in its shape")]
fn weights_of_another_length_are_refused() {
    NET.forward(&vec![0.0; NET.images_len()], &[0.0; 9], Epilogue::default(), &mut []);
}
