//! The training loop. All of it: nothing is hidden in callbacks.

use std::ops::ControlFlow;

use burn::{module::Module, tensor::Device};

use super::{
    Batch, Best, Dataset, EpochRow, Event, HistoryFiles, Observer, Position, RunFolder, StepRow,
    TrainConfig, ValidationRow, batch_gradient, load_in_order, save_checkpoint, save_weights,
    validate,
};
use crate::{
    chip::Chip,
    error::{Error, Result},
    loss::Criterion,
    model::{Network, Pass},
    optim::Optimizer,
    schedule::Schedule,
};

/// Batches are made on this many threads beside the ones that compute.
const N_LOADERS: usize = 2;

/// What a training needs and never changes.
pub struct Fit<'a> {
    /// Scenes, split, windows and classes.
    pub data: &'a Dataset,
    /// Epochs, batch and clipping.
    pub config: &'a TrainConfig,
    /// What is minimised.
    pub loss: &'a Criterion,
    /// Rates of every step.
    pub schedule: &'a Schedule,
    /// Where checkpoints and history go.
    pub folder: &'a RunFolder,
    /// Where tensors live; differentiates.
    pub device: &'a Device,
}

/// What changes while training.
pub struct State {
    /// The model, in training mode.
    pub network: Network,
    /// Its optimizer.
    pub optimizer: Optimizer,
    /// How far it got.
    pub position: Position,
}

impl Fit<'_> {
    /// Steps of one epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        steps_per_epoch(self.data, self.config)
    }

    /// Trains from where `state` stands to the last epoch.
    ///
    /// After each epoch that is checked, the weights with the highest validation mean IoU so far
    /// are kept as the best checkpoint (the earliest of equals); every
    /// [`checkpoint_every`](TrainConfig::checkpoint_every) epochs, at the end, and when the
    /// observer stops the training, everything is kept as the last one. Without a validation split
    /// the last epoch is the best.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] if the observer stopped it, [`Error::Diverged`] if the loss, in
    /// training or validation, or the norm of the gradients is not finite, and those of reading
    /// chips and writing files.
    pub fn run(&self, mut state: State, observer: &mut dyn Observer) -> Result<State> {
        let start = &state.position;
        let files = HistoryFiles::open(
            &self.folder.steps(),
            &self.folder.history(),
            start.step,
            start.epoch,
        )?;
        while state.position.epoch < self.config.epochs {
            let began = observer.seconds();
            let first_step = state.position.step;
            let interrupted;
            (state, interrupted) = self.epoch(state, &files, observer)?;
            if interrupted {
                self.save(&state)?;
                return Err(Error::Interrupted);
            }
            let trained = observer.seconds();
            state = self.end_epoch(state, &files, observer, [began, trained], first_step)?;
        }
        Ok(state)
    }

    /// Takes the steps that the present epoch still lacks; true if the observer stopped it.
    fn epoch(
        &self,
        state: State,
        files: &HistoryFiles,
        observer: &mut dyn Observer,
    ) -> Result<(State, bool)> {
        let epoch = state.position.epoch;
        let n_steps = self.steps_per_epoch();
        let todo = state.position.step_in_epoch..n_steps;
        let mut state = Some(state);
        let mut interrupted = false;
        let make = |index| self.chips(epoch, index);
        load_in_order(todo, N_LOADERS, make, |index, chips| {
            let before = state.take().expect("the state is put back after each step");
            let (after, row) = self.step(before, &chips)?;
            files.step(&row)?;
            state = Some(after);
            let (row, n_chips) = (&row, chips.len());
            observer.event(Event::Step { row, step_in_epoch: index + 1, n_steps, n_chips });
            if observer.stops() {
                interrupted = true;
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((state.expect("the state is put back after each step"), interrupted))
    }

    /// One optimizer step.
    fn step(&self, state: State, chips: &[Chip]) -> Result<(State, StepRow)> {
        let State { network, mut optimizer, mut position } = state;
        let rates = self.schedule.rates(position.step);
        let batch = Batch::new(chips, self.device);
        let pass = Pass::Training { seed: self.data.seed, step: position.step };
        let mut found = batch_gradient(&network, self.loss, batch, position.epoch, pass)?;
        let norm = match self.config.clip_norm {
            Some(max_norm) => found.gradients.clip_norm(max_norm),
            None => found.gradients.norm(),
        };
        position.step += 1;
        check_finite("loss", found.loss.into(), &position, rates.lr)?;
        check_finite("norm of the gradients", norm, &position, rates.lr)?;
        let network = optimizer.step(network, &found.gradients, rates);
        position.step_in_epoch += 1;
        position.loss.sum += f64::from(found.loss) * f64::from(found.weight);
        position.loss.weight += f64::from(found.weight);
        position.count_classes(chips, self.data.classes().len());
        let row = StepRow {
            step: position.step,
            epoch: position.epoch + 1,
            lr: rates.lr,
            momentum: rates.momentum,
            loss: found.loss,
            terms: found.terms,
            n_labelled: chips.iter().map(|it| it.n_labelled() as u64).sum::<u64>(),
        };
        Ok((State { network, optimizer, position }, row))
    }

    /// Validates, writes the epoch's row, and keeps what must be kept.
    fn end_epoch(
        &self,
        mut state: State,
        files: &HistoryFiles,
        observer: &mut dyn Observer,
        [began, trained]: [f64; 2],
        first_step: u64,
    ) -> Result<State> {
        let epoch = state.position.epoch;
        let validation = if self.config.validates(epoch) {
            observer.event(Event::Validating);
            self.validation(&state)?
        } else {
            None
        };
        let seconds = trained - began;
        let n_pixels = self.n_pixels(state.position.step - first_step);
        let position = &mut state.position;
        let row = EpochRow {
            epoch: epoch + 1,
            step: position.step,
            lr: self.schedule.rates(position.step - 1).lr,
            train_loss: position.loss.per_weight(),
            validation,
            train_seconds: seconds,
            validation_seconds: observer.seconds() - trained,
            pixels_per_second: if 0.0 < seconds { n_pixels / seconds } else { 0.0 },
            class_px: std::mem::take(&mut position.class_px),
            pool_coverage: self.data.sampler.pool_coverage(epoch + 1),
        };
        position.epoch += 1;
        position.step_in_epoch = 0;
        position.loss = Default::default();
        let is_best = match (validation, position.best) {
            // A mean IoU of nothing is NaN and never better.
            (Some(new), Some(best)) => best.mean_iou < new.mean_iou,
            (Some(_), None) => true,
            (None, _) => position.epoch == self.config.epochs && position.best.is_none(),
        };
        if is_best {
            let mean_iou = validation.map_or(f64::NAN, |it| it.mean_iou);
            position.best = Some(Best { epoch: position.epoch, mean_iou });
            save_weights(&self.folder.best_checkpoint(), &state.network)?;
        }
        files.epoch(&row)?;
        let (epoch, every) = (state.position.epoch, self.config.checkpoint_every);
        if epoch.is_multiple_of(every) || epoch == self.config.epochs {
            self.save(&state)?;
        }
        observer.event(Event::Epoch { row: &row, is_best });
        Ok(state)
    }

    fn save(&self, state: &State) -> Result<()> {
        let State { network, optimizer, position } = state;
        save_checkpoint(&self.folder.last_checkpoint(), network, optimizer, position)
    }

    fn validation(&self, state: &State) -> Result<Option<ValidationRow>> {
        let (network, device) = (state.network.valid(), self.device.clone().inner());
        let epoch = state.position.epoch;
        let Some(row) = validate(self.data, &network, self.loss, epoch, &device)? else {
            return Ok(None);
        };
        if !row.overall_accuracy.is_nan() {
            let lr = self.schedule.rates(state.position.step - 1).lr;
            check_finite("validation loss", row.loss, &state.position, lr)?;
        }
        Ok(Some(row))
    }

    /// The chips of step `index` of `epoch`.
    fn chips(&self, epoch: u32, index: u64) -> Result<Vec<Chip>> {
        let batch = u64::from(self.config.batch);
        let n_chips = u64::from(self.data.sampler.n_chips());
        let range = index * batch..((index + 1) * batch).min(n_chips);
        let chip = |chip| {
            let mut chip = self.data.training_chip(epoch, chip as u32)?;
            if self.loss.needs_distances() {
                chip.measure_distances(self.data.classes().len());
            }
            Ok(chip)
        };
        range.map(chip).collect()
    }

    /// Pixels of `n_steps` steps.
    fn n_pixels(&self, n_steps: u64) -> f64 {
        let n_chips =
            (n_steps * u64::from(self.config.batch)).min(u64::from(self.data.sampler.n_chips()));
        n_chips as f64 * f64::from(self.data.chip_px).powi(2)
    }
}

/// Refuses to go on where `value` is not finite, in the epoch and step of `position`.
fn check_finite(what: &'static str, value: f64, position: &Position, lr: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    let (step, epoch) = (position.step, position.epoch + 1);
    Err(Error::Diverged { what, value, step, epoch, lr })
}

/// Optimizer steps of one epoch.
pub fn steps_per_epoch(data: &Dataset, config: &TrainConfig) -> u64 {
    u64::from(data.sampler.n_chips().div_ceil(config.batch))
}
