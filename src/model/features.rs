//! Images inside a model.

use burn::{module::ParamId, tensor::Tensor};
use swath_kernels::{
    Interpolation,
    burn::{
        Windows, adaptive_average_pool, concatenate, global_average_pool, resample, upsample_concat,
    },
};

use super::trace::{Ledger, Step};

/// A batch of images on their way through a model.
///
/// Inside models tensors are `[batch, row, col, channel]`: the kernels want the channels of a pixel
/// side by side, and with one order everywhere nothing is copied between two layers. Models
/// exchange `[batch, channel, row, col]` with the world, as burn and PyTorch do; both turns are views.
///
/// Features may be planned: a shape without values, to count what a network would do.
#[derive(Clone, Debug)]
pub struct Features(Values);

#[derive(Clone, Debug)]
enum Values {
    Of(Tensor<4>),
    Planned([usize; 4], Ledger),
}

/// What a step does that keeps features from vanishing.
pub(super) const FILLED: &str = "fill";

/// A step that turns features into others.
pub(super) struct Layer {
    /// What it does, such as `conv 3x3`.
    pub what: String,
    /// The weight that it uses, if any.
    pub weight: Option<ParamId>,
    /// Shape of what comes out.
    pub shape: [usize; 4],
    /// Multiplications that are added up for one value that comes out.
    pub multiply_adds_per_value: usize,
}

impl Layer {
    /// A step without weights.
    pub fn plain(what: &str, shape: [usize; 4]) -> Self {
        Self { what: what.to_owned(), weight: None, shape, multiply_adds_per_value: 0 }
    }
}

/// What lies behind the last row and column.
#[derive(Clone, Copy)]
enum Behind {
    Zeros,
    Edges,
}

impl Features {
    /// Of `images`, `[batch, channel, row, col]`.
    pub fn from_images(images: Tensor<4>) -> Self {
        Self::from_channels_last(images.permute([0, 2, 3, 1]))
    }

    /// `[batch, channel, row, col]`
    ///
    /// # Panics
    ///
    /// If they are planned only.
    pub fn into_images(self) -> Tensor<4> {
        self.into_channels_last().permute([0, 3, 1, 2])
    }

    /// Of a tensor `[batch, row, col, channel]`.
    pub fn from_channels_last(tensor: Tensor<4>) -> Self {
        Self(Values::Of(tensor))
    }

    /// `[batch, row, col, channel]`
    ///
    /// # Panics
    ///
    /// If they are planned only.
    pub fn into_channels_last(self) -> Tensor<4> {
        match self.0 {
            Values::Of(tensor) => tensor,
            Values::Planned(shape, _) => panic!("features of {shape:?} are planned, not computed"),
        }
    }

    /// Features of `shape`, `[batch, row, col, channel]`, without values.
    pub(super) fn planned(shape: [usize; 4], ledger: Ledger) -> Self {
        Self(Values::Planned(shape, ledger))
    }

    /// `[batch, row, col, channel]`
    pub fn shape(&self) -> [usize; 4] {
        match &self.0 {
            Values::Of(tensor) => tensor.dims(),
            Values::Planned(shape, _) => *shape,
        }
    }

    /// Rows and columns.
    pub fn size_px(&self) -> [usize; 2] {
        let [_, rows, cols, _] = self.shape();
        [rows, cols]
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.shape()[3]
    }

    /// The same shape with other channels.
    pub(super) fn with_channels(&self, channels: usize) -> [usize; 4] {
        let [batch, rows, cols, _] = self.shape();
        [batch, rows, cols, channels]
    }

    /// The same shape with other rows and columns.
    pub(super) fn with_size(&self, [rows, cols]: [usize; 2]) -> [usize; 4] {
        let [batch, _, _, channels] = self.shape();
        [batch, rows, cols, channels]
    }

    /// Whether operations on it are remembered for gradients.
    pub fn is_autodiff(&self) -> bool {
        matches!(&self.0, Values::Of(tensor) if tensor.is_autodiff())
    }

    /// Whether there are no values.
    pub(super) fn is_planned(&self) -> bool {
        matches!(&self.0, Values::Planned(..))
    }

    /// What `run` makes of it, which has the shape of `layer`.
    pub(super) fn through(self, layer: Layer, run: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Self {
        match self.0 {
            Values::Of(tensor) => {
                let output = run(tensor);
                debug_assert_eq!(output.dims(), layer.shape, "shape of {}", layer.what);
                Self::from_channels_last(output)
            }
            Values::Planned(_, ledger) => {
                let Layer { what, weight, shape, multiply_adds_per_value } = layer;
                let n_values = shape.iter().product::<usize>() as u64;
                let multiply_adds = n_values * multiply_adds_per_value as u64;
                ledger.note(Step { what, weight, shape, multiply_adds });
                Self::planned(shape, ledger)
            }
        }
    }

    /// What `run` makes of both, which has the shape of `layer`.
    pub(super) fn with(
        self,
        other: Self,
        layer: Layer,
        run: impl FnOnce(Tensor<4>, Tensor<4>) -> Tensor<4>,
    ) -> Self {
        match other.0 {
            Values::Of(other) => self.through(layer, |tensor| run(tensor, other)),
            Values::Planned(..) => self.through(layer, |_| unreachable!("both are planned")),
        }
    }

    /// The largest value of every window.
    pub fn max_pool(self, windows: Windows) -> Self {
        let Windows { kernel, stride, padding } = windows;
        let size = self.size_px();
        let size = [0, 1].map(|k| (size[k] + 2 * padding[k] - kernel[k]) / stride[k] + 1);
        let layer = Layer::plain("max pool", self.with_size(size));
        self.through(layer, |tensor| windows.max_pool(tensor))
    }

    /// The mean over the pixels of each image: one row and column.
    pub fn global_average(self) -> Self {
        let layer = Layer::plain("mean", self.with_size([1; 2]));
        self.through(layer, global_average_pool)
    }

    /// Means over `size` windows, `[rows, cols]`, as PyTorch's `AdaptiveAvgPool2d` cuts them.
    pub fn adaptive_average(self, size: [usize; 2]) -> Self {
        let layer = Layer::plain("mean pool", self.with_size(size));
        self.through(layer, |tensor| adaptive_average_pool(tensor, size))
    }

    /// Brought to `size_px`, which is `[rows, cols]`.
    ///
    /// Nearest: output row `i` of `n` copies input row `floor(i * rows / n)`, as PyTorch does.
    pub fn resample(self, size_px: [usize; 2], interpolation: Interpolation) -> Self {
        if self.size_px() == size_px {
            return self;
        }
        let layer = Layer::plain("resample", self.with_size(size_px));
        self.through(layer, |tensor| resample(tensor, size_px, interpolation))
    }

    /// Brought to the size of `skip` (nearest), with the channels of `skip` behind its own.
    pub fn upsample_concat(self, skip: Self) -> Self {
        let channels = self.channels() + skip.channels();
        let layer = Layer::plain("resample and join", skip.with_channels(channels));
        self.with(skip, layer, upsample_concat)
    }

    /// The channels of all, side by side.
    ///
    /// # Panics
    ///
    /// If there are none, or their sizes differ.
    pub fn concatenate(all: Vec<Self>) -> Self {
        let channels = all.iter().map(Self::channels).sum::<usize>();
        let layer = Layer::plain("join", all[0].with_channels(channels));
        if all[0].is_planned() {
            let first = all.into_iter().next().expect("there is one");
            return first.through(layer, |_| unreachable!("it is planned"));
        }
        let tensors = all.into_iter().map(Self::into_channels_last).collect();
        Self::from_channels_last(concatenate(tensors))
    }

    /// The sum with features of the same shape, or with one row and column, or one channel.
    pub fn plus(self, other: Self) -> Self {
        let layer = Layer::plain("add", self.shape());
        self.with(other, layer, |a, b| a + b)
    }

    /// The product with features of the same shape, or with one row and column, or one channel.
    pub fn times(self, other: Self) -> Self {
        let layer = Layer::plain("multiply", self.shape());
        self.with(other, layer, |a, b| a * b)
    }

    /// `1 / (1 + exp(-value))`
    pub fn sigmoid(self) -> Self {
        let layer = Layer::plain("sigmoid", self.shape());
        self.through(layer, burn::tensor::activation::sigmoid)
    }

    /// The largest value of 2x2; of a single row or column with a 0 beside.
    pub(super) fn halved(self) -> Self {
        let windows = Windows { kernel: [2; 2], stride: [2; 2], padding: [0; 2] };
        self.at_least([2; 2]).max_pool(windows)
    }

    /// With zeros behind the last row and column, to at least `size_px`.
    pub fn zeros_behind(self, size_px: [usize; 2]) -> Self {
        self.padded(size_px, "pad", Behind::Zeros)
    }

    /// With the last row and column once more behind themselves, to at least `size_px`, of which `least`
    /// should be there.
    pub(super) fn edges_behind(self, size_px: [usize; 2], least: [usize; 2]) -> Self {
        self.padded(least, FILLED, Behind::Edges).padded(size_px, "pad", Behind::Edges)
    }

    /// With zeros behind where nothing would be left of smaller features.
    pub(super) fn at_least(self, size_px: [usize; 2]) -> Self {
        self.padded(size_px, FILLED, Behind::Zeros)
    }

    fn padded(self, size_px: [usize; 2], what: &str, behind: Behind) -> Self {
        let [rows, cols] = self.size_px();
        let size = [rows.max(size_px[0]), cols.max(size_px[1])];
        if size == [rows, cols] {
            return self;
        }
        let layer = Layer::plain(what, self.with_size(size));
        self.through(layer, |tensor| {
            let more = |tensor: Tensor<4>, axis: usize| {
                let mut shape = tensor.dims();
                shape[axis] = size[axis - 1] - shape[axis];
                if shape[axis] == 0 {
                    return tensor;
                }
                let more = match behind {
                    Behind::Zeros => Tensor::zeros(shape, (&tensor.device(), tensor.dtype())),
                    Behind::Edges => {
                        let last = tensor.dims()[axis] - 1;
                        tensor.clone().narrow(axis, last, 1).repeat_dim(axis, shape[axis])
                    }
                };
                Tensor::cat(vec![tensor, more], axis)
            };
            more(more(tensor, 1), 2)
        })
    }

    /// The first rows and columns.
    pub fn cropped(self, [rows, cols]: [usize; 2]) -> Self {
        if self.size_px() == [rows, cols] {
            return self;
        }
        let layer = Layer::plain("crop", self.with_size([rows, cols]));
        self.through(layer, |tensor| tensor.narrow(1, 0, rows).narrow(2, 0, cols))
    }
}
