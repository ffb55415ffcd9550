//! Weights and images of a closed form.

use burn::{
    backend::DType,
    module::{Module, ModuleMapper, Param},
    tensor::{Device, Int, Tensor, TensorData},
};

use crate::model::{Path, from_pytorch_order, in_pytorch_order};

/// The value at `k` of the tensor that is called `name` and has this `shape` and `index` in a state
/// dictionary, as the golden file's `fill_rule` says.
pub(super) fn value(name: &str, shape: &[usize], index: usize, k: usize) -> f64 {
    let sine = |frequency: f64| (frequency * k as f64 + index as f64).sin();
    match name.rsplit('.').next().unwrap() {
        // In the golden file, as in torchvision, it is of `[channel, 1, 1]`.
        "gamma" => sine(0.61) * 1.5f64.sqrt(),
        "running_var" => 1.0 + 0.1 * sine(0.37),
        "running_mean" => 0.05 * sine(0.53),
        "weight" if shape.len() == 1 => 1.0 + 0.1 * sine(0.71),
        _ if shape.len() == 1 => 0.05 * sine(0.91),
        _ => sine(0.61) * (1.5 / shape[1..].iter().product::<usize>() as f64).sqrt(),
    }
}

/// `model` with values of the closed form, of type `dtype`, and the number of its tensors.
pub(super) fn filled<M: Module>(model: M, dtype: DType) -> (M, usize) {
    let mut filler = Filler { path: Path::default(), index: 0, dtype };
    let model = model.map(&mut filler);
    (model, filler.index)
}

/// The images of the golden file, `[batch, band, row, col]`.
pub(super) fn images(shape: [usize; 4], dtype: DType) -> Tensor<4> {
    let values: Vec<f64> = (0..shape.iter().product()).map(|k| (0.013 * k as f64).sin()).collect();
    tensor(values, shape, dtype)
}

pub(super) fn tensor(values: Vec<f64>, shape: [usize; 4], dtype: DType) -> Tensor<4> {
    let data = TensorData::new(values, shape).convert_dtype(dtype);
    Tensor::from_data(data, (&Device::flex(), dtype))
}

struct Filler {
    path: Path,
    index: usize,
    dtype: DType,
}

impl ModuleMapper for Filler {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (name, index) = (self.path.name(), self.index);
        self.index += 1;
        let dtype = self.dtype;
        param.map(|tensor| {
            let shape = in_pytorch_order(&tensor.dims());
            let n_values = shape.iter().product();
            let values: Vec<f64> = (0..n_values).map(|k| value(&name, &shape, index, k)).collect();
            let data = TensorData::new(values, shape).convert_dtype(dtype);
            from_pytorch_order::<D>(data, &tensor.device())
        })
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        self.index += 1;
        param
    }
}
