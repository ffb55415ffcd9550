//! Batch normalisation.

use burn::{
    module::{Flag, Module, Param},
    tensor::{Device, Tensor, module::batch_norm_train},
};

use crate::model::{Buffer, Counter};

const EPSILON: f64 = 1e-5;

/// Share of a batch's statistics in the running ones.
const MOMENTUM: f64 = 0.1;

/// Batch normalisation with PyTorch's numbers.
///
/// ```text
/// y = weight * (x - mean) / sqrt(variance + 1e-5) + bias
/// ```
///
/// In training, mean and (biased) variance are those of the batch, and the running ones move by a
/// tenth towards the batch's mean and *unbiased* variance. In prediction (`valid()`), or frozen
/// (`freeze`, `freeze_group`), the running ones are used and stay as they are.
///
/// Source: Ioffe & Szegedy 2015, <https://arxiv.org/abs/1502.03167>; constants of PyTorch's
/// `BatchNorm2d`.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// `[channel]`
    weight: Param<Tensor<1>>,
    /// `[channel]`
    bias: Param<Tensor<1>>,
    /// `[channel]`
    running_mean: Buffer,
    /// `[channel]`, unbiased
    running_var: Buffer,
    /// Batches seen in training.
    num_batches_tracked: Counter,
    training: Param<Flag>,
}

impl BatchNorm {
    /// Weight 1, bias 0, running mean 0 and variance 1, in training mode.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::ones([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            running_mean: Buffer::new(Tensor::zeros([channels], device)),
            running_var: Buffer::new(Tensor::ones([channels], device)),
            num_batches_tracked: Counter::default(),
            training: Param::from_bool(true),
        }
    }

    /// `[batch, channel, row, col]` to the same shape.
    ///
    /// # Panics
    ///
    /// In training, if there is only one value per channel: its variance does not exist.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        if self.training.is_enabled() {
            self.forward_with_batch_statistics(images)
        } else {
            self.forward_with_running_statistics(images)
        }
    }

    fn forward_with_batch_statistics(&self, images: Tensor<4>) -> Tensor<4> {
        let [batch, _, rows, cols] = images.dims();
        let n_values = batch * rows * cols;
        assert!(1 < n_values, "batch norm cannot train on {n_values} value per channel");

        let result = batch_norm_train(images, self.weight.val(), self.bias.val(), EPSILON);
        let unbiased = result.variance * (n_values as f64 / (n_values - 1) as f64);
        move_towards(&self.running_mean, result.mean);
        move_towards(&self.running_var, unbiased);
        self.num_batches_tracked.increase();
        result.output
    }

    fn forward_with_running_statistics(&self, images: Tensor<4>) -> Tensor<4> {
        let deviation = (self.running_var.value() + EPSILON).sqrt();
        let scale = self.weight.val() / deviation;
        let shift = self.bias.val() - self.running_mean.value() * scale.clone();
        images * per_channel(scale) + per_channel(shift)
    }
}

fn move_towards(running: &Buffer, of_batch: Tensor<1>) {
    running.set(running.value() * (1.0 - MOMENTUM) + of_batch.without_autodiff() * MOMENTUM);
}

/// `[channel]` to `[1, channel, 1, 1]`.
fn per_channel(values: Tensor<1>) -> Tensor<4> {
    let [channels] = values.dims();
    values.reshape([1, channels, 1, 1])
}
