//! Figures as text: tables for a terminal and the confusion matrix as CSV.

use std::fmt::Write;

use super::Metrics;

/// Width of a table, in characters.
const WIDTH: usize = 80;

/// Width of the column of class names.
const NAME_WIDTH: usize = 28;

/// Overall figures and one line per class, for a terminal of 80 columns.
///
/// A name that does not fit into its column stands on lines of its own. `-` is a figure with
/// nothing to count.
pub fn metrics_table(metrics: &Metrics) -> String {
    let mut text = overall(metrics);
    let rule = "-".repeat(WIDTH);
    let heads = ["IoU", "F1", "precision", "recall", "pixels"].map(str::to_owned);
    push(&mut text, format_args!("{rule}\n{}\n{rule}\n", line("class", &heads)));
    for class in &metrics.classes {
        let [iou, f1, precision, recall] =
            [class.iou, class.f1, class.precision, class.recall].map(share);
        let cells = [iou, f1, precision, recall, class.support.to_string()];
        push(&mut text, format_args!("{}\n", line(&class.name, &cells)));
    }
    push(&mut text, format_args!("{rule}\n{}", notes(metrics)));
    text
}

fn overall(metrics: &Metrics) -> String {
    let rows = [
        ("overall accuracy", metrics.overall_accuracy, "majority class", metrics.majority_rate),
        ("mean IoU", metrics.mean_iou, "macro F1 (mean of F1)", metrics.macro_f1_mean),
        ("macro precision", metrics.macro_precision, "macro recall", metrics.macro_recall),
        (
            "quantity disagreement",
            metrics.quantity_disagreement,
            "macro F1 (harmonic)",
            metrics.macro_f1_harmonic,
        ),
        ("allocation disagreement", metrics.allocation_disagreement, "MICE", metrics.mice),
    ];
    let mut text = String::new();
    for (left, left_value, right, right_value) in rows {
        let (left_value, right_value) = (share(left_value), share(right_value));
        push(&mut text, format_args!("{left:<28}{left_value:>8}    {right:<28}{right_value:>8}\n"));
    }
    let (n_pixels, kappa) = (metrics.n_pixels, share(metrics.kappa));
    push(&mut text, format_args!("{:<24}{n_pixels:>12}    {:<28}{kappa:>8}\n", "pixels", "kappa"));
    text
}

fn notes(metrics: &Metrics) -> String {
    let mut text = String::new();
    for (what, names) in [
        ("not in the reference", &metrics.absent_classes),
        ("never mapped", &metrics.never_mapped_classes),
    ] {
        if !names.is_empty() {
            let note = format!("{what}: {}", names.join(", "));
            push(&mut text, format_args!("{}\n", wrap(&note).join("\n")));
        }
    }
    if 0 < metrics.n_unmapped {
        let n = metrics.n_unmapped;
        push(&mut text, format_args!("{n} pixels with a reference are empty in the map\n"));
    }
    text
}

/// Counts with row and column totals for a terminal: rows = map, columns = reference.
///
/// Classes are numbered in the heads of the columns, as in front of the rows. The columns are cut
/// into several tables where 80 characters are too few.
pub fn confusion_table(metrics: &Metrics) -> String {
    let n_classes = metrics.classes.len();
    let row_sum = |map: usize| metrics.confusion[map].iter().sum::<u64>();
    let col_sum =
        |reference: usize| metrics.confusion.iter().map(|row| row[reference]).sum::<u64>();
    let width = metrics.n_pixels.to_string().len().max(6) + 1;
    let n_fitting = (WIDTH - NAME_WIDTH) / width;

    let mut text = String::from("rows = map, columns = reference, in pixels\n");
    let columns: Vec<usize> = (0..=n_classes).collect(); // The last one holds the totals.
    for part in columns.chunks(n_fitting) {
        let cell = |text: String| format!("{text:>width$}");
        let of_columns = |count: &dyn Fn(usize) -> String| {
            part.iter().map(|&column| cell(count(column))).collect::<String>()
        };
        let head = of_columns(&|column| match column {
            column if column == n_classes => "total".to_owned(),
            column => (column + 1).to_string(),
        });
        push(&mut text, format_args!("{:<NAME_WIDTH$}{head}\n", ""));
        for (map, class) in metrics.classes.iter().enumerate() {
            let counts = of_columns(&|column| match column {
                column if column == n_classes => row_sum(map).to_string(),
                column => metrics.confusion[map][column].to_string(),
            });
            let name = format!("{:>3} {}", map + 1, class.name);
            push(&mut text, format_args!("{:<NAME_WIDTH$}{counts}\n", shorten(&name)));
        }
        let totals = of_columns(&|column| match column {
            column if column == n_classes => metrics.n_pixels.to_string(),
            column => col_sum(column).to_string(),
        });
        push(&mut text, format_args!("{:<NAME_WIDTH$}{totals}\n", "    total"));
    }
    text
}

/// The confusion matrix as CSV: rows = map, columns = reference, labelled by class names.
///
/// The first cell says which is which. Lines end as RFC 4180 wants.
pub fn confusion_csv(metrics: &Metrics) -> String {
    let names = || metrics.classes.iter().map(|class| quote(&class.name));
    let mut text = String::from("map \\ reference");
    names().for_each(|name| push(&mut text, format_args!(",{name}")));
    text.push_str("\r\n");
    for (name, row) in names().zip(&metrics.confusion) {
        text.push_str(&name);
        row.iter().for_each(|count| push(&mut text, format_args!(",{count}")));
        text.push_str("\r\n");
    }
    text
}

/// A CSV cell: in quotes if it holds a comma, a quote or a line break.
fn quote(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}

/// A line of the class table; a long name comes first, on lines of its own.
fn line(name: &str, cells: &[String; 5]) -> String {
    let [iou, f1, precision, recall, pixels] = cells;
    let cells = format!("{iou:>8}{f1:>9}{precision:>11}{recall:>9}{pixels:>15}");
    if name.chars().count() <= NAME_WIDTH {
        return format!("{name:<NAME_WIDTH$}{cells}");
    }
    format!("{}\n{:<NAME_WIDTH$}{cells}", wrap(name).join("\n"), "")
}

/// Breaks a text into lines of at most 80 characters, between words where it can.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_inclusive(' ') {
        if WIDTH < length + word.trim_end().chars().count() && 0 < length {
            lines.push(String::new());
            length = 0;
        }
        for letter in word.chars() {
            if length == WIDTH {
                lines.push(String::new());
                length = 0;
            }
            lines.last_mut().expect("starts with a line").push(letter);
            length += 1;
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Cuts a text so that a column of names stays readable.
fn shorten(text: &str) -> String {
    if text.chars().count() < NAME_WIDTH {
        return text.to_owned();
    }
    let kept: String = text.chars().take(NAME_WIDTH - 3).collect();
    format!("{kept}..")
}

/// A share with four digits, `-` if there is none.
fn share(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    let text = format!("{value:.4}");
    if text == "-0.0000" { "0.0000".to_owned() } else { text }
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a string takes all");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        label::{Class, Classes, Color},
        score::Confusion,
    };

    fn metrics(names: &[&str], rows: &[Vec<u64>]) -> Metrics {
        let class = |(code, name): (usize, &&str)| Class {
            code: u16::try_from(code).unwrap(),
            name: (*name).to_owned(),
            color: Color([0; 3]),
        };
        let classes = Classes::new(names.iter().enumerate().map(class).collect()).unwrap();
        Metrics::new(&Confusion::from_rows(rows).unwrap(), &classes, 1.0)
    }

    #[test]
    fn the_csv_labels_rows_and_columns() {
        let metrics = metrics(&["crops, wet", "\"dry\""], &[vec![5, 2], vec![1, 9]]);
        let wanted = "map \\ reference,\"crops, wet\",\"\"\"dry\"\"\"\r\n\
                      \"crops, wet\",5,2\r\n\"\"\"dry\"\"\",1,9\r\n";
        assert_eq!(confusion_csv(&metrics), wanted);
    }

    #[test]
    fn a_table_shows_every_class_with_its_figures() {
        let text = metrics_table(&metrics(&["water", "land"], &[vec![6, 2], vec![0, 0]]));
        let water = text.lines().find(|line| line.starts_with("water")).unwrap();
        let cells: Vec<_> = water.split_whitespace().collect();
        assert_eq!(cells, ["water", "0.7500", "0.8571", "0.7500", "1.0000", "6"]);
        let land = text.lines().find(|line| line.starts_with("land")).unwrap();
        let cells: Vec<_> = land.split_whitespace().collect();
        assert_eq!(cells, ["land", "0.0000", "0.0000", "-", "0.0000", "2"]);
        assert!(text.contains("never mapped: land\n"), "{text}");
    }

    #[test]
    fn a_share_has_four_digits_and_no_negative_zero() {
        for (value, text) in [(0.5, "0.5000"), (-1e-17, "0.0000"), (f64::NAN, "-")] {
            assert_eq!(share(value), text);
        }
    }

    #[test]
    fn no_line_is_longer_than_a_terminal() {
        let long = "irrigated cropland and pasture with scattered trees ".repeat(4);
        let names = [long.as_str(), "x".repeat(200).leak(), "c", "d", "e", "f", "g", "h", "i"];
        let rows = vec![vec![12_345_678_901; names.len()]; names.len()];
        let metrics = metrics(&names, &rows);
        for text in [metrics_table(&metrics), confusion_table(&metrics)] {
            for line in text.lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
            }
        }
    }

    #[test]
    fn the_confusion_table_has_totals() {
        let text = confusion_table(&metrics(&["water", "land"], &[vec![5, 2], vec![1, 9]]));
        let lines: Vec<Vec<_>> =
            text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        let wanted = [
            vec!["1", "2", "total"],
            vec!["1", "water", "5", "2", "7"],
            vec!["2", "land", "1", "9", "10"],
            vec!["total", "6", "11", "17"],
        ];
        assert_eq!(lines, wanted);
    }
}
