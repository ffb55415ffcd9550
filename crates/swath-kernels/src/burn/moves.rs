//! How the kernel of a convolution moves over images.

/// How the kernel of a convolution moves over the images. Pairs are `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    /// Pixels from one output to the next.
    pub stride: [usize; 2],
    /// Zeros around the images, on each side.
    pub padding: [usize; 2],
    /// Pixels from one value of the kernel to the next.
    pub dilation: [usize; 2],
    /// Parts of the channels, each convolved on its own; they divide the channels in and out.
    pub groups: usize,
}

impl Moves {
    /// One output for every `stride` pixels of images with zeros around, as many as half the
    /// kernel of odd size; one group.
    pub fn centred(kernel_px: usize, stride: usize) -> Self {
        Self { stride: [stride; 2], padding: [kernel_px / 2; 2], dilation: [1; 2], groups: 1 }
    }

    /// The same with the values of the kernel `times` as far apart, and as many times the zeros.
    pub fn dilated(self, times: usize) -> Self {
        let [padding, dilation] = [self.padding, self.dilation].map(|it| it.map(|px| px * times));
        Self { padding, dilation, ..self }
    }

    /// The same in `groups`.
    pub fn grouped(self, groups: usize) -> Self {
        Self { groups, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burn::conv_kernel::ConvKernel;

    /// Rows and columns of the output of images of 9 by 7.
    #[track_caller]
    fn check(moves: Moves, kernel_px: usize, expected: [usize; 2]) {
        let weights = [kernel_px, kernel_px, 4 / moves.groups, 4];
        let [_, rows, cols, _] = ConvKernel::new([1, 9, 7, 4], weights, moves).output_shape();
        assert_eq!([rows, cols], expected, "{moves:?}");
    }

    #[test]
    fn centred_kernels_give_one_output_for_every_stride() {
        for kernel_px in [1, 3, 5, 7] {
            let moves = Moves::centred(kernel_px, 1);
            check(moves, kernel_px, [9, 7]);
            check(moves.grouped(2), kernel_px, [9, 7]);
            check(Moves::centred(kernel_px, 2), kernel_px, [5, 4]);
            // Of twice three times the reach there are twice three times the zeros.
            check(moves.dilated(2).dilated(3), kernel_px, [9, 7]);
            assert_eq!(moves.dilated(6).dilation, [6, 6]);
        }
    }
}
