//! Batch normalisation.

use burn::{
    module::{Flag, Module, Param},
    tensor::{Device, Tensor},
};
use swath_kernels::{
    Activation,
    burn::{ChannelStatistics, Norm, NormInputs},
};

use crate::model::{Buffer, Counter, Features, features::Layer};

/// Added to the variance, if nobody says otherwise.
const EPSILON: f64 = 1e-5;

/// Share of a batch's statistics in the running ones.
const MOMENTUM: f64 = 0.1;

/// Batch normalisation with PyTorch's numbers.
///
/// ```text
/// y = weight * (x - mean) / sqrt(variance + epsilon) + bias
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
    epsilon: f64,
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
            epsilon: EPSILON,
        }
    }

    /// The same with `epsilon` added to the variance in place of 1e-5.
    pub fn with_epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// `activation(norm(images) + residual)`
    ///
    /// # Panics
    ///
    /// In training, if there is only one value per channel: its variance does not exist.
    pub fn forward(
        &self,
        images: Features,
        residual: Option<Features>,
        activation: Activation,
    ) -> Features {
        let shape @ [batch, rows, cols, _] = images.shape();
        let n_values = batch * rows * cols;
        let layer = Layer { weight: Some(self.weight.id), ..Layer::plain("batch norm", shape) };
        images.through(layer, |images| {
            let residual = residual.map(Features::into_channels_last);
            let (weight, bias) = (self.weight.val(), self.bias.val());
            let inputs = NormInputs { images, residual, weight, bias };
            let norm = Norm { epsilon: self.epsilon, activation };
            if self.is_training() {
                self.by_batch(norm, inputs, n_values)
            } else {
                norm.by_running(inputs, self.running())
            }
        })
    }

    /// Whether the statistics of the batch are used, and the running ones move.
    pub(super) fn is_training(&self) -> bool {
        self.training.is_enabled()
    }

    /// The norm with running statistics is `x * scale + shift`; each is `[channel]`.
    pub(super) fn scale_and_shift(&self) -> (Tensor<1>, Tensor<1>) {
        let ChannelStatistics { mean, variance } = self.running();
        let scale = self.weight.val() / (variance + self.epsilon).sqrt();
        let shift = self.bias.val() - mean * scale.clone();
        (scale, shift)
    }

    fn by_batch(&self, norm: Norm, inputs: NormInputs, n_values: usize) -> Tensor<4> {
        assert!(1 < n_values, "batch norm cannot train on {n_values} value per channel");
        let (output, ChannelStatistics { mean, variance }) = norm.by_batch(inputs);
        let unbiased = variance * (n_values as f64 / (n_values - 1) as f64);
        move_towards(&self.running_mean, mean);
        move_towards(&self.running_var, unbiased);
        self.num_batches_tracked.increase();
        output
    }

    fn running(&self) -> ChannelStatistics {
        ChannelStatistics { mean: self.running_mean.value(), variance: self.running_var.value() }
    }
}

fn move_towards(running: &Buffer, of_batch: Tensor<1>) {
    running.set(running.value() * (1.0 - MOMENTUM) + of_batch.without_autodiff() * MOMENTUM);
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use serde::Deserialize;

    use super::*;
    use crate::weights::{Entry, StateDict, Values, load, state_dict};

    type Images = Vec<Vec<Vec<Vec<f32>>>>;

    #[derive(Deserialize)]
    struct Golden {
        x: Images,
        weight: Vec<f32>,
        bias: Vec<f32>,
        train_out: Images,
        running_mean_after: Vec<f32>,
        running_var_after: Vec<f32>,
        eval_out: Images,
    }

    fn flat(images: &Images) -> Vec<f32> {
        images.iter().flatten().flatten().flatten().copied().collect()
    }

    #[track_caller]
    fn check(got: Tensor<4>, want: &Images) {
        check_values(&got.into_data().iter().collect::<Vec<_>>(), &flat(want));
    }

    #[track_caller]
    fn check_values(got: &[f32], want: &[f32]) {
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 2e-6, "got {got}, want {want}");
        }
    }

    fn forward(norm: &BatchNorm, images: Tensor<4>) -> Tensor<4> {
        norm.forward(Features::from_images(images), None, Activation::None).into_images()
    }

    fn golden() -> (Golden, Tensor<4>, BatchNorm) {
        let golden: Golden =
            serde_json::from_str(include_str!("../../../tests/golden/batch_norm.json")).unwrap();
        let device = Device::flex().autodiff();
        let images = TensorData::new(flat(&golden.x), [3, 2, 2, 2]);
        let entry = |name: &str, values: &[f32]| Entry {
            name: name.to_owned(),
            shape: vec![2],
            values: Values::F32(values.to_vec()),
        };
        let count = Entry {
            name: "num_batches_tracked".to_owned(),
            shape: vec![],
            values: Values::I64(vec![0]),
        };
        let state = StateDict {
            entries: vec![
                entry("weight", &golden.weight),
                entry("bias", &golden.bias),
                entry("running_mean", &[0.0; 2]),
                entry("running_var", &[1.0; 2]),
                count,
            ],
        };
        let norm = load(BatchNorm::new(2, &device), &state, "test").unwrap();
        (golden, Tensor::from_data(images, &device), norm)
    }

    #[test]
    fn numbers_are_those_of_pytorch() {
        let (golden, images, norm) = golden();
        check(forward(&norm, images.clone()), &golden.train_out);

        let state = state_dict(&norm);
        let find = |name| match &state.find(name).unwrap().values {
            Values::F32(values) => values.clone(),
            Values::I64(values) => values.iter().map(|&it| it as f32).collect(),
        };
        check_values(&find("running_mean"), &golden.running_mean_after);
        check_values(&find("running_var"), &golden.running_var_after);
        check_values(&find("num_batches_tracked"), &[1.0]);

        check(forward(&norm.valid(), images.without_autodiff()), &golden.eval_out);
    }

    #[test]
    fn prediction_and_frozen_norms_do_not_move() {
        let (_, images, norm) = golden();
        forward(&norm, images.clone());
        let before = state_dict(&norm);
        forward(&norm.valid(), images.clone().without_autodiff());
        let frozen = norm.clone().freeze();
        forward(&frozen, images.clone());
        assert_eq!(state_dict(&frozen), before);
        // Back in training it moves again, and a copy made before does not follow.
        let copy = norm.clone();
        let norm = norm.valid().train();
        forward(&norm, images);
        assert_ne!(state_dict(&norm), before);
        assert_eq!(state_dict(&copy), before);
    }

    #[test]
    #[should_panic(expected = "cannot train on 1 value per channel")]
    fn one_value_has_no_variance() {
        let device = Device::flex();
        forward(&BatchNorm::new(2, &device), Tensor::zeros([1, 2, 1, 1], &device));
    }
}
