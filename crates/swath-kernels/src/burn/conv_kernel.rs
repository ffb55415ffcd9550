//! Which kernel runs a convolution.

use super::Moves;
use crate::{Conv, DepthwiseConv, Epilogue, GroupedConv};

/// The kernel of a convolution, by its shape alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConvKernel {
    /// One group.
    Dense(Conv),
    /// Every channel is a group and has one output.
    Depthwise(DepthwiseConv),
    /// All other groups.
    Grouped(GroupedConv),
}

impl ConvKernel {
    /// For `images`, `[batch, row, col, channel in]`, and `weights`, `[kernel row, kernel col,
    /// channel in of a group, channel out]`.
    ///
    /// # Panics
    /// If the weights are not of the images' channels in these groups.
    pub fn new(images: [usize; 4], weights: [usize; 4], moves: Moves) -> Self {
        let [batch, rows, cols, input] = images;
        let [kernel_rows, kernel_cols, of_group, output] = weights;
        let Moves { stride, padding, dilation, groups } = moves;
        assert_eq!(
            input,
            of_group * groups,
            "channels of the images and, in {groups} groups, of the weights"
        );
        let (size, kernel) = ([rows, cols], [kernel_rows, kernel_cols]);
        if groups == 1 {
            let channels = [input, output];
            return Self::Dense(Conv { batch, channels, size, kernel, stride, padding, dilation });
        }
        if [input, output] == [groups; 2] {
            let channels = groups;
            let depthwise =
                DepthwiseConv { batch, channels, size, kernel, stride, padding, dilation };
            return Self::Depthwise(depthwise);
        }
        let channels = [input, output];
        let conv = Conv { batch, channels, size, kernel, stride, padding, dilation };
        Self::Grouped(GroupedConv { conv, groups })
    }

    /// `[batch, row, col, channel out]`
    pub fn output_shape(&self) -> [usize; 4] {
        let (batch, [rows, cols], channels) = match self {
            Self::Dense(conv) => (conv.batch, conv.output_size(), conv.channels[1]),
            Self::Depthwise(conv) => (conv.batch, conv.output_size(), conv.channels),
            Self::Grouped(of) => (of.conv.batch, of.conv.output_size(), of.conv.channels[1]),
        };
        [batch, rows, cols, channels]
    }

    pub fn forward(&self, images: &[f32], weights: &[f32], epilogue: Epilogue, out: &mut [f32]) {
        match self {
            Self::Dense(conv) => conv.forward(images, weights, epilogue, out),
            Self::Depthwise(conv) => conv.forward(images, weights, epilogue, out),
            Self::Grouped(conv) => conv.forward(images, weights, epilogue, out),
        }
    }

    pub fn image_gradient(&self, gradient: &[f32], weights: &[f32], out: &mut [f32]) {
        match self {
            Self::Dense(conv) => conv.image_gradient(gradient, weights, out),
            Self::Depthwise(conv) => conv.image_gradient(gradient, weights, out),
            Self::Grouped(conv) => conv.image_gradient(gradient, weights, out),
        }
    }

    pub fn weight_gradient(&self, images: &[f32], gradient: &[f32], out: &mut [f32]) {
        match self {
            Self::Dense(conv) => conv.weight_gradient(images, gradient, out),
            Self::Depthwise(conv) => conv.weight_gradient(images, gradient, out),
            Self::Grouped(conv) => conv.weight_gradient(images, gradient, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(input: usize, of_group: usize, output: usize, groups: usize) -> ConvKernel {
        let moves = Moves::centred(3, 2).grouped(groups);
        ConvKernel::new([2, 9, 7, input], [3, 3, of_group, output], moves)
    }

    #[test]
    fn the_shape_chooses_the_kernel() {
        assert!(matches!(kernel(6, 6, 4, 1), ConvKernel::Dense(_)));
        assert!(matches!(kernel(1, 1, 1, 1), ConvKernel::Dense(_)));
        assert!(matches!(kernel(6, 1, 6, 6), ConvKernel::Depthwise(_)));
        assert!(matches!(kernel(6, 1, 12, 6), ConvKernel::Grouped(_)));
        assert!(matches!(kernel(6, 2, 6, 3), ConvKernel::Grouped(_)));
        for groups in [1, 6, 3] {
            assert_eq!(kernel(6, 6 / groups, 6, groups).output_shape(), [2, 5, 4, 6]);
        }
    }

    #[test]
    #[should_panic(expected = "channels of the images and, in 2 groups, of the weights")]
    fn weights_of_other_channels_are_refused() {
        kernel(6, 6, 6, 2);
    }
}
