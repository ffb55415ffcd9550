//! One figure of all variants, side by side.

use super::{Metric, Paired, Plan, Results, Summary, holm};

/// One figure: a row for the base and for each variant, in the order of the plan.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The figure.
    pub metric: Metric,
    /// The base first.
    pub rows: Vec<Row>,
}

/// The figure of a variant.
#[derive(Clone, Debug)]
pub struct Row {
    /// Seeds and values of the finished runs.
    pub values: Vec<(u64, f64)>,
    /// Mean, spread and interval of the values.
    pub summary: Summary,
    /// Seeds and differences to the base; empty for the base.
    pub differences: Vec<(u64, f64)>,
    /// What the differences say; none for the base.
    pub paired: Option<Paired>,
}

impl Comparison {
    /// Compares all variants on one figure. Each p value is also given corrected for all variants
    /// of the study, whether their runs are finished or not.
    pub fn of(plan: &Plan, results: &Results, metric: &Metric) -> Self {
        let confidence = plan.study.confidence;
        let mut rows: Vec<Row> = Vec::new();
        for (index, runs) in results.variants.iter().enumerate() {
            let values: Vec<(u64, f64)> =
                runs.iter().map(|run| (run.seed, metric.value(&run.metrics))).collect();
            let plain: Vec<f64> = values.iter().map(|it| it.1).collect();
            let summary = Summary::of(&plain, confidence);
            let mut pairs = Vec::new();
            let mut differences = Vec::new();
            for &(seed, value) in values.iter().filter(|_| index != 0) {
                let Some(base) = results.base(seed) else { continue };
                let base = metric.value(&base.metrics);
                pairs.push([base, value]);
                differences.push((seed, value - base));
            }
            let paired = (index != 0).then(|| Paired::of(&pairs, confidence));
            rows.push(Row { values, summary, differences, paired });
        }
        correct(&mut rows);
        Self { metric: metric.clone(), rows }
    }

    /// All figures that runs with these classes have.
    pub fn all(plan: &Plan, results: &Results) -> Vec<Self> {
        let metrics = Metric::all(results.class_names());
        metrics.iter().map(|metric| Self::of(plan, results, metric)).collect()
    }

    /// The figures that the study shows.
    pub fn shown(plan: &Plan, results: &Results) -> Vec<Self> {
        plan.study.metrics.iter().map(|metric| Self::of(plan, results, metric)).collect()
    }
}

fn correct(rows: &mut [Row]) {
    let paired: Vec<&mut Paired> = rows.iter_mut().filter_map(|it| it.paired.as_mut()).collect();
    let p_values: Vec<f64> = paired.iter().map(|it| it.p).collect();
    for (paired, corrected) in paired.into_iter().zip(holm(&p_values, p_values.len())) {
        paired.p_holm = corrected;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run::Status,
        study::{
            OverallFigure,
            made_up::{do_run, plan},
        },
    };

    // Overall accuracy of the base 14/17 and 12/17; of `a` 15/17 and 14/17 (differences 1/17 and
    // 2/17), of `b` 13/17 with the first seed alone. The margins of the reference stay 6 and 11.
    #[test]
    fn runs_are_paired_by_seed() {
        let (_site, plan) = plan(
            "[[variant]]\nname = 'a'\nset = ['model.width=8']\n\
             [[variant]]\nname = 'b'\nset = ['model.width=9']\n",
        );
        let confusions = [[5, 9], [5, 10], [4, 9], [4, 8], [5, 9]];
        for (run, right) in plan.runs.iter().zip(confusions) {
            let rows = [vec![right[0], 11 - right[1]], vec![6 - right[0], right[1]]];
            do_run(run, &rows, Status::Done);
        }
        let results = Results::read(&plan).unwrap();
        let metric = Metric::Overall(OverallFigure::OverallAccuracy);
        let rows = Comparison::of(&plan, &results, &metric).rows;
        let near = |found: f64, wanted: f64| (found - wanted).abs() < 1e-12;
        assert!(rows[0].paired.is_none() && near(rows[0].summary.mean, 13.0 / 17.0));
        let a = rows[1].paired.unwrap();
        assert_eq!(rows[1].differences.iter().map(|it| it.0).collect::<Vec<_>>(), [0, 1]);
        assert!(near(a.difference.mean, 1.5 / 17.0) && near(a.standardised, 1.5 / 0.5f64.sqrt()));
        // `b` has no p value yet, but counts.
        assert!(a.p < 1.0 && near(a.p_holm, 2.0 * a.p), "{a:?}");
        let b = rows[2].paired.unwrap();
        assert!(b.difference.n == 1 && near(b.difference.mean, -1.0 / 17.0) && b.p.is_nan());
        assert_eq!(Comparison::all(&plan, &results).len(), 10 + 2 * 4);
    }
}
