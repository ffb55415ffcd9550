//! How a loss changes with the sums that it is a function of, in double precision.
//!
//! There are a few of them for each image, and in single precision their rounding would be that of all
//! gradients.

use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::{
    error::Result,
    loss::{ClassSums, Criterion, Parts, Target, Weighted, sum_fixed},
    model::{Outputs, SideOutput},
};

/// What an output contributes, and what the loss of that output is multiplied with.
#[derive(Clone)]
pub(super) struct Branch {
    weight: f64,
    parts: Vec<Parts>,
}

impl Branch {
    /// Main output and side branches.
    pub(super) fn of(
        outputs: Outputs,
        criterion: &Criterion,
        target: &Target,
    ) -> Result<Vec<Self>> {
        let main = SideOutput { weight: 1.0, logits: outputs.main };
        let all = [main].into_iter().chain(outputs.auxiliary);
        let of_one = |SideOutput { weight, logits }| {
            Ok(Self { weight, parts: criterion.parts(logits, target)? })
        };
        all.map(of_one).collect()
    }

    /// The same numbers in double precision, without the tape that they come from.
    pub(super) fn in_main_memory(self) -> Self {
        let parts = self.parts.into_iter().map(Parts::in_main_memory).collect();
        Self { parts, ..self }
    }

    /// Those of two batches together.
    pub(super) fn join(self, other: Self) -> Self {
        let parts = self.parts.into_iter().zip(other.parts).map(|(a, b)| a.join(b)).collect();
        Self { parts, ..self }
    }

    /// The same numbers, to be differentiated by.
    fn into_leaves(self) -> Self {
        let leaf = |parts| match parts {
            Parts::Pixels(Weighted { sum, weight }) => {
                Parts::Pixels(Weighted { sum: leaf(sum).require_grad(), weight: leaf(weight) })
            }
            Parts::Regions(sums) => Parts::Regions(ClassSums {
                intersection: leaf(sums.intersection).require_grad(),
                predicted: leaf(sums.predicted).require_grad(),
                reference: leaf(sums.reference),
            }),
        };
        Self { parts: self.parts.into_iter().map(leaf).collect(), ..self }
    }
}

fn leaf<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    Tensor::from_data(tensor.into_data(), (&Device::flex().autodiff(), DType::F64))
}

/// The gradient as numbers; 0 where the loss does not depend on it.
fn numbers<const D: usize>(gradient: Option<Tensor<D>>, n: usize) -> Vec<f64> {
    gradient.map_or(vec![0.0; n], |it| it.into_data().iter().collect())
}

/// A loss, its terms, and how it changes with each of its sums, by branch and term.
pub(super) struct Slopes {
    pub(super) loss: f64,
    pub(super) terms: Vec<f32>,
    slopes: Vec<Vec<Slope>>,
}

impl Slopes {
    /// The loss of all branches.
    pub(super) fn of(branches: Vec<Branch>, criterion: &Criterion, epoch: u32) -> Self {
        let leaves: Vec<Branch> = branches.into_iter().map(Branch::into_leaves).collect();
        let mut terms = Vec::new();
        let mut total: Option<Tensor<1>> = None;
        for (index, branch) in leaves.iter().enumerate() {
            let value = criterion.value(&branch.parts, epoch);
            if index == 0 && 1 < value.terms.len() {
                terms = value.terms.iter().map(|it| it.clone().into_scalar()).collect();
            }
            let value = value.total * branch.weight;
            total = Some(total.map_or(value.clone(), |sum| sum + value));
        }
        let total = total.expect("there is a main output");
        let loss = total.clone().into_scalar();
        let gradients = total.backward();
        let slope = |parts: Parts| match parts {
            Parts::Pixels(Weighted { sum, .. }) => Slope::Pixels(numbers(sum.grad(&gradients), 1)),
            Parts::Regions(ClassSums { intersection, predicted, .. }) => {
                let n_values = intersection.dims().iter().product();
                let of = |sums: Tensor<2>| numbers(sums.grad(&gradients), n_values);
                Slope::Regions([of(intersection), of(predicted)])
            }
        };
        let of_branch = |branch: Branch| branch.parts.into_iter().map(slope).collect();
        Self { loss, terms, slopes: leaves.into_iter().map(of_branch).collect() }
    }

    /// What has the gradients of the loss, `[1]`: Σ slope * sum over all sums of `branches`, whose images
    /// are `n_images` from the `first` on.
    pub(super) fn along(&self, branches: Vec<Branch>, first: usize, n_images: usize) -> Tensor<1> {
        let along = branches.into_iter().zip(&self.slopes).flat_map(|(branch, slopes)| {
            let parts = branch.parts.into_iter().zip(slopes);
            parts.map(move |(parts, slope)| slope.along(parts, first, n_images))
        });
        along.reduce(|sum, it| sum + it).expect("a criterion has a term")
    }
}

/// How a loss changes with the sums of a term.
enum Slope {
    /// With the one sum over pixels.
    Pixels(Vec<f64>),
    /// With intersection and prediction of each image and class, `[image, class]`.
    Regions([Vec<f64>; 2]),
}

impl Slope {
    /// Σ slope * sum over the sums of `n_images` images from the `first` on; `[1]`.
    fn along(&self, parts: Parts, first: usize, n_images: usize) -> Tensor<1> {
        match (self, parts) {
            (Self::Pixels(slope), Parts::Pixels(Weighted { sum, .. })) => sum * slope[0],
            (Self::Regions(slopes), Parts::Regions(sums)) => {
                let [_, n_classes] = sums.intersection.dims();
                let range = first * n_classes..(first + n_images) * n_classes;
                let weighted = |sums: Tensor<2>, slope: &[f64]| {
                    let data =
                        TensorData::new(slope[range.clone()].to_vec(), [n_images, n_classes]);
                    let place = (&sums.device(), sums.dtype());
                    sum_fixed(sums * Tensor::from_data(data, place))
                };
                weighted(sums.intersection, &slopes[0]) + weighted(sums.predicted, &slopes[1])
            }
            _ => unreachable!("slopes are of the same terms"),
        }
    }
}
