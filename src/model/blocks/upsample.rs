//! Bringing a small image to the size of a larger one.

use burn::tensor::{
    Tensor,
    module::interpolate,
    ops::{InterpolateMode, InterpolateOptions},
};

/// Nearest-neighbour enlargement of `images` to `size_px`, which is `[rows, cols]`.
///
/// Output row `i` of `n` copies input row `floor(i * rows / n)`, as PyTorch's `nearest` does.
pub fn upsample_to(images: Tensor<4>, size_px: [usize; 2]) -> Tensor<4> {
    let [_, _, rows, cols] = images.dims();
    if [rows, cols] == size_px {
        return images;
    }
    let options = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size(size_px);
    interpolate(images, options)
}
