//! The kernels change the speed of a training, not its course.

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use swath::{
    label::ClassCounts,
    loss::LossConfig,
    model::{Encoder, ModelConfig, Network, Pass},
    optim::OptimizerConfig,
    random::{Purpose, generator},
    schedule::Rates,
    train::{Batch, BatchGradient, batch_gradient},
    weights::state_dict,
};
use swath_kernels::burn::without_kernels;

const N_STEPS: u64 = 20;
const N_CLASSES: usize = 5;
/// Batch, bands, rows, columns.
const SHAPE: [usize; 4] = [8, 4, 32, 32];

const PASS: Pass = Pass::training(0, 0);

/// Images of noise around the value of their label, which can be learned.
fn batch(step: u64, device: &Device) -> Batch {
    let [n, bands, rows, cols] = SHAPE;
    let mut rng = generator(3, Purpose::Synthetic, step, 0);
    let block = |row: usize, col: usize, at: usize| (row / 12 + 2 * (col / 12) + at) % N_CLASSES;
    let pixels = |at| (0..rows).flat_map(move |row| (0..cols).map(move |col| block(row, col, at)));
    let labels: Vec<i32> = (0..n).flat_map(pixels).map(|it| it as i32).collect();
    let values: Vec<f32> = (0..n)
        .flat_map(|at| (0..bands).flat_map(move |band| pixels(at).map(move |it| (it, band))))
        .map(|(label, band)| (label as f32 - band as f32) / 2.0 + rng.random_range(-1.0..1.0))
        .collect();
    Batch {
        images: Tensor::from_data(TensorData::new(values, SHAPE), device),
        labels: Tensor::from_data(TensorData::new(labels, [n, rows, cols]), device),
        distances: None,
    }
}

/// A network of the reference configuration, only narrower.
fn network(device: &Device) -> Network {
    let config = ModelConfig { encoder: Encoder::Resnet18, width: 8, ..ModelConfig::default() };
    config.build(SHAPE[1], N_CLASSES, 5, device)
}

/// Largest relative L2 distance of the gradients of one parameter.
fn distance(network: &Network, kernels: &BatchGradient, plain: &BatchGradient) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|it| it * it).sum::<f64>().sqrt();
    let of_parameter = |name: &str| {
        let [a, b] = [kernels, plain].map(|it| it.gradients.find(name).unwrap().values);
        let difference = norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
        difference / norm(&mut b.iter().map(|&it| it.into()))
    };
    let entries = state_dict(network).entries;
    let names = entries.iter().map(|it| it.name.as_str());
    let trained = names.filter(|it| it.ends_with(".weight") || it.ends_with(".bias"));
    trained.map(of_parameter).fold(0.0, f64::max)
}

#[test]
fn twenty_steps_with_and_without_kernels_agree() {
    let device = Device::flex().autodiff();
    let loss = LossConfig::default().build(&ClassCounts::uniform(N_CLASSES)).unwrap();
    let rates = Rates::of(1e-3);
    let [mut optimizer, mut plain_optimizer] =
        [(); 2].map(|()| OptimizerConfig::default().build().unwrap());
    let (mut network, mut plain_network) = (self::network(&device), self::network(&device));
    let (mut distances, mut losses) = (Vec::new(), Vec::new());
    for step in 0..N_STEPS {
        let found = batch_gradient(&network, &loss, batch(step, &device), 0, PASS).unwrap();
        let plain = || batch_gradient(&network, &loss, batch(step, &device), 0, PASS).unwrap();
        let plain = without_kernels(plain);
        let of_losses = (found.loss / plain.loss - 1.0).abs();
        assert!(of_losses < 2e-6, "losses of step {step} differ by {of_losses:e}");
        distances.push(distance(&network, &found, &plain));
        network = optimizer.step(network, &found.gradients, rates);

        let plain =
            || batch_gradient(&plain_network, &loss, batch(step, &device), 0, PASS).unwrap();
        let plain = without_kernels(plain);
        losses.push([found.loss, plain.loss]);
        plain_network = plain_optimizer.step(plain_network, &plain.gradients, rates);
    }
    // A value next to 0 may be positive for the one and not for the other: then ReLU passes its
    // gradient on once, and all gradients below differ. This is rare in a network this small.
    distances.sort_by(f64::total_cmp);
    assert!(distances[distances.len() / 2] < 2e-4, "{distances:?}");
    assert!(distances[distances.len() - 1] < 0.2, "{distances:?}");
    // Such differences grow from step to step when each goes its own way.
    for [loss, plain] in losses {
        assert!((loss / plain - 1.0).abs() < 0.03, "losses {loss} and {plain}");
    }
}
