//! `swath study --dry-run`: the runs and about how long they will take.

use std::time::Instant;

use burn::tensor::Device;
use serde_json::{Value, json};

use crate::{
    cli::{
        common::{Compute, print, shown},
        progress::duration,
    },
    run::{RunFile, estimate, open_dataset},
    study::{Plan, Results, RunState},
    train::Dataset,
};

/// About how long a run of a variant takes.
struct Expected {
    seconds: f64,
    /// Finished runs that it is the mean of; 0 if it was extrapolated from a training step.
    n_runs: usize,
}

impl Expected {
    fn text(&self) -> String {
        match self.n_runs {
            0 => "a timed step *".to_owned(),
            1 => "1 finished run".to_owned(),
            n => format!("mean of {n} finished runs"),
        }
    }
}

/// Prints every run with its state, and what is left to do.
pub(super) fn show(plan: &Plan, compute: &Compute, json: bool) -> anyhow::Result<()> {
    let results = Results::read(plan)?;
    let expected = compute.install(|| expected(plan, &results, &compute.device()?))?;
    let mut left = 0.0;
    let mut rows = Vec::new();
    for run in &plan.runs {
        let seconds = run.share_left()? * expected[run.variant].seconds;
        left += seconds;
        rows.push((run, run.state()?, seconds));
    }
    if json {
        let runs: Vec<Value> = rows
            .iter()
            .map(|(run, state, seconds)| {
                json!({
                    "variant": plan.variant_name(run),
                    "seed": run.seed,
                    "folder": run.folder,
                    "state": key(*state),
                    "seconds_left": seconds,
                })
            })
            .collect();
        let variants: Vec<Value> = plan
            .variants
            .iter()
            .zip(&expected)
            .map(|(variant, it)| {
                json!({
                    "name": variant.name,
                    "set": variant.set,
                    "seconds": it.seconds,
                    "n_finished_runs": it.n_runs,
                })
            })
            .collect();
        let value = json!({
            "version": 1, "runs": runs, "variants": variants, "seconds_left": left,
        });
        return print(&serde_json::to_string_pretty(&value)?);
    }
    let mut text = format!("{} runs in {}\n", rows.len(), shown(&plan.folder));
    for (index, (run, state, seconds)) in rows.iter().enumerate() {
        let time = match state {
            RunState::Done => String::new(),
            RunState::ToDo | RunState::ToResume { .. } => format!("about {}", duration(*seconds)),
        };
        let row = format!(
            "{:>5}  {:<30}seed {:<10}{:<14}{time}",
            index + 1,
            plan.variant_name(run),
            run.seed,
            words(*state)
        );
        text += &format!("{}\n", row.trim_end());
    }
    text += "time of a run\n";
    for (variant, it) in plan.variants.iter().zip(&expected) {
        let (name, time) = (&variant.name, duration(it.seconds));
        text += &format!("       {name:<30}{time:<15}{}\n", it.text());
    }
    if expected.iter().any(|it| it.n_runs == 0) {
        text += "* a whole training step, extrapolated to all steps and to validation\n";
    }
    print(&format!("{text}left to do: about {}\n", duration(left)))
}

fn words(state: RunState) -> String {
    match state {
        RunState::ToDo => "to do".to_owned(),
        RunState::ToResume { n_epochs } => format!("at epoch {n_epochs}"),
        RunState::Done => "done".to_owned(),
    }
}

fn key(state: RunState) -> &'static str {
    match state {
        RunState::ToDo => "to-do",
        RunState::ToResume { .. } => "to-resume",
        RunState::Done => "done",
    }
}

/// From the finished runs of a variant; without one, from a training step.
fn expected(plan: &Plan, results: &Results, device: &Device) -> anyhow::Result<Vec<Expected>> {
    let clock = Instant::now();
    let now = || clock.elapsed().as_secs_f64();
    let mut opened: Option<(&RunFile, Dataset)> = None;
    let mut all = Vec::new();
    for (run, finished) in plan.first_runs().iter().zip(&results.variants) {
        let n_runs = finished.len();
        if n_runs != 0 {
            let seconds = finished.iter().map(|it| it.seconds).sum::<f64>() / n_runs as f64;
            all.push(Expected { seconds, n_runs });
            continue;
        }
        let run_file = &run.run_file;
        let (_, mut data) = match opened.take() {
            Some((of, data)) if reads_alike(of, run_file) => (of, data),
            _ => (run_file, open_dataset(run_file)?),
        };
        data.augment = run_file.augment.clone();
        let seconds = estimate(run_file, &data, device, &now)?.seconds;
        all.push(Expected { seconds, n_runs });
        opened = Some((run_file, data));
    }
    Ok(all)
}

/// Whether one data set serves both, but for the augmentations.
fn reads_alike(left: &RunFile, right: &RunFile) -> bool {
    left.data == right.data
        && left.split == right.split
        && left.chips == right.chips
        && left.train.batch == right.train.batch
        && left.seed == right.seed
}
