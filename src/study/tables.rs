//! The figures of a study as text: for a terminal, and as Markdown.

use super::{
    Comparison, Outcome, Row,
    outcome::{figure, gigabytes, interval, p_value, seconds, signed},
    replicates,
};

/// Width of the column of names, in characters.
const NAME_WIDTH: usize = 20;

/// A table for each figure that the study shows, then time and memory, for 80 columns; without
/// variants one table of all figures.
pub fn terminal(outcome: &Outcome) -> String {
    let mut text = match outcome.n_comparisons() {
        0 => format!("{}\n", replicates::terminal(outcome)),
        _ => outcome.shown().iter().map(|it| compared(outcome, it)).collect(),
    };
    text += "time and memory of a run\n";
    for (variant, cost) in outcome.plan.variants.iter().zip(outcome.costs()) {
        let (mean, memory) = (seconds(cost.seconds.mean), gigabytes(cost.peak_memory_bytes));
        text += &named(&variant.name, &format!("{:>3}{mean:>12}{memory:>12}", cost.n_runs));
    }
    text.push('\n');
    for note in outcome.notes() {
        text += &wrap(&note);
    }
    text
}

/// A figure of base and variants, for a terminal.
fn compared(outcome: &Outcome, comparison: &Comparison) -> String {
    let mut text = format!("{}\n", title(outcome, comparison));
    let heads = ["variant", "n", "mean", "sd", "difference", "interval", "p"];
    text += &line(heads.map(str::to_owned));
    for (variant, row) in outcome.plan.variants.iter().zip(&comparison.rows) {
        let [n, mean, sd, difference, interval, _, p] = cells(row, true);
        text += &line([variant.name.clone(), n, mean, sd, difference, interval, p]);
    }
    text + "\n"
}

/// The same as Markdown: a table for each figure, with time and memory in each; without variants
/// one table of all figures, and one of time and memory.
pub fn markdown(outcome: &Outcome) -> String {
    let mut text = format!("# {}\n\n", outcome.plan.study.name);
    text += &match outcome.n_comparisons() {
        0 => format!("{}\n{}", replicates::markdown(outcome), costs(outcome)),
        _ => compared_markdown(outcome),
    };
    for note in outcome.notes() {
        text += &format!("- {note}\n");
    }
    text
}

fn costs(outcome: &Outcome) -> String {
    let cost = &outcome.costs()[0];
    let (time, memory) = (seconds(cost.seconds.mean), gigabytes(cost.peak_memory_bytes));
    format!(
        "| runs | time, mean | peak memory |\n|--:|--:|--:|\n| {} | {time} | {memory} |\n\n",
        cost.n_runs
    )
}

fn compared_markdown(outcome: &Outcome) -> String {
    let percent = 100.0 * outcome.plan.study.confidence;
    let (mut text, costs) = (String::new(), outcome.costs());
    for comparison in outcome.shown() {
        text += &format!("**{}**\n\n", title(outcome, &comparison));
        text += &format!(
            "| variant | n | mean | sd | difference | {percent} % interval | d | p | time | peak \
             memory |\n|---|--:|--:|--:|--:|:-:|--:|--:|--:|--:|\n"
        );
        let rows = outcome.plan.variants.iter().zip(&comparison.rows).zip(&costs);
        for ((variant, row), cost) in rows {
            let [n, mean, sd, difference, interval, d, p] = cells(row, true);
            let (time, memory) = (seconds(cost.seconds.mean), gigabytes(cost.peak_memory_bytes));
            let name = variant.name.clone();
            let cells = [name, n, mean, sd, difference, interval, d, p, time, memory];
            text += &format!("| {} |\n", cells.join(" | "));
        }
        text.push('\n');
    }
    text
}

/// Such as `mean IoU, test split (higher is better)`.
fn title(outcome: &Outcome, comparison: &Comparison) -> String {
    let metric = &comparison.metric;
    format!("{}, {} split ({})", metric.label(), outcome.results.split, metric.direction())
}

/// n, mean, sd, difference, interval, d and p; the base has only the first three where there are
/// variants.
pub(super) fn cells(row: &Row, is_paired: bool) -> [String; 7] {
    let summary = &row.summary;
    let start = [summary.n.to_string(), figure(summary.mean), figure(summary.sd)];
    let end = match &row.paired {
        Some(paired) => [
            signed(paired.difference.mean),
            interval(paired.difference.interval, signed),
            if paired.standardised.is_nan() {
                "-".to_owned()
            } else {
                format!("{:+.2}", paired.standardised)
            },
            p_value(paired.p_holm),
        ],
        None if is_paired => [const { String::new() }; 4],
        None => [String::new(), interval(summary.interval, figure), String::new(), String::new()],
    };
    let [n, mean, sd] = start;
    let [difference, interval, d, p] = end;
    [n, mean, sd, difference, interval, d, p]
}

fn line([name, n, mean, sd, difference, interval, p]: [String; 7]) -> String {
    let cells = format!("{n:>3}{mean:>8}{sd:>8}{difference:>11}{interval:>21}{p:>8}");
    named(&name, cells.trim_end())
}

/// A name before its cells; a long one stands on a line of its own.
fn named(name: &str, cells: &str) -> String {
    if name.len() <= NAME_WIDTH {
        return format!("{name:<NAME_WIDTH$}{cells}\n");
    }
    format!("{name}\n{:<NAME_WIDTH$}{cells}\n", "")
}

/// A sentence on lines of at most 80 characters.
fn wrap(note: &str) -> String {
    let (mut text, mut length) = (String::new(), 0);
    for word in note.split_whitespace() {
        let n = word.chars().count();
        if 0 < length && 80 < length + 1 + n {
            text.push('\n');
            length = 0;
        } else if 0 < length {
            text.push(' ');
            length += 1;
        }
        text += word;
        length += n;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::made_up::finished;

    #[test]
    fn a_terminal_shows_each_variant_with_its_difference() {
        let (_site, outcome) = finished("[[variant]]\nname = 'a'\nset = ['model.width=8']\n");
        let text = terminal(&outcome);
        let found = text.lines().find(|it| it.starts_with("a ")).unwrap();
        let cells: Vec<&str> = found.split_whitespace().collect();
        // Accuracies 14/17 and 12/17, then 15/17 and 14/17; t of 1 degree 12.7062 times the error
        // of the mean, 1/34: an interval of 1.5/17 ± 0.37371. p of the Cauchy distribution at 3 is
        // 1 - 2/π atan 3 = 0.2048.
        let wanted = ["a", "2", "0.8529", "0.0416", "+0.0882", "[-0.2855,", "+0.4619]", "0.20"];
        assert_eq!(cells, wanted);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let found = markdown(&outcome);
        let wanted = "| a | 2 | 0.8529 | 0.0416 | +0.0882 | [-0.2855, +0.4619] | +2.12 | 0.20 | \
                      5.5 s | 0.25 GB |";
        assert!(found.lines().any(|it| it == wanted), "{found}");
    }

    #[test]
    fn a_study_without_variants_shows_the_interval_of_every_mean() {
        let (_site, outcome) = finished("");
        // 13/17 ± 12.7062 / 17.
        let found = markdown(&outcome);
        let wanted = "| overall accuracy | 2 | 0.7647 | 0.0832 | [0.0173, 1.5121] |";
        assert!(found.lines().any(|it| it == wanted), "{found}");
        assert!(found.contains("| 2 | 5.5 s | 0.25 GB |"), "{found}");
        let found = terminal(&outcome);
        let cells = |key: &str| -> Vec<&str> {
            let line = found.lines().find(|it| it.split_whitespace().next() == Some(key));
            line.unwrap().split_whitespace().collect()
        };
        let wanted = ["overall_accuracy", "2", "0.7647", "0.0832", "[0.0173,", "1.5121]"];
        assert_eq!(cells("overall_accuracy"), wanted);
        assert!(found.contains("iou:class 0"), "{found}");
        assert!(!found.contains("difference to"), "{found}");
    }
}
