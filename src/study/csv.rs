//! The figures of a study as CSV, for other programs.

use super::{Comparison, Metric, Outcome};

/// A row for each figure and variant, all figures included.
///
/// Columns: `metric` (as in the study file), `variant`, `n`, `mean`, `sd`, `low` and `high` (the
/// interval of the mean); then of the differences to the base, empty for the base: `pairs`,
/// `difference`, `difference_sd`, `difference_low`, `difference_high`, `standardised_difference`,
/// `t`, `p`, `p_holm`; then of the runs `seconds` (mean) and `peak_memory_bytes` (largest). A figure
/// that does not exist is empty.
pub fn study_csv(outcome: &Outcome) -> String {
    let mut text = String::from(
        "metric,variant,n,mean,sd,low,high,pairs,difference,difference_sd,difference_low,\
         difference_high,standardised_difference,t,p,p_holm,seconds,peak_memory_bytes\r\n",
    );
    let costs = outcome.costs();
    for comparison in Comparison::all(&outcome.plan, &outcome.results) {
        let rows = outcome.plan.variants.iter().zip(&comparison.rows).zip(&costs);
        for ((variant, row), cost) in rows {
            let summary = &row.summary;
            let [low, high] = summary.interval;
            let mut cells = vec![quote(&comparison.metric.to_string()), variant.name.clone()];
            cells.push(summary.n.to_string());
            cells.extend([summary.mean, summary.sd, low, high].map(number));
            match &row.paired {
                None => cells.extend([const { String::new() }; 9]),
                Some(paired) => {
                    let of = &paired.difference;
                    let [low, high] = of.interval;
                    let figures = [of.mean, of.sd, low, high, paired.standardised];
                    cells.push(of.n.to_string());
                    cells.extend(figures.map(number));
                    cells.extend([paired.t, paired.p, paired.p_holm].map(number));
                }
            }
            cells.push(number(cost.seconds.mean));
            cells.push(cost.peak_memory_bytes.map(|it| it.to_string()).unwrap_or_default());
            text += &cells.join(",");
            text += "\r\n";
        }
    }
    text
}

/// A row for each finished run: `variant`, `seed`, `folder`, `seconds`, `peak_memory_bytes`, then a
/// column for each figure.
pub fn runs_csv(outcome: &Outcome) -> String {
    let metrics = Metric::all(outcome.results.class_names());
    let mut text = String::from("variant,seed,folder,seconds,peak_memory_bytes");
    for metric in &metrics {
        text.push(',');
        text += &quote(&metric.to_string());
    }
    text += "\r\n";
    for (variant, runs) in outcome.plan.variants.iter().zip(&outcome.results.variants) {
        for run in runs {
            let memory = run.peak_memory_bytes.map(|it| it.to_string()).unwrap_or_default();
            let (name, seed, folder) = (&variant.name, run.seed, quote(&run.folder));
            text += &format!("{name},{seed},{folder},{},{memory}", number(run.seconds));
            for metric in &metrics {
                text.push(',');
                text += &number(metric.value(&run.metrics));
            }
            text += "\r\n";
        }
    }
    text
}

fn number(value: f64) -> String {
    if value.is_nan() { String::new() } else { value.to_string() }
}

/// In quotes if it holds a comma, a quote or a line break: names of classes may.
fn quote(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::made_up::finished;

    #[test]
    fn every_figure_of_every_variant_is_a_row_with_all_cells() {
        let (_site, outcome) = finished("[[variant]]\nname = 'a'\nset = ['model.width=8']\n");
        let text = study_csv(&outcome);
        let rows: Vec<Vec<&str>> = text.lines().map(|it| it.split(',').collect()).collect();
        assert_eq!(rows.len(), 1 + (10 + 4 * 2) * 2);
        assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{text}");
        let cell = |row: &[&str], name: &str| {
            row[rows[0].iter().position(|it| *it == name).unwrap()].to_owned()
        };
        assert_eq!(rows[2][..3], ["overall_accuracy", "a", "2"]);
        let mean: f64 = cell(&rows[2], "difference").parse().unwrap();
        assert!((mean - 1.5 / 17.0).abs() < 1e-12, "{mean}");
        assert_eq!(cell(&rows[1], "difference"), "");
        assert_eq!(cell(&rows[2], "peak_memory_bytes"), "250000000");
        let runs = runs_csv(&outcome);
        let found = runs.lines().nth(3).unwrap();
        assert!(found.starts_with("a,0,runs/a/seed-0,5.5,250000000,0.88235294117647"), "{found}");
        assert_eq!(runs.lines().count(), 5);
    }
}
