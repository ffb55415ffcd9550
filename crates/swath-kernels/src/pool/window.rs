//! Windows that slide over images.

use std::ops::Range;

use crate::shape::{count, padded};

/// Windows over a batch of images, `[batch, row, col, channel]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Images in the batch.
    pub batch: usize,
    /// Rows and columns of the images.
    pub size: [usize; 2],
    /// Channels, each on its own.
    pub channels: usize,
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Rows and columns that windows may begin before and end behind the image; at most half the window.
    pub padding: [usize; 2],
}

impl Window {
    /// Rows and columns of the output: as many windows as fit.
    ///
    /// # Panics
    /// If no window fits, a stride is 0, or the padding is more than half the window.
    pub fn output_size(&self) -> [usize; 2] {
        let Window { size, kernel, stride, padding, .. } = *self;
        [0, 1].map(|axis| {
            assert!(0 < stride[axis], "the stride is 0");
            assert!(
                padding[axis] <= kernel[axis] / 2,
                "padding of {} is more than half a window of {}",
                padding[axis],
                kernel[axis]
            );
            let length = padded(size[axis], padding[axis]);
            assert!(
                0 < kernel[axis] && kernel[axis] <= length,
                "a window of {} does not fit in {length}",
                kernel[axis]
            );
            (length - kernel[axis]) / stride[axis] + 1
        })
    }

    /// `[batch, output row, output col, channel]`
    #[cfg(feature = "burn")]
    pub(crate) fn output_shape(&self) -> [usize; 4] {
        let [rows, cols] = self.output_size();
        [self.batch, rows, cols, self.channels]
    }

    pub(super) fn axes(&self) -> [Axis; 2] {
        let output = self.output_size();
        [0, 1].map(|axis| Axis {
            input: self.size[axis],
            output: output[axis],
            kernel: self.kernel[axis],
            stride: self.stride[axis],
            padding: self.padding[axis],
        })
    }

    pub(super) fn check_images(&self, what: &str, length: usize) {
        let [rows, cols] = self.size;
        let want = count([self.batch, rows, cols, self.channels]);
        assert_eq!(length, want, "length of {what} is not that of images for {self:?}");
    }

    pub(super) fn check_outputs(&self, what: &str, length: usize) {
        let [rows, cols] = self.output_size();
        let want = count([self.batch, rows, cols, self.channels]);
        assert_eq!(length, want, "length of {what} is not that of outputs for {self:?}");
    }
}

/// Windows along rows or columns.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub input: usize,
    pub output: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
}

impl Axis {
    /// The taps of window `output` that are on the image.
    #[inline(always)]
    pub fn taps(self, output: usize) -> Range<usize> {
        let start = output * self.stride;
        let end = (self.input + self.padding - start).min(self.kernel);
        self.padding.saturating_sub(start)..end
    }

    /// The input at a tap of [`Axis::taps`].
    #[inline(always)]
    pub fn input(self, output: usize, tap: usize) -> usize {
        output * self.stride + tap - self.padding
    }

    /// The windows that `input` is in.
    #[inline(always)]
    pub fn outputs(self, input: usize) -> Range<usize> {
        let end = (input + self.padding) / self.stride + 1;
        let start = (input + self.padding + 1).saturating_sub(self.kernel).div_ceil(self.stride);
        start..end.min(self.output)
    }

    /// The tap at which `output` sees `input`.
    #[inline(always)]
    pub fn tap(self, output: usize, input: usize) -> usize {
        input + self.padding - output * self.stride
    }
}
