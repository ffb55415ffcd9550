//! `swath study`: variants of a run on several seeds, compared pair by pair.

mod child;

mod dry_run;

use std::{
    fs,
    path::{Path, PathBuf},
};

use child::{Child, Ended};

use super::{
    common::{Compute, check_interrupt, print, shown, tell, watch_for_interrupt},
    progress::duration,
};
use crate::{
    Error,
    study::{
        InitialWeights, Outcome, Plan, PlannedRun, Results, RunState, check_pairing,
        check_settings, initial_weights, study_json, terminal, write,
    },
};

/// Compare variants of a run on several seeds, pair by pair
///
/// Runs that are done are kept, and a study that was stopped goes on when the same command is given
/// again.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Study file: base run file, variants and seeds
    #[arg(value_name = "STUDY_FILE")]
    study: PathBuf,

    /// Folder for everything that the study writes [default: runs/<name>]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Show the runs, what is done of them, and about how long the rest will take, and stop
    #[arg(long)]
    dry_run: bool,

    /// Print the results (of a dry run the runs) as JSON on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => Path::new("runs").join(crate::study::StudyFile::load(&args.study)?.name),
    };
    do_plan(Plan::load(&args.study, &folder)?, &args.compute, args.dry_run, args.json)
}

/// Does the runs of a plan that are not done; of a dry run, shows them.
pub(super) fn do_plan(
    plan: Plan,
    compute: &Compute,
    dry_run: bool,
    json: bool,
) -> anyhow::Result<()> {
    let initial_weights = compute.install(|| {
        check_pairing(&plan)?;
        if Results::read(&plan)?.n_missing != 0 {
            check_settings(&plan)?;
        }
        Ok(initial_weights(&plan, &compute.device()?)?)
    })?;
    if dry_run {
        return dry_run::show(&plan, compute, json);
    }
    let study = Study { plan, initial_weights, compute: compute.clone() };
    study.run(json)
}

/// A study that is being done.
struct Study {
    plan: Plan,
    initial_weights: Vec<InitialWeights>,
    compute: Compute,
}

impl Study {
    fn run(&self, json: bool) -> anyhow::Result<()> {
        let plan = &self.plan;
        // What is there is looked at before anything is written.
        let (n_runs, n_done) =
            (plan.runs.len(), plan.runs.len() - self.outcome()?.results.n_missing);
        fs::create_dir_all(&plan.folder).map_err(Error::io("make folder", &plan.folder))?;
        let _lock = lock(&plan.folder)?;
        watch_for_interrupt()?;
        tell(&format!("{n_runs} runs, {n_done} of them done; writing to {}", shown(&plan.folder)));
        let mut failures = Vec::new();
        let mut ended = Ok(());
        for (index, run) in plan.runs.iter().enumerate() {
            match self.one(index, run) {
                Ok(None) => {}
                Ok(Some(failure)) => failures.push(failure),
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            }
        }
        self.results(json)?;
        if let Err(error) = &ended
            && matches!(error.downcast_ref(), Some(Error::Interrupted))
        {
            tell("stopped; the same command goes on");
        }
        ended?;
        match failures.len() {
            0 => Ok(()),
            n => anyhow::bail!("{n} of {n_runs} runs failed: {}", failures.join("; ")),
        }
    }

    /// Does a run, or what is left of it; returns why it failed, if it did.
    fn one(&self, index: usize, run: &PlannedRun) -> anyhow::Result<Option<String>> {
        let plan = &self.plan;
        if run.state()? == RunState::Done {
            return Ok(None);
        }
        check_interrupt()?;
        let place = format!("run {} of {}", index + 1, plan.runs.len());
        let what = format!("{place}: {}, seed {}", plan.variant_name(run), run.seed);
        child::wait_for_others(run)?;
        let state = run.state()?;
        match state {
            RunState::Done => return Ok(None),
            RunState::ToDo => tell(&what),
            RunState::ToResume { n_epochs } => {
                tell(&format!("{what}, going on after epoch {n_epochs}"));
            }
        }
        match Child::start(plan, run, state, &self.compute)?.wait(run)? {
            Ended::Interrupted => Err(Error::Interrupted.into()),
            Ended::Failed(reason) => {
                let log = shown(&child::log(run));
                tell(&format!("{what} failed: {reason} ({log})"));
                Ok(Some(format!("{}, seed {}: {reason}", plan.variant_name(run), run.seed)))
            }
            Ended::Done => {
                self.done(run, &what)?;
                Ok(None)
            }
        }
    }

    /// Writes the results so far, and tells of the run that has just ended.
    fn done(&self, run: &PlannedRun, what: &str) -> anyhow::Result<()> {
        let outcome = self.outcome()?;
        write(&outcome)?;
        let found = outcome.results.variants[run.variant].iter().find(|it| it.seed == run.seed);
        let Some(found) = found else { return Ok(()) };
        let figures: Vec<String> = self
            .plan
            .study
            .metrics
            .iter()
            .map(|it| format!("{it} {:.4}", it.value(&found.metrics)))
            .collect();
        let left = match outcome.results.n_missing {
            0 => String::new(),
            _ => format!("; about {} left", duration(self.seconds_left(&outcome)?)),
        };
        tell(&format!("{what}: {}, {}{left}", figures.join(", "), duration(found.seconds)));
        Ok(())
    }

    /// Seconds for all that is left: each run takes the mean of its variant, or of all runs where
    /// none of its variant is finished.
    fn seconds_left(&self, outcome: &Outcome) -> crate::Result<f64> {
        let all: Vec<f64> =
            outcome.results.variants.iter().flatten().map(|it| it.seconds).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let costs = outcome.costs();
        let mut left = 0.0;
        for run in &self.plan.runs {
            let of_variant = costs[run.variant].seconds.mean;
            left += run.share_left()? * if of_variant.is_nan() { mean } else { of_variant };
        }
        Ok(left)
    }

    fn outcome(&self) -> crate::Result<Outcome> {
        let results = Results::read(&self.plan)?;
        let initial_weights = self.initial_weights.clone();
        Ok(Outcome { plan: self.plan.clone(), results, initial_weights })
    }

    /// Writes and prints what was found.
    fn results(&self, json: bool) -> anyhow::Result<()> {
        let outcome = self.outcome()?;
        write(&outcome)?;
        print(&if json { study_json(&outcome) } else { terminal(&outcome) })?;
        for name in ["study.csv", "study.md", "study.html"] {
            tell(&format!("results  {}", shown(&self.plan.folder.join(name))));
        }
        Ok(())
    }
}

/// Takes the folder for one study at a time, as long as the file that is returned is open.
fn lock(folder: &Path) -> crate::Result<fs::File> {
    let path = folder.join(".lock");
    let file = fs::OpenOptions::new().create(true).append(true).open(&path);
    let file = file.map_err(Error::io("create", &path))?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => Err(Error::data(
            folder.display(),
            "a study that is going on there",
            "one at a time; wait for it or stop it",
        )),
        // Some file systems have no locks.
        Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(file),
    }
}
