//! The state dictionary of a model, there and back.

use std::collections::HashMap;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Int, Tensor, TensorData},
};

use super::{Entry, StateDict, Values};
use crate::{error::Result, model::Path};

/// All parameters and buffers of `model`, in the order of its fields, as PyTorch would list them.
pub fn state_dict<M: Module>(model: &M) -> StateDict {
    let mut reader = Reader::default();
    model.visit(&mut reader);
    reader.state
}

/// Number of values that are trained: parameters without buffers.
pub fn n_parameters<M: Module>(model: &M) -> usize {
    let mut counter = ParameterCounter::default();
    model.visit(&mut counter);
    counter.n_values
}

/// `model` with the values of `state`. Device and training mode stay as they are.
///
/// `what` names the state in the error message, as in `weights of model.swath`.
///
/// # Errors
///
/// [`Error::Data`](crate::Error::Data) that lists every tensor that is missing, unexpected, or of
/// another shape.
pub fn load<M: Module>(model: M, state: &StateDict, what: &str) -> Result<M> {
    state.check_against(&state_dict(&model), what)?;
    let entries = state.entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    Ok(model.map(&mut Writer { path: Path::default(), entries }))
}

#[derive(Default)]
struct Reader {
    path: Path,
    state: StateDict,
}

impl Reader {
    fn push(&mut self, shape: Vec<usize>, values: Values) {
        self.state.entries.push(Entry { name: self.path.name(), shape, values });
    }
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.push(tensor.dims().to_vec(), Values::F32(tensor.into_data().iter().collect()));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        // Counts are the only integers of our models; PyTorch keeps them as a single number.
        let count = param.val().into_data().iter().collect();
        self.push(Vec::new(), Values::I64(count));
    }
}

#[derive(Default)]
struct ParameterCounter {
    path: Path,
    n_values: usize,
}

impl ModuleVisitor for ParameterCounter {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.path.is_buffer() {
            self.n_values += param.lazy_shape().num_elements();
        }
    }
}

struct Writer<'a> {
    path: Path,
    entries: HashMap<&'a str, &'a Entry>,
}

impl Writer<'_> {
    fn values(&self) -> &Values {
        &self.entries[self.path.name().as_str()].values
    }
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Values::F32(values) = self.values() else { unreachable!("kinds are checked") };
        param.map(|tensor| {
            let data = TensorData::new(values.clone(), tensor.shape());
            Tensor::from_data(data, &tensor.device()).set_require_grad(tensor.is_require_grad())
        })
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        let Values::I64(values) = self.values() else { unreachable!("kinds are checked") };
        param.map(|tensor| {
            let data = TensorData::new(values.clone(), tensor.shape());
            Tensor::from_data(data, &tensor.device())
        })
    }
}
