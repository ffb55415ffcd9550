//! Adding a bias.

use crate::parallel::parts;

/// Pixels that one task changes.
const PIXELS: usize = 4096;

/// `images[pixel, channel] += bias[channel]`, for `[…, channel]`.
///
/// # Panics
/// If the bias is empty, or the images have no whole number of pixels.
pub fn add_bias(images: &mut [f32], bias: &[f32]) {
    assert!(
        !bias.is_empty() && images.len().is_multiple_of(bias.len()),
        "{} values of {} channels",
        images.len(),
        bias.len()
    );
    parts(images, PIXELS * bias.len(), |_, images| {
        for pixel in images.chunks_exact_mut(bias.len()) {
            pixel.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_gets_the_bias_of_its_channel() {
        let bias = [1.0, -2.0, 0.5];
        let mut images: Vec<f32> = (0..3 * 5000).map(|k| k as f32).collect();
        add_bias(&mut images, &bias);
        for (k, value) in images.into_iter().enumerate() {
            assert_eq!(value, k as f32 + bias[k % 3]);
        }
    }
}
