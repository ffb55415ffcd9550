//! `MODEL_CARD.md`: what a model is, what it was made of, how good it is, and what it is not for.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{
    card_data::{classes, data, inputs, splits},
    card_files::files,
    card_limits::limitations,
    card_text::{count, escape, facts, figure, plain_keys, settings, table},
};
use crate::{
    chip::Audit,
    model::Description,
    run::{About, AlteredFile, Environment, Run, StartingWeights},
    score::{ClassMetrics, Metrics, MetricsFile},
    train::{Best, Check, EpochRow, best_checks},
};

/// What a card is written from.
pub(super) struct Card<'a> {
    /// The run and its data.
    pub run: &'a Run,
    /// What people said of its data.
    pub about: &'a About,
    /// Its layers.
    pub network: &'a Description,
    /// Its figures.
    pub metrics: &'a MetricsFile,
    /// Its epochs.
    pub epochs: &'a [EpochRow],
    /// Pixels that its splits share.
    pub audit: Audit,
    /// Files that are not as the run wrote them.
    pub altered: &'a [AlteredFile],
    /// The files of the run that are packed, by name.
    pub packed: &'a BTreeMap<String, Vec<u8>>,
}

/// The card as Markdown.
///
/// Source: Mitchell et al. 2019, Model Cards for Model Reporting,
/// <https://doi.org/10.1145/3287560.3287596>; the items are those of Maxwell, Bester & Ramezan 2022,
/// <https://doi.org/10.3390/rs14225760>.
pub(super) fn model_card(card: &Card) -> String {
    let Card { run, .. } = card;
    let (n_classes, n_bands) = (run.data.classes().len(), run.data.bands().len());
    let sections = [
        ("Model", model(card)),
        ("Start of the weights", start(run.manifest.weights.as_ref(), run.run_file.seed)),
        ("Input", inputs(run)),
        ("Data", data(run, card.about)),
        ("Classes", classes(run)),
        ("Splits and leakage", splits(run, &card.audit)),
        ("Settings", hyper_parameters(run)),
        ("Seed and determinism", determinism(run)),
        ("Accuracy", accuracy(card.metrics)),
        ("Limitations", limitations(card)),
        ("Environment", environment(card)),
        ("Files", files(card)),
    ];
    let mut text = format!(
        "# Model card: {}\n\nMaps {n_classes} classes from {n_bands} bands. Trained with swath {}; \
         began {}.\n",
        escape(&run.run_file.name),
        run.manifest.environment.version,
        run.manifest.started
    );
    for (title, section) in sections {
        text += &format!("\n## {title}\n\n{}\n", section.trim_end());
    }
    text
}

fn model(Card { run, network, .. }: &Card) -> String {
    let data = &run.data;
    let mut rows = plain_keys(&run.run_file.model);
    let mut add = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    add("input", format!("{} bands, chips of {} px", data.bands().len(), data.chip_px));
    add("output", format!("{} logits a pixel, softmax", data.classes().len()));
    add("parameters", count(network.parameters));
    add("trained parameters", count(run.manifest.n_parameters));
    add("multiply-adds of a chip", count(network.multiply_adds));
    format!(
        "{}\nKeys are those of `[model]` in `run.toml`. `layers.csv` lists the layers.\n",
        table(&["", ""], rows)
    )
}

fn start(weights: Option<&StartingWeights>, seed: u64) -> String {
    let Some(StartingWeights { path, sha256, loading, n_used, fresh, unused, notes, .. }) = weights
    else {
        return format!("All weights were drawn at random, keyed by the seed {seed}.\n");
    };
    let name = std::path::Path::new(path).file_name().unwrap_or_default().to_string_lossy();
    let mut text = facts([
        ("file", name.into_owned()),
        ("SHA-256", sha256.clone()),
        ("loading", loading.name().to_owned()),
        ("tensors taken from it", count(*n_used)),
        ("tensors of the model that started afresh", fresh.len().to_string()),
        ("tensors of the file that were not used", unused.len().to_string()),
    ]);
    for note in notes {
        text += &format!("\n{note}\n");
    }
    text
}

fn hyper_parameters(run: &Run) -> String {
    // The data have a section of their own, and their paths are nobody's business here.
    let left_out = ["name", "seed", "data", "model", "about", "weights"];
    let mut table = Table::try_from(&run.run_file).expect("settings are plain data");
    if let Some(Value::Table(split)) = table.get_mut("split") {
        split.retain(|_, it| !matches!(it, Value::Array(_) | Value::Table(_)));
    }
    format!(
        "With every default; `run.toml` is the whole run file, lists of blocks included.\n\n{}",
        settings(&table, &left_out)
    )
}

fn determinism(run: &Run) -> String {
    let Environment { instruction_set, device, .. } = &run.manifest.environment;
    let seed = run.run_file.seed;
    let mut text = format!(
        "Seed: {seed}. Every random draw (split, initial weights, windows, augmentations, dropout) \
         comes from a generator of its own, keyed by this seed, its purpose, the epoch and the number \
         of the chip or step. Sums have a fixed order.\n\n"
    );
    text += &match device.as_str() {
        "cpu" => format!(
            "The same run file, data, version, features of the build and instruction set \
             (`{instruction_set}`) give the same bits, at any number of threads, also after a stop. \
             `swath reproduce` checks that. On another instruction set the last bits of sums \
             differ, and training enlarges such differences: figures agree roughly, hashes do not.\n"
        ),
        device => {
            format!("The run computed on `{device}`, which does not promise the same bits twice.\n")
        }
    };
    text
}

fn accuracy(metrics: &MetricsFile) -> String {
    let splits = ["test", "validation"];
    let found: Vec<(&str, &Metrics)> =
        splits.into_iter().filter_map(|it| Some((it, metrics.splits.get(it)?))).collect();
    let Some((first, of_first)) = found.first() else {
        return "Nothing was evaluated: the run has no validation and no test blocks.\n".to_owned();
    };
    let mut heads = vec!["figure"];
    heads.extend(found.iter().map(|it| if it.0 == "test" { ">test" } else { ">validation" }));
    type Figure = fn(&Metrics) -> f64;
    let figures: [(&str, Figure); 10] = [
        ("overall accuracy", |it| it.overall_accuracy),
        ("the same of a map of the most frequent class", |it| it.majority_rate),
        ("mean IoU", |it| it.mean_iou),
        ("macro F1 (mean of the classes' F1)", |it| it.macro_f1_mean),
        ("macro precision", |it| it.macro_precision),
        ("macro recall", |it| it.macro_recall),
        ("quantity disagreement", |it| it.quantity_disagreement),
        ("allocation disagreement", |it| it.allocation_disagreement),
        ("MICE", |it| it.mice),
        ("kappa", |it| it.kappa),
    ];
    let row = |(name, value): (&str, Figure)| {
        let values = found.iter().map(|(_, it)| figure(value(it)));
        [name.to_owned()].into_iter().chain(values).collect()
    };
    let mut rows: Vec<Vec<String>> = figures.into_iter().map(row).collect();
    let pixels = found.iter().map(|(_, it)| count(it.n_pixels));
    rows.push(["pixels".to_owned()].into_iter().chain(pixels).collect());
    let mut text = table(&heads, rows);
    text += &format!("\nClasses, {first} split:\n\n");
    let of_class = |it: &ClassMetrics| {
        let figures = [it.iou, it.f1, it.precision, it.recall].map(figure);
        let counts = [it.support, it.mapped].map(count);
        [it.name.clone()].into_iter().chain(figures).chain(counts).collect::<Vec<_>>()
    };
    let heads = [
        "class",
        ">IoU",
        ">F1",
        ">precision (user's)",
        ">recall (producer's)",
        ">reference px",
        ">mapped px",
    ];
    text += &table(&heads, of_first.classes.iter().map(of_class));
    text + "\nFigures are those of the map of the blocks, its windows blended, not of single chips. \
            `confusion.csv` is the confusion matrix (rows = map, columns = reference). These are \
            figures of one seed: `swath replicate` tells how they scatter over seeds.\n"
}

fn environment(Card { run, epochs, packed, .. }: &Card) -> String {
    let manifest = &run.manifest;
    let of = &manifest.environment;
    let seconds: Vec<String> =
        manifest.seconds.iter().map(|(part, it)| format!("{part} {it:.1} s")).collect();
    let memory = manifest.peak_memory_bytes;
    let monitor = run.run_file.train.monitor;
    let figures = epochs.iter().filter_map(|row| {
        let check = Check::new(row.epoch, row.train_loss, row.validation?, row.ema);
        Some(Best { epoch: row.epoch, figure: check.figure(monitor) })
    });
    let best = best_checks(monitor.better(), figures.collect(), 1).first().copied();
    let mut rows = vec![
        ("swath", of.version.clone()),
        ("features", of.features.join(", ")),
        ("system", of.system.clone()),
        ("processor", of.processor.clone()),
        ("instruction set", of.instruction_set.clone()),
        ("threads", of.threads.to_string()),
        ("device", of.device.clone()),
        ("time", seconds.join(", ")),
        ("peak memory", memory.map_or(String::new(), |it| format!("{:.2} GB", it as f64 / 1e9))),
        ("epochs", epochs.len().to_string()),
    ];
    if let Some(Best { epoch, figure }) = best.filter(|it| it.figure.is_finite()) {
        let name = monitor.name();
        rows.push((
            "best while training",
            format!("{name} {figure:.4} in epoch {epoch}, validation windows that do not overlap"),
        ));
    }
    rows.retain(|(_, value)| !value.is_empty());
    let lock = match packed.contains_key("Cargo.lock") {
        true => "`Cargo.lock` lists the versions of all dependencies.",
        false => "The versions of the dependencies are those of that version's `Cargo.lock`.",
    };
    format!("{}\n{lock}\n", facts(rows))
}
