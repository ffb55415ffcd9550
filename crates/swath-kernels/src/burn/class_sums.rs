//! Sums of probabilities by image and class.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex,
        autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{Int, Tensor},
};
use burn_flex::FlexTensor;

use super::{
    buffer::filled,
    differentiable::differentiable,
    labels::with_labels,
    tensors::{has_kernels, in_order, shape, tensor, values},
};

/// Sums over the pixels of each image whose label is not `ignore`, `[2, batch, class]`: of the
/// probability of the label's class, and of all probabilities. The probabilities are the softmax of
/// `logits`, `[batch, row, col, class]`; labels are `[batch, row, col]`. It differentiates. `None` where
/// there are no kernels for the logits.
///
/// # Panics
/// If a shape differs, or a label is neither a class nor to be ignored.
pub fn class_sums(logits: Tensor<4>, labels: Tensor<3, Int>, ignore: i64) -> Option<Tensor<3>> {
    if !has_kernels(&logits) {
        return None;
    }
    let sums = Dispatch::sums_by_class(logits.into_dispatch(), labels.into_dispatch(), ignore);
    Some(Tensor::from_dispatch(sums))
}

#[backend_extension(Flex, Autodiff)]
trait ClassSumsOps: Backend {
    fn sums_by_class(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        ignore: i64,
    ) -> FloatTensor<Self>;
}

impl ClassSumsOps for Flex {
    fn sums_by_class(logits: FlexTensor, labels: FlexTensor, ignore: i64) -> FlexTensor {
        sums(&probabilities(&in_order(logits)), &in_order(labels), ignore)
    }
}

impl<C: CheckpointStrategy> ClassSumsOps for Autodiff<Flex, C> {
    fn sums_by_class(
        logits: FloatTensor<Self>,
        labels: FlexTensor,
        ignore: i64,
    ) -> FloatTensor<Self> {
        differentiable::<C, _, 1>(
            [logits],
            |[logits]| {
                let (p, labels) = (probabilities(&logits), in_order(labels));
                (sums(&p, &labels, ignore), (p, labels, ignore))
            },
            |(p, labels, ignore), gradient, [_]| {
                let [batch, rows, cols, classes] = shape::<4>(&p);
                let (of_label, of_all) = values(&gradient).split_at(batch * classes);
                let n_pixels = rows * cols;
                let of_logits = filled([batch, rows, cols, classes], |out| {
                    with_labels!(&labels, |labels| {
                        let images = out.chunks_mut((n_pixels * classes).max(1)).enumerate();
                        for (image, out) in images {
                            crate::class_sums_gradient(
                                &values(&p)[image * n_pixels * classes..][..n_pixels * classes],
                                &labels[image * n_pixels..][..n_pixels],
                                ignore,
                                [of_label, of_all].map(|it| &it[image * classes..][..classes]),
                                out,
                            );
                        }
                    });
                });
                [Some(of_logits)]
            },
        )
    }
}

fn probabilities(logits: &FlexTensor) -> FlexTensor {
    let shape: [usize; 4] = shape(logits);
    filled(shape, |out| crate::softmax(shape[3], values(logits), out))
}

fn sums(probabilities: &FlexTensor, labels: &FlexTensor, ignore: i64) -> FlexTensor {
    let [batch, rows, cols, classes] = shape::<4>(probabilities);
    let n_pixels = rows * cols;
    let mut all = [Vec::new(), Vec::new()];
    with_labels!(labels, |labels| {
        assert_eq!(labels.len(), batch * n_pixels, "labels do not match logits");
        for image in 0..batch {
            let sums = crate::class_sums(
                classes,
                &values(probabilities)[image * n_pixels * classes..][..n_pixels * classes],
                &labels[image * n_pixels..][..n_pixels],
                ignore,
            );
            for (all, sums) in all.iter_mut().zip(sums) {
                all.extend(sums.into_iter().map(|sum| sum as f32));
            }
        }
    });
    tensor(all.concat(), [2, batch, classes])
}

#[cfg(test)]
mod tests {
    use burn::{
        backend::DType,
        tensor::{Device, TensorData, activation},
    };

    use super::{
        super::agreement::{numbers, random, random_labels},
        *,
    };
    use crate::expected::{Random, assert_close};

    const IGNORE: i64 = 255;

    #[track_caller]
    fn check(shape: [usize; 4], integers: DType) {
        let [batch, rows, cols, classes] = shape;
        let device = Device::flex().autodiff();
        let mut generator = Random::new(6);
        let labels = random_labels(&mut generator, batch * rows * cols, classes, IGNORE);
        let factors: Vec<f64> = (0..2 * batch * classes).map(|it| (it as f64).cos()).collect();
        let factors = |dtype| {
            let data = TensorData::new(factors.clone(), [2, batch, classes]).convert_dtype(dtype);
            Tensor::<3>::from_data(data, (&device, dtype))
        };
        let mask = |of: &dyn Fn(i64, i64) -> bool| {
            let values = labels.iter().flat_map(|&label| {
                (0..classes as i64).map(move |class| f64::from(u8::from(of(class, label))))
            });
            let data = TensorData::new(values.collect::<Vec<f64>>(), shape);
            Tensor::<4>::from_data(data, (&device, DType::F64))
        };
        let wide = random(shape, DType::F64, &device).require_grad();
        let p = activation::softmax(wide.clone(), 3);
        let sums = |values: Tensor<4>| -> Tensor<3> {
            values.reshape([batch, rows * cols, classes]).sum_dim(1).permute([1, 0, 2])
        };
        let want = Tensor::cat(
            vec![
                sums(p.clone() * mask(&|class, label| class == label)),
                sums(p * mask(&|_, label| label != IGNORE)),
            ],
            0,
        );
        let gradients = (want.clone() * factors(DType::F64)).sum().backward();
        let want_gradient = wide.grad(&gradients).expect("it is wanted");

        let labels = TensorData::new(labels.clone(), [batch, rows, cols]);
        let labels: Tensor<3, Int> = Tensor::from_data(labels, (&device, integers));
        let logits = random(shape, DType::F32, &device).require_grad();
        let found = class_sums(logits.clone(), labels.clone(), IGNORE).expect("kernels for f32");
        let gradients = (found.clone() * factors(DType::F32)).sum().backward();
        let gradient = logits.grad(&gradients).expect("it is wanted");

        let narrow = |values: Vec<f64>| values.into_iter().map(|it| it as f32).collect::<Vec<_>>();
        assert_close("sums", &narrow(numbers(found)), &numbers(want), 1e-6);
        assert_close("gradient", &narrow(numbers(gradient)), &numbers(want_gradient), 1e-5);
        assert!(class_sums(wide, labels, IGNORE).is_none(), "none for f64");
    }

    #[test]
    fn sums_and_gradients_are_those_of_burn() {
        check([2, 5, 7, 4], DType::I32);
        check([3, 70, 73, 2], DType::I64);
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let sums = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
            pool.install(|| {
                let device = Device::flex();
                let labels = Tensor::<3, Int>::zeros([2, 90, 91], &device);
                let logits = random([2, 90, 91, 5], DType::F32, &device);
                numbers(class_sums(logits, labels, IGNORE).expect("kernels for f32"))
            })
        };
        assert_eq!(sums(1), sums(2));
        assert_eq!(sums(1), sums(7));
    }
}
