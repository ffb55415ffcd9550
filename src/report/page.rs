//! The page `report.html`.

use super::{
    Panel, ReportData,
    drawing::{at_most, data_uri},
    figures::{Figure, Figures},
    panel::{RIGHT, WRONG},
    tables::{
        band_table, class_legend, class_table, confusion_table, epoch_table, fact_list,
        overall_table, scene_table, swatch, timing_table,
    },
    text::{duration, escape, percent, share, thousands},
};

const STYLE: &str = include_str!("page.css");

/// Most scenes whose blocks are drawn inside the page; those of more are in files of their own.
const MAX_INSIDE: usize = 6;

/// Longest side of the pictures of a panel, in pixels; more would not be seen.
const PANEL_PX: u32 = 480;

/// The whole page: valid HTML that needs no other file, no network and no script.
pub(super) fn page(data: &ReportData, figures: &Figures) -> String {
    let sections = [
        ("accuracy", "Accuracy", accuracy(data, figures)),
        ("panels", "Where the map is right and wrong", panels(data)),
        ("confusion", "Confusion matrix", confusion(data, figures)),
        ("data", "Data and split", scenes(data, figures)),
        ("training", "Training", training(data, figures)),
        ("settings", "Settings and environment", settings(data)),
        ("figures", "How to read the figures", GLOSSARY.to_owned()),
    ];
    let summary = if data.summary.is_empty() { String::new() } else { fact_list(&data.summary) };
    document(
        &data.title,
        "report",
        &summary,
        &(headline(data) + &notes(&all_notes(data))),
        &sections,
    )
}

/// A whole page: `summary` in its head, `first` before the sections, each with its id and title. An
/// empty section is left out.
pub(super) fn document(
    title: &str,
    kind: &str,
    summary: &str,
    first: &str,
    sections: &[(&str, &str, String)],
) -> String {
    let shown = || sections.iter().filter(|(_, _, content)| !content.is_empty());
    let links: String =
        shown().map(|(id, title, _)| format!("<li><a href=\"#{id}\">{title}</a></li>\n")).collect();
    let sections: String = shown()
        .map(|(id, title, content)| {
            format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{content}</section>\n")
        })
        .collect();
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} – swath {kind}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<p class=\"kind\">swath {kind}</p>\n<h1>{title}</h1>\n{summary}</header>\n\
         <nav aria-label=\"Contents\"><ul>\n{links}</ul></nav>\n<main>\n{first}{sections}</main>\n\
         </body>\n</html>\n"
    )
}

/// The figures of the first split, large.
fn headline(data: &ReportData) -> String {
    let Some(split) = data.splits.first() else { return String::new() };
    let (name, metrics) = (escape(&split.name), &split.metrics);
    let majority = format!("majority class alone: {}", percent(metrics.majority_rate));
    let n_classes = format!(
        "{} of {} classes in the reference",
        metrics.classes.len() - metrics.absent_classes.len(),
        metrics.classes.len()
    );
    let cards = [
        ("overall accuracy", percent(metrics.overall_accuracy), majority),
        ("mean IoU", share(metrics.mean_iou), n_classes),
        ("macro F1", share(metrics.macro_f1_mean), "mean of the classes' F1".to_owned()),
        ("pixels", thousands(metrics.n_pixels), "with map and reference".to_owned()),
    ];
    let card = |(what, value, note): &(&str, String, String)| {
        format!("<li><span>{what}, {name}</span><strong>{value}</strong><span>{note}</span></li>\n")
    };
    let cards: String = cards.iter().map(card).collect();
    format!("<ul class=\"cards\" aria-label=\"Main figures of the {name} split\">\n{cards}</ul>\n")
}

fn all_notes(data: &ReportData) -> Vec<String> {
    let mut notes = data.notes.clone();
    for split in &data.splits {
        for (what, names) in [
            ("has no reference pixel of", &split.metrics.absent_classes),
            ("is never mapped as", &split.metrics.never_mapped_classes),
        ] {
            if !names.is_empty() {
                notes.push(format!("The {} split {what}: {}.", split.name, names.join(", ")));
            }
        }
    }
    notes
}

/// What a reader must know, before all else.
pub(super) fn notes(notes: &[String]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let items: String = notes.iter().map(|note| format!("<li>{}</li>\n", escape(note))).collect();
    format!(
        "<aside class=\"notes\" aria-label=\"Notes\">\n<h2>To know</h2>\n<ul>\n{items}</ul>\n</aside>\n"
    )
}

fn accuracy(data: &ReportData, figures: &Figures) -> String {
    if data.splits.is_empty() {
        return String::new();
    }
    let mut html = overall_table(&data.splits);
    for (split, figure) in data.splits.iter().zip(&figures.class_bars) {
        html += &format!("<h3>Classes, {} split</h3>\n", escape(&split.name));
        html += &class_table(&split.metrics, &data.classes, &data.area_unit);
        html += &drawn(figure, "Bars of the table above. Classes without a bar say why.");
    }
    html
}

fn confusion(data: &ReportData, figures: &Figures) -> String {
    let mut html = String::new();
    for (split, figure) in data.splits.iter().zip(&figures.confusions) {
        let name = escape(&split.name);
        html += &format!("<h3>{} split</h3>\n", capital(&name));
        html += &drawn(
            figure,
            "Percent of the reference class (each column adds up to 100 %), and pixels. The diagonal is right.",
        );
        let table = confusion_table(&split.metrics);
        html +=
            &format!("<details><summary>All counts, {name} split</summary>\n{table}</details>\n");
    }
    html
}

fn panels(data: &ReportData) -> String {
    if data.panels.is_empty() {
        return String::new();
    }
    let mut html = class_legend(&data.classes);
    html += &format!(
        "<ul class=\"legend\"><li>{}right</li><li>{}wrong</li>\
         <li><span class=\"swatch hatch\"></span>no data or no label</li></ul>\n",
        swatch(RIGHT),
        swatch(WRONG)
    );
    html.extend(data.panels.iter().map(panel));
    html
}

fn panel(panel: &Panel) -> String {
    let title = escape(&panel.title);
    let accuracy = format!("errors, {} right", percent(panel.overall_accuracy));
    let parts = [
        ("image".to_owned(), &panel.image),
        ("reference".to_owned(), &panel.reference),
        ("map".to_owned(), &panel.map),
        (accuracy, &panel.errors),
    ];
    let picture = |(name, image): &(String, &image::RgbImage)| {
        let (width, height) = image.dimensions();
        format!(
            "<figure><img src=\"{}\" width=\"{width}\" height=\"{height}\" \
             alt=\"{title}: {name}\"><figcaption>{name}</figcaption></figure>\n",
            data_uri(&at_most(image, PANEL_PX))
        )
    };
    let pictures: String = parts.iter().map(picture).collect();
    format!(
        "<div class=\"panel\">\n<h3>{title}</h3>\n<div class=\"pictures\">\n{pictures}</div>\n\
         <p class=\"caption\">Image: {}.</p>\n</div>\n",
        escape(&panel.bands)
    )
}

fn scenes(data: &ReportData, figures: &Figures) -> String {
    let mut html = String::new();
    if !data.scenes.is_empty() {
        html += &scene_table(&data.scenes);
    }
    for figure in figures.split_maps.iter().take(MAX_INSIDE) {
        html += &drawn(figure, "Metrics count only pixels inside validation and test blocks.");
    }
    if let Some(n_more) = data.scenes.len().checked_sub(MAX_INSIDE).filter(|n| *n != 0) {
        let first = MAX_INSIDE + 1;
        html += &format!(
            "<p class=\"caption\">The blocks of {n_more} more scenes are drawn in the folder plots, \
             from split_{first}.png on.</p>\n"
        );
    }
    if let Some(n_more) = data.n_scenes.checked_sub(data.scenes.len()).filter(|n| *n != 0) {
        html += &format!(
            "<p class=\"caption\">{} more scenes are not shown; <code>swath show split --json</code> \
             lists the blocks of all.</p>\n",
            thousands(n_more as u64)
        );
    }
    if let Some(figure) = &figures.class_balance {
        html += "<h3>Class balance</h3>\n";
        html += &drawn(figure, "Labelled pixels of each class in each split.");
    }
    if !data.bands.is_empty() {
        html += "<h3>Bands</h3>\n";
        html += &band_table(&data.bands);
    }
    html
}

fn training(data: &ReportData, figures: &Figures) -> String {
    let mut html = String::new();
    if let Some(figure) = &figures.training {
        html += &drawn(figure, "Single steps may lie beyond the upper end of the axis.");
        let table = epoch_table(&data.epochs);
        html += &format!("<details><summary>All epochs</summary>\n{table}</details>\n");
    }
    if !data.timings.is_empty() {
        html += "<h3>Timings</h3>\n";
        html += &timing_table(&data.timings);
    }
    let seconds: f64 =
        data.epochs.iter().map(|row| row.train_seconds + row.validation_seconds).sum();
    let n = data.epochs.len();
    if n != 0 && seconds.is_finite() {
        let mean = duration(seconds / n as f64);
        html += &format!("<p class=\"caption\">{n} epochs of {mean} on average.</p>\n");
    }
    html
}

fn settings(data: &ReportData) -> String {
    let mut html = String::new();
    if !data.environment.is_empty() {
        html += &fact_list(&data.environment);
    }
    if !data.settings.is_empty() {
        html += "<h3>Run file, with every default</h3>\n";
        html += &format!("<pre tabindex=\"0\">{}</pre>\n", escape(&data.settings));
    }
    html
}

/// A figure with its caption.
pub(super) fn drawn(figure: &Figure, caption: &str) -> String {
    let svg = figure.drawing.to_inline_svg(&figure.title);
    let title = escape(&figure.title);
    format!(
        "<figure class=\"plot\"><div class=\"scroll\">{svg}</div>\n\
         <figcaption><b>{title}.</b> {caption}</figcaption></figure>\n"
    )
}

/// The text with its first letter in upper case.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

const GLOSSARY: &str = "<dl class=\"glossary\">
<dt>overall accuracy</dt><dd>Share of the evaluated pixels whose class in the map is the class of \
the reference. Compare it with the share of the majority class, which a map of one colour \
reaches.</dd>
<dt>IoU</dt><dd>Intersection over union of a class: pixels that are this class in map and \
reference, divided by those that are in either.</dd>
<dt>precision, user's accuracy</dt><dd>Of the pixels mapped as a class, the share that is this \
class in the reference.</dd>
<dt>recall, producer's accuracy</dt><dd>Of the reference pixels of a class, the share that is \
mapped as it.</dd>
<dt>F1</dt><dd>Harmonic mean of precision and recall of a class.</dd>
<dt>quantity and allocation disagreement</dt><dd>The wrong pixels in two parts: those that a \
different amount of each class explains, and those that lie in the wrong place. Their sum is 1 - \
overall accuracy.</dd>
<dt>MICE and kappa</dt><dd>Accuracy beyond guessing by the reference's class shares (MICE) or by \
the shares of map and reference (kappa), as a part of what is possible.</dd>
<dt>mapped area</dt><dd>Mapped pixels times the area of a pixel, with all errors of the map: no \
estimate of the true area.</dd>
<dt>–</dt><dd>Nothing to count (0/0). Means over classes skip it.</dd>
</dl>
";
