//! Exponential moving average of the weights.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Tensor, TensorData},
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    model::Path,
    weights::{Entry, StateDict, Values},
};

/// The `[train.ema]` table of a run file: a second model, the average of the weights of all steps,
/// which is checked beside the first, and kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmaConfig {
    /// Share of the average that each step keeps, in `(0, 1)`.
    pub decay: f64,
}

impl Default for EmaConfig {
    fn default() -> Self {
        Self { decay: 0.999 }
    }
}

impl EmaConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn check(&self) -> Result<()> {
        if 0.0 < self.decay && self.decay < 1.0 {
            return Ok(());
        }
        Err(Error::config("train.ema.decay", self.decay, "must lie in (0, 1)"))
    }

    /// What the average keeps in step `step`, counted from 1.
    ///
    /// ```text
    /// d = min(decay, (1 + n) / (10 + n))
    /// ```
    ///
    /// Early on the average follows closely, so that the weights that training began with are soon
    /// forgotten.
    ///
    /// Source: TensorFlow's `ExponentialMovingAverage` with `num_updates`.
    pub fn decay(&self, step: u64) -> f64 {
        let n = step as f64;
        self.decay.min((1.0 + n) / (10.0 + n))
    }
}

/// The average of the parameters and running statistics of a model, by name.
///
/// ```text
/// a = a + (1 - d) (w - a)
/// ```
///
/// Counters are those of the model, not averages. Source: Polyak & Juditsky 1992,
/// <https://doi.org/10.1137/0330046>; running statistics as in timm's `ModelEmaV2`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ema {
    averages: BTreeMap<String, Vec<f32>>,
}

impl Ema {
    /// That of the weights of `model`, once.
    pub fn of<M: Module>(model: &M) -> Self {
        let mut ema = Self::default();
        ema.update(model, 0.0);
        ema
    }

    /// Takes in the weights of `model`; `decay` is what remains of the average.
    pub fn update<M: Module>(&mut self, model: &M, decay: f64) {
        model.visit(&mut Averager { path: Path::default(), ema: self, decay });
    }

    /// `model` with these weights.
    ///
    /// # Panics
    ///
    /// If `model` has others than the one that was averaged.
    pub fn apply<M: Module>(&self, model: M) -> M {
        model.map(&mut Applier { path: Path::default(), ema: self })
    }

    /// The averages, as they lie in memory.
    pub fn state(&self) -> StateDict {
        let entry = |(name, values): (&String, &Vec<f32>)| Entry {
            name: name.clone(),
            shape: vec![values.len()],
            values: Values::F32(values.clone()),
        };
        StateDict { entries: self.averages.iter().map(entry).collect() }
    }

    /// Takes over what [`state`](Self::state) returned, for a model like `model`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming what does not fit.
    pub fn load<M: Module>(model: &M, state: StateDict, what: &str) -> Result<Self> {
        state.check_against(&Self::of(model).state().layouts(), what)?;
        let mut averages = BTreeMap::new();
        for Entry { name, values, .. } in state.entries {
            match values {
                Values::F32(values) => averages.insert(name, values),
                Values::I64(_) => return Err(Error::data(what, "whole numbers", "averages")),
            };
        }
        Ok(Self { averages })
    }
}

struct Averager<'a> {
    path: Path,
    ema: &'a mut Ema,
    decay: f64,
}

impl ModuleVisitor for Averager<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data_as::<f32>();
        let values = data.as_slice::<f32>().expect("it was read as f32");
        let averages = self.ema.averages.entry(self.path.name()).or_insert_with(|| values.to_vec());
        // In this form what does not change stays as it is, to the bit, whatever the decay.
        let new = (1.0 - self.decay) as f32;
        averages.par_iter_mut().zip(values).for_each(|(a, w)| *a += new * (w - *a));
    }
}

struct Applier<'a> {
    path: Path,
    ema: &'a Ema,
}

impl ModuleMapper for Applier<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let averages = self.ema.averages.get(&name);
        let averages = averages.unwrap_or_else(|| panic!("{name} was not averaged"));
        param.map(|tensor| {
            let data = TensorData::new(averages.clone(), tensor.shape());
            let is_trained = tensor.is_require_grad();
            Tensor::from_data(data, &tensor.device()).set_require_grad(is_trained)
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{
        model::BatchNorm,
        weights::{load, state_dict},
    };

    /// A norm all of whose numbers are `value`.
    fn norm(value: f32) -> BatchNorm {
        let norm = BatchNorm::new(2, &Device::flex());
        let mut state = state_dict(&norm);
        for entry in &mut state.entries {
            if let Values::F32(values) = &mut entry.values {
                values.fill(value);
            }
        }
        load(norm, &state, "test").unwrap()
    }

    // By hand: 0.75 (0.75 * 1 + 0.25 * 5) + 0.25 * 2 = 2.
    #[test]
    fn weights_and_running_statistics_are_averaged() {
        let mut ema = Ema::of(&norm(1.0));
        ema.update(&norm(5.0), 0.75);
        ema.update(&norm(2.0), 0.75);
        let averaged = ema.apply(norm(9.0));
        assert_eq!(state_dict(&averaged), state_dict(&norm(2.0)));
        let again = Ema::load(&norm(0.0), ema.state(), "test").unwrap();
        assert_eq!(again, ema);
    }

    #[test]
    fn what_does_not_change_stays_to_the_bit() {
        let model = norm(0.1);
        let mut ema = Ema::of(&model);
        for decay in [0.1, 0.5, 0.9, 0.999, 0.99999] {
            ema.update(&model, decay);
        }
        assert_eq!(state_dict(&ema.apply(norm(9.0))), state_dict(&model));
    }

    #[test]
    fn a_state_of_another_model_is_refused() {
        let mut state = Ema::of(&norm(1.0)).state();
        state.entries.pop();
        let error = Ema::load(&norm(0.0), state, "averages").unwrap_err().to_string();
        assert!(error.contains("averages"), "{error}");
    }

    #[test]
    fn the_decay_grows_to_what_is_set() {
        let config = EmaConfig { decay: 0.99 };
        assert_eq!(config.decay(0), 0.1);
        assert_eq!(config.decay(10), 0.55);
        assert_eq!(config.decay(1_000_000), 0.99);
        assert!(EmaConfig { decay: 1.0 }.check().is_err());
    }
}
