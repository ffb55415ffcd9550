//! A reproduction as text.

use std::fmt::Write;

use super::{
    ColumnDifference, Difference, FigureDifference, FiguresDifference, Reproduction, RowDifference,
    TIME_COLUMNS, TableDifference, WeightsDifference,
};

/// Columns or figures that are listed before it is said how many more there are.
const MAX_LISTED: usize = 6;

/// Letters of a cell before it is cut.
const MAX_CELL: usize = 24;

/// A line for each file, and below it in what it differs.
pub fn reproduction_text(reproduction: &Reproduction) -> String {
    let mut text = String::new();
    for file in &reproduction.files {
        let verdict = if file.difference.is_some() { "differs" } else { "same" };
        let hash = file.sha256[0].as_deref().map_or(String::new(), |it| it[..12].to_owned());
        push(&mut text, format_args!("{:<16}{verdict:<10}{hash}\n", file.name));
        let lines = file.difference.as_ref().map_or(Vec::new(), lines);
        for line in lines {
            push(&mut text, format_args!("{:<16}{line}\n", ""));
        }
    }
    push(&mut text, format_args!("Tables are compared without {}.\n", TIME_COLUMNS.join(", ")));
    text
}

fn lines(difference: &Difference) -> Vec<String> {
    match difference {
        Difference::Table(table) => of_table(table),
        Difference::Weights(weights) => of_weights(weights),
        Difference::Figures(figures) => of_figures(figures),
        Difference::Sweep => vec!["losses of the sweep or suggested rates differ".to_owned()],
        Difference::Unreadable(reason) => vec![reason.clone()],
        Difference::Missing { in_run: true } => vec!["only the run has it".to_owned()],
        Difference::Missing { in_run: false } => vec!["the run lacks it".to_owned()],
    }
}

fn of_table(difference: &TableDifference) -> Vec<String> {
    let RowDifference { line, column, began, here } = &difference.first;
    let [began, here] = [began, here].map(|it| shorten(it));
    let mut lines = vec![format!("line {line}, {column}: {began} in the run, {here} here")];
    lines.push(format!("{} rows differ", difference.n_rows));
    for ColumnDifference { column, n_rows, largest } in difference.columns.iter().take(MAX_LISTED) {
        lines.push(match largest {
            Some(largest) => format!("{column}: {n_rows} rows, by {largest:.3e} at most"),
            None => format!("{column}: {n_rows} rows"),
        });
    }
    lines.extend(more(difference.columns.len(), "columns"));
    lines
}

fn of_weights(difference: &WeightsDifference) -> Vec<String> {
    let WeightsDifference { n_tensors, n_tensors_of, largest, largest_in, .. } = difference;
    let mut lines = vec![format!("{n_tensors} of {n_tensors_of} tensors differ")];
    if !largest_in.is_empty() {
        let (rms, of) = (difference.rms, difference.rms_of_weights);
        lines.push(format!("weights: by {largest:.3e} at most, in {largest_in}"));
        lines.push(format!("root mean square {rms:.3e}, that of the weights {of:.3e}"));
    }
    if difference.header_differs {
        lines.push("bands, classes, normalisation or settings differ".to_owned());
    }
    lines
}

fn of_figures(difference: &FiguresDifference) -> Vec<String> {
    let FiguresDifference { figures, largest_overall, n_pixels, n_pixels_of, splits } = difference;
    let mut lines = vec![
        format!("{n_pixels} of {n_pixels_of} pixels are mapped otherwise"),
        format!("{} figures differ, overall ones by {largest_overall:.3e} at most", figures.len()),
    ];
    for FigureDifference { split, metric, began, here } in figures.iter().take(MAX_LISTED) {
        lines.push(format!("{split} {metric}: {began} in the run, {here} here"));
    }
    lines.extend(more(figures.len(), "figures"));
    lines.extend(splits.iter().map(|it| format!("only one of the two has a {it} split")));
    lines
}

fn more(n: usize, what: &str) -> Option<String> {
    (MAX_LISTED < n).then(|| format!("and {} more {what}", n - MAX_LISTED))
}

fn shorten(cell: &str) -> String {
    if cell.chars().count() <= MAX_CELL {
        return cell.to_owned();
    }
    let kept: String = cell.chars().take(MAX_CELL).collect();
    format!("{kept}...")
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a string takes all");
}
