//! The one-cycle schedule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Anneal, Phase, Phases};

/// Whose one-cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Convention {
    /// That of PyTorch's `OneCycleLR`: the last step has the last value; the last rate is
    /// `final_div_factor` below the first.
    #[default]
    Pytorch,
    /// That of fastai's `fit_one_cycle`: the last value would come one step after the last; the
    /// last rate is `final_div_factor` below the highest.
    Fastai,
}

/// One cycle of a rate, with momentum running the other way.
///
/// With `T` steps, `first = 1 / div_factor` and `last = first / final_div_factor` of the highest
/// rate:
///
/// | phase ends at step    | learning rate    | momentum       |
/// | --------------------- | ---------------- | -------------- |
/// | `pct_start * T - 1`   | `first` to 1     | `max` to `base`|
/// | `T - 1`               | 1 to `last`      | `base` to `max`|
///
/// With `three_phase` the rate is back at `first` at step `2 * pct_start * T - 2` and decays to
/// `last` at `T - 1` with the highest momentum. Corners may lie between two steps. In fastai's
/// convention phases end at `pct_start * T` and `T`, and `last = 1 / final_div_factor`.
///
/// Source: Smith & Topin 2018, <https://arxiv.org/abs/1708.07120>; formulas and defaults of
/// PyTorch's `OneCycleLR`. It differs where PyTorch raises an exception: steps after the last
/// one keep its rates, and a phase without length is passed at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    /// Steps, 1 or more.
    pub length: f64,
    /// Whose corners.
    pub convention: Convention,
    /// Share of the steps in which the rate rises, in `[0, 1]`, with three phases in `[0, 0.5]`.
    pub pct_start: f64,
    /// First rate = highest rate / `div_factor`.
    pub div_factor: f64,
    /// Last rate = first rate / `final_div_factor`.
    pub final_div_factor: f64,
    /// Curve between the corners.
    pub anneal: Anneal,
    /// Fall as steeply as it rose, then decay in a third phase.
    pub three_phase: bool,
}

impl OneCycle {
    /// The rate, as factor of the highest one.
    pub fn rate(&self) -> Phases {
        let first = 1.0 / self.div_factor;
        let last = match self.convention {
            Convention::Pytorch => first / self.final_div_factor,
            Convention::Fastai => 1.0 / self.final_div_factor,
        };
        self.phases(if self.three_phase {
            vec![[first, 1.0], [1.0, first], [first, last]]
        } else {
            vec![[first, 1.0], [1.0, last]]
        })
    }

    /// Momentum from `high` to `low`, while the rate rises, and back.
    pub fn momentum(&self, low: f64, high: f64) -> Phases {
        let mut values = vec![[high, low], [low, high]];
        if self.three_phase {
            values.push([high, high]);
        }
        self.phases(values)
    }

    fn phases(&self, values: Vec<[f64; 2]>) -> Phases {
        // The corner is at the end of a step, or at its begin.
        let shift = match self.convention {
            Convention::Pytorch => 1.0,
            Convention::Fastai => 0.0,
        };
        let rising = self.pct_start * self.length;
        let mut ends = vec![rising - shift, self.length - shift];
        if self.three_phase {
            ends.insert(1, 2.0 * (rising - shift));
        }
        let phases = ends.into_iter().zip(values);
        let phases = phases.map(|(end, values)| Phase { end, values }).collect();
        Phases { start: 0.0, phases, anneal: self.anneal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_cycle(length: f64) -> OneCycle {
        OneCycle {
            length,
            convention: Convention::Pytorch,
            pct_start: 0.3,
            div_factor: 25.0,
            final_div_factor: 1e4,
            anneal: Anneal::Cos,
            three_phase: false,
        }
    }

    #[test]
    fn stays_at_the_last_step() {
        let rate = one_cycle(20.0).rate();
        assert_eq!(rate.at(1e9), rate.at(19.0));
        assert_ne!(rate.at(18.0), rate.at(19.0));
    }

    #[test]
    fn shortest_cycles_are_finite() {
        for convention in [Convention::Pytorch, Convention::Fastai] {
            for three_phase in [false, true] {
                for pct_start in [0.0, 0.1, 0.25, 0.5] {
                    for n_steps in 1..12 {
                        let length = f64::from(n_steps);
                        let cycle =
                            OneCycle { convention, three_phase, pct_start, ..one_cycle(length) };
                        for step in 0..n_steps {
                            let rate = cycle.rate().at(f64::from(step));
                            let momentum = cycle.momentum(0.85, 0.95).at(f64::from(step));
                            let case = format!("{cycle:?} {step}: {rate}, {momentum}");
                            assert!(0.0 < rate && rate <= 1.0 + 1e-12, "{case}");
                            assert!((0.85 - 1e-12..=0.95 + 1e-12).contains(&momentum), "{case}");
                        }
                    }
                }
            }
        }
    }
}
