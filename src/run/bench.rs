//! How fast a model trains or predicts on this machine.

use burn::{
    module::Module,
    tensor::{Device, Int, Tensor, TensorData},
};
use rand::Rng;

use super::peak_memory_bytes;
use crate::{
    chip::signed_distances,
    error::{Error, Result},
    label::{ClassCounts, IGNORE},
    loss::{LossConfig, LossKind},
    model::{ModelConfig, Network, Pass, Segmenter},
    optim::OptimizerConfig,
    random::{Purpose, named_generator},
    schedule::Rates,
    train::{Batch, batch_gradient},
    weights::n_parameters,
};

/// Most bands, images, pixels of a side or steps.
const MAX_COUNT: usize = 65_535;

/// Steps before those that count: they fill caches and make the optimizer's memory.
const N_WARM_UP: u32 = 2;

/// What is timed: steps with random images and labels of a fixed seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Bench {
    /// The model.
    pub model: ModelConfig,
    /// Bands of the images.
    pub n_bands: usize,
    /// Classes of the labels.
    pub n_classes: usize,
    /// Images of a step.
    pub batch: usize,
    /// Side of an image.
    pub size_px: usize,
    /// What is minimised, with its defaults.
    pub loss: LossKind,
    /// Steps that count.
    pub n_steps: u32,
    /// What a step is.
    pub task: BenchTask,
}

/// What a timed step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BenchTask {
    /// Forward, cross-entropy, backward and a step of AdamW.
    Train,
    /// Forward and softmax.
    Predict,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchResult {
    /// Seconds of each step that counts, in order.
    pub seconds: Vec<f64>,
    /// Trained parameters of the model.
    pub n_parameters: usize,
    /// Peak memory of the process before the model was made, in bytes; `None` where unknown.
    pub idle_memory_bytes: Option<u64>,
    /// Peak memory of the process, in bytes; `None` where unknown.
    pub peak_memory_bytes: Option<u64>,
}

impl BenchResult {
    /// The median of the seconds of a step.
    pub fn median(&self) -> f64 {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        let middle = seconds.len() / 2;
        match seconds.len() % 2 {
            1 => seconds[middle],
            _ => (seconds[middle - 1] + seconds[middle]) / 2.0,
        }
    }
}

impl Bench {
    /// Takes the steps on `device`; `seconds` tells the time.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the model cannot be made, or a number is 0.
    pub fn run(&self, device: &Device, seconds: &dyn Fn() -> f64) -> Result<BenchResult> {
        self.check()?;
        let idle_memory_bytes = peak_memory_bytes();
        let Self { ref model, n_bands, n_classes, .. } = *self;
        let device = match self.task {
            BenchTask::Train => device.clone().autodiff(),
            BenchTask::Predict => device.clone(),
        };
        let network = model.build(n_bands, n_classes, 0, &device);
        let n_parameters = n_parameters(&network);
        let seconds = match self.task {
            BenchTask::Train => self.train(network, &device, seconds)?,
            BenchTask::Predict => self.predict(&network.valid(), &device, seconds)?,
        };
        let peak_memory_bytes = peak_memory_bytes();
        Ok(BenchResult { seconds, n_parameters, idle_memory_bytes, peak_memory_bytes })
    }

    fn check(&self) -> Result<()> {
        for (key, value) in [
            ("--bands", self.n_bands),
            ("--classes", self.n_classes),
            ("--batch", self.batch),
            ("--size", self.size_px),
            ("--steps", self.n_steps as usize),
        ] {
            if !(1..=MAX_COUNT).contains(&value) {
                return Err(Error::config(key, value, format!("must lie in 1..={MAX_COUNT}")));
            }
        }
        self.model.check()?;
        self.model.check_size(self.n_bands, self.n_classes)?;
        if self.task == BenchTask::Train {
            let [batch, size_px] = [self.batch, self.size_px].map(|it| it as u32);
            self.model.check_epoch(batch, batch + 1, size_px).map_err(|_| {
                let rule = "is too few for batch norm with images this small; take 2 or more";
                Error::config("--batch", batch, rule)
            })?;
        }
        Ok(())
    }

    fn train(
        &self,
        network: Network,
        device: &Device,
        seconds: &dyn Fn() -> f64,
    ) -> Result<Vec<f64>> {
        let loss = LossConfig { kind: self.loss, ..LossConfig::default() };
        loss.check_for_classes()?;
        let loss = loss.build(&ClassCounts::uniform(self.n_classes))?;
        let mut optimizer = OptimizerConfig::default().build()?;
        let rates = Rates::of(1e-4);
        let mut network = Some(network);
        let batch = |index| {
            let batch = self.random_batch(index, device);
            let distances = loss.needs_distances().then(|| self.distances(&batch.labels));
            Batch { distances, ..batch }
        };
        let pass = Pass::training(0, 0);
        Ok(self.time(batch, seconds, |batch| {
            let before = network.take().expect("the network is put back after each step");
            let found =
                batch_gradient(&before, &loss, batch, 0, pass).expect("the loss is for classes");
            network = Some(optimizer.step(before, &found.gradients, rates));
        }))
    }

    fn predict(
        &self,
        network: &Network,
        device: &Device,
        seconds: &dyn Fn() -> f64,
    ) -> Result<Vec<f64>> {
        Ok(self.time(
            |index| self.random_batch(index, device),
            seconds,
            |batch| {
                // Reading the result waits for it where the device works by itself.
                let probabilities = network.forward(batch.images).probabilities().into_data();
                assert_ne!(probabilities.num_elements(), 0, "a prediction of nothing");
            },
        ))
    }

    fn time(
        &self,
        batch: impl Fn(u32) -> Batch,
        seconds: &dyn Fn() -> f64,
        mut step: impl FnMut(Batch),
    ) -> Vec<f64> {
        let mut times = Vec::new();
        for index in 0..N_WARM_UP + self.n_steps {
            let batch = batch(index);
            let began = seconds();
            step(batch);
            if N_WARM_UP <= index {
                times.push(seconds() - began);
            }
        }
        times
    }

    /// Distances to the borders of the classes, `[batch, class, row, col]`.
    fn distances(&self, labels: &Tensor<3, Int>) -> Tensor<4> {
        let Self { n_classes, batch, size_px, .. } = *self;
        let device = labels.device();
        let labels: Vec<i64> = labels.clone().into_data().iter().collect();
        let of_image = |labels: &[i64]| -> Vec<f32> {
            let of_class = |class: usize| {
                let is_class: Vec<bool> = labels.iter().map(|&it| it == class as i64).collect();
                signed_distances(&is_class, [size_px, size_px])
            };
            (0..n_classes).flat_map(of_class).collect()
        };
        let distances: Vec<f32> = labels.chunks(size_px * size_px).flat_map(of_image).collect();
        let shape = [batch, n_classes, size_px, size_px];
        Tensor::from_data(TensorData::new(distances, shape), &device)
    }

    /// The same for the same step, everywhere.
    fn random_batch(&self, step: u32, device: &Device) -> Batch {
        let Self { n_bands, n_classes, batch, size_px, .. } = *self;
        let mut generator = named_generator(u64::from(step), Purpose::Synthetic, "bench");
        let n_pixels = batch * size_px * size_px;
        let values: Vec<f32> = (0..n_pixels * n_bands).map(|_| generator.random()).collect();
        let n_classes = n_classes.min(usize::from(IGNORE)) as i32;
        let labels: Vec<i32> =
            (0..n_pixels).map(|_| generator.random_range(0..n_classes)).collect();
        let images = TensorData::new(values, [batch, size_px, size_px, n_bands]);
        let labels = TensorData::new(labels, [batch, size_px, size_px]);
        Batch {
            images: Tensor::<4>::from_data(images, device).permute([0, 3, 1, 2]),
            labels: Tensor::from_data(labels, device),
            distances: None,
        }
    }
}
