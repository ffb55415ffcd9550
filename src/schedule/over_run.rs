//! All that changes over a run.

use super::{
    Curve, CurveConfig, Plateau, ScheduleConfig, Unit,
    place::{Place, Role},
};
use crate::{
    error::{Error, Result},
    score::Monitor,
};

/// What the optimizer is told at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Learning rate.
    pub lr: f64,
    /// Momentum, or the first beta; `None` leaves the optimizer's own.
    pub momentum: Option<f64>,
    /// Multiplies the weight decay.
    pub weight_decay_factor: f64,
}

impl Rates {
    /// This learning rate; the rest is the optimizer's own.
    pub fn of(lr: f64) -> Self {
        Self { lr, momentum: None, weight_decay_factor: 1.0 }
    }
}

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLength {
    /// Optimizer steps.
    pub n_steps: u64,
    /// Epochs.
    pub n_epochs: u32,
}

impl RunLength {
    fn in_unit(self, unit: Unit) -> f64 {
        match unit {
            Unit::Step => self.n_steps as f64,
            Unit::Epoch => f64::from(self.n_epochs),
        }
    }
}

/// The values of the run file that curves multiply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bases {
    /// `optimizer.lr`.
    pub lr: f64,
    /// Momentum or the first beta of the optimizer.
    pub momentum: f64,
    /// `optimizer.weight_decay`.
    pub weight_decay: f64,
}

/// Learning rate, momentum and more at every step of a training.
///
/// There is no state: a run resumed at step `n` goes on with the rates of `n`, and what depends on
/// checks depends on their figures alone.
///
/// # Example
///
/// ```
/// use swath::schedule::{Bases, RunLength, Schedule, ScheduleConfig};
///
/// let bases = Bases { lr: 1e-3, momentum: 0.9, weight_decay: 0.01 };
/// let run = RunLength { n_steps: 100, n_epochs: 10 };
/// let schedule = Schedule::new(&ScheduleConfig::default(), bases, run)?;
/// assert_eq!(schedule.rates(29, 2, &[]).lr, 1e-3); // The top: step 0.3 * 100 - 1.
/// # Ok::<(), swath::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    lr: f64,
    rate: Course,
    plateau: Option<(Plateau, Monitor)>,
    warmup: Option<Curve>,
    momentum: Option<Course>,
    weight_decay: Option<Course>,
    drop_prob: Option<Course>,
    augment: Option<Course>,
}

/// A curve and what its time is counted in, times a value.
#[derive(Clone, Debug)]
struct Course {
    base: f64,
    curve: Curve,
    unit: Unit,
}

impl Course {
    fn at(&self, step: u64, epoch: u32) -> f64 {
        self.base
            * self.curve.factor(match self.unit {
                Unit::Step => step as f64,
                Unit::Epoch => f64::from(epoch),
            })
    }
}

impl Schedule {
    /// The schedule of a run.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming a setting that is out of range, or longer or shorter than the run.
    pub fn new(config: &ScheduleConfig, bases: Bases, run: RunLength) -> Result<Self> {
        if run.n_steps == 0 {
            return Err(Error::config("train.epochs", 0, "a schedule needs a step"));
        }
        Self::build(config, bases, Some(run))
    }

    /// Checks what can be checked before the length of the run is known.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn check(config: &ScheduleConfig, bases: Bases) -> Result<()> {
        Self::build(config, bases, None).map(|_| ())
    }

    /// A learning rate that is `lr` times `curve` over the steps, for callers with curves of their own.
    pub fn of(lr: f64, curve: Curve) -> Self {
        Self {
            lr,
            rate: Course { base: lr, curve, unit: Unit::Step },
            plateau: None,
            warmup: None,
            momentum: None,
            weight_decay: None,
            drop_prob: None,
            augment: None,
        }
    }

    fn build(config: &ScheduleConfig, bases: Bases, run: Option<RunLength>) -> Result<Self> {
        let lr = bases.lr;
        if !(lr.is_finite() && 0.0 < lr) {
            return Err(Error::config("optimizer.lr", lr, "must be a number above 0"));
        }
        let in_unit = |curve: &CurveConfig| run.map(|run| run.in_unit(curve.unit()));
        let place = Place {
            table: "schedule",
            key: "optimizer.lr",
            base: lr,
            run: in_unit(&config.rate),
            role: Role::Rate,
        };
        config.rate.check_keys("schedule", false)?;
        let plateau = config.rate.plateau(place)?;
        let monitor = config.rate.with_defaults().monitor.unwrap_or_default();
        let curve = if plateau.is_some() { Curve::CONSTANT } else { config.rate.curve(place)? };
        let unit = config.rate.unit();
        let against = config.rate.momentum(place)?.map(|curve| Course { base: 1.0, curve, unit });
        let other = |name: &str, curve: &Option<CurveConfig>, key: &str, base: f64, base_out| {
            let Some(config) = curve else { return Ok(None) };
            let table = format!("schedule.{name}");
            if config.cycle_momentum == Some(true) {
                let rule = "is for the curve of the learning rate";
                return Err(Error::config(format!("{table}.cycle_momentum"), true, rule));
            }
            let role = Role::Other;
            let curve =
                config.curve(Place { table: &table, key, base, run: in_unit(config), role })?;
            Ok(Some(Course { base: base_out, curve, unit: config.unit() }))
        };
        let (key, decay) = ("the momentum or first beta", "optimizer.weight_decay");
        let (base, name) = (bases.momentum, "momentum");
        let own = other(name, &config.momentum, key, base, base)?;
        if own.is_some() && against.is_some() {
            let rule = format!(
                "kind = \"{}\" moves momentum, too: set schedule.cycle_momentum = false",
                config.rate.kind.name()
            );
            return Err(Error::config("schedule.momentum", "given", rule));
        }
        let schedule = Self {
            lr,
            rate: Course { base: lr, curve, unit },
            plateau: plateau.map(|it| (it, monitor)),
            warmup: warmup(config, run)?,
            momentum: own.or(against),
            weight_decay: other(
                "weight_decay",
                &config.weight_decay,
                decay,
                bases.weight_decay,
                1.0,
            )?,
            drop_prob: other("drop_prob", &config.drop_prob, "it", 1.0, 1.0)?,
            augment: other("augment", &config.augment, "it", 1.0, 1.0)?,
        };
        schedule.check_shares(run)?;
        Ok(schedule)
    }

    /// Shares must stay shares over the run.
    fn check_shares(&self, run: Option<RunLength>) -> Result<()> {
        let Some(RunLength { n_steps, n_epochs }) = run else { return Ok(()) };
        for (key, course, is_share) in [
            ("schedule.momentum", &self.momentum, &(|it: f64| it < 1.0) as &dyn Fn(f64) -> bool),
            ("schedule.drop_prob", &self.drop_prob, &|it| it <= 1.0),
            ("schedule.augment", &self.augment, &|it| it <= 1.0),
        ] {
            let Some(course) = course else { continue };
            let (n, unit) = match course.unit {
                Unit::Step => (n_steps, "step"),
                Unit::Epoch => (n_epochs.into(), "epoch"),
            };
            let at = |time: u64| course.base * course.curve.factor(time as f64);
            if let Some(time) = (0..n).find(|&time| !is_share(at(time))) {
                let rule = format!("is too much ({unit} {})", time + 1);
                return Err(Error::config(key, at(time), rule));
            }
        }
        Ok(())
    }

    /// The figure of the checks that [`Self::rates`] depends on, if there is one.
    pub fn monitor(&self) -> Option<Monitor> {
        self.plateau.as_ref().map(|(_, monitor)| *monitor)
    }

    /// Rates of optimizer step `step` in `epoch`, both counted from 0, after checks whose
    /// [`monitor`](Self::monitor) was `figures`.
    pub fn rates(&self, step: u64, epoch: u32, figures: &[f64]) -> Rates {
        let lr = match &self.plateau {
            Some((plateau, _)) => plateau.rate(self.lr, figures.iter().copied()),
            None => self.rate.at(step, epoch),
        };
        let warmup = self.warmup.as_ref().map_or(1.0, |it| it.factor(step as f64));
        Rates {
            lr: lr * warmup,
            momentum: self.momentum.as_ref().map(|it| it.at(step, epoch)),
            weight_decay_factor: self.weight_decay.as_ref().map_or(1.0, |it| it.at(step, epoch)),
        }
    }

    /// What multiplies the probability of dropout at a step, `[0, 1]`.
    pub fn drop_factor(&self, step: u64, epoch: u32) -> f64 {
        self.drop_prob.as_ref().map_or(1.0, |it| it.at(step, epoch))
    }

    /// What multiplies probabilities and largest changes of augmentations at a step, `[0, 1]`.
    pub fn augment_factor(&self, step: u64, epoch: u32) -> f64 {
        self.augment.as_ref().map_or(1.0, |it| it.at(step, epoch))
    }
}

/// From `warmup_factor` to 1.
fn warmup(config: &ScheduleConfig, run: Option<RunLength>) -> Result<Option<Curve>> {
    let &ScheduleConfig { warmup_steps, warmup_factor, .. } = config;
    if !(0.0..=1.0).contains(&warmup_factor) {
        return Err(Error::config("schedule.warmup_factor", warmup_factor, "must lie in [0, 1]"));
    }
    if let Some(RunLength { n_steps, .. }) = run
        && n_steps <= warmup_steps
    {
        let rule = format!("is not less than the {n_steps} steps of the run");
        return Err(Error::config("schedule.warmup_steps", warmup_steps, rule));
    }
    let length = warmup_steps as f64;
    let curve = Curve::Linear { start: warmup_factor, end: 1.0, length };
    Ok((0 < warmup_steps).then_some(curve))
}
