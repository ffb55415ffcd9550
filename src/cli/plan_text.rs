//! What a run is going to do, as text.

use super::progress::duration;
use crate::{
    run::{Estimate, RunFile},
    train::{Accumulation, Dataset},
};

/// Notes shown before it is said how many more there are.
const MAX_NOTES: usize = 20;

/// Data, classes, model, steps and estimates, at most 80 columns wide.
pub(super) fn plan_text(run_file: &RunFile, data: &Dataset, estimate: &Estimate) -> String {
    let model = &run_file.model;
    let train = &run_file.train;
    let run = train.run_length(data.sampler.n_chips());
    let memory = estimate.memory_bytes.map_or("not measured on this system".to_owned(), |bytes| {
        format!("about {:.2} GB", bytes as f64 / 1e9)
    });
    let loss = loss_text(run_file, data);
    format!(
        "{}{}\n{}\nmodel      {}-{} of width {}, {} parameters\n\
         chips      {} of {} px per epoch, from {} distinct windows\n\
         {loss}training   {} epochs, {} steps of {}\n{}\
         estimate   about {}, memory {memory}\n",
        scenes_text(data),
        notes_text(data.notes()),
        data.summary.text(data.classes()),
        name_of(&model.architecture),
        name_of(&model.encoder),
        model.width,
        grouped(estimate.n_parameters),
        data.sampler.n_chips(),
        data.chip_px,
        grouped(data.sampler.n_origins()),
        train.epochs,
        grouped(run.n_steps),
        step_text(run_file),
        accumulation_text(run_file),
        duration(estimate.seconds),
    )
}

/// What a step is made of.
fn step_text(run_file: &RunFile) -> String {
    let batch = run_file.train.batch;
    match &run_file.train.accumulate {
        Accumulation::Always(1) => format!("{batch} chips"),
        Accumulation::Always(n) => format!("{n} batches of {batch} chips"),
        Accumulation::ByEpoch(changes) => {
            let changes: Vec<String> =
                changes.iter().map(|[epoch, n]| format!("{n} from epoch {}", epoch + 1)).collect();
            format!("batches of {batch} chips ({} a step)", changes.join(", "))
        }
    }
}

/// What accumulation does not do.
fn accumulation_text(run_file: &RunFile) -> String {
    if !run_file.train.accumulate.is_used() || !run_file.model.has_batch_norm() {
        return String::new();
    }
    format!(
        "note       batch norm sees the {} chips of a batch, not all chips of a step\n",
        run_file.train.batch
    )
}

/// Which loss, and the weight of each class if they differ.
fn loss_text(run_file: &RunFile, data: &Dataset) -> String {
    let mut text = format!("loss       {}\n", run_file.loss.kind.name());
    let Ok(weights) = run_file.loss.class_weights(&data.class_counts()) else { return text };
    if run_file.loss.class_weights.is_some() {
        for (class, weight) in data.classes().iter().zip(weights) {
            let warning = if weight == 0.0 { "  (not learned)" } else { "" };
            text += &format!("weight     {:<30}{weight:>12.4}{warning}\n", class.name);
        }
    }
    text
}

/// The same for programs.
pub(super) fn plan_json(
    run_file: &RunFile,
    data: &Dataset,
    estimate: &Estimate,
) -> serde_json::Value {
    serde_json::json!({
        "version": 1,
        "model": run_file.model,
        "n_parameters": estimate.n_parameters,
        "epochs": run_file.train.epochs,
        "steps_per_epoch": run_file.train.steps_of_epoch(data.sampler.n_chips(), 0),
        "n_steps": estimate.n_steps,
        "chips_per_epoch": data.sampler.n_chips(),
        "distinct_windows": data.sampler.n_origins(),
        "split": data.summary,
        "seconds": estimate.seconds,
        "memory_bytes": estimate.memory_bytes,
        "notes": data.notes(),
    })
}

/// The scenes, a line each.
pub(super) fn scenes_text(data: &Dataset) -> String {
    let mut text = String::new();
    for scene in data.scenes.iter() {
        let grid = scene.image().grid();
        let [width, height] = grid.pixel_size();
        text += &format!(
            "scene      {}: {} rows x {} columns, {} bands, pixel {width} x {height}\n           \
             coordinate reference system: {}\n",
            scene.name(),
            grid.rows,
            grid.cols,
            data.bands().len(),
            grid.crs.name(),
        );
    }
    text
}

/// Notes on the files, a line each; of many only the first.
pub(super) fn notes_text(notes: &[String]) -> String {
    let mut text = String::new();
    for note in notes.iter().take(MAX_NOTES) {
        text += &format!("note       {note}\n");
    }
    if MAX_NOTES < notes.len() {
        text += &format!("note       and {} more\n", notes.len() - MAX_NOTES);
    }
    text
}

/// The name that a setting has in the run file.
pub(super) fn name_of(setting: &impl serde::Serialize) -> String {
    match serde_json::to_value(setting) {
        Ok(serde_json::Value::String(name)) => name,
        other => format!("{other:?}"),
    }
}

/// A number with commas between thousands.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_note_is_a_line_and_many_are_cut() {
        let notes = |n| notes_text(&vec!["a.msk is not read".to_owned(); n]);
        assert_eq!(notes(0), "");
        assert_eq!(notes(2), "note       a.msk is not read\n".repeat(2));
        assert_eq!(notes(25).lines().count(), 21);
        assert!(notes(25).ends_with("note       and 5 more\n"));
    }

    #[test]
    fn thousands_are_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (14_332_070, "14,332,070")] {
            assert_eq!(grouped(n), text);
        }
    }
}
