//! The sections of a model card on the data: input, sources, classes, splits.

use std::path::Path;

use super::card_text::{NOT_STATED, count, facts, table};
use crate::{
    chip::{Audit, RoleSummary},
    run::{About, ClassPixels, InputFile, Run},
    scene::Role,
};

/// Bands in their order, and how their values are made.
pub(super) fn inputs(run: &Run) -> String {
    let data = &run.data;
    let number = |value: f64| format!("{value:.6}");
    let rows = data.bands().iter().zip(&data.statistics.bands).enumerate().map(|(index, it)| {
        let (band, of) = it;
        let nodata = band.nodata.map_or("-".to_owned(), |it| it.to_string());
        vec![
            (index + 1).to_string(),
            band.name.clone(),
            band.dtype.to_string(),
            nodata,
            number(of.mean),
            number(of.std),
        ]
    });
    let heads = [">place", "band", "type", ">nodata", ">mean", ">standard deviation"];
    let grid = data.scenes.scene(0).grid();
    let [width, height] = grid.pixel_size();
    format!(
        "{}\nValues are normalised by mean and standard deviation of the training pixels. A pixel is \
         {width} x {height} {}. Windows of a map are of {} px.\n",
        table(&heads, rows),
        grid.crs.unit_name(),
        run.run_file.predict.tiling(data.chip_px).size_px,
    )
}

/// What people said of the data, and the files.
pub(super) fn data(run: &Run, about: &About) -> String {
    let stated = about.items().map(|(name, it)| (name, it.unwrap_or(NOT_STATED).to_owned()));
    let row = |it: &InputFile| {
        let name = Path::new(&it.path).file_name().unwrap_or_default().to_string_lossy();
        let [width, height] = it.pixel_size;
        vec![
            name.into_owned(),
            format!("{} x {}", it.rows, it.cols),
            format!("{width} x {height}"),
            it.crs.clone(),
            it.sha256.clone(),
        ]
    };
    let heads = ["file", "rows x columns", "pixel", "system", "SHA-256"];
    format!("{}\n{}", facts(stated), table(&heads, run.manifest.inputs.iter().map(row)))
}

/// Pixels of each class by role.
pub(super) fn classes(run: &Run) -> String {
    let classes = ClassPixels::of(&run.data);
    let sum = |of: &ClassPixels| of.train + of.validation + of.test;
    let total: u64 = classes.iter().map(sum).sum::<u64>().max(1);
    let rows = classes.iter().map(|it| {
        let share = 100.0 * sum(it) as f64 / total as f64;
        vec![
            it.code.to_string(),
            it.name.clone(),
            count(it.train),
            count(it.validation),
            count(it.test),
            format!("{share:.2} %"),
        ]
    });
    let heads = [">code", "class", ">train px", ">validation px", ">test px", ">share of all"];
    let ignored: Vec<String> = run.data.scenes.ignore().iter().map(i64::to_string).collect();
    let ignored = if ignored.is_empty() { "none".to_owned() } else { ignored.join(", ") };
    format!("{}\nCodes that stand for no label: {ignored}.\n", table(&heads, rows))
}

/// Blocks by role, and that no pixel is in two.
pub(super) fn splits(run: &Run, audit: &Audit) -> String {
    let (data, split) = (&run.data, &run.run_file.split);
    let row = |it: &RoleSummary| {
        let n_labelled: u64 = it.class_counts.iter().sum();
        let used = match it.role {
            Role::Train => "weights, statistics",
            Role::Validation => "checks while training",
            Role::Test => "final figures alone",
        };
        vec![it.role.to_string(), it.n_blocks.to_string(), count(n_labelled), used.to_owned()]
    };
    let heads = ["role", ">blocks", ">labelled px", "used for"];
    let block_px = data.splits.first().map_or(0, |it| it.grid().block_px());
    let reach = match split.hide {
        true => {
            "Training windows may reach into validation and test blocks, whose values and labels \
                 are hidden from them."
        }
        false => "Training windows keep away from validation and test blocks.",
    };
    let Audit { n_training_windows, n_evaluation_windows, .. } = *audit;
    format!(
        "{}\nBlocks of {block_px} px; {} blocks have no role. {reach} Buffer: {} px. An epoch draws {} \
         chips of {} px.\n\nAudit, over all {} distinct training windows and {} evaluation windows:\n\n{}",
        table(&heads, data.summary.roles.iter().map(row)),
        data.summary.n_unused_blocks,
        split.buffer_px,
        count(u64::from(data.sampler.n_chips())),
        data.chip_px,
        count(n_training_windows),
        count(n_evaluation_windows),
        facts([
            ("validation pixels that a training window shows", count(audit.n_train_validation_px)),
            ("test pixels that a training window shows", count(audit.n_train_test_px)),
            ("pixels of both validation and test", count(audit.n_validation_test_px)),
        ])
    )
}
