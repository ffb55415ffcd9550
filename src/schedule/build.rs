//! From what a run file says to a curve.

use super::{
    Curve, CurveConfig, CurveKind, Cyclic, OneCycle, Phases, Plateau, Unit,
    place::{Place, Role, counted},
};
use crate::error::Result;

impl CurveConfig {
    /// The curve, as factor of the key that it drives.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming a key that is missing, out of range, or longer or shorter than the run.
    pub(super) fn curve(&self, place: Place<'_>) -> Result<Curve> {
        self.check_keys(place.table, place.role == Role::Piece)?;
        let unit = self.unit();
        let it = self.with_defaults();
        let number = |value: Option<f64>| value.expect("there is a default");
        if let Some(length) = it.length {
            place.positive("length", length)?;
            place.within_run("length", length, unit)?;
        }
        let length = it.length.or(place.run).unwrap_or(1.0);
        Ok(match self.kind {
            CurveKind::Constant => {
                let factor = place.not_negative("factor", number(it.factor))?;
                let length = it.length.unwrap_or(f64::INFINITY);
                Curve::Hold { factor, length }
            }
            CurveKind::Step => {
                let step_size = place.given("step_size", it.step_size, self.kind)?;
                place.positive("step_size", step_size)?;
                place.within_run("step_size", step_size, unit)?;
                Curve::Step { step_size, gamma: place.positive("gamma", number(it.gamma))? }
            }
            CurveKind::MultiStep => {
                let milestones = place.given("milestones", it.milestones, self.kind)?;
                for &milestone in &milestones {
                    place.not_negative("milestones", milestone)?;
                    place.within_run("milestones", milestone, unit)?;
                }
                Curve::MultiStep { milestones, gamma: place.positive("gamma", number(it.gamma))? }
            }
            CurveKind::Linear => Curve::Linear {
                start: place.not_negative("start_factor", number(it.start_factor))?,
                end: place.not_negative("end_factor", number(it.end_factor))?,
                length,
            },
            CurveKind::Exponential => {
                let gamma = place.given("gamma", it.gamma, self.kind)?;
                Curve::Exponential { gamma: place.positive("gamma", gamma)? }
            }
            CurveKind::Polynomial => {
                self.check_whole(place, "would train at 0 from there on")?;
                Curve::Polynomial { length, power: place.positive("power", number(it.power))? }
            }
            CurveKind::Cosine => {
                self.check_whole(place, "would rise again from there on")?;
                Curve::Cosine { length, min: place.lowest(number(it.min))? }
            }
            CurveKind::WarmRestarts => {
                let first = place.given("first_length", it.first_length, self.kind)?;
                if first < 1.0 {
                    return Err(place.error("first_length", first, "must be at least 1"));
                }
                place.within_run("first_length", first, unit)?;
                let growth = number(it.growth);
                if growth < 1.0 {
                    return Err(place.error("growth", growth, "must be at least 1"));
                }
                Curve::WarmRestarts { first, growth, min: place.lowest(number(it.min))? }
            }
            CurveKind::Cyclic => Curve::Cyclic(Cyclic {
                low: place.lowest(place.given("min", it.min, self.kind)?)?,
                high: 1.0,
                ..it.cycles(place)?
            }),
            CurveKind::OneCycle => {
                let _ = it.momenta(place)?;
                Curve::Phases(it.one_cycle(place)?.rate())
            }
            CurveKind::Points => {
                let points = place.given("points", it.points, self.kind)?;
                for &[time, factor] in &points {
                    place.not_negative("points", time)?;
                    place.not_negative("points", factor)?;
                    place.within_run("points", time, unit)?;
                }
                if points.is_empty() {
                    return Err(place.error("points", "[]", "needs at least one point"));
                }
                if !points.is_sorted_by(|a, b| a[0] <= b[0]) {
                    let found = format!("{points:?}");
                    return Err(place.error(
                        "points",
                        found,
                        "must be in the order of their times",
                    ));
                }
                Curve::Phases(Phases::through(&points, it.anneal.unwrap_or_default()))
            }
            CurveKind::Sequence => self.sequence(place)?,
            CurveKind::Product => {
                let curves = self.pieces(place)?.into_iter();
                let curves = curves.map(|(piece, table)| {
                    piece.curve(Place { table: &table, role: Role::Piece, ..place })
                });
                Curve::Product(curves.collect::<Result<_>>()?)
            }
            CurveKind::Plateau => {
                let rule = "follows the checks: it is for `[schedule]` itself, not for parts of it";
                return Err(place.error("kind", "plateau", rule));
            }
        })
    }

    /// The curve over the epochs of a run, as factor of `base`, the value of `key`; `table` is where it
    /// stands.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) naming a key that is missing, out of range, or longer or
    /// shorter than the run, or another unit.
    pub fn over_epochs(
        &self,
        table: &str,
        key: &str,
        base: f64,
        n_epochs: Option<u32>,
    ) -> Result<Curve> {
        let run = n_epochs.map(f64::from);
        let place = Place { table, key, base, run, role: Role::Other };
        if self.unit == Some(Unit::Step) {
            return Err(place.error("unit", "step", "must be `epoch`, or left out"));
        }
        if self.cycle_momentum == Some(true) {
            return Err(place.error("cycle_momentum", true, "is for the learning rate"));
        }
        Self { unit: Some(Unit::Epoch), ..self.clone() }.curve(place)
    }

    /// Momentum that runs against the rate, by itself, if the kind has that.
    ///
    /// # Errors
    ///
    /// As [`Self::curve`].
    pub(super) fn momentum(&self, place: Place<'_>) -> Result<Option<Curve>> {
        let it = self.with_defaults();
        if it.cycle_momentum != Some(true) {
            return Ok(None);
        }
        let [low, high] = it.momenta(place)?;
        Ok(match self.kind {
            CurveKind::OneCycle => Some(Curve::Phases(it.one_cycle(place)?.momentum(low, high))),
            CurveKind::Cyclic => {
                Some(Curve::Cyclic(Cyclic { low: high, high: low, ..it.cycles(place)? }))
            }
            _ => None,
        })
    }

    /// What falls with the checks, if this does.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key that is out of range.
    pub(super) fn plateau(&self, place: Place<'_>) -> Result<Option<Plateau>> {
        if self.kind != CurveKind::Plateau {
            return Ok(None);
        }
        self.check_keys(place.table, false)?;
        let it = self.with_defaults();
        let number = |value: Option<f64>| value.expect("there is a default");
        let factor = number(it.factor);
        if !(0.0 < factor && factor < 1.0) {
            return Err(place.error("factor", factor, "must lie in (0, 1)"));
        }
        let patience = it.patience.unwrap_or_default();
        if patience == 0 {
            return Err(place.error("patience", patience, "must be at least 1"));
        }
        place.lowest(number(it.min))?;
        Ok(Some(Plateau {
            better: it.monitor.unwrap_or_default().better(),
            factor,
            patience,
            threshold: place.not_negative("threshold", number(it.threshold))?,
            threshold_mode: it.threshold_mode.unwrap_or_default(),
            cooldown: it.cooldown.unwrap_or_default(),
            min: number(it.min),
            eps: place.not_negative("eps", number(it.eps))?,
        }))
    }

    /// Refuses a length that ends before the run does.
    fn check_whole(&self, place: Place<'_>, why: &str) -> Result<()> {
        match (self.length, place.run) {
            (Some(length), Some(run)) if length < run => {
                let run = counted(run, self.unit());
                let rule = format!("is less than the {run} of the run: it {why}");
                Err(place.error("length", length, rule))
            }
            _ => Ok(()),
        }
    }

    fn one_cycle(&self, place: Place<'_>) -> Result<OneCycle> {
        self.check_whole(place, "would train at almost 0 from there on")?;
        let number = |value: Option<f64>| value.expect("there is a default");
        let three_phase = self.three_phase.unwrap_or_default();
        let pct_start = number(self.pct_start);
        let highest = if three_phase { 0.5 } else { 1.0 };
        if !(0.0..=highest).contains(&pct_start) {
            return Err(place.error("pct_start", pct_start, format!("must lie in [0, {highest}]")));
        }
        Ok(OneCycle {
            length: self.length.or(place.run).unwrap_or(1.0),
            convention: self.convention.unwrap_or_default(),
            pct_start,
            div_factor: place.positive("div_factor", number(self.div_factor))?,
            final_div_factor: place.positive("final_div_factor", number(self.final_div_factor))?,
            anneal: self.anneal.unwrap_or_default(),
            three_phase,
        })
    }

    /// All of a cycle but its two values.
    fn cycles(&self, place: Place<'_>) -> Result<Cyclic> {
        self.momenta(place)?;
        let up = place.given("step_size_up", self.step_size_up, self.kind)?;
        place.positive("step_size_up", up)?;
        let down = place.positive("step_size_down", self.step_size_down.unwrap_or(up))?;
        place.within_run("step_size_up", up, self.unit())?;
        Ok(Cyclic {
            low: 0.0,
            high: 0.0,
            up,
            down,
            shape: self.mode.unwrap_or_default(),
            gamma: place.positive("gamma", self.gamma.expect("there is a default"))?,
        })
    }

    /// Lowest and highest momentum.
    fn momenta(&self, place: Place<'_>) -> Result<[f64; 2]> {
        let number = |value: Option<f64>| value.expect("there is a default");
        let (low, high) = (number(self.base_momentum), number(self.max_momentum));
        if !(0.0..1.0).contains(&high) {
            return Err(place.error("max_momentum", high, "must lie in [0, 1)"));
        }
        if !(0.0..=high).contains(&low) {
            let rule = format!("must lie in [0, {}.max_momentum]", place.table);
            return Err(place.error("base_momentum", low, rule));
        }
        Ok([low, high])
    }
}
