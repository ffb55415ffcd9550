//! Convolutions against the reference.

use super::reference::{self, error, random};
use super::{Conv, Epilogue, bias_gradient};
use crate::expected::{ACTIVATIONS, Random};

const DIRECT: f64 = 2e-6;
const WINOGRAD: f64 = 1e-5;

fn conv(
    batch: usize,
    channels: [usize; 2],
    size: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: usize,
) -> Conv {
    let pair = |n| [n, n];
    Conv {
        batch,
        channels,
        size,
        kernel: pair(kernel),
        stride: pair(stride),
        padding: pair(padding),
        dilation: [1, 1],
    }
}

/// Images, weights and output gradients.
fn data(conv: &Conv) -> [Vec<f32>; 3] {
    [random(conv.images_len(), 1), random(conv.weights_len(), 2), random(conv.output_len(), 3)]
}

/// Output, image gradient and weight gradient, in a pool of `threads` threads.
fn run(conv: &Conv, threads: usize) -> [Vec<f32>; 3] {
    let [images, weights, gradient] = data(conv);
    let garbage = |length| vec![f32::NAN; length];
    let mut out =
        [garbage(conv.output_len()), garbage(conv.images_len()), garbage(conv.weights_len())];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
    pool.install(|| {
        conv.forward(&images, &weights, Epilogue::default(), &mut out[0]);
        conv.image_gradient(&gradient, &weights, &mut out[1]);
        conv.weight_gradient(&images, &gradient, &mut out[2]);
    });
    out
}

#[track_caller]
fn check(conv: Conv, limit: f64) {
    let [images, weights, gradient] = data(&conv);
    let found = run(&conv, 2);
    let expected = [
        reference::forward(&conv, &images, &weights),
        reference::image_gradient(&conv, &gradient, &weights),
        reference::weight_gradient(&conv, &images, &gradient),
    ];
    for ((found, expected), name) in found.iter().zip(&expected).zip(["forward", "image", "weight"])
    {
        let error = error(found, expected);
        assert!(error <= limit, "{name}: error {error:e} in {conv:?}");
    }
}

#[test]
fn common_kernels_agree() {
    for (kernel, stride, padding) in
        [(1, 1, 0), (1, 2, 0), (2, 2, 0), (3, 2, 1), (5, 1, 2), (7, 2, 3), (7, 4, 3)]
    {
        check(conv(2, [16, 32], [13, 18], kernel, stride, padding), DIRECT);
        check(conv(3, [4, 40], [17, 9], kernel, stride, padding), DIRECT);
    }
}

#[test]
fn any_channels_agree() {
    for channels in [[1, 1], [5, 17], [17, 5], [3, 64], [300, 2], [2, 300], [65, 33], [130, 48]] {
        check(conv(1, channels, [9, 7], 3, 2, 1), DIRECT);
        check(conv(2, channels, [5, 6], 1, 1, 0), DIRECT);
    }
}

#[test]
fn stride_one_kernels_agree() {
    for padding in 0..3 {
        check(conv(2, [16, 32], [12, 16], 3, 1, padding), WINOGRAD);
        check(conv(1, [8, 5], [17, 22], 3, 1, padding), WINOGRAD);
        check(conv(3, [19, 37], [9, 11], 3, 1, padding), WINOGRAD);
    }
    check(conv(2, [16, 16], [3, 3], 3, 1, 1), WINOGRAD);
}

#[test]
fn every_order_of_winograd_agrees() {
    // Few tiles and many channels, a block that is not full; some MB of planes; many tiles.
    check(conv(3, [150, 130], [8, 8], 3, 1, 1), WINOGRAD);
    check(conv(2, [70, 75], [36, 33], 3, 1, 1), WINOGRAD);
    check(conv(2, [33, 40], [90, 100], 3, 1, 1), WINOGRAD);
    check(conv(1, [12, 7], [100, 90], 3, 1, 1), WINOGRAD);
    // Planes of the weight gradient in several chunks.
    check(conv(1, [100, 90], [90, 100], 3, 1, 1), WINOGRAD);
    // As before, with a last panel of one vector beside full ones: 4, 8 or 16 numbers in a vector.
    for channels_out in [50, 56, 48] {
        check(conv(1, [80, channels_out], [84, 76], 3, 1, 1), WINOGRAD);
        check(conv(1, [80, channels_out], [20, 16], 3, 1, 1), WINOGRAD);
    }
}

#[test]
fn odd_shapes_agree() {
    let base = conv(2, [6, 9], [11, 14], 3, 1, 1);
    check(Conv { kernel: [1, 5], padding: [0, 2], ..base }, DIRECT);
    check(Conv { kernel: [4, 2], stride: [3, 1], padding: [2, 0], ..base }, DIRECT);
    check(Conv { stride: [1, 2], dilation: [2, 3], padding: [2, 3], ..base }, DIRECT);
    check(Conv { stride: [4, 5], padding: [0, 0], ..base }, DIRECT);
    check(Conv { kernel: [11, 14], padding: [0, 0], ..base }, DIRECT);
    check(Conv { padding: [5, 4], stride: [2, 2], ..base }, DIRECT);
}

#[test]
fn dilated_kernels_agree() {
    for rate in [2, 5, 12, 36] {
        let base = conv(2, [20, 24], [16, 13], 3, 1, rate);
        check(Conv { dilation: [rate, rate], ..base }, DIRECT);
    }
    check(Conv { dilation: [2, 2], ..conv(1, [8, 8], [15, 12], 3, 2, 2) }, DIRECT);
}

#[test]
fn many_pixels_agree() {
    check(conv(1, [4, 8], [70, 90], 7, 2, 3), DIRECT);
    check(conv(40, [8, 12], [6, 5], 3, 2, 1), DIRECT);
}

#[test]
fn random_shapes_agree() {
    let mut numbers = random(4000, 9).into_iter().map(|x| ((x + 1.0) * 4096.0) as usize);
    let mut draw =
        |from: usize, to: usize| from + numbers.next().map_or(0, |x| x % (to - from + 1));
    for _ in 0..200 {
        let mut pair = |from, to| [draw(from, to), draw(from, to)];
        let (channels, kernel, dilation) = (pair(1, 40), pair(1, 5), pair(1, 3));
        let (stride, padding, more) = (pair(1, 3), pair(0, 4), pair(0, 9));
        let size = [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] + 1 + more[axis]);
        let conv = Conv { batch: draw(1, 3), channels, size, kernel, stride, padding, dilation };
        check(conv, if conv.is_winograd() { WINOGRAD } else { DIRECT });
    }
}

#[test]
fn random_shapes_of_winograd_agree() {
    let mut numbers = Random::new(5);
    for _ in 0..60 {
        let (channels, more, padding) =
            (numbers.pair(8, 70), numbers.pair(0, 20), numbers.pair(0, 2));
        let size = [0, 1].map(|axis| more[axis] + 5 - padding[axis]);
        let conv = Conv { size, padding, ..conv(numbers.between(1, 3), channels, [1, 1], 3, 1, 0) };
        assert!(conv.is_winograd(), "{conv:?}");
        check(conv, WINOGRAD);
    }
}

#[test]
fn strides_beyond_the_image_agree() {
    check(Conv { stride: [1 << 40, 50], ..conv(2, [5, 6], [7, 9], 3, 1, 1) }, DIRECT);
}

#[test]
fn gradients_are_finite_differences() {
    for (kernel, stride, dilation) in [(3, 1, 1), (3, 2, 1), (2, 2, 1), (3, 1, 2)] {
        let pair = [dilation; 2];
        let conv = Conv { dilation: pair, ..conv(1, [8, 5], [7, 8], kernel, stride, 1) };
        let [mut images, mut weights, gradient] = data(&conv);
        let [_, image_gradient, weight_gradient] = run(&conv, 1);
        // The sum of outputs times their gradients: linear in images and in weights.
        let loss = |images: &[f32], weights: &[f32]| -> f64 {
            let out = reference::forward(&conv, images, weights);
            out.iter().zip(&gradient).map(|(o, &g)| o * f64::from(g)).sum()
        };
        for i in [0, 17, 100, 5] {
            let (image, weight) = (images[i], weights[i]);
            let start = loss(&images, &weights);
            images[i] = image + 1.0;
            assert!((loss(&images, &weights) - start - f64::from(image_gradient[i])).abs() < 1e-4);
            images[i] = image;
            weights[i] = weight + 1.0;
            assert!((loss(&images, &weights) - start - f64::from(weight_gradient[i])).abs() < 1e-4);
            weights[i] = weight;
        }
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    for conv in [
        conv(2, [64, 70], [8, 8], 3, 1, 1),
        conv(2, [20, 33], [61, 64], 3, 1, 1),
        conv(2, [100, 96], [33, 32], 3, 1, 1),
        conv(3, [20, 70], [21, 19], 3, 2, 1),
        conv(4, [64, 130], [9, 9], 1, 1, 0),
        conv(2, [4, 64], [64, 60], 7, 2, 3),
    ] {
        let bits = |threads| {
            run(&conv, threads).map(|out| out.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        };
        let one = bits(1);
        assert!([1, 2, 7].iter().all(|&threads| bits(threads) == one), "{conv:?}");
    }
}

#[test]
fn an_empty_batch_has_an_empty_output() {
    let conv = conv(0, [3, 4], [8, 8], 3, 1, 1);
    let [output, images, weights] = run(&conv, 1);
    assert!(output.is_empty() && images.is_empty());
    assert_eq!(weights, vec![0.0; 9 * 3 * 4]);
}

#[test]
fn the_epilogue_scales_adds_and_activates() {
    for (channels, kernel, stride) in [([6, 21], 3, 2), ([16, 40], 1, 1), ([16, 21], 3, 1)] {
        let conv = conv(2, channels, [9, 10], kernel, stride, kernel / 2);
        let [images, weights, _] = data(&conv);
        let [scale, bias] = [6, 7].map(|seed| random(channels[1], seed));
        let residual = random(conv.output_len(), 8);
        for activation in ACTIVATIONS {
            let mut out = vec![f32::NAN; conv.output_len()];
            let (scale, bias, residual) = (Some(&scale[..]), Some(&bias[..]), Some(&residual[..]));
            let epilogue = Epilogue { scale, bias, residual, activation };
            conv.forward(&images, &weights, epilogue, &mut out);
            let mut expected = reference::forward(&conv, &images, &weights);
            for (i, value) in expected.iter_mut().enumerate() {
                let at = |of: Option<&[f32]>, i: usize| f64::from(of.unwrap()[i]);
                let channel = i % channels[1];
                let x = *value * at(scale, channel) + at(bias, channel) + at(residual, i);
                *value = activation.of(x);
            }
            let error = error(&out, &expected);
            let limit = if conv.is_winograd() { WINOGRAD } else { DIRECT };
            assert!(error <= limit, "{activation:?}: error {error:e}");
        }
    }
}

#[test]
fn bias_gradients_are_sums() {
    for (pixels, channels) in [(0, 3), (1, 1), (9000, 5), (5000, 40)] {
        let gradient = random(pixels * channels, 4);
        let mut out = vec![f32::NAN; channels];
        bias_gradient(&gradient, channels, &mut out);
        let mut expected = vec![0.0; channels];
        gradient.iter().enumerate().for_each(|(i, &x)| expected[i % channels] += f64::from(x));
        assert!(error(&out, &expected) <= DIRECT);
    }
}

#[test]
#[should_panic(expected = "numbers in the images and in its shape")]
fn a_wrong_length_is_refused() {
    let conv = conv(1, [2, 2], [4, 4], 3, 1, 1);
    conv.forward(&[0.0; 31], &[0.0; 36], Epilogue::default(), &mut [0.0; 32]);
}
