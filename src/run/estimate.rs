//! How long a run will take and how much memory it will need, from one measured step.

use burn::{module::Module, tensor::Device};

use super::{RunFile, peak_memory_bytes};
use crate::{
    error::Result,
    loss::Criterion,
    model::{Pass, Segmenter, freeze_network},
    optim::Optimizer,
    schedule::Rates,
    train::{Batch, Dataset, batch_gradient},
};

/// What a run is expected to cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Trained parameters.
    pub n_parameters: u64,
    /// Optimizer steps of the whole run.
    pub n_steps: u64,
    /// Seconds of training and validation.
    pub seconds: f64,
    /// Most memory held at once, in bytes; `None` where the system does not tell.
    pub memory_bytes: Option<u64>,
}

/// Takes one training step with a whole batch (all chips of an epoch that has fewer), on a network
/// that is thrown away, and extrapolates to the number of steps.
///
/// `seconds` tells the time. Validation is counted as a third of a training step per window, which
/// is what a forward pass costs.
///
/// # Errors
///
/// Those of reading a chip.
pub fn estimate(
    run_file: &RunFile,
    data: &Dataset,
    device: &Device,
    seconds: &dyn Fn() -> f64,
) -> Result<Estimate> {
    let batch = run_file.train.batch.min(data.sampler.n_chips());
    let n_epochs = u64::from(run_file.train.epochs);
    let n_steps = run_file.train.run_length(data.sampler.n_chips()).n_steps;
    let n_chips = u64::from(data.sampler.n_chips()) * n_epochs;
    let n_windows = data.evaluation_windows(crate::scene::Role::Validation).len() as u64;
    let n_checks = (0..run_file.train.epochs).filter(|&it| run_file.train.validates(it)).count();

    let network = run_file.model.build(
        data.bands().len(),
        data.classes().len(),
        run_file.seed,
        &device.clone().autodiff(),
    );
    let network = freeze_network(network, &run_file.model.freeze)?;
    let n_parameters = crate::weights::n_parameters(&network) as u64;
    let loss = run_file.loss.build(&data.class_counts())?;
    let mut optimizer = run_file.optimizer.build()?;
    let chip = data.training_chips(0, 0..1, 1.0, loss.needs_distances())?.remove(0);
    // The first step is slower: it makes the optimizer's memory and warms up threads. Batch norm
    // needs two values per channel, also in the coarsest features of a small chip.
    let network = step(network, &mut optimizer, &loss, &vec![chip.clone(); 2], device)?;
    let chips = vec![chip; batch as usize];
    let began = seconds();
    step(network, &mut optimizer, &loss, &chips, device)?;
    let per_chip = (seconds() - began) / f64::from(batch);
    let equivalents = n_chips as f64 + n_windows as f64 * n_checks as f64 / 3.0;
    let (seconds, memory_bytes) = (per_chip * equivalents, peak_memory_bytes());
    Ok(Estimate { n_parameters, n_steps, seconds, memory_bytes })
}

fn step<M: Segmenter + Module>(
    network: M,
    optimizer: &mut Optimizer,
    loss: &Criterion,
    chips: &[crate::chip::Chip],
    device: &Device,
) -> Result<M> {
    let batch = Batch::new(chips, &device.clone().autodiff());
    let found = batch_gradient(&network, loss, batch, 0, Pass::training(0, 0))?;
    Ok(optimizer.step(network, &found.gradients, Rates::of(1e-6)))
}
