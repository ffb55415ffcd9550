//! What a study found so far, with what a reader must know of it.

use std::fmt::Write;

use super::{Comparison, InitialWeights, Plan, Results, Summary};
use crate::chip::{BlockChoice, SplitMethod};

/// What a study found so far.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was to be done.
    pub plan: Plan,
    /// What the finished runs found.
    pub results: Results,
    /// What each variant's initial weights have in common with the base's.
    pub initial_weights: Vec<InitialWeights>,
}

/// What the runs of a variant took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Finished runs.
    pub n_runs: usize,
    /// Seconds of a run.
    pub seconds: Summary,
    /// Most memory that one of them held at once, in bytes; `None` where unknown.
    pub peak_memory_bytes: Option<u64>,
}

impl Outcome {
    /// The figures that the study shows.
    pub fn shown(&self) -> Vec<Comparison> {
        Comparison::shown(&self.plan, &self.results)
    }

    /// What each variant took, the base first.
    pub fn costs(&self) -> Vec<Cost> {
        let cost = |runs: &Vec<super::RunResult>| {
            let seconds: Vec<f64> = runs.iter().map(|it| it.seconds).collect();
            Cost {
                n_runs: runs.len(),
                seconds: Summary::of(&seconds, self.plan.study.confidence),
                peak_memory_bytes: runs.iter().map(|it| it.peak_memory_bytes).max().flatten(),
            }
        };
        self.results.variants.iter().map(cost).collect()
    }

    /// Number of variants that are compared with the base.
    pub fn n_comparisons(&self) -> usize {
        self.plan.variants.len() - 1
    }

    /// Number of finished runs of all.
    pub fn n_done(&self) -> usize {
        self.plan.runs.len() - self.results.n_missing
    }

    /// How the figures were made, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        let Self { plan, results, .. } = self;
        let (n_seeds, base) = (plan.study.seeds().len(), &plan.variants[0].name);
        let percent = 100.0 * plan.study.confidence;
        let mut notes = Vec::new();
        if 0 < results.n_missing {
            let n = plan.runs.len();
            notes.push(format!("{} of {n} runs are not finished.", results.n_missing));
        }
        let split = format!("Figures are of the {} split", results.split);
        notes.push(if self.split_follows_seed() {
            format!("{split}, which each seed draws anew: the standard deviation shows that, too.")
        } else {
            format!("{split}, the same blocks for all seeds.")
        });
        notes.push("sd is the sample standard deviation over the seeds.".to_owned());
        let intervals = format!(
            "Intervals cover with {percent} % (Student's t, n - 1 degrees of freedom), each by \
             itself"
        );
        match (n_seeds, self.n_comparisons()) {
            (1, _) => notes.push("One seed does not tell the spread: no intervals.".to_owned()),
            (_, 0) => notes.push(format!("{intervals}.")),
            (_, n_comparisons) => {
                notes.push(format!(
                    "Differences are variant minus {base}, seed by seed. {intervals}."
                ));
                notes.push(
                    "d is the mean difference in standard deviations of the differences."
                        .to_owned(),
                );
                notes.push(match n_comparisons {
                    1 => "p is of the two-sided paired t test.".to_owned(),
                    n => format!(
                        "p is of the two-sided paired t test, corrected by Holm for {n} variants, \
                         for each figure by itself."
                    ),
                });
            }
        }
        let others = plan
            .variants
            .iter()
            .zip(&self.initial_weights)
            .filter(|(_, weights)| weights.n_shared < weights.n_tensors);
        for (variant, weights) in others {
            let (name, text) = (&variant.name, weights.text());
            notes.push(format!("Initial weights of {name}: {text} with the same seed."));
        }
        if 0 < self.n_comparisons()
            && self.initial_weights.iter().all(|it| it.n_shared == it.n_tensors)
        {
            notes.push("All variants begin with the weights of the base.".to_owned());
        }
        notes.extend(results.notes.iter().cloned());
        notes
    }

    fn split_follows_seed(&self) -> bool {
        let split = &self.plan.runs[0].run_file.split;
        let is_drawn =
            |choice: &BlockChoice| matches!(choice, BlockChoice::Share(share) if 0.0 < *share);
        split.method == SplitMethod::Blocks
            && (is_drawn(&split.validation) || is_drawn(&split.test))
    }
}

/// A figure or the spread of one, with four digits; a dash if there is none.
pub(super) fn figure(value: f64) -> String {
    if value.is_nan() { "-".to_owned() } else { unsigned_zero(format!("{value:.4}")) }
}

/// A difference, with its sign.
pub(super) fn signed(value: f64) -> String {
    if value.is_nan() { "-".to_owned() } else { unsigned_zero(format!("{value:+.4}")) }
}

/// Two ends, `[-0.0100, +0.0200]`.
pub(super) fn interval(ends: [f64; 2], shown: fn(f64) -> String) -> String {
    if ends[0].is_nan() {
        return "-".to_owned();
    }
    let mut text = String::new();
    write!(text, "[{}, {}]", shown(ends[0]), shown(ends[1])).expect("a string takes all");
    text
}

/// A p value: two significant digits, and never 0.
pub(super) fn p_value(p: f64) -> String {
    match p {
        p if p.is_nan() => "-".to_owned(),
        p if p < 1e-4 => "<0.0001".to_owned(),
        p if p < 0.1 => format!("{p:.4}"),
        p => format!("{p:.2}"),
    }
}

/// Bytes as gigabytes.
pub(super) fn gigabytes(bytes: Option<u64>) -> String {
    bytes.map_or("-".to_owned(), |it| format!("{:.2} GB", it as f64 / 1e9))
}

/// Seconds of a run, such as `41.3 s`.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds.is_nan() { "-".to_owned() } else { format!("{seconds:.1} s") }
}

fn unsigned_zero(text: String) -> String {
    let is_zero = text.trim_start_matches(['+', '-']).chars().all(|it| "0.".contains(it));
    if is_zero { text.trim_start_matches(['+', '-']).to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run::Status,
        study::made_up::{do_run, outcome, plan},
    };

    #[test]
    fn numbers_are_written_for_readers() {
        assert_eq!([figure(0.5), figure(-1e-9), figure(f64::NAN)], ["0.5000", "0.0000", "-"]);
        assert_eq!([signed(0.01), signed(-0.2), signed(-1e-9)], ["+0.0100", "-0.2000", "0.0000"]);
        assert_eq!(interval([-0.01, 0.02], signed), "[-0.0100, +0.0200]");
        assert_eq!(interval([f64::NAN; 2], signed), "-");
        let p_values = [0.5, 0.0312, 3e-7, f64::NAN].map(p_value);
        assert_eq!(p_values, ["0.50", "0.0312", "<0.0001", "-"]);
    }

    #[test]
    fn notes_say_how_many_runs_are_missing_and_what_is_corrected() {
        let variants = "[[variant]]\nname = 'a'\nset = ['model.width=8']\n\
                        [[variant]]\nname = 'b'\nset = ['model.width=9']\n";
        let (_site, two) = plan(variants);
        do_run(&two.runs[0], &[vec![5, 2], vec![1, 9]], Status::Done);
        let notes = outcome(two).notes().join("\n");
        for part in [
            "5 of 6 runs are not finished",
            "of the test split, which each seed draws anew",
            "corrected by Holm for 2 variants",
            "Intervals cover with 95 %",
        ] {
            assert!(notes.contains(part), "no `{part}` in {notes}");
        }
        let (_site, none) = plan("set = ['split.validation=[[0,0]]', 'split.test=[[0,8]]']\n");
        let notes = outcome(none).notes().join("\n");
        assert!(notes.contains("the same blocks for all seeds"), "{notes}");
        assert!(!notes.contains("Holm") && !notes.contains("Differences"), "{notes}");
    }
}
