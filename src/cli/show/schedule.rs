//! `swath show schedule`: learning rate and momentum of each step.

use serde::Serialize;
use serde_json::json;

use super::{Common, Shown};
use crate::{
    optim::{OptimizerConfig, OptimizerKind},
    report::{ScheduleView, draw_schedule},
    schedule::{Schedule, ScheduleConfig},
    train::steps_per_epoch,
};

/// Draw the learning rate and the momentum over the steps
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

/// What the optimizer is told at a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Step {
    /// The first is 1.
    step: u64,
    /// The first is 1.
    epoch: u64,
    lr: f64,
    momentum: f64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let (run_file, data) = args.common.open()?;
    let per_epoch = steps_per_epoch(&data, &run_file.train);
    let n_epochs = run_file.train.epochs;
    let n_steps = per_epoch * u64::from(n_epochs);
    let optimizer = &run_file.optimizer;
    let schedule = Schedule::new(&run_file.schedule, optimizer.lr, n_steps)?;
    let steps = steps(&schedule, optimizer, n_steps, per_epoch);

    let kind = match run_file.schedule {
        ScheduleConfig::OneCycle(_) => "one-cycle",
        ScheduleConfig::Constant => "constant",
    };
    let view = ScheduleView {
        about: format!("Schedule: {kind}, {n_epochs} epochs of {per_epoch} steps"),
        lr: steps.iter().map(|it| it.lr).collect(),
        momentum: steps.iter().map(|it| it.momentum).collect(),
        momentum_name: momentum_name(optimizer.kind).to_owned(),
    };
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
fn steps(
    schedule: &Schedule,
    optimizer: &OptimizerConfig,
    n_steps: u64,
    per_epoch: u64,
) -> Vec<Step> {
    let own = match optimizer.kind {
        OptimizerKind::Adamw => optimizer.betas[0],
        OptimizerKind::Sgd => optimizer.momentum,
    };
    let step = |step: u64| {
        let rates = schedule.rates(step);
        let momentum = rates.momentum.unwrap_or(own);
        Step { step: step + 1, epoch: step / per_epoch + 1, lr: rates.lr, momentum }
    };
    (0..n_steps).map(step).collect()
}

fn momentum_name(kind: OptimizerKind) -> &'static str {
    match kind {
        OptimizerKind::Adamw => "first beta of AdamW",
        OptimizerKind::Sgd => "momentum of SGD",
    }
}

/// First step, the one of the highest rate, and the last.
fn text(view: &ScheduleView, steps: &[Step]) -> String {
    let highest = steps.iter().reduce(|best, it| if best.lr < it.lr { it } else { best });
    let mut text = format!("{}\n", view.about);
    text += &format!("{:<10}{:>10}{:>16}{:>22}\n", "", "step", "learning rate", view.momentum_name);
    for (name, step) in [("first", steps.first()), ("highest", highest), ("last", steps.last())] {
        if let Some(it) = step {
            text += &format!("{name:<10}{:>10}{:>16.3e}{:>22.4}\n", it.step, it.lr, it.momentum);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_epochs_count_from_1_and_the_optimizers_own_momentum_stays() {
        let optimizer = OptimizerConfig { betas: [0.8, 0.999], ..Default::default() };
        let schedule = Schedule::new(&ScheduleConfig::Constant, 0.5, 4).unwrap();
        let step = |step, epoch| Step { step, epoch, lr: 0.5, momentum: 0.8 };
        let wanted = [step(1, 1), step(2, 1), step(3, 2), step(4, 2)];
        assert_eq!(steps(&schedule, &optimizer, 4, 2), wanted);
    }

    #[test]
    fn a_schedule_sets_the_momentum_of_its_own() {
        let schedule = Schedule::new(&ScheduleConfig::default(), 1e-3, 100).unwrap();
        let steps = steps(&schedule, &OptimizerConfig::default(), 100, 10);
        let rates = schedule.rates(29);
        assert_eq!((steps[29].lr, Some(steps[29].momentum)), (rates.lr, rates.momentum));
        let view = ScheduleView {
            about: "one-cycle".into(),
            lr: Vec::new(),
            momentum: Vec::new(),
            momentum_name: "beta".into(),
        };
        let text = text(&view, &steps);
        let highest: Vec<_> = text.lines().nth(3).unwrap().split_whitespace().collect();
        assert_eq!(highest[..3], ["highest", "30", "1.000e-3"], "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
