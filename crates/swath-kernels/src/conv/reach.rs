//! Which pixels of its source each result of a convolution reads.

use super::Conv;

/// One row or column of the kernel.
#[derive(Clone, Copy)]
pub(super) struct Tap {
    /// Its row or column in the kernel.
    pub kernel: usize,
    /// The source row or column that it reads for the result's row or column 0.
    pub offset: isize,
}

/// Results in rows and columns, each the sum over some taps around its place in the source.
pub(super) struct Reach {
    /// Rows and columns of the source.
    pub size: [usize; 2],
    /// Rows and columns of results.
    pub points: [usize; 2],
    /// Source rows and columns from one result to the next.
    pub stride: [usize; 2],
    /// Taps along rows and columns, by rising offset. Never empty.
    pub taps: [Vec<Tap>; 2],
}

/// Source numbers that lie side by side for every result: some columns of one kernel row.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Its first number, from the first number of the result's window.
    pub offset: usize,
    /// Its numbers: taps times channels.
    pub length: usize,
    /// Index of its row tap.
    pub row: usize,
    /// Indices of its first column tap.
    pub col: usize,
}

impl Reach {
    /// The results of the convolution itself.
    pub(super) fn forward(conv: &Conv) -> Reach {
        let points = conv.output_size();
        let taps = |axis: usize| {
            let offset =
                |k: usize| (k * conv.dilation[axis]) as isize - conv.padding[axis] as isize;
            (0..conv.kernel[axis]).map(|kernel| Tap { kernel, offset: offset(kernel) }).collect()
        };
        Reach::new(conv.size, points, conv.stride, [taps(0), taps(1)])
    }

    /// Those image gradients whose row and column leave the remainder `phase` when divided by the stride.
    /// `None` if no tap reaches them: the gradient is 0 there.
    ///
    /// Image row `r` goes into output row `(r + padding - k·dilation) / stride` where that is whole.
    pub(super) fn gradient(conv: &Conv, phase: [usize; 2]) -> Option<Reach> {
        let taps = |axis: usize| -> Vec<Tap> {
            let (stride, first) = (conv.stride[axis] as isize, phase[axis] + conv.padding[axis]);
            let numerator = |k: usize| first as isize - (k * conv.dilation[axis]) as isize;
            (0..conv.kernel[axis])
                .rev()
                .filter(|&k| numerator(k) % stride == 0)
                .map(|kernel| Tap { kernel, offset: numerator(kernel) / stride })
                .collect()
        };
        let points = [0, 1]
            .map(|axis| conv.size[axis].saturating_sub(phase[axis]).div_ceil(conv.stride[axis]));
        let taps = [taps(0), taps(1)];
        if taps.iter().any(Vec::is_empty) {
            return None;
        }
        Some(Reach::new(conv.output_size(), points, [1, 1], taps))
    }

    /// Leaves out taps that read nothing but padding, all but one.
    fn new(
        size: [usize; 2],
        points: [usize; 2],
        stride: [usize; 2],
        mut taps: [Vec<Tap>; 2],
    ) -> Reach {
        for axis in 0..2 {
            let reads = |tap: &Tap| {
                let (offset, stride) = (tap.offset, stride[axis] as isize);
                let point = (-offset).max(0).unsigned_abs().div_ceil(stride.unsigned_abs());
                point < points[axis] && point as isize * stride + offset < size[axis] as isize
            };
            let first = taps[axis][0];
            taps[axis].retain(reads);
            if taps[axis].is_empty() {
                taps[axis].push(first);
            }
        }
        Reach { size, points, stride, taps }
    }

    /// Source row or column of the first tap for result 0.
    pub(super) fn first(&self, axis: usize) -> isize {
        self.taps[axis][0].offset
    }

    /// Source rows or columns that `points` neighbouring results read.
    pub(super) fn extent(&self, axis: usize, points: usize) -> usize {
        let taps = &self.taps[axis];
        (points - 1) * self.stride[axis]
            + (taps[taps.len() - 1].offset - taps[0].offset) as usize
            + 1
    }

    /// Whether no result reads padding.
    pub(super) fn is_inside(&self) -> bool {
        (0..2).all(|axis| {
            let end = self.first(axis) + self.extent(axis, self.points[axis]) as isize;
            self.first(axis) >= 0 && end <= self.size[axis] as isize
        })
    }

    /// The runs of a source with `cols` columns and `channels` channels, in the order of the weights.
    pub(super) fn runs(&self, cols: usize, channels: usize) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (row, row_tap) in self.taps[0].iter().enumerate() {
            for (col, col_tap) in self.taps[1].iter().enumerate() {
                let down = (row_tap.offset - self.first(0)) as usize;
                let right = (col_tap.offset - self.first(1)) as usize;
                let offset = (down * cols + right) * channels;
                match runs.last_mut() {
                    Some(run) if run.row == row && run.offset + run.length == offset => {
                        run.length += channels
                    }
                    _ => runs.push(Run { offset, length: channels, row, col }),
                }
            }
        }
        runs
    }
}
