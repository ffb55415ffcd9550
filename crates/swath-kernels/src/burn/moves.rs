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
