//! A study without variants: every figure of the base over the seeds.

use super::{
    Comparison, Outcome,
    outcome::{figure, interval},
};
use crate::report::{StudyRow, StudyTable};

/// Name, number of runs, mean, standard deviation and interval of a figure, as text.
struct FigureRow {
    key: String,
    label: String,
    cells: [String; 4],
}

/// Every figure of the base, in the order of tables; those of the classes only once a run is done.
fn rows(outcome: &Outcome) -> Vec<FigureRow> {
    let row = |comparison: Comparison| {
        let summary = &comparison.rows[0].summary;
        FigureRow {
            key: comparison.metric.to_string(),
            label: comparison.metric.label(),
            cells: [
                summary.n.to_string(),
                figure(summary.mean),
                figure(summary.sd),
                interval(summary.interval, figure),
            ],
        }
    };
    Comparison::all(&outcome.plan, &outcome.results).into_iter().map(row).collect()
}

/// A line for each figure, for a terminal.
pub(super) fn terminal(outcome: &Outcome) -> String {
    let head = ["n", "mean", "sd", "interval of the mean"].map(str::to_owned);
    let mut text = format!("{} split\n{}", outcome.results.split, line("figure", &head));
    for FigureRow { key, cells, .. } in rows(outcome) {
        text += &line(&key, &cells);
    }
    text
}

/// Width of the column of names, in characters.
const NAME_WIDTH: usize = 28;

fn line(name: &str, [n, mean, sd, interval]: &[String; 4]) -> String {
    let cells = format!("{n:>3}{mean:>9}{sd:>9}{interval:>22}");
    if name.chars().count() <= NAME_WIDTH {
        return format!("{name:<NAME_WIDTH$}{cells}\n");
    }
    format!("{name}\n{:<NAME_WIDTH$}{cells}\n", "")
}

/// A row for each figure, as Markdown.
pub(super) fn markdown(outcome: &Outcome) -> String {
    let percent = 100.0 * outcome.plan.study.confidence;
    let mut text = format!(
        "| figure, {} split | n | mean | sd | {percent} % interval of the mean |\n\
         |---|--:|--:|--:|:-:|\n",
        outcome.results.split
    );
    for FigureRow { label, cells, .. } in rows(outcome) {
        text += &format!("| {label} | {} |\n", cells.join(" | "));
    }
    text
}

/// The same for the page.
pub(super) fn table(outcome: &Outcome) -> StudyTable {
    let percent = 100.0 * outcome.plan.study.confidence;
    let split = &outcome.results.split;
    let numbers = ["n", "mean", "sd", "interval of the mean"];
    let heads = [("figure", false)].into_iter().chain(numbers.map(|it| (it, true)));
    let row = |FigureRow { label, cells, .. }: FigureRow| StudyRow {
        cells: [label].into_iter().chain(cells).collect(),
        link: None,
    };
    StudyTable {
        caption: format!("Every figure, {split} split, intervals of {percent} %"),
        columns: heads.map(|(head, is_number)| (head.to_owned(), is_number)).collect(),
        rows: rows(outcome).into_iter().map(row).collect(),
    }
}
