//! Tables of the page.

use super::{
    BandView, Fact, SceneView, Timing,
    text::{duration, escape, percent, share, significant, thousands},
};
use crate::{
    label::{Classes, Color},
    score::Metrics,
    train::{EpochRow, ValidationRow},
};

/// A column: its head with the unit, HTML already, and whether it holds numbers.
pub(super) struct Column<'a>(&'a str, bool);

/// A column of texts.
pub(super) const fn words(head: &str) -> Column<'_> {
    Column(head, false)
}

/// A column of numbers.
pub(super) const fn number(head: &str) -> Column<'_> {
    Column(head, true)
}

/// Figures of each class.
pub(super) fn class_table(metrics: &Metrics, classes: &Classes, area_unit: &str) -> String {
    let largest = metrics.classes.iter().map(|it| it.area).fold(0.0, f64::max);
    let (scale, area_unit) = large_unit(largest, area_unit);
    let rows = metrics.classes.iter().zip(classes.iter()).map(|(class, of)| {
        vec![
            format!("<span class=\"named\">{}{}</span>", swatch(of.color), escape(&class.name)),
            class.code.to_string(),
            share(class.iou),
            share(class.f1),
            share(class.precision),
            share(class.recall),
            thousands(class.support),
            thousands(class.mapped),
            format!("{} {}", area(scale * class.area), escape(area_unit)),
        ]
    });
    let columns = [
        words("class"),
        number("code"),
        number("IoU"),
        number("F1"),
        number("precision"),
        number("recall"),
        number("reference px"),
        number("mapped px"),
        number("mapped area"),
    ];
    wide(&table("Figures of each class", &columns, rows))
}

/// Figures of all classes together, one column a split.
pub(super) fn overall_table(splits: &[super::SplitMetrics]) -> String {
    type Row = (&'static str, fn(&Metrics) -> String);
    let rows: [Row; 13] = [
        ("overall accuracy", |it| percent(it.overall_accuracy)),
        ("majority class alone", |it| percent(it.majority_rate)),
        ("mean IoU", |it| share(it.mean_iou)),
        ("macro F1 (mean of the classes' F1)", |it| share(it.macro_f1_mean)),
        ("macro F1 (harmonic mean of macro precision and recall)", |it| {
            share(it.macro_f1_harmonic)
        }),
        ("macro precision", |it| share(it.macro_precision)),
        ("macro recall", |it| share(it.macro_recall)),
        ("quantity disagreement", |it| percent(it.quantity_disagreement)),
        ("allocation disagreement", |it| percent(it.allocation_disagreement)),
        ("map image classification efficacy (MICE)", |it| share(it.mice)),
        ("kappa", |it| share(it.kappa)),
        ("pixels", |it| thousands(it.n_pixels)),
        ("pixels without map", |it| thousands(it.n_unmapped)),
    ];
    let names: String = splits
        .iter()
        .map(|it| format!("<th scope=\"col\" class=\"n\">{}</th>", escape(&it.name)))
        .collect();
    let rows: String = rows
        .iter()
        .map(|(name, figure)| {
            let cell =
                |it: &super::SplitMetrics| format!("<td class=\"n\">{}</td>", figure(&it.metrics));
            let cells: String = splits.iter().map(cell).collect();
            format!("<tr><th scope=\"row\">{name}</th>{cells}</tr>\n")
        })
        .collect();
    format!(
        "<div class=\"scroll\"><table><caption>Figures of all classes together</caption>\n\
         <thead><tr><th scope=\"col\">figure</th>{names}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// Pixel counts: rows = map, columns = reference.
pub(super) fn confusion_table(metrics: &Metrics) -> String {
    let names = metrics.classes.iter().map(|class| escape(&class.name));
    let heads: String =
        names.clone().map(|name| format!("<th scope=\"col\" class=\"n\">{name}</th>")).collect();
    let rows: String = names
        .zip(metrics.confusion.iter().enumerate())
        .map(|(name, (map, counts))| {
            let cell = |(reference, count): (usize, &u64)| {
                let class = if map == reference { "n right" } else { "n" };
                format!("<td class=\"{class}\">{}</td>", thousands(*count))
            };
            let cells: String = counts.iter().enumerate().map(cell).collect();
            format!("<tr><th scope=\"row\">{name}</th>{cells}</tr>\n")
        })
        .collect();
    format!(
        "<div class=\"scroll wide\"><table><caption>Pixels; rows = map, columns = reference</caption>\n\
         <thead><tr><th scope=\"col\">map \\ reference</th>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// Size and coordinate system of each scene.
pub(super) fn scene_table(scenes: &[SceneView]) -> String {
    let rows = scenes.iter().map(|scene| {
        vec![
            escape(&scene.name),
            format!("{} × {}", thousands(scene.rows.into()), thousands(scene.cols.into())),
            escape(&scene.pixel_size),
            escape(&scene.crs),
            scene.blocks.len().to_string(),
        ]
    });
    let columns = [
        words("scene"),
        number("rows × columns, px"),
        number("pixel size"),
        words("coordinate system"),
        number("blocks"),
    ];
    table("Scenes", &columns, rows)
}

/// Statistics of each band.
pub(super) fn band_table(bands: &[BandView]) -> String {
    let rows = bands.iter().map(|band| {
        let it = &band.statistics;
        let figures = [it.mean, it.std, it.min, it.p2, it.p98, it.max];
        let mut row = vec![escape(&band.name)];
        row.extend(figures.map(significant));
        row
    });
    let columns = [
        words("band"),
        number("mean"),
        number("standard deviation"),
        number("minimum"),
        number("2 %"),
        number("98 %"),
        number("maximum"),
    ];
    table(
        "Training pixels of each band, in the band's units; they normalise the input",
        &columns,
        rows,
    )
}

/// What was measured after each epoch.
pub(super) fn epoch_table(epochs: &[EpochRow]) -> String {
    let rows = epochs.iter().map(|row| {
        let checked =
            |figure: fn(&ValidationRow) -> f64| row.validation.as_ref().map_or(f64::NAN, figure);
        vec![
            row.epoch.to_string(),
            thousands(row.step),
            format!("{:.2e}", row.lr),
            significant(row.train_loss),
            significant(checked(|it| it.loss)),
            share(checked(|it| it.mean_iou)),
            share(checked(|it| it.overall_accuracy)),
            duration(row.train_seconds + row.validation_seconds),
            thousands(row.pixels_per_second.round() as u64),
        ]
    });
    let columns = [
        number("epoch"),
        number("steps"),
        number("learning rate"),
        number("training loss"),
        number("validation loss"),
        number("validation mean IoU"),
        number("validation accuracy"),
        number("time"),
        number("px/s"),
    ];
    table("Epochs", &columns, rows)
}

/// How long each part took, with its share of the whole.
pub(super) fn timing_table(timings: &[Timing]) -> String {
    let total: f64 = timings.iter().map(|timing| timing.seconds).sum();
    let rows = timings.iter().map(|timing| {
        vec![escape(&timing.part), duration(timing.seconds), percent(timing.seconds / total)]
    });
    let whole = vec!["together".to_owned(), duration(total), percent(1.0)];
    let columns = [words("part"), number("time"), number("share")];
    table("Time of each part", &columns, rows.chain([whole]))
}

/// Names and values, one a line.
pub(super) fn fact_list(facts: &[Fact]) -> String {
    let fact = |fact: &Fact| {
        format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(&fact.name), escape(&fact.value))
    };
    format!("<dl class=\"facts\">\n{}</dl>\n", facts.iter().map(fact).collect::<String>())
}

/// The classes with their colours.
pub(super) fn class_legend(classes: &Classes) -> String {
    let item = |class: &crate::label::Class| {
        format!("<li>{}{}</li>", swatch(class.color), escape(&class.name))
    };
    format!("<ul class=\"legend\">{}</ul>\n", classes.iter().map(item).collect::<String>())
}

/// A patch of a colour, beside the name that it stands for.
pub(super) fn swatch(color: Color) -> String {
    format!("<span class=\"swatch\" style=\"background:{color}\"></span>")
}

/// Square kilometres instead of a million square metres and more: the factor and the unit.
fn large_unit(largest: f64, unit: &str) -> (f64, &str) {
    if unit == "m²" && 1e6 <= largest { (1e-6, "km²") } else { (1.0, unit) }
}

/// An area with the digits that a map can have.
fn area(area: f64) -> String {
    if area.is_nan() {
        return "–".to_owned();
    }
    if area < 1e4 { significant(area) } else { thousands(area.round() as u64) }
}

/// The table with a first column that stays in sight on narrow screens.
fn wide(table: &str) -> String {
    table.replacen("\"scroll\"", "\"scroll wide\"", 1)
}

/// Cells are HTML already. The first column names the row.
pub(super) fn table(
    caption: &str,
    columns: &[Column<'_>],
    rows: impl Iterator<Item = Vec<String>>,
) -> String {
    let class = |column: &Column<'_>| if column.1 { " class=\"n\"" } else { "" };
    let heads: String = columns
        .iter()
        .map(|column| format!("<th scope=\"col\"{}>{}</th>", class(column), column.0))
        .collect();
    let row = |cells: Vec<String>| {
        let cell = |(index, (cell, column)): (usize, (String, &Column<'_>))| match index {
            0 => format!("<th scope=\"row\"{}>{cell}</th>", class(column)),
            _ => format!("<td{}>{cell}</td>", class(column)),
        };
        let cells: String = cells.into_iter().zip(columns).enumerate().map(cell).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.map(row).collect();
    format!(
        "<div class=\"scroll\"><table><caption>{caption}</caption>\n<thead><tr>{heads}</tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_areas_are_in_square_kilometres() {
        assert_eq!(large_unit(999_999.0, "m²"), (1.0, "m²"));
        assert_eq!(large_unit(2e6, "m²"), (1e-6, "km²"));
        assert_eq!(large_unit(2e6, "px"), (1.0, "px"));
        assert_eq!([area(10.462_592), area(1e-6 * 61_731.0)], ["10.46", "0.06173"]);
    }
}
