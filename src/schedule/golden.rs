//! Trajectories of PyTorch's schedulers and of fastai's one-cycle, step by step.

use serde_json::Value;

use super::*;
use crate::score::Monitor;

const GOLDEN: &str = include_str!("../../tests/golden/lr_schedulers.json");

/// Checks learning rate and momentum of every step.
#[track_caller]
fn check(name: &str, lr: impl Fn(f64) -> f64, momentum: impl Fn(f64) -> f64) {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let case = &golden["cases"][name];
    let values = |key: &str| case[key].as_array().unwrap().clone();
    assert!(20 <= values("lr").len() || name == "OneCycleLR_adam");
    for (step, (want_lr, want_momentum)) in values("lr").iter().zip(&values("momentum")).enumerate()
    {
        let (want_lr, want_momentum) = (want_lr.as_f64().unwrap(), want_momentum.as_f64().unwrap());
        let (lr, momentum) = (lr(step as f64), momentum(step as f64));
        assert!((lr - want_lr).abs() < 1e-15, "{name} {step}: {lr}, want {want_lr}");
        assert!((momentum - want_momentum).abs() < 1e-14, "{name} {step}: {momentum}");
    }
}

#[track_caller]
fn check_curve(name: &str, curve: &Curve) {
    check(name, |t| 0.1 * curve.factor(t), |_| 0.9);
}

/// What a run file says, over a run of `n_steps` steps that are epochs, too.
#[track_caller]
fn check_config(name: &str, text: &str, n_steps: u32) {
    let config: ScheduleConfig = toml::from_str(text).unwrap();
    let bases = Bases { lr: 0.1, momentum: 0.9, weight_decay: 0.0 };
    let run = RunLength { n_steps: n_steps.into(), n_epochs: n_steps };
    let schedule = Schedule::new(&config, bases, run).unwrap();
    let rates = |t: f64| schedule.rates(t as u64, t as u32, &[]);
    check(name, |t| rates(t).lr, |t| rates(t).momentum.unwrap_or(0.9));
}

#[test]
fn curves_equal_pytorchs() {
    let third = 1.0 / 3.0;
    let linear = |start, length| Curve::Linear { start, end: 1.0, length };
    check_curve("StepLR", &Curve::Step { step_size: 5.0, gamma: 0.5 });
    let milestones = vec![4.0, 10.0, 20.0];
    check_curve("MultiStepLR", &Curve::MultiStep { milestones, gamma: 0.1 });
    check_curve("ConstantLR", &Curve::Hold { factor: third, length: 5.0 });
    check_curve("LinearLR", &linear(third, 5.0));
    check_curve("ExponentialLR", &Curve::Exponential { gamma: 0.9 });
    check_curve("PolynomialLR", &Curve::Polynomial { length: 20.0, power: 0.9 });
    check_curve("PolynomialLR_default", &Curve::Polynomial { length: 5.0, power: 1.0 });
    let cosine = |length, min| Curve::Cosine { length, min };
    check_curve("CosineAnnealingLR", &cosine(10.0, 0.01));
    let restarts = Curve::WarmRestarts { first: 5.0, growth: 2.0, min: 0.01 };
    check_curve("CosineAnnealingWarmRestarts", &restarts);
    check_curve("LambdaLR", &Curve::custom(|t| 0.95_f64.powf(t)));
    check_curve("MultiplicativeLR", &Curve::Exponential { gamma: 0.95 });
    let pieces = vec![
        Piece { start: 0.0, curve: linear(0.1, 5.0) },
        Piece { start: 5.0, curve: cosine(20.0, 0.0) },
    ];
    check_curve("SequentialLR", &Curve::Sequence(pieces));
    let chained = vec![Curve::Hold { factor: 0.1, length: 4.0 }, Curve::Exponential { gamma: 0.9 }];
    check_curve("ChainedScheduler", &Curve::Product(chained));
}

#[test]
fn run_files_equal_pytorch_and_fastai() {
    check_config("StepLR", "kind = 'step'\nstep_size = 5\ngamma = 0.5", 30);
    let multi_step = "kind = 'multi-step'\nmilestones = [4, 10, 20]\nunit = 'step'";
    check_config("MultiStepLR", multi_step, 30);
    check_config("LinearLR", "kind = 'linear'\nlength = 5", 30);
    let restarts = "kind = 'warm-restarts'\nfirst_length = 5\ngrowth = 2\nmin = 0.001";
    check_config("CosineAnnealingWarmRestarts", restarts, 40);
    let product = "kind = 'product'\n[[piece]]\nkind = 'constant'\nfactor = 0.1\nlength = 4\n\
                   [[piece]]\nkind = 'exponential'\ngamma = 0.9";
    check_config("ChainedScheduler", product, 30);
    let cyclic = "kind = 'cyclic'\nmin = 0.01\nstep_size_up = 4\n";
    check_config("CyclicLR_triangular", cyclic, 33);
    check_config("CyclicLR_triangular2", &format!("{cyclic}mode = 'triangular2'"), 33);
    check_config("CyclicLR_exp_range", &format!("{cyclic}mode = 'exp-range'\ngamma = 0.98"), 33);
    let uneven = "kind = 'cyclic'\nmin = 0.01\nstep_size_up = 3\nstep_size_down = 6";
    check_config("CyclicLR_asym", uneven, 28);
    check_config("OneCycleLR_cos", "", 20);
    check_config("OneCycleLR_linear", "anneal = 'linear'", 20);
    check_config("OneCycleLR_three_phase", "anneal = 'linear'\nthree_phase = true", 20);
    check_config("OneCycleLR_adam", "pct_start = 0.25", 10);
    check_config("fastai_fit_one_cycle", "convention = 'fastai'", 20);
}

#[test]
fn a_plateau_falls_when_pytorchs_does() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let metrics: Vec<f64> =
        serde_json::from_value(golden["cases"]["ReduceLROnPlateau"]["metrics"].clone()).unwrap();
    let text = "kind = 'plateau'\npatience = 2\ncooldown = 1\nmin = 1e-4";
    let config: ScheduleConfig = toml::from_str(text).unwrap();
    let bases = Bases { lr: 0.1, momentum: 0.9, weight_decay: 0.0 };
    let schedule = Schedule::new(&config, bases, RunLength { n_steps: 20, n_epochs: 20 }).unwrap();
    assert_eq!(schedule.monitor(), Some(Monitor::ValidationLoss));
    let lr = |t: f64| schedule.rates(t as u64, t as u32, &metrics[..t as usize]).lr;
    check("ReduceLROnPlateau", lr, |_| 0.9);
    assert!(lr(19.0) < 1e-3);
}

// Smith & Topin's settings for ResNet-56, of Caffe's cyclic rates.
#[test]
fn super_convergence_has_the_rates_of_its_authors() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let samples = golden["cases"]["super_convergence_caffe"]["samples"].as_object().unwrap();
    let shape = CycleShape::Triangular;
    let cyclic = Cyclic { low: 0.1, high: 3.0, up: 5000.0, down: 5000.0, shape, gamma: 1.0 };
    assert_eq!(samples.len(), 6);
    for (step, want) in samples {
        let (step, want): (f64, f64) = (step.parse().unwrap(), want.as_f64().unwrap());
        assert!((cyclic.at(step) - want).abs() < 1e-12, "{step}: {}", cyclic.at(step));
    }
}
