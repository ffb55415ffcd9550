//! The state dictionary of a model, there and back.

use std::collections::HashMap;

use burn::{
    backend::DType,
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Int, Tensor, TensorData},
};

use super::{Entry, Layout, StateDict, Values};
use crate::{
    error::{Error, Result},
    model::{Path, from_pytorch_order, in_pytorch_order, to_pytorch_order},
};

/// All parameters and buffers of `model`, in the order of its fields, as PyTorch would list them.
pub fn state_dict<M: Module>(model: &M) -> StateDict {
    let mut reader = Reader::default();
    model.visit(&mut reader);
    reader.state
}

/// Names, types and shapes of what [`state_dict`] returns. Weights that were not used yet are not
/// made.
pub fn layouts<M: Module>(model: &M) -> Vec<Layout> {
    let mut surveyor = Surveyor::default();
    model.visit(&mut surveyor);
    surveyor.layouts
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
/// [`Error::Data`] that lists every tensor that is missing, unexpected, or of another shape, or names a
/// count that is none.
pub fn load<M: Module>(model: M, state: &StateDict, what: &str) -> Result<M> {
    state.check_against(&layouts(&model), what)?;
    for Entry { name, values, .. } in &state.entries {
        if let Some(count) = values.wrong_count(i64::MAX) {
            return Err(Error::data(
                format!("tensor {name} of {what}"),
                count,
                "a count of 0 or more",
            ));
        }
    }
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
        let data = to_pytorch_order(param.val());
        let shape = data.shape().to_vec();
        let values = if data.dtype() == DType::F32 {
            data.try_into_vec().expect("these are of this type")
        } else {
            data.iter().collect()
        };
        self.push(shape, Values::F32(values));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        // Counts are the only integers of our models; PyTorch keeps them as a single number.
        let count = param.val().into_data().iter().collect();
        self.push(Vec::new(), Values::I64(count));
    }
}

#[derive(Default)]
struct Surveyor {
    path: Path,
    layouts: Vec<Layout>,
}

impl ModuleVisitor for Surveyor {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = in_pytorch_order(param.lazy_shape().as_slice());
        self.layouts.push(Layout { name: self.path.name(), dtype: "F32", shape });
    }

    fn visit_int<const D: usize>(&mut self, _param: &Param<Tensor<D, Int>>) {
        self.layouts.push(Layout { name: self.path.name(), dtype: "I64", shape: Vec::new() });
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
            let shape = in_pytorch_order(tensor.shape().as_slice());
            from_pytorch_order::<D>(TensorData::new(values.clone(), shape), &tensor.device())
                .set_require_grad(tensor.is_require_grad())
        })
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        let Values::I64(values) = self.values() else { unreachable!("kinds are checked") };
        param.map(|tensor| {
            let data = TensorData::new(values.clone(), tensor.shape());
            Tensor::from_data(data, (&tensor.device(), DType::I64))
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::{Encoder, ModelConfig, Network, Segmenter};

    fn network(seed: u64) -> Network {
        let config = ModelConfig { encoder: Encoder::Resnet18, width: 2, ..Default::default() };
        config.build(3, 2, seed, &Device::flex())
    }

    fn images() -> Tensor<4> {
        let values = (0..2 * 3 * 32 * 32).map(|k| (k as f32 * 0.37).sin()).collect();
        Tensor::from_data(TensorData::new(values, [2, 3, 32, 32]), &Device::flex())
    }

    #[test]
    fn a_fresh_model_with_loaded_weights_is_the_same_model() {
        let trained = network(1);
        let _ = trained.forward(images()); // Moves the running statistics.
        let state = state_dict(&trained);
        let fresh = load(network(2), &state, "test").unwrap();
        assert_eq!(state_dict(&fresh), state);
        let logits = |network: &Network| network.valid().forward(images()).main.into_data();
        assert_eq!(logits(&fresh), logits(&trained));
        assert_ne!(logits(&network(2)), logits(&trained));
    }

    #[test]
    fn weights_load_into_a_model_that_trains() {
        let device = Device::flex().autodiff();
        let config = ModelConfig { encoder: Encoder::Resnet18, width: 2, ..Default::default() };
        let model = config.build(3, 2, 5, &device);
        let model = load(model, &state_dict(&network(1)), "test").unwrap();
        let loss = crate::loss::sum_fixed(model.forward(images().autodiff()).main);
        let gradients = crate::optim::Gradients::of(&model, loss);
        assert!(gradients.find("encoder.conv1.weight").is_some());
        assert!(gradients.find("encoder.bn1.running_mean").is_none());
    }

    /// At 50 billion parameters this would not fit into memory.
    #[test]
    fn a_blank_network_is_surveyed_without_making_its_weights() {
        let config = ModelConfig { encoder: Encoder::Resnet18, width: 1024, ..Default::default() };
        let network = config.blank(1_000_000, 2, &Device::flex());
        let layouts = layouts(&network);
        assert_eq!(layouts[0].shape, [1024, 1_000_000, 7, 7]);
        assert!(50_000_000_000 < n_parameters(&network));
        let error = load(network, &StateDict::default(), "weights").unwrap_err().to_string();
        assert!(error.contains("encoder.conv1.weight is missing"), "{error}");
    }

    #[test]
    fn layouts_are_those_of_the_state() {
        assert_eq!(layouts(&network(1)), state_dict(&network(1)).layouts());
    }

    #[test]
    fn weights_load_into_a_blank_network() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let config = ModelConfig { encoder: Encoder::Resnet18, width: 2, ..Default::default() };
            let state = state_dict(&network(1));
            let loaded = load(config.blank(3, 2, &device), &state, "test").unwrap();
            assert_eq!(state_dict(&loaded), state);
            if device.is_autodiff() {
                let loss = crate::loss::sum_fixed(loaded.forward(images().autodiff()).main);
                let gradients = crate::optim::Gradients::of(&loaded, loss);
                assert!(gradients.find("encoder.conv1.weight").is_some());
            }
        }
    }

    #[test]
    fn every_difference_is_listed() {
        let mut state = state_dict(&network(1));
        state.entries[0].name = "stem.weight".to_owned();
        state.entries[1].shape = vec![1, 2];
        let error = load(network(2), &state, "weights of m.swath").unwrap_err().to_string();
        assert_eq!(
            error,
            "weights of m.swath: found encoder.conv1.weight is missing; encoder.bn1.weight is F32 \
             [1, 2], wanted F32 [2]; stem.weight is unexpected, wanted the tensors of this model"
        );
    }
}
