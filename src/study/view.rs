//! What the page of a study shows.

use super::{
    Comparison, Outcome,
    outcome::{figure, gigabytes, interval, seconds, signed},
    replicates,
    tables::cells,
};
use crate::report::{Fact, Forest, ForestRow, StudyRow, StudyTable, StudyView};

/// The page's data.
pub(super) fn view(outcome: &Outcome) -> StudyView {
    let plan = &outcome.plan;
    let figures = outcome.shown();
    let base = plan.base.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let seeds: Vec<String> = plan.study.seeds().iter().map(u64::to_string).collect();
    StudyView {
        title: plan.study.name.clone(),
        summary: vec![
            Fact::new("Base run file", base),
            match outcome.n_comparisons() {
                0 => Fact::new("Variants", "none: figures over seeds"),
                n => Fact::new("Variants", n.to_string()),
            },
            Fact::new("Seeds", seeds.join(", ")),
            Fact::new("Runs", format!("{} of {} done", outcome.n_done(), plan.runs.len())),
        ],
        notes: outcome.notes(),
        figures: figures.iter().map(|it| (forest(outcome, it), table(outcome, it))).collect(),
        every_figure: (outcome.n_comparisons() == 0).then(|| replicates::table(outcome)),
        costs: costs(outcome),
        runs: runs(outcome, &figures),
        changes: changes(outcome),
        settings: plan.runs[0].run_file.to_toml(),
    }
}

/// Differences of the variants; where there are none, the means of the base.
fn forest(outcome: &Outcome, comparison: &Comparison) -> Forest {
    let is_difference = 0 < outcome.n_comparisons();
    let variants = &outcome.plan.variants;
    let rows = variants.iter().zip(&comparison.rows).skip(usize::from(is_difference));
    let row = |(variant, row): (&super::PlannedVariant, &super::Row)| {
        let (values, summary) = match &row.paired {
            Some(paired) => (&row.differences, &paired.difference),
            None => (&row.values, &row.summary),
        };
        let shown = if row.paired.is_some() { signed } else { figure };
        let label = format!("{} {}", shown(summary.mean), interval(summary.interval, shown));
        ForestRow {
            name: variant.name.clone(),
            points: values.iter().map(|it| it.1).collect(),
            mean: summary.mean,
            interval: summary.interval,
            label: label.trim_end_matches(" -").to_owned(),
        }
    };
    let (split, direction) = (&outcome.results.split, comparison.metric.direction());
    let what = match is_difference {
        true => format!("difference to {}", variants[0].name),
        false => "mean over the seeds".to_owned(),
    };
    Forest {
        title: comparison.metric.label(),
        axis_label: format!("{what}, {split} split ({direction})"),
        is_difference,
        rows: rows.map(row).collect(),
    }
}

fn table(outcome: &Outcome, comparison: &Comparison) -> StudyTable {
    let is_paired = 0 < outcome.n_comparisons();
    let columns = columns(match is_paired {
        true => &["n", "mean", "sd", "difference", "interval", "d", "p"],
        false => &["n", "mean", "sd", "interval of the mean"],
    });
    let rows = outcome.plan.variants.iter().zip(&comparison.rows).map(|(variant, row)| {
        let [n, mean, sd, difference, interval, d, p] = cells(row, is_paired);
        let name = variant.name.clone();
        plain(match is_paired {
            true => vec![name, n, mean, sd, difference, interval, d, p],
            false => vec![name, n, mean, sd, interval],
        })
    });
    let percent = 100.0 * outcome.plan.study.confidence;
    let (label, split) = (comparison.metric.label(), &outcome.results.split);
    let caption = format!("{label}, {split} split, intervals of {percent} %");
    StudyTable { caption, columns, rows: rows.collect() }
}

fn costs(outcome: &Outcome) -> StudyTable {
    let variants = outcome.plan.variants.iter().zip(&outcome.initial_weights);
    let rows = variants.zip(outcome.costs()).map(|((variant, weights), cost)| {
        plain(vec![
            variant.name.clone(),
            cost.n_runs.to_string(),
            seconds(cost.seconds.mean),
            seconds(cost.seconds.sd),
            gigabytes(cost.peak_memory_bytes),
            weights.text(),
        ])
    });
    StudyTable {
        caption: "Wall time and largest peak memory of a run".to_owned(),
        columns: {
            let mut columns = columns(&["runs", "time, mean", "time, sd", "peak memory"]);
            columns.push(("initial weights".to_owned(), false));
            columns
        },
        rows: rows.collect(),
    }
}

fn changes(outcome: &Outcome) -> StudyTable {
    let rows = outcome.plan.variants.iter().map(|variant| {
        let set =
            if variant.set.is_empty() { "nothing".to_owned() } else { variant.set.join("; ") };
        plain(vec![variant.name.clone(), set])
    });
    StudyTable {
        caption: "Changes of the base run file".to_owned(),
        columns: vec![("variant".to_owned(), false), ("changes".to_owned(), false)],
        rows: rows.collect(),
    }
}

fn runs(outcome: &Outcome, figures: &[Comparison]) -> StudyTable {
    let labels: Vec<String> = figures.iter().map(|it| it.metric.label()).collect();
    let heads = ["seed", "time", "peak memory"].into_iter();
    let columns = columns(&heads.chain(labels.iter().map(String::as_str)).collect::<Vec<_>>());
    let mut rows = Vec::new();
    for (variant, runs) in outcome.plan.variants.iter().zip(&outcome.results.variants) {
        for run in runs {
            let mut cells = vec![variant.name.clone(), run.seed.to_string()];
            cells.push(seconds(run.seconds));
            cells.push(gigabytes(run.peak_memory_bytes));
            let values = figures.iter().map(|it| figure(it.metric.value(&run.metrics)));
            cells.extend(values);
            rows.push(StudyRow { cells, link: Some(format!("{}/report.html", run.folder)) });
        }
    }
    let caption = format!("Finished runs, {} split; names lead to reports", outcome.results.split);
    StudyTable { caption, columns, rows }
}

/// The column of names, then numbers.
fn columns(heads: &[&str]) -> Vec<(String, bool)> {
    let numbers = heads.iter().map(|&head| (head.to_owned(), true));
    [("variant".to_owned(), false)].into_iter().chain(numbers).collect()
}

fn plain(cells: Vec<String>) -> StudyRow {
    StudyRow { cells, link: None }
}
