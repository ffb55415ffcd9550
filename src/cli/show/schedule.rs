//! `swath show schedule`: all that changes over the steps of a run.

use serde::Serialize;
use serde_json::json;

use super::{Common, Shown};
use crate::{
    report::{Course, ScheduleView, draw_schedule},
    run::{RunFile, schedule},
    schedule::Schedule,
};

/// Draw learning rate, momentum and whatever else changes over the steps
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

/// What a step is taken with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Step {
    /// The first is 1.
    step: u64,
    /// The first is 1.
    epoch: u32,
    lr: f64,
    momentum: f64,
    weight_decay: f64,
    /// Multiplies the probability of dropout.
    drop_factor: f64,
    /// Multiplies the strength of augmentations.
    augment_factor: f64,
    /// Batches whose gradients are added.
    batches: u32,
    /// Patterns of parameters that are frozen.
    frozen: usize,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let (run_file, data) = args.common.open()?;
    let schedule = schedule(&run_file, &data)?;
    let steps = steps(&run_file, &schedule, data.sampler.n_chips());
    let n_epochs = run_file.train.epochs;
    let kind = run_file.schedule.rate.kind.name();
    let mut about = format!("Schedule: {kind}, {n_epochs} epochs, {} steps", steps.len());
    if let Some(monitor) = schedule.monitor() {
        about += &format!(" (falls with {}; as long as it improves)", monitor.name());
    }
    let view = ScheduleView { about, courses: courses(&run_file, &steps) };
    let per_epoch = run_file.train.steps_of_epoch(data.sampler.n_chips(), 0);
    let json = json!({
        "version": 1,
        "kind": kind,
        "epochs": n_epochs,
        "steps_per_epoch": per_epoch,
        "steps": steps,
    });
    let text = text(&view, &steps);
    args.common
        .show("show_schedule.png", &Shown { text, json, draw: &|file| draw_schedule(&view, file) })
}

/// What every step will use; the optimizer's own momentum where the schedule sets none.
fn steps(run_file: &RunFile, schedule: &Schedule, n_chips: u32) -> Vec<Step> {
    let RunFile { train, optimizer, model, .. } = run_file;
    let of_epoch = |epoch| {
        let n_steps = train.steps_of_epoch(n_chips, epoch);
        (0..n_steps).map(move |_| epoch)
    };
    let step = |(step, epoch): (usize, u32)| {
        let step = step as u64;
        let rates = schedule.rates(step, epoch, &[]);
        Step {
            step: step + 1,
            epoch: epoch + 1,
            lr: rates.lr,
            momentum: rates.momentum.unwrap_or(optimizer.momentum()),
            weight_decay: optimizer.weight_decay() * rates.weight_decay_factor,
            drop_factor: schedule.drop_factor(step, epoch),
            augment_factor: schedule.augment_factor(step, epoch),
            batches: train.accumulate.at(epoch),
            frozen: train.frozen(&model.freeze, epoch).len(),
        }
    };
    (0..train.epochs).flat_map(of_epoch).enumerate().map(step).collect()
}

/// A number of a step.
type Value = fn(&Step) -> f64;

/// What is drawn: learning rate and momentum, and what changes.
fn courses(run_file: &RunFile, steps: &[Step]) -> Vec<Course> {
    let kind = run_file.optimizer.kind;
    let momentum = format!("{} of {}", kind.momentum_name(), kind.name());
    let all: [(&str, Value); 7] = [
        ("learning rate", |it| it.lr),
        (&momentum, |it| it.momentum),
        ("weight decay", |it| it.weight_decay),
        ("factor of dropout", |it| it.drop_factor),
        ("factor of augmentation", |it| it.augment_factor),
        ("batches of a step", |it| f64::from(it.batches)),
        ("frozen groups of parameters", |it| it.frozen as f64),
    ];
    let course = |(index, (name, value)): (usize, (&str, Value))| {
        let values: Vec<f64> = steps.iter().map(value).collect();
        let changes = values.windows(2).any(|pair| pair[0] != pair[1]);
        (index < 2 || changes).then(|| Course { name: name.to_owned(), values })
    };
    all.into_iter().enumerate().filter_map(course).collect()
}

/// First step, the one of the highest rate, and the last.
fn text(view: &ScheduleView, steps: &[Step]) -> String {
    let highest = steps.iter().reduce(|best, it| if best.lr < it.lr { it } else { best });
    let mut text = format!("{}\n{:<10}{:>10}", view.about, "", "step");
    for Course { name, .. } in &view.courses[..2] {
        text += &format!("{name:>24}");
    }
    text += "\n";
    for (name, step) in [("first", steps.first()), ("highest", highest), ("last", steps.last())] {
        if let Some(it) = step {
            text += &format!("{name:<10}{:>10}{:>24.3e}{:>24.4}\n", it.step, it.lr, it.momentum);
        }
    }
    for Course { name, values } in &view.courses[2..] {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        text += &format!("{name}: {} to {}\n", rounded(low), rounded(high));
    }
    text
}

/// Four significant digits, and no more than it takes.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{CurveConfig, CurveKind};

    #[test]
    fn numbers_are_rounded() {
        assert_eq!([0.1 + 0.2, 1.0, 0.012_345_6].map(rounded), [0.3, 1.0, 0.01235]);
    }

    fn run_file(schedule: &str) -> RunFile {
        let text = format!("[data]\n{schedule}");
        toml::from_str(&text).unwrap()
    }

    fn steps_of(run_file: &RunFile, n_chips: u32) -> Vec<Step> {
        let run = run_file.train.run_length(n_chips);
        let schedule = Schedule::new(&run_file.schedule, run_file.optimizer.bases(), run).unwrap();
        steps(run_file, &schedule, n_chips)
    }

    #[test]
    fn steps_and_epochs_count_from_1_and_the_optimizers_own_momentum_stays() {
        let run_file = run_file(
            "[optimizer]\nlr = 0.5\nbetas = [0.8, 0.999]\n[schedule]\nkind = 'constant'\n\
             [train]\nepochs = 2\nbatch = 4\naccumulate = [[1, 2]]\n",
        );
        let steps = steps_of(&run_file, 10);
        let numbers: Vec<_> = steps.iter().map(|it| (it.step, it.epoch, it.batches)).collect();
        assert_eq!(numbers, [(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 2, 2), (5, 2, 2)]);
        assert!(steps.iter().all(|it| (it.lr, it.momentum) == (0.5, 0.8)));
        let names: Vec<_> = courses(&run_file, &steps).into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["learning rate", "first beta of AdamW", "batches of a step"]);
    }

    #[test]
    fn every_curve_of_the_schedule_shows() {
        let mut run_file = run_file("[train]\nepochs = 10\nbatch = 1\n");
        run_file.schedule.weight_decay = Some(CurveConfig::of(CurveKind::Cosine));
        run_file.schedule.drop_prob = Some(CurveConfig::of(CurveKind::Linear));
        let steps = steps_of(&run_file, 10);
        assert_eq!(steps[0].weight_decay, 0.01);
        assert!(steps[99].weight_decay < 1e-5 && steps[0].drop_factor < steps[99].drop_factor);
        let view = ScheduleView { about: "all".into(), courses: courses(&run_file, &steps) };
        let text = text(&view, &steps);
        let highest: Vec<_> = text.lines().nth(3).unwrap().split_whitespace().collect();
        assert_eq!(highest[..3], ["highest", "30", "1.000e-3"], "{text}");
        assert!(text.contains("factor of dropout: 0.333"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
