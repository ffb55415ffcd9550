//! The one-cycle schedule.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rates;
use crate::error::{Error, Result};

/// Settings of [`OneCycle`], with PyTorch's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct OneCycleConfig {
    /// Share of the steps in which the rate rises, in `[0, 1]`; default 0.3.
    pub pct_start: f64,
    /// First rate = highest rate / `div_factor`; default 25.
    pub div_factor: f64,
    /// Last rate = first rate / `final_div_factor`; default 10000.
    pub final_div_factor: f64,
    /// Curve between the corners; default cosine.
    pub anneal: Anneal,
    /// Fall as steeply as it rose, then decay in a third phase; default no.
    pub three_phase: bool,
    /// Whether momentum falls while the rate rises, and rises while it falls; default yes.
    pub cycle_momentum: bool,
    /// Lowest momentum, in `[0, 1)`; default 0.85.
    pub base_momentum: f64,
    /// Highest momentum, in `[0, 1)`; default 0.95.
    pub max_momentum: f64,
}

impl Default for OneCycleConfig {
    fn default() -> Self {
        Self {
            pct_start: 0.3,
            div_factor: 25.0,
            final_div_factor: 1e4,
            anneal: Anneal::Cos,
            three_phase: false,
            cycle_momentum: true,
            base_momentum: 0.85,
            max_momentum: 0.95,
        }
    }
}

/// Curve between two corners of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Anneal {
    /// Half a cosine.
    Cos,
    /// A straight line.
    Linear,
}

impl Anneal {
    /// Value at `position` in `[0, 1]` on the way from `start` to `end`.
    fn between(self, start: f64, end: f64, position: f64) -> f64 {
        match self {
            Self::Cos => end + (start - end) / 2.0 * (1.0 + (PI * position).cos()),
            Self::Linear => start + (end - start) * position,
        }
    }
}

/// One cycle of the learning rate, with momentum running the other way.
///
/// With `T` steps, `first = lr / div_factor` and `last = first / final_div_factor`:
///
/// | phase ends at step    | learning rate    | momentum       |
/// | --------------------- | ---------------- | -------------- |
/// | `pct_start * T - 1`   | `first` to `lr`  | `max` to `base`|
/// | `T - 1`               | `lr` to `last`   | `base` to `max`|
///
/// With `three_phase` the rate is back at `first` at step `2 * pct_start * T - 2` and decays to
/// `last` at `T - 1` with the highest momentum. Corners may lie between two steps.
///
/// Source: Smith & Topin 2018, <https://arxiv.org/abs/1708.07120>; formulas and defaults of
/// PyTorch's `OneCycleLR`. It differs where PyTorch raises an exception: steps after the last
/// one keep its rates, and a phase without length is passed at once.
#[derive(Clone, Debug, PartialEq)]
pub struct OneCycle {
    config: OneCycleConfig,
    lr: f64,
    last_step: u64,
}

/// Where a phase ends, and its rates at the start and the end.
struct Phase {
    end_step: f64,
    lr: [f64; 2],
    momentum: [f64; 2],
}

impl OneCycle {
    /// One cycle of `n_steps` optimizer steps up to the rate `lr`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if `n_steps` is 0 or a setting is outside its range.
    pub fn new(config: &OneCycleConfig, lr: f64, n_steps: u64) -> Result<Self> {
        check(config)?;
        let Some(last_step) = n_steps.checked_sub(1) else {
            return Err(Error::config(
                "train.epochs",
                n_steps,
                "a one-cycle schedule needs a step",
            ));
        };
        Ok(Self { config: config.clone(), lr, last_step })
    }

    /// Rates of optimizer step `step`, counted from 0; from the last step on they stay the same.
    pub fn rates(&self, step: u64) -> Rates {
        let step = step.min(self.last_step) as f64;
        let mut start_step = 0.0;
        let phases = self.phases();
        let n_before_last = phases.len() - 1;
        for phase in &phases[..n_before_last] {
            if step <= phase.end_step {
                return self.within(phase, start_step, step);
            }
            start_step = phase.end_step;
        }
        self.within(&phases[n_before_last], start_step, step)
    }

    fn within(&self, phase: &Phase, start_step: f64, step: f64) -> Rates {
        let length = phase.end_step - start_step;
        let position = if length == 0.0 { 1.0 } else { (step - start_step) / length };
        let between = |[start, end]: [f64; 2]| self.config.anneal.between(start, end, position);
        let momentum = self.config.cycle_momentum.then(|| between(phase.momentum));
        Rates { lr: between(phase.lr), momentum }
    }

    fn phases(&self) -> Vec<Phase> {
        let config = &self.config;
        let last_step = self.last_step as f64;
        let n_rising = config.pct_start * (last_step + 1.0);
        let (low, high) = (config.base_momentum, config.max_momentum);
        let (first, top) = (self.lr / config.div_factor, self.lr);
        let last = first / config.final_div_factor;

        let rise = Phase { end_step: n_rising - 1.0, lr: [first, top], momentum: [high, low] };
        if !config.three_phase {
            let fall = Phase { end_step: last_step, lr: [top, last], momentum: [low, high] };
            return vec![rise, fall];
        }
        let fall =
            Phase { end_step: 2.0 * n_rising - 2.0, lr: [top, first], momentum: [low, high] };
        let decay = Phase { end_step: last_step, lr: [first, last], momentum: [high, high] };
        vec![rise, fall, decay]
    }
}

fn check(config: &OneCycleConfig) -> Result<()> {
    let &OneCycleConfig { pct_start, div_factor, final_div_factor, .. } = config;
    let highest_start = if config.three_phase { 0.5 } else { 1.0 };
    if !(0.0..=highest_start).contains(&pct_start) {
        let rule = format!("must lie in [0, {highest_start}]");
        return Err(Error::config("schedule.pct_start", pct_start, rule));
    }
    for (key, factor) in [("div_factor", div_factor), ("final_div_factor", final_div_factor)] {
        if !(factor.is_finite() && 0.0 < factor) {
            return Err(Error::config(format!("schedule.{key}"), factor, "must be above 0"));
        }
    }
    let &OneCycleConfig { base_momentum, max_momentum, .. } = config;
    if !(0.0..1.0).contains(&max_momentum) {
        return Err(Error::config("schedule.max_momentum", max_momentum, "must lie in [0, 1)"));
    }
    if !(0.0..=max_momentum).contains(&base_momentum) {
        let rule = "must lie in [0, schedule.max_momentum]";
        return Err(Error::config("schedule.base_momentum", base_momentum, rule));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const GOLDEN: &str = include_str!("../../tests/golden/one_cycle.json");

    #[track_caller]
    fn check_case(name: &str, config: &OneCycleConfig) {
        let golden: Value = serde_json::from_str(GOLDEN).unwrap();
        let case = &golden["cases"][name];
        let top = case["params"]["max_lr"].as_f64().unwrap();
        let n_steps = case["params"]["total_steps"].as_u64().unwrap();
        let schedule = OneCycle::new(config, top, n_steps).unwrap();
        for step in 0..n_steps {
            let want = |key: &str| case[key][usize::try_from(step).unwrap()].as_f64().unwrap();
            let Rates { lr, momentum } = schedule.rates(step);
            let momentum = momentum.unwrap();
            assert!((lr - want("lr")).abs() < 1e-15, "{name} {step}: lr {lr}");
            assert!((momentum - want("momentum")).abs() < 1e-14, "{name} {step}: {momentum}");
        }
    }

    #[test]
    fn agrees_with_pytorch() {
        let default = OneCycleConfig::default();
        let linear = OneCycleConfig { anneal: Anneal::Linear, ..default.clone() };
        check_case("OneCycleLR_cos", &default);
        check_case("OneCycleLR_linear", &linear);
        check_case("OneCycleLR_three_phase", &OneCycleConfig { three_phase: true, ..linear });
        check_case("OneCycleLR_adam", &OneCycleConfig { pct_start: 0.25, ..default });
    }

    #[test]
    fn stays_at_the_last_step() {
        let schedule = OneCycle::new(&OneCycleConfig::default(), 0.1, 20).unwrap();
        assert_eq!(schedule.rates(u64::MAX), schedule.rates(19));
        assert_ne!(schedule.rates(18), schedule.rates(19));
    }

    #[test]
    fn shortest_cycles_are_finite() {
        for three_phase in [false, true] {
            for pct_start in [0.0, 0.1, 0.25, 0.5] {
                let config = OneCycleConfig { three_phase, pct_start, ..OneCycleConfig::default() };
                for n_steps in 1..12 {
                    let schedule = OneCycle::new(&config, 0.1, n_steps).unwrap();
                    for step in 0..n_steps {
                        let Rates { lr, momentum } = schedule.rates(step);
                        let momentum = momentum.unwrap();
                        let case = format!("{three_phase} {pct_start} {n_steps} {step}: {lr}");
                        assert!(0.0 < lr && lr <= 0.1 + 1e-12, "{case}");
                        assert!((0.85 - 1e-12..=0.95 + 1e-12).contains(&momentum), "{case}");
                    }
                }
            }
        }
    }

    #[test]
    fn momentum_can_be_left_alone() {
        let config = OneCycleConfig { cycle_momentum: false, ..OneCycleConfig::default() };
        let rates = OneCycle::new(&config, 0.1, 20).unwrap().rates(5);
        assert_eq!(rates, Rates { lr: 0.1, momentum: None });
    }

    #[test]
    fn names_the_bad_key() {
        let default = OneCycleConfig::default();
        let cases = [
            ("pct_start", OneCycleConfig { pct_start: 1.1, ..default.clone() }),
            ("pct_start", OneCycleConfig { pct_start: 0.6, three_phase: true, ..default.clone() }),
            ("div_factor", OneCycleConfig { div_factor: 0.0, ..default.clone() }),
            ("final_div_factor", OneCycleConfig { final_div_factor: f64::NAN, ..default.clone() }),
            ("max_momentum", OneCycleConfig { max_momentum: 1.0, ..default.clone() }),
            ("base_momentum", OneCycleConfig { base_momentum: 0.96, ..default.clone() }),
        ];
        for (key, config) in cases {
            let error = OneCycle::new(&config, 0.1, 20).unwrap_err().to_string();
            assert!(error.starts_with(&format!("config `schedule.{key}` = ")), "{error}");
        }
        assert!(OneCycle::new(&default, 0.1, 0).is_err());
    }
}
