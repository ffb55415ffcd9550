//! The gradients of a model, by name of the parameter.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{self, Tensor, TensorData},
};
use rayon::prelude::*;
use swath_kernels::gradient_norm;

use crate::model::Path;

/// The gradient of every trained parameter, by its name in the state dictionary.
///
/// They lie in main memory, where they can be added over batches (and machines) before a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    by_name: BTreeMap<String, TensorData>,
    /// Multiplies all of them when they are used, which saves a pass over memory.
    factor: f64,
}

/// The gradient of one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient<'a> {
    /// Before the factor, in the order in which the parameter lies in memory.
    pub values: &'a [f32],
    /// Multiplies the values.
    pub factor: f64,
}

impl Default for Gradients {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), factor: 1.0 }
    }
}

impl Gradients {
    /// The gradients of `loss`, a number `[1]` that was computed with `model`.
    ///
    /// Parameters that the loss does not depend on, or that are frozen, have none.
    pub fn of<M: Module>(model: &M, loss: Tensor<1>) -> Self {
        let mut collector =
            Collector { path: Path::default(), all: loss.backward(), gradients: Self::default() };
        model.visit(&mut collector);
        collector.gradients
    }

    /// The gradient of the parameter called `name`.
    pub fn find(&self, name: &str) -> Option<Gradient<'_>> {
        self.by_name.get(name).map(|data| Gradient { values: values(data), factor: self.factor })
    }

    /// Adds those of another batch.
    ///
    /// # Panics
    ///
    /// If a parameter has another size there, or one of the two was scaled.
    pub fn add(&mut self, other: Self) {
        assert_eq!(self.factor, other.factor, "gradients of other factors do not add up");
        for (name, values) in other.by_name {
            match self.by_name.get_mut(&name) {
                None => {
                    self.by_name.insert(name, values);
                }
                Some(sum) => {
                    let sum = sum.as_mut_slice::<f32>().expect("gradients are f32");
                    let values = self::values(&values);
                    assert_eq!(sum.len(), values.len(), "gradients of {name} differ in size");
                    sum.par_iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                }
            }
        }
    }

    /// Multiplies all by `factor`, such as 1 over the weight of the loss.
    pub fn scale(&mut self, factor: f64) {
        // In the precision in which it will multiply, so that one that is too large shows now.
        self.factor = f64::from((self.factor * factor) as f32);
    }

    /// Root of the sum of all squares, added in a fixed order in double precision.
    pub fn norm(&self) -> f64 {
        let all: Vec<&[f32]> = self.by_name.values().map(values).collect();
        self.factor.abs() * gradient_norm(&all)
    }

    /// Limits every component to `[-limit, limit]`.
    ///
    /// Source: PyTorch's `clip_grad_value_`.
    pub fn clip_value(&mut self, limit: f64) {
        let factor = self.factor as f32;
        for gradient in self.by_name.values_mut() {
            let values = gradient.as_mut_slice::<f32>().expect("gradients are f32");
            let limit = limit as f32;
            values.par_iter_mut().for_each(|it| *it = (factor * *it).clamp(-limit, limit));
        }
        self.factor = 1.0;
    }

    /// Scales all so that the norm is at most `max_norm`, and returns the norm before that.
    ///
    /// ```text
    /// factor = min(1, max_norm / (norm + 1e-6))
    /// ```
    ///
    /// Source: Pascanu et al. 2013, section 3.2, <https://arxiv.org/abs/1211.5063>, with the
    /// constant of PyTorch's `clip_grad_norm_`.
    pub fn clip_norm(&mut self, max_norm: f64) -> f64 {
        let norm = self.norm();
        let factor = max_norm / (norm + 1e-6);
        if factor < 1.0 {
            self.scale(factor);
        }
        norm
    }
}

fn values(gradient: &TensorData) -> &[f32] {
    gradient.as_slice().expect("gradients are f32")
}

struct Collector {
    path: Path,
    all: tensor::Gradients,
    gradients: Gradients,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad_remove(&mut self.all) {
            self.gradients.by_name.insert(self.path.name(), gradient.into_data_as::<f32>());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Gradients {
        let by_name = [("a", vec![3.0f32, 0.0]), ("b", vec![-4.0])];
        let by_name = by_name.map(|(name, values)| {
            let n_values = values.len();
            (name.to_owned(), TensorData::new(values, [n_values]))
        });
        let by_name = by_name.into();
        Gradients { by_name, factor: 1.0 }
    }

    // By hand: sqrt(9 + 16) = 5.
    #[test]
    fn clipping_scales_all_to_the_norm() {
        let mut gradients = example();
        assert_eq!(gradients.clip_norm(5.1), 5.0);
        assert_eq!(gradients, example());
        assert_eq!(gradients.clip_norm(0.5), 5.0);
        assert!((gradients.norm() - 0.5).abs() < 1e-6);
        let Gradient { values, factor } = gradients.find("b").unwrap();
        assert!((f64::from(values[0]) * factor + 0.4).abs() < 1e-6);
    }

    #[test]
    fn clipping_by_value_limits_every_component_after_the_factor() {
        let mut gradients = example();
        gradients.scale(0.5);
        gradients.clip_value(1.75);
        assert_eq!(gradients.find("a").unwrap(), Gradient { values: &[1.5, 0.0], factor: 1.0 });
        assert_eq!(gradients.find("b").unwrap(), Gradient { values: &[-1.75], factor: 1.0 });
    }

    #[test]
    fn batches_add_up() {
        let mut sum = Gradients::default();
        sum.add(example());
        sum.add(example());
        sum.scale(0.25);
        assert_eq!(sum.find("a").unwrap(), Gradient { values: &[6.0, 0.0], factor: 0.25 });
        assert_eq!(sum.find("b").unwrap(), Gradient { values: &[-8.0], factor: 0.25 });
    }

    #[test]
    fn the_norm_does_not_depend_on_the_number_of_threads() {
        let values: Vec<f32> = (0..1_000_000).map(|k| (k as f32 * 0.7).sin()).collect();
        let data = TensorData::new(values, [1_000_000]);
        let gradients = Gradients { by_name: [("a".to_owned(), data)].into(), factor: 1.0 };
        let norm = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| gradients.norm()).to_bits()
        };
        assert_eq!(norm(1), norm(2));
        assert_eq!(norm(1), norm(7));
    }
}
