//! An optimizer and what it remembers of each parameter.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Tensor, TensorData},
};

use super::{Gradients, OptimizerConfig, OptimizerKind, adamw, adamw::Moments, sgd};
use crate::{
    error::Result,
    model::Path,
    schedule::Rates,
    weights::{Entry, StateDict, Values, state_dict},
};

/// Changes parameters against their gradients.
///
/// What it remembers is keyed by the name of the parameter, so it can be saved and goes on with
/// another copy of the model. Learning rate and momentum come with each step.
#[derive(Clone, Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    memory: BTreeMap<String, Memory>,
}

/// What is remembered of one parameter.
#[derive(Clone, Debug)]
enum Memory {
    Adamw(Moments),
    Sgd(Vec<f32>),
}

impl Optimizer {
    pub(super) fn new(config: OptimizerConfig) -> Self {
        Self { config, memory: BTreeMap::new() }
    }

    /// The model after one step.
    ///
    /// Parameters without a gradient stay as they are, without weight decay.
    pub fn step<M: Module>(&mut self, model: M, gradients: &Gradients, rates: Rates) -> M {
        let path = Path::default();
        model.map(&mut Stepper { optimizer: self, gradients, rates, path })
    }

    /// What is remembered, sorted by name: `{parameter}.{slot}`.
    ///
    /// Slots have PyTorch's names: `step`, `exp_avg` and `exp_avg_sq` for AdamW, `momentum_buffer`
    /// for SGD.
    pub fn state(&self) -> StateDict {
        let mut state = StateDict::default();
        for (name, memory) in &self.memory {
            match memory {
                Memory::Adamw(Moments { step, mean, square }) => {
                    let step = i64::try_from(*step).expect("nobody takes 2^63 steps");
                    state.entries.push(Entry {
                        name: format!("{name}.{STEP}"),
                        shape: Vec::new(),
                        values: Values::I64(vec![step]),
                    });
                    state.entries.push(slot(name, MEAN, mean));
                    state.entries.push(slot(name, SQUARE, square));
                }
                Memory::Sgd(direction) if direction.is_empty() => {}
                Memory::Sgd(direction) => state.entries.push(slot(name, DIRECTION, direction)),
            }
        }
        state
    }

    /// Takes over what [`state`](Self::state) returned for the same kind of optimizer and model.
    ///
    /// `what` names the state in the error message.
    ///
    /// # Errors
    ///
    /// [`Error::Data`](crate::Error::Data) if an entry does not belong to a parameter of `model`, has another size, or
    /// lacks its companions.
    pub fn load<M: Module>(&mut self, model: &M, state: &StateDict, what: &str) -> Result<()> {
        let mut memory = BTreeMap::new();
        for parameter in &state_dict(model).entries {
            if let Some(loaded) = self.memory_of(parameter, state) {
                memory.insert(parameter.name.clone(), loaded);
            }
        }
        let loaded = Self { config: self.config.clone(), memory };
        state.check_against(&loaded.state(), what)?;
        *self = loaded;
        Ok(())
    }

    /// What `state` holds of `parameter`. What does not fit is left out, and noticed by the caller.
    fn memory_of(&self, parameter: &Entry, state: &StateDict) -> Option<Memory> {
        let find = |slot: &str| {
            let entry = state.find(&format!("{}.{slot}", parameter.name))?;
            match &entry.values {
                Values::F32(values) if values.len() == parameter.values.len() => {
                    Some(values.clone())
                }
                Values::F32(_) | Values::I64(_) => None,
            }
        };
        match self.config.kind {
            OptimizerKind::Adamw => {
                let entry = state.find(&format!("{}.{STEP}", parameter.name))?;
                let Values::I64(step) = &entry.values else { return None };
                let step = u64::try_from(*step.first()?).ok()?;
                Some(Memory::Adamw(Moments { step, mean: find(MEAN)?, square: find(SQUARE)? }))
            }
            OptimizerKind::Sgd => find(DIRECTION).map(Memory::Sgd),
        }
    }

    fn update(&mut self, name: &str, parameters: &mut [f32], gradient: &[f32], rates: Rates) {
        let memory = self.memory.entry(name.to_owned()).or_insert_with(|| match self.config.kind {
            OptimizerKind::Adamw => Memory::Adamw(Moments::default()),
            OptimizerKind::Sgd => Memory::Sgd(Vec::new()),
        });
        match memory {
            Memory::Adamw(moments) => {
                adamw::step(&self.config, rates, parameters, gradient, moments);
            }
            Memory::Sgd(direction) => {
                sgd::step(&self.config, rates, parameters, gradient, direction);
            }
        }
    }
}

const STEP: &str = "step";
const MEAN: &str = "exp_avg";
const SQUARE: &str = "exp_avg_sq";
const DIRECTION: &str = "momentum_buffer";

fn slot(parameter: &str, slot: &str, values: &[f32]) -> Entry {
    Entry {
        name: format!("{parameter}.{slot}"),
        shape: vec![values.len()],
        values: Values::F32(values.to_vec()),
    }
}

struct Stepper<'a> {
    optimizer: &'a mut Optimizer,
    gradients: &'a Gradients,
    rates: Rates,
    path: Path,
}

impl ModuleMapper for Stepper<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let Some(gradient) = self.gradients.find(&name) else { return param };
        param.map(|tensor| {
            let (shape, device) = (tensor.shape(), tensor.device());
            let is_trained = tensor.is_require_grad();
            let mut values: Vec<f32> =
                tensor.into_data_as::<f32>().try_into_vec().expect("it was read as f32");
            assert_eq!(values.len(), gradient.len(), "the gradient of {name} has another size");
            self.optimizer.update(&name, &mut values, gradient, self.rates);
            Tensor::from_data(TensorData::new(values, shape), &device).set_require_grad(is_trained)
        })
    }
}
