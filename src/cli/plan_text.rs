//! What a run is going to do, as text.

use super::progress::duration;
use crate::{
    run::{Estimate, RunFile},
    train::{Dataset, steps_per_epoch},
};

/// Data, classes, model, steps and estimates, at most 80 columns wide.
pub(super) fn plan_text(run_file: &RunFile, data: &Dataset, estimate: &Estimate) -> String {
    let model = &run_file.model;
    let train = &run_file.train;
    let n_steps = steps_per_epoch(data, train);
    let memory = estimate.memory_bytes.map_or("not measured on this system".to_owned(), |bytes| {
        format!("about {:.2} GB", bytes as f64 / 1e9)
    });
    format!(
        "{}\n{}\nmodel      {}-{} of width {}, {} parameters\n\
         chips      {} of {} px per epoch, from {} distinct windows\n\
         training   {} epochs x {n_steps} steps of {} chips\n\
         estimate   about {}, memory {memory}\n",
        scenes_text(data),
        data.summary.text(data.classes()),
        name_of(&model.architecture),
        name_of(&model.encoder),
        model.width,
        grouped(estimate.n_parameters),
        data.sampler.n_chips(),
        data.chip_px,
        grouped(data.sampler.n_origins()),
        train.epochs,
        train.batch,
        duration(estimate.seconds),
    )
}

/// The scenes, a line each.
pub(super) fn scenes_text(data: &Dataset) -> String {
    let mut text = String::new();
    for scene in data.scenes.iter() {
        let grid = scene.image().grid();
        let [width, height] = grid.pixel_size();
        let crs = grid.crs.name();
        text += &format!(
            "scene      {}: {} rows x {} columns, {} bands, pixel {width} x {height}{}\n",
            scene.name(),
            grid.rows,
            grid.cols,
            data.bands().len(),
            if crs.is_empty() { String::new() } else { format!("\n           {crs}") },
        );
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
    fn thousands_are_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (14_332_070, "14,332,070")] {
            assert_eq!(grouped(n), text);
        }
    }
}
