//! The convolution as its formula says, in double precision, for tests.

use super::Conv;

/// Calls `visit(image, output, weight)` with the indices of every product.
fn products(conv: &Conv, mut visit: impl FnMut(usize, usize, usize)) {
    let [channels_in, channels_out] = conv.channels;
    let [rows, cols] = conv.output_size();
    let source = |axis: usize, point: usize, k: usize| {
        let at = (point * conv.stride[axis] + k * conv.dilation[axis])
            .checked_sub(conv.padding[axis])?;
        (at < conv.size[axis]).then_some(at)
    };
    for batch in 0..conv.batch {
        for (row, col) in (0..rows * cols).map(|i| (i / cols, i % cols)) {
            for tap in 0..conv.kernel[0] * conv.kernel[1] {
                let Some(r) = source(0, row, tap / conv.kernel[1]) else { continue };
                let Some(c) = source(1, col, tap % conv.kernel[1]) else { continue };
                let image = ((batch * conv.size[0] + r) * conv.size[1] + c) * channels_in;
                let output = ((batch * rows + row) * cols + col) * channels_out;
                for i in 0..channels_in {
                    for o in 0..channels_out {
                        visit(image + i, output + o, (tap * channels_in + i) * channels_out + o);
                    }
                }
            }
        }
    }
}

pub(super) fn forward(conv: &Conv, images: &[f32], weights: &[f32]) -> Vec<f64> {
    let mut out = vec![0.0; conv.output_len()];
    products(conv, |i, o, w| out[o] += f64::from(images[i]) * f64::from(weights[w]));
    out
}

pub(super) fn image_gradient(conv: &Conv, gradient: &[f32], weights: &[f32]) -> Vec<f64> {
    let mut out = vec![0.0; conv.images_len()];
    products(conv, |i, o, w| out[i] += f64::from(gradient[o]) * f64::from(weights[w]));
    out
}

pub(super) fn weight_gradient(conv: &Conv, images: &[f32], gradient: &[f32]) -> Vec<f64> {
    let mut out = vec![0.0; conv.weights_len()];
    products(conv, |i, o, w| out[w] += f64::from(images[i]) * f64::from(gradient[o]));
    out
}

/// `‖found - expected‖ / ‖expected‖`.
pub(super) fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let difference: f64 =
        found.iter().zip(expected).map(|(&f, &e)| (f64::from(f) - e).powi(2)).sum();
    let norm: f64 = expected.iter().map(|e| e * e).sum();
    if norm == 0.0 { difference.sqrt() } else { (difference / norm).sqrt() }
}

/// Numbers in `[-1, 1)` from a linear congruential generator.
pub(super) fn random(length: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}
