//! The training loop. All of it: nothing is hidden in callbacks.

use std::ops::ControlFlow;

use burn::{module::Module, tensor::Device};

use super::{
    Check, Dataset, Ema, EpochRow, Event, HistoryFiles, Observer, Position, RunFolder, StepRow,
    TrainConfig, ValidationRow, Writing, keep::Keeper, load_in_order, validate, window_gradient,
};
use crate::{
    chip::Chip,
    error::{Error, Result},
    loss::Criterion,
    model::{Network, Pass, freeze},
    optim::Optimizer,
    schedule::{Rates, Schedule},
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
    /// Patterns of the parameters that are always frozen.
    pub frozen: &'a [String],
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
    /// The average of its weights, if there is one.
    pub ema: Option<Ema>,
    /// The best model so far, if it is not on disk yet, or was written at the end.
    pub best: Option<Box<Network>>,
    /// How far it got.
    pub position: Position,
}

impl State {
    /// The model that is kept: that of the averaged weights, if there are any.
    pub fn kept(&self) -> Network {
        match &self.ema {
            None => self.network.clone(),
            Some(ema) => ema.apply(self.network.clone()),
        }
    }
}

impl Fit<'_> {
    /// Trains from where `state` stands to the last epoch, or to where early stopping ends it. The last
    /// checkpoint may not be on disk yet.
    ///
    /// After each epoch that is checked, the weights with the best figure
    /// ([`monitor`](TrainConfig::monitor)) so far are kept as the best checkpoint (the earliest of
    /// equals). Every [`checkpoint_every`](TrainConfig::checkpoint_every) epochs, every so many
    /// steps or minutes if that is asked for, at the end, and when the observer stops the training,
    /// everything is kept as the last one, and the last one as the one before. Without a validation
    /// split the last epoch is the best.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] if the observer stopped it, [`Error::Diverged`] if the loss, in
    /// training or validation, or the norm of the gradients is not finite, and those of reading
    /// chips and writing files.
    pub fn run(&self, mut state: State, observer: &mut dyn Observer) -> Result<(State, Writing)> {
        let start = &state.position;
        let files = HistoryFiles::open(
            &self.folder.steps(),
            &self.folder.history(),
            start.step,
            start.epoch,
        )?;
        let mut frozen = None;
        let mut keeper = Keeper::new(&state.network, observer.seconds());
        while state.position.epoch < self.config.epochs && !self.is_over(&state.position) {
            let patterns = self.config.frozen(self.frozen, state.position.epoch);
            if frozen.as_ref() != Some(&patterns) {
                state.network = freeze(state.network, &patterns)?;
                frozen = Some(patterns);
            }
            let began = observer.seconds();
            let first_step = state.position.step;
            let interrupted;
            (state, interrupted) = self.epoch(state, &files, &mut keeper, observer)?;
            if interrupted {
                self.save(&mut state, &mut keeper, observer)?;
                keeper.into_last().finish()?;
                return Err(Error::Interrupted);
            }
            let trained = observer.seconds();
            let times = [began, trained];
            state = self.end_epoch(state, &files, &mut keeper, observer, times, first_step)?;
        }
        Ok((state, keeper.into_last()))
    }

    /// Whether early stopping ends the training here.
    fn is_over(&self, position: &Position) -> bool {
        let monitor = self.config.stopping_monitor();
        self.config.early_stopping.is_some_and(|rule| {
            rule.stops(monitor.better(), &position.figures(monitor), position.epoch)
        })
    }

    /// Takes the steps that the present epoch still lacks; true if the observer stopped it.
    fn epoch(
        &self,
        state: State,
        files: &HistoryFiles,
        keeper: &mut Keeper,
        observer: &mut dyn Observer,
    ) -> Result<(State, bool)> {
        let epoch = state.position.epoch;
        let n_steps = self.config.steps_of_epoch(self.data.sampler.n_chips(), epoch);
        let todo = state.position.step_in_epoch..n_steps;
        let begin = state.position.step - state.position.step_in_epoch;
        let mut state = Some(state);
        let mut interrupted = false;
        let make = |index| self.chips(epoch, index, begin + index);
        load_in_order(todo, N_LOADERS, make, |index, chips| {
            let before = state.take().expect("the state is put back after each step");
            let (mut after, row) = self.step(before, &chips)?;
            files.step(&row)?;
            self.save_in_epoch(&mut after, keeper, observer)?;
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

    /// Rates of the step that `position` stands before.
    fn rates(&self, position: &Position, step: u64) -> Rates {
        let figures = self.schedule.monitor().map(|it| position.figures(it)).unwrap_or_default();
        self.schedule.rates(step, position.epoch, &figures)
    }

    /// One optimizer step.
    fn step(&self, state: State, chips: &[Chip]) -> Result<(State, StepRow)> {
        let State { network, mut optimizer, mut ema, best, mut position } = state;
        let (step, epoch) = (position.step, position.epoch);
        let rates = self.rates(&position, step);
        let drop_factor = self.schedule.drop_factor(step, epoch);
        let pass = Pass::Training { seed: self.data.seed, step, part: 0, drop_factor };
        let batch = self.config.batch as usize;
        let mut found =
            window_gradient(&network, self.loss, chips, batch, self.device, epoch, pass)?;
        let norm = self.config.clip(&mut found.gradients);
        position.step += 1;
        check_finite("loss", found.loss.into(), &position, rates.lr)?;
        check_finite("norm of the gradients", norm, &position, rates.lr)?;
        let network = optimizer.step(network, &found.gradients, rates);
        if let (Some(ema), Some(config)) = (&mut ema, self.config.ema) {
            ema.update(&network, config.decay(position.step));
        }
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
        Ok((State { network, optimizer, ema, best, position }, row))
    }

    /// Validates, writes the epoch's row, and keeps what must be kept.
    fn end_epoch(
        &self,
        mut state: State,
        files: &HistoryFiles,
        keeper: &mut Keeper,
        observer: &mut dyn Observer,
        [began, trained]: [f64; 2],
        first_step: u64,
    ) -> Result<State> {
        let epoch = state.position.epoch;
        let lr = self.rates(&state.position, state.position.step - 1).lr;
        let (mut validation, mut ema) = (None, None);
        if self.config.validates(epoch) {
            observer.event(Event::Validating);
            validation = self.validation(&state.network, &state.position, lr)?;
            if state.ema.is_some() {
                ema = self.validation(&state.kept(), &state.position, lr)?;
            }
        }
        let seconds = trained - began;
        let n_pixels = self.n_pixels(epoch, state.position.step - first_step);
        let position = &mut state.position;
        let row = EpochRow {
            epoch: epoch + 1,
            step: position.step,
            lr,
            train_loss: position.loss.per_weight(),
            validation,
            ema,
            train_seconds: seconds,
            validation_seconds: observer.seconds() - trained,
            pixels_per_second: if 0.0 < seconds { n_pixels / seconds } else { 0.0 },
            class_px: std::mem::take(&mut position.class_px),
            pool_coverage: self.data.sampler.pool_coverage(epoch + 1),
        };
        position.epoch += 1;
        position.step_in_epoch = 0;
        position.loss = Default::default();
        if let Some(raw) = validation {
            position.checks.push(Check::new(position.epoch, row.train_loss, raw, ema));
        }
        let is_best = self.keep_weights(&mut state, validation.is_some())?;
        files.epoch(&row)?;
        let is_last = state.position.epoch == self.config.epochs || self.is_over(&state.position);
        self.save_after_epoch(&mut state, is_last, keeper, observer)?;
        observer.event(Event::Epoch { row: &row, is_best });
        if is_last && state.position.epoch < self.config.epochs {
            observer.event(Event::StoppedEarly { epoch: state.position.epoch });
        }
        Ok(state)
    }

    fn validation(
        &self,
        network: &Network,
        position: &Position,
        lr: f64,
    ) -> Result<Option<ValidationRow>> {
        let (network, device) = (network.valid(), self.device.clone().inner());
        let Some(row) = validate(self.data, &network, self.loss, position.epoch, &device)? else {
            return Ok(None);
        };
        if !row.overall_accuracy.is_nan() {
            check_finite("validation loss", row.loss, position, lr)?;
        }
        Ok(Some(row))
    }

    /// The chips of step `index` of `epoch`, which is step `step` of the run.
    fn chips(&self, epoch: u32, index: u64, step: u64) -> Result<Vec<Chip>> {
        let strength = self.schedule.augment_factor(step, epoch);
        let n_chips = u64::from(self.data.sampler.n_chips());
        let of_step = self.config.chips_of_step(epoch);
        let range = index * of_step..((index + 1) * of_step).min(n_chips);
        self.data.training_chips(epoch, range, strength, self.loss.needs_distances())
    }

    /// Pixels of `n_steps` steps of `epoch`.
    fn n_pixels(&self, epoch: u32, n_steps: u64) -> f64 {
        let n_chips = n_steps * self.config.chips_of_step(epoch);
        let n_chips = n_chips.min(u64::from(self.data.sampler.n_chips()));
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
