//! Sweeps over learning rates, on networks that are thrown away.

use super::{RunFile, StartingWeights, starting_network};
use crate::{
    chip::Chip,
    error::{Error, Result},
    loss::Criterion,
    lr_find::{
        Found, LossCurve, Rule, SweepFound, SweepLoss, Verdict, Watch, agree, agree_on_range, band,
        suggest_all,
    },
    model::{Pass, freeze_network},
    scene::Role,
    schedule::Rates,
    train::{Dataset, Observer, validate, window_gradient},
};
use burn::{module::Module, tensor::Device};

/// Epochs that the chips of two sweeps are apart: no training has as many.
const EPOCHS_APART: u32 = 1_000_000;

/// Finds learning rates for a run. Nothing that it does shows in the run: networks, optimizers and
/// draws are its own.
pub struct Finder<'a> {
    /// What the run does.
    pub run_file: &'a RunFile,
    /// What it reads.
    pub data: &'a Dataset,
    /// The file of weights that it starts from, if there is one.
    pub weights: Option<&'a StartingWeights>,
    /// Where tensors live; does not differentiate.
    pub device: &'a Device,
}

impl Finder<'_> {
    /// Sweeps once for each seed; `observer` may stop it.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`], [`Error::Config`] if a setting does not fit the run, and those of
    /// reading chips and weights.
    pub fn find(&self, observer: &mut dyn Observer) -> Result<Found> {
        let settings = self.run_file.lr_find.clone();
        if settings.loss == SweepLoss::Validation && self.data.n_pixels(Role::Validation) == 0 {
            let rule = "needs validation blocks: there are none";
            return Err(Error::config("lr_find.loss", "validation", rule));
        }
        let (mut sweeps, mut curves) = (Vec::new(), Vec::new());
        for number in 0..settings.n_seeds {
            let (sweep, curve) = self.sweep(number, observer)?;
            sweeps.push(sweep);
            curves.push(curve);
        }
        Ok(Found {
            version: Found::VERSION,
            band: band(&curves)?,
            agreements: Rule::ALL.map(|rule| (rule, agree(rule, &curves))).to_vec(),
            range: agree_on_range(&curves),
            settings,
            sweeps,
        })
    }

    fn sweep(&self, number: u32, observer: &mut dyn Observer) -> Result<(SweepFound, LossCurve)> {
        let Self { run_file, data, .. } = *self;
        let (settings, train) = (&run_file.lr_find, &run_file.train);
        let seed = run_file.seed.wrapping_add(number.into());
        let device = self.device.clone().autodiff();
        let run_file = RunFile { seed, ..run_file.clone() };
        let network = starting_network(&run_file, data, self.weights, &device)?;
        let mut network = freeze_network(network, &train.frozen(&run_file.model.freeze, 0))?;
        let loss = run_file.loss.build_for(&data.class_counts(), run_file.train.epochs)?;
        let mut optimizer = run_file.optimizer.build()?;
        let rates = settings.rates();
        let mut watch = Watch::new(settings.smoothing, settings.stopping);
        let (mut lrs, mut smoothed, mut raw_loss) = (Vec::new(), Vec::new(), Vec::new());
        let mut ended = Verdict::GoOn;
        for iteration in 0..settings.n_iterations {
            if observer.stops() {
                return Err(Error::Interrupted);
            }
            let lr = rates.lr(iteration);
            let chips = self.chips(number, iteration as u64, &loss)?;
            let pass = Pass::training(seed, iteration as u64);
            let batch = train.batch as usize;
            let mut found = window_gradient(&network, &loss, &chips, batch, &device, 0, pass)?;
            let norm = train.clip(&mut found.gradients);
            if !(found.loss.is_finite() && norm.is_finite()) {
                ended = Verdict::NotFinite;
                break;
            }
            network = optimizer.step(network, &found.gradients, Rates::of(lr));
            let value = match settings.loss {
                SweepLoss::Train => f64::from(found.loss),
                SweepLoss::Validation => {
                    let inner = device.clone().inner();
                    let row = validate(data, &network.valid(), &loss, 0, &inner)?;
                    row.map_or(f64::NAN, |it| it.loss)
                }
            };
            let reading = watch.push(value);
            if reading.verdict != Verdict::NotFinite {
                lrs.push(lr);
                smoothed.push(reading.smoothed_loss);
                raw_loss.push(value);
            }
            ended = reading.verdict;
            if ended != Verdict::GoOn {
                break;
            }
        }
        let (mut all_lr, mut all_loss) = (lrs.clone(), smoothed.clone());
        if ended == Verdict::NotFinite {
            // The curve should know that it did not end as planned.
            all_lr.push(rates.lr(lrs.len()));
            all_loss.push(f64::NAN);
        }
        let curve = LossCurve::new(all_lr, all_loss, settings.n_iterations)?;
        let found = SweepFound {
            seed,
            lr: lrs,
            loss: smoothed,
            raw_loss,
            ended,
            is_still_falling: curve.is_still_falling(),
            suggestions: suggest_all(&curve).to_vec(),
        };
        Ok((found, curve))
    }

    /// The chips of an iteration of a sweep: those of the epochs of its own, one after the other.
    fn chips(&self, number: u32, iteration: u64, loss: &Criterion) -> Result<Vec<Chip>> {
        let Self { run_file, data, .. } = *self;
        let n_chips = data.sampler.n_chips();
        let per_epoch = run_file.train.steps_of_epoch(n_chips, 0);
        let epoch =
            EPOCHS_APART.wrapping_mul(number + 1).wrapping_add((iteration / per_epoch) as u32);
        let of_step = run_file.train.chips_of_step(0);
        let first = iteration % per_epoch * of_step;
        let range = first..(first + of_step).min(n_chips.into());
        data.training_chips(epoch, range, 1.0, loss.needs_distances())
    }
}
