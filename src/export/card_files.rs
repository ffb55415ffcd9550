//! The list of files of a model card.

use super::card::Card;

/// The files of an export, as a table; then those that were changed.
pub(super) fn files(card: &Card) -> String {
    let is_packed = |name: &&str| !OPTIONAL.contains(name) || card.packed.contains_key(*name);
    let rows = FILES.iter().filter_map(|(names, content)| {
        let names: Vec<String> =
            names.iter().copied().filter(|it| is_packed(it)).map(|it| format!("`{it}`")).collect();
        (!names.is_empty()).then(|| format!("| {} | {content} |\n", names.join(", ")))
    });
    let mut text = format!("| file | content |\n| --- | --- |\n{}", rows.collect::<String>());
    let altered: Vec<String> = card.altered.iter().map(|it| format!("`{}`", it.name)).collect();
    if !altered.is_empty() {
        text += &format!("\n**Changed after the run wrote them: {}.**\n", altered.join(", "));
    }
    text
}

/// Files that some runs lack.
const OPTIONAL: [&str; 3] = ["lr_find.json", "confusion.csv", "Cargo.lock"];

const FILES: [(&[&str], &str); 15] = [
    (
        &["model.swath"],
        "weights and all that prediction needs: `swath predict model.swath image.tif`",
    ),
    (&["run.toml"], "every setting, as it was used"),
    (
        &["manifest.json"],
        "hashes of all inputs and outputs, blocks of the splits, classes, audit, time",
    ),
    (&["environment.json"], "machine, build and cost"),
    (&["Cargo.lock"], "versions of all dependencies"),
    (&["about.toml"], "what was stated of the data"),
    (&["statistics.json"], "statistics of the training pixels"),
    (
        &["splits.geojson"],
        "blocks by role, as polygons in the coordinate reference system of the scenes",
    ),
    (&["layers.csv"], "layers of the network"),
    (&["lr_find.json"], "what the sweep over learning rates found"),
    (&["history.csv", "steps.csv"], "losses, accuracy and learning rate by epoch and step"),
    (&["metrics.json"], "accuracy figures"),
    (&["confusion.csv"], "confusion matrix"),
    (&["report.html", "plots/"], "the same for people"),
    (&["SHA256SUMS"], "checksums: `sha256sum -c SHA256SUMS`"),
];
