//! Cross-entropy.

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use swath_kernels::burn::{CrossEntropyOptions, cross_entropy};

use super::{Weighted, sum_fixed};
use crate::label::IGNORE;

/// Cross-entropy between logits and class indices.
///
/// ```text
/// loss = sum_i l_i / sum_i w[t_i]                                  over labelled pixels i
/// l_i  = (1 - s) w[t_i] (-log p_i[t_i]) + s/C sum_c w[c] (-log p_i[c])     p = softmax(logits)
/// ```
///
/// with label `t`, class weights `w`, smoothing `s` and number of classes `C`.
///
/// Source: PyTorch's `cross_entropy`, `reduction="mean"`. We return numerator and denominator;
/// where no pixel is labelled both are 0, where PyTorch's mean is NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropy {
    pub(super) class_weights: Vec<f64>,
    pub(super) label_smoothing: f64,
}

impl CrossEntropy {
    /// Sum and weight of the loss.
    ///
    /// # Shapes
    ///
    /// - `logits`: `[batch, class, row, col]`
    /// - `labels`: `[batch, row, col]`, class index, or [`IGNORE`] where there is no label
    ///
    /// # Panics
    ///
    /// If batch, row or col differ, the number of classes is not that of the weights, or a label is
    /// neither [`IGNORE`] nor a class.
    pub fn forward(&self, logits: Tensor<4>, labels: Tensor<3, Int>) -> Weighted {
        let [batch, n_classes, rows, cols] = logits.dims();
        assert_eq!(labels.dims(), [batch, rows, cols], "labels do not match logits");
        assert_eq!(n_classes, self.class_weights.len(), "logits do not match the class weights");

        if let Some(found) = self.by_kernel(&logits, &labels) {
            return found;
        }
        let ignored = labels.clone().equal_elem(IGNORE);
        let labels: Tensor<4, Int> = labels.mask_fill(ignored.clone(), 0).unsqueeze_dim(1);
        let ignored = ignored.unsqueeze_dim(1); // [batch, 1, row, col]
        let class_weights = self.class_weights(&logits);

        let weight = class_weights.clone().repeat(&[batch, 1, rows, cols]);
        let weight = weight.gather(1, labels.clone()).mask_fill(ignored.clone(), 0.0);
        let log_p = log_softmax(logits, 1);

        let of_label = log_p.clone().gather(1, labels) * weight.clone(); // [batch, 1, row, col]
        let mut sum = -sum_fixed(of_label) * (1.0 - self.label_smoothing);
        if 0.0 < self.label_smoothing {
            let of_all = (log_p * class_weights).sum_dim(1).mask_fill(ignored, 0.0);
            sum = sum - sum_fixed(of_all) * (self.label_smoothing / n_classes as f64);
        }
        Weighted { sum, weight: sum_fixed(weight) }
    }

    /// In one pass over the logits, where there is a kernel for them.
    fn by_kernel(&self, logits: &Tensor<4>, labels: &Tensor<3, Int>) -> Option<Weighted> {
        let options = CrossEntropyOptions {
            class_weights: self.class_weights.iter().map(|&weight| weight as f32).collect(),
            label_smoothing: self.label_smoothing,
            ignore: i64::from(IGNORE),
        };
        let channels_last = logits.clone().permute([0, 2, 3, 1]);
        let (sum, weight) = cross_entropy(channels_last, labels.clone(), options)?;
        let weight = TensorData::new(vec![weight as f32], [1]);
        Some(Weighted { sum, weight: Tensor::from_data(weight, &logits.device()) })
    }

    /// `[1, class, 1, 1]`, where and of the type that `logits` are, without gradient.
    fn class_weights(&self, logits: &Tensor<4>) -> Tensor<4> {
        let n_classes = self.class_weights.len();
        let data = TensorData::new(self.class_weights.clone(), [1, n_classes, 1, 1]);
        Tensor::from_data(data.convert_dtype(logits.dtype()), &logits.device())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use serde::Deserialize;

    use super::*;
    use crate::loss::LossConfig;

    type Values = Vec<Vec<Vec<Vec<f64>>>>;

    #[derive(Deserialize)]
    struct Golden {
        logits: Values,
        target: Vec<Vec<Vec<i64>>>,
        target_ignore255: Vec<Vec<Vec<i64>>>,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        params: Params,
        target: String,
        value: f64,
        grad: Values,
    }

    #[derive(Deserialize)]
    struct Params {
        reduction: Option<String>,
        weight: Option<Vec<f64>>,
        #[serde(default)]
        label_smoothing: f64,
    }

    fn flat(values: &Values) -> Vec<f32> {
        values.iter().flatten().flatten().flatten().map(|&it| it as f32).collect()
    }

    /// Sum, weight, and gradient of the sum.
    fn run(loss: &CrossEntropy, logits: TensorData, labels: TensorData) -> (f64, f64, Vec<f32>) {
        let device = Device::flex().autodiff();
        let logits = Tensor::<4>::from_data(logits, &device).require_grad();
        let Weighted { sum, weight } =
            loss.forward(logits.clone(), Tensor::from_data(labels, &device));
        let gradient = logits.grad(&sum.backward()).unwrap().into_data().iter().collect();
        (sum.into_scalar(), weight.into_scalar(), gradient)
    }

    #[track_caller]
    fn check(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-6 * want.abs().max(0.1), "got {got}, want {want}");
    }

    #[test]
    fn values_and_gradients_are_those_of_pytorch() {
        let golden: Golden =
            serde_json::from_str(include_str!("../../tests/golden/cross_entropy.json")).unwrap();
        assert_eq!(golden.cases.len(), 8);
        for case in &golden.cases {
            let config = LossConfig {
                class_weights: case.params.weight.clone(),
                label_smoothing: case.params.label_smoothing,
                ..Default::default()
            };
            let target = match case.target.as_str() {
                "target" => &golden.target,
                _ => &golden.target_ignore255,
            };
            let shape = [golden.logits.len(), 3, target[0].len(), target[0][0].len()];
            let labels: Vec<i64> = target.iter().flatten().flatten().copied().collect();
            let (sum, weight, gradient) = run(
                &config.build(3).unwrap(),
                TensorData::new(flat(&golden.logits), shape),
                TensorData::new(labels, [shape[0], shape[2], shape[3]]),
            );
            let is_mean = case.params.reduction.is_none();
            let divisor = if is_mean { weight } else { 1.0 };
            check(sum / divisor, case.value);
            for (got, want) in gradient.into_iter().zip(flat(&case.grad)) {
                check(f64::from(got) / divisor, f64::from(want));
            }
        }
    }

    fn plain(logits: [f32; 3], label: i64) -> (f64, f64, Vec<f32>) {
        let loss = LossConfig::default().build(3).unwrap();
        let logits = TensorData::new(logits.to_vec(), [1, 3, 1, 1]);
        run(&loss, logits, TensorData::new(vec![label], [1, 1, 1]))
    }

    // By hand: -2 + log(e^2 + e + 1).
    #[test]
    fn one_pixel_has_its_value() {
        check(plain([2.0, 1.0, 0.0], 0).0, 0.40760596);
        check(plain([99.0, -99.0, -99.0], 0).0, 0.0);
    }

    #[test]
    fn without_a_label_there_is_neither_loss_nor_gradient() {
        let (sum, weight, gradient) = plain([2.0, 1.0, 0.0], 255);
        assert_eq!((sum, weight, gradient), (0.0, 0.0, vec![0.0; 3]));
    }

    // By hand: 200 above the label's logit costs 200, with gradient softmax minus one-hot.
    #[test]
    fn large_logits_stay_finite() {
        let (sum, _, gradient) = plain([-100.0, 100.0, -100.0], 0);
        check(sum, 200.0);
        assert_eq!(gradient, [-1.0, 1.0, 0.0]);
    }

    #[test]
    fn wrong_class_weights_are_refused() {
        for weights in [vec![1.0], vec![1.0, -1.0], vec![0.0, 0.0], vec![1.0, f64::NAN]] {
            let config = LossConfig { class_weights: Some(weights), ..Default::default() };
            assert!(config.build(2).unwrap_err().to_string().contains("loss.class_weights"));
        }
    }
}
