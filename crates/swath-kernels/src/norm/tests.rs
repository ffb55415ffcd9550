//! Batch normalisation against plain loops in f64.

use super::{BatchNorm, Before, InputGradient, Normed, Statistics};
use crate::{
    Activation,
    expected::{
        ACTIVATIONS, Norm, Random, assert_close, assert_same_bits_on_any_threads, derivative,
    },
};

/// `[pixels, channels]`, some without a full row, some of several tasks.
const SHAPES: [[usize; 2]; 14] = [
    [1, 4],
    [7, 1],
    [4099, 1],
    [3, 5],
    [1000, 3],
    [7001, 5],
    [33, 16],
    [5000, 16],
    [900, 24],
    [2500, 64],
    [70, 300],
    [300, 301],
    [64, 512],
    [17, 768],
];

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&it| f64::from(it)).collect()
}

struct Case {
    norm: BatchNorm,
    images: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    residual: Option<Vec<f32>>,
    running: Option<Statistics>,
    gradient: Vec<f32>,
}

impl Case {
    fn new(
        [pixels, channels]: [usize; 2],
        activation: Activation,
        with_residual: bool,
        is_running: bool,
    ) -> Self {
        let mut random = Random::new((pixels * 1000 + channels) as u64);
        let n_values = pixels * channels;
        let mut images = random.values(n_values);
        // Channels off the origin and of different spread.
        for (index, value) in images.iter_mut().enumerate() {
            let channel = index % channels;
            *value = *value * (1.0 + channel as f32 * 0.01) + (channel % 7) as f32 - 3.0;
        }
        let running = is_running.then(|| Statistics {
            mean: random.values(channels),
            variance: random.values_of(channels, 0.1, 3.0),
        });
        Self {
            norm: BatchNorm { pixels, channels, epsilon: 1e-5, activation },
            images,
            weight: random.values(channels),
            bias: random.values(channels),
            residual: with_residual.then(|| random.values(n_values)),
            running,
            gradient: random.values(n_values),
        }
    }

    fn expected(&self) -> Norm {
        let residual = self.residual.as_deref().map(wide);
        Norm {
            activation: self.norm.activation,
            images: wide(&self.images),
            weight: wide(&self.weight),
            bias: wide(&self.bias),
            residual: residual.unwrap_or_else(|| vec![0.0; self.images.len()]),
            statistics: self.running.as_ref().map(|it| [wide(&it.mean), wide(&it.variance)]),
        }
    }

    fn statistics(&self) -> Statistics {
        self.running.clone().unwrap_or_else(|| self.norm.statistics(&self.images))
    }

    fn normed<'a>(&'a self, statistics: &'a Statistics) -> Normed<'a> {
        Normed { images: &self.images, statistics, weight: &self.weight, bias: &self.bias }
    }

    fn forward(&self) -> Vec<f32> {
        let mut out = vec![f32::NAN; self.images.len()];
        let statistics = self.statistics();
        self.norm.forward(&self.normed(&statistics), self.residual.as_deref(), &mut out);
        out
    }

    /// The gradients of images, weight, bias and, if it is asked for, residual.
    fn gradient(&self, before: Before<'_>, of_residual: bool) -> [Vec<f32>; 4] {
        let mut images = vec![f32::NAN; self.images.len()];
        let mut residual = vec![f32::NAN; if of_residual { images.len() } else { 0 }];
        let statistics = self.statistics();
        let to = InputGradient {
            images: &mut images,
            residual: of_residual.then_some(&mut residual[..]),
        };
        let of = self.normed(&statistics);
        let affine = if self.running.is_some() {
            self.norm.frozen_gradient(&of, before, &self.gradient, to)
        } else {
            self.norm.gradient(&of, before, &self.gradient, to)
        };
        [images, affine.weight, affine.bias, residual]
    }

    fn before(&self) -> Before<'_> {
        self.residual.as_deref().map_or(Before::Images, Before::Residual)
    }
}

fn cases() -> impl Iterator<Item = Case> {
    SHAPES.into_iter().flat_map(|shape| {
        ACTIVATIONS.into_iter().enumerate().map(move |(index, activation)| {
            let index = index + shape[0];
            Case::new(shape, activation, index.is_multiple_of(2), (index / 2).is_multiple_of(2))
        })
    })
}

#[test]
fn statistics_and_output_are_right() {
    for case in cases() {
        let what = format!("{:?}", case.norm);
        let mut expected = case.expected();
        assert_close(&what, &case.forward(), &expected.forward(), 2e-6);
        expected.statistics = None;
        let statistics = case.norm.statistics(&case.images);
        let [mean, variance] = expected.statistics();
        assert_close(&what, &statistics.mean, &mean, 2e-7);
        assert_close(&what, &statistics.variance, &variance, 1e-6);
    }
}

#[test]
fn gradients_are_right() {
    for case in cases() {
        let expected = case.expected().gradient(&case.gradient);
        let output = case.forward();
        let mut befores = vec![(case.before(), true), (case.before(), false)];
        if case.norm.activation.gradient_follows_from_output() {
            befores.push((Before::Output(&output), true));
        }
        for (before, of_residual) in befores {
            let what = format!("{:?} {of_residual}", case.norm);
            let gradient = case.gradient(before, of_residual);
            for (got, want) in gradient.iter().zip(&expected).take(3 + usize::from(of_residual)) {
                // Where the way through the statistics leaves next to nothing, so do the digits.
                let scale = case.gradient.len() as f64 * 1e-7;
                let size: f64 = want.iter().map(|it| it * it).sum::<f64>().sqrt();
                if scale < size {
                    assert_close(&what, got, want, 4e-6);
                }
            }
        }
    }
}

#[test]
fn gradients_in_place_are_the_same() {
    for case in cases().filter(|case| case.running.is_none()) {
        for of_residual in [false, true] {
            let want = case.gradient(case.before(), of_residual);
            let statistics = case.statistics();
            let mut images = case.gradient.clone();
            let mut residual = vec![f32::NAN; if of_residual { images.len() } else { 0 }];
            let to = of_residual.then_some(&mut residual[..]);
            let of = case.normed(&statistics);
            let affine = case.norm.gradient_in_place(&of, case.before(), &mut images, to);
            assert!([images, affine.weight, affine.bias, residual] == want, "{:?}", case.norm);
        }
    }
}

#[test]
fn the_expected_gradient_is_that_of_differences() {
    for activation in ACTIVATIONS {
        for is_running in [false, true] {
            let case = Case::new([5, 3], activation, true, is_running);
            let loss = |norm: &Norm| -> f64 {
                norm.forward().iter().zip(&case.gradient).map(|(it, &by)| it * f64::from(by)).sum()
            };
            let want = case.expected().gradient(&case.gradient);
            let of_images = derivative(&case.expected().images, |images| {
                loss(&Norm { images: images.to_vec(), ..case.expected() })
            });
            let of_weight = derivative(&case.expected().weight, |weight| {
                loss(&Norm { weight: weight.to_vec(), ..case.expected() })
            });
            for (got, want) in [of_images, of_weight].iter().flatten().zip(want.iter().flatten()) {
                assert!((got - want).abs() < 1e-7, "{activation:?}: {got}, want {want}");
            }
        }
    }
}

// A mean a thousand times the deviation, the first pixel an outlier.
#[test]
fn the_variance_is_right_far_from_the_origin() {
    let mut case = Case::new([5000, 20], Activation::None, false, false);
    case.images.iter_mut().for_each(|it| *it += 1000.0);
    case.images[..20].fill(-5000.0);
    let [mean, variance] = case.expected().statistics();
    let statistics = case.norm.statistics(&case.images);
    assert_close("mean", &statistics.mean, &mean, 2e-7);
    assert_close("variance", &statistics.variance, &variance, 1e-6);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for shape in [[5003, 5], [3000, 64], [300, 301]] {
        for activation in ACTIVATIONS {
            let case = Case::new(shape, activation, true, false);
            assert_same_bits_on_any_threads("norm", || {
                let mut all = case.forward();
                case.gradient(case.before(), true).iter().for_each(|it| all.extend(it));
                all
            });
        }
    }
}

#[test]
#[should_panic(expected = "length of residual is not pixels times channels")]
fn a_residual_of_another_shape_is_refused() {
    let mut case = Case::new([3, 2], Activation::Relu, true, false);
    case.residual = Some(vec![0.0; 5]);
    case.forward();
}
