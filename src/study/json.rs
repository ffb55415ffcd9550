//! `study.json`: everything that a study found, for other programs.

use serde_json::{Value, json};

use super::{Comparison, Outcome};

/// Version of the layout; it rises when a field is renamed, removed or changes its meaning.
const VERSION: u32 = 1;

/// The outcome as JSON.
///
/// ```text
/// { "version": 1, "name": "losses", "split": "test", "confidence": 0.95, "seeds": [0, 1],
///   "n_runs": 4, "n_done": 4, "n_comparisons": 1, "notes": ["..."],
///   "variants": [{ "name": "base", "set": [], "initial_weights": {"n_tensors": 1, "n_shared": 1},
///     "seconds": 41.0, "peak_memory_bytes": 250000000,
///     "runs": [{ "seed": 0, "folder": "runs/base/seed-0", "seconds": 40.1,
///                "peak_memory_bytes": 250000000, "metrics": { ... } }] }],
///   "metrics": [{ "metric": "mean_iou", "direction": "higher is better", "rows": [
///     { "variant": "base", "summary": { "n": 2, "mean": 0.5, "sd": 0.1, "interval": [0.4, 0.6] },
///       "paired": null },
///     { "variant": "dice", "summary": { ... }, "paired": {
///         "difference": { "n": 2, "mean": 0.1, "sd": 0.1, "interval": [-0.8, 1.0] },
///         "standardised": 1.0, "t": 1.4, "p": 0.4, "p_holm": 0.4 } }] }] }
/// ```
///
/// The fields are those of [`Summary`](super::Summary) and [`Paired`](super::Paired), `metrics` of
/// a run those of [`Metrics`](crate::score::Metrics); `null` is a figure that does not exist.
pub fn study_json(outcome: &Outcome) -> String {
    let mut text = serde_json::to_string_pretty(&value(outcome)).expect("plain data");
    text.push('\n');
    text
}

fn value(outcome: &Outcome) -> Value {
    let Outcome { plan, results, initial_weights } = outcome;
    let costs = outcome.costs();
    let variants = plan.variants.iter().zip(&results.variants).zip(initial_weights).zip(costs);
    let variants = variants.map(|(((variant, runs), weights), cost)| {
        let runs: Vec<Value> = runs
            .iter()
            .map(|run| {
                json!({
                    "seed": run.seed,
                    "folder": run.folder,
                    "seconds": run.seconds,
                    "peak_memory_bytes": run.peak_memory_bytes,
                    "metrics": run.metrics,
                })
            })
            .collect();
        json!({
            "name": variant.name,
            "set": variant.set,
            "initial_weights": weights,
            "seconds": cost.seconds.mean,
            "peak_memory_bytes": cost.peak_memory_bytes,
            "runs": runs,
        })
    });
    let metrics = Comparison::all(plan, results).into_iter().map(|comparison| {
        let rows = plan.variants.iter().zip(&comparison.rows).map(|(variant, row)| {
            json!({ "variant": variant.name, "summary": row.summary, "paired": row.paired })
        });
        json!({
            "metric": comparison.metric,
            "direction": comparison.metric.direction(),
            "rows": rows.collect::<Vec<_>>(),
        })
    });
    json!({
        "version": VERSION,
        "name": plan.study.name,
        "split": results.split,
        "confidence": plan.study.confidence,
        "seeds": plan.study.seeds(),
        "n_runs": plan.runs.len(),
        "n_done": outcome.n_done(),
        "n_comparisons": outcome.n_comparisons(),
        "notes": outcome.notes(),
        "variants": variants.collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::made_up::finished;

    #[test]
    fn figures_and_runs_are_where_the_documentation_says() {
        let (_site, outcome) = finished("[[variant]]\nname = 'a'\nset = ['model.width=8']\n");
        let value: Value = serde_json::from_str(&study_json(&outcome)).unwrap();
        assert_eq!((&value["version"], &value["n_done"]), (&1.into(), &4.into()));
        let accuracy = &value["metrics"][0];
        assert_eq!(accuracy["metric"], "overall_accuracy");
        assert!(accuracy["rows"][0]["paired"].is_null());
        let difference = &accuracy["rows"][1]["paired"]["difference"];
        assert!((difference["mean"].as_f64().unwrap() - 1.5 / 17.0).abs() < 1e-12);
        let run = &value["variants"][1]["runs"][1];
        assert_eq!((&run["seed"], &run["folder"]), (&1.into(), &"runs/a/seed-1".into()));
        assert_eq!(run["metrics"]["n_pixels"], 17);
    }
}
