//! Cross-entropy against plain loops in f64 and values of PyTorch.

use super::CrossEntropy;
use crate::expected::{Random, assert_close, assert_same_bits_on_any_threads, derivative};

/// Sum and weight.
fn expected(of: &CrossEntropy<'_>, logits: &[f64], labels: &[u8]) -> (f64, f64) {
    let classes = of.class_weights.len();
    let (mut sum, mut weight) = (0.0, 0.0);
    for (logits, &label) in logits.chunks(classes).zip(labels) {
        if i64::from(label) == of.ignore {
            continue;
        }
        let ln = logits.iter().map(|it| it.exp()).sum::<f64>().ln();
        let by_class: Vec<f64> = logits
            .iter()
            .zip(of.class_weights)
            .map(|(it, &weight)| f64::from(weight) * (ln - it))
            .collect();
        let share = of.label_smoothing / classes as f64;
        sum += (1.0 - of.label_smoothing) * by_class[usize::from(label)];
        sum += share * by_class.iter().sum::<f64>();
        weight += f64::from(of.class_weights[usize::from(label)]);
    }
    (sum, weight)
}

/// The gradient of the sum.
fn expected_gradient(of: &CrossEntropy<'_>, logits: &[f64], labels: &[u8]) -> Vec<f64> {
    let classes = of.class_weights.len();
    let weights: Vec<f64> = of.class_weights.iter().map(|&it| f64::from(it)).collect();
    let mut gradient = Vec::new();
    for (logits, &label) in logits.chunks(classes).zip(labels) {
        let sum: f64 = logits.iter().map(|it| it.exp()).sum();
        let share = of.label_smoothing / classes as f64;
        for (class, logit) in logits.iter().enumerate() {
            if i64::from(label) == of.ignore {
                gradient.push(0.0);
                continue;
            }
            let own = (1.0 - of.label_smoothing) * weights[usize::from(label)];
            let all = own + share * weights.iter().sum::<f64>();
            let is_label = f64::from(u8::from(class == usize::from(label)));
            gradient.push(all * logit.exp() / sum - own * is_label - share * weights[class]);
        }
    }
    gradient
}

struct Case {
    logits: Vec<f32>,
    labels: Vec<u8>,
    weights: Vec<f32>,
    smoothing: f64,
}

impl Case {
    fn new([pixels, classes]: [usize; 2], smoothing: f64) -> Self {
        let mut random = Random::new((pixels + classes) as u64);
        let n_labels = classes.min(255);
        let labels = (0..pixels)
            .map(|_| if random.below(5) == 0 { 255 } else { random.below(n_labels) as u8 });
        Self {
            labels: labels.collect(),
            logits: random.values_of(pixels * classes, -9.0, 9.0),
            weights: random.values_of(classes, 0.2, 3.0),
            smoothing,
        }
    }

    fn of(&self) -> CrossEntropy<'_> {
        CrossEntropy { class_weights: &self.weights, label_smoothing: self.smoothing, ignore: 255 }
    }

    fn wide(&self) -> Vec<f64> {
        self.logits.iter().map(|&it| f64::from(it)).collect()
    }
}

const SHAPES: [[usize; 2]; 8] =
    [[1, 2], [30, 3], [64, 5], [20001, 5], [5000, 16], [700, 32], [99, 65], [40, 1000]];

#[test]
fn losses_and_gradients_are_right() {
    for shape in SHAPES {
        for smoothing in [0.0, 0.1, 1.0] {
            let case = Case::new(shape, smoothing);
            let (sum, weight) = expected(&case.of(), &case.wide(), &case.labels);
            let loss = case.of().forward(&case.logits, &case.labels);
            assert!((loss.sum - sum).abs() <= 1e-6 * sum, "{shape:?}: {} for {sum}", loss.sum);
            assert!((loss.weight - weight).abs() <= 1e-12 * weight, "{shape:?}: weight");

            let want = expected_gradient(&case.of(), &case.wide(), &case.labels);
            let want: Vec<f64> = want.into_iter().map(|it| it * 0.7).collect();
            let mut out = vec![f32::NAN; case.logits.len()];
            case.of().gradient(&case.logits, &case.labels, 0.7, &mut out);
            assert_close(&format!("{shape:?}"), &out, &want, 1e-6);
        }
    }
}

#[test]
fn the_expected_gradient_is_that_of_differences() {
    let case = Case::new([9, 4], 0.2);
    let sum = |logits: &[f64]| expected(&case.of(), logits, &case.labels).0;
    let want = expected_gradient(&case.of(), &case.wide(), &case.labels);
    for (got, want) in derivative(&case.wide(), sum).into_iter().zip(want) {
        assert!((got - want).abs() < 1e-8, "{got}, want {want}");
    }
}

#[track_caller]
fn check_pixel(logits: [f32; 3], label: i64, sum: f64, gradient: [f32; 3]) {
    let of = CrossEntropy { class_weights: &[1.0; 3], label_smoothing: 0.0, ignore: -100 };
    let got = of.forward(&logits, &[label]).sum;
    assert!((got - sum).abs() < 1e-6, "the loss is {got}, want {sum}");
    let mut out = [f32::NAN; 3];
    of.gradient(&logits, &[label], 1.0, &mut out);
    for (got, want) in out.into_iter().zip(gradient) {
        assert!((got - want).abs() < 1e-7, "the gradient is {out:?}, want {gradient:?}");
    }
}

// By hand: -2 + log(e² + e + 1), and softmax minus one-hot; 200 above the label's logit costs 200.
#[test]
fn one_pixel_has_its_value() {
    check_pixel([2.0, 1.0, 0.0], 0, 0.40760596, [-0.33475904, 0.24472848, 0.09003057]);
    check_pixel([-100.0, 100.0, -100.0], 0, 200.0, [-1.0, 1.0, 0.0]);
    check_pixel([99.0, -99.0, -99.0], 0, 0.0, [0.0; 3]);
    check_pixel([2.0, 1.0, 0.0], -100, 0.0, [0.0; 3]);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let case = Case::new([50001, 5], 0.1);
    assert_same_bits_on_any_threads("cross-entropy", || {
        let mut out = vec![0.0; case.logits.len()];
        case.of().gradient(&case.logits, &case.labels, 1.0, &mut out);
        let bits = case.of().forward(&case.logits, &case.labels).sum.to_bits();
        out.extend([f32::from_bits(bits as u32), f32::from_bits((bits >> 32) as u32)]);
        out
    });
}

#[test]
#[should_panic(expected = "label 3 is neither one of 3 classes nor -100")]
fn labels_beyond_the_classes_are_refused() {
    check_pixel([0.0; 3], 3, 0.0, [0.0; 3]);
}
