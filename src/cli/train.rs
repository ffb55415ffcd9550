//! `swath train`: a run file in; a trained model, figures and a report out.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    common::{
        Compute, RunFileArgs, check_interrupt, print, shown, tell, typed, utc_now,
        watch_for_interrupt, watch_standard_input,
    },
    plan_text::{plan_json, plan_text},
    progress::{Progress, duration},
    weights::starting_text,
};
use crate::{
    error::Error,
    run::{Environment, Run, RunFile, Status, estimate, open_dataset, starting_weights},
    score::{MetricsFile, metrics_table},
    train::{Observer, RunFolder},
};

/// Train a model as a run file says, evaluate it, and write a report
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    run_file: RunFileArgs,

    /// Folder for everything that the run writes [default: runs/<name>-<time>]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    pub(super) options: Options,
}

/// What `swath train` and `swath demo` have in common.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Options {
    /// Replace the run that the folder holds
    #[arg(long)]
    pub force: bool,

    /// Show what would be done, with an estimate of time and memory, and stop
    #[arg(long)]
    pub dry_run: bool,

    /// Print the figures (of a dry run the plan) as JSON on standard output
    #[arg(long)]
    pub json: bool,

    /// Stop, as at Ctrl-C, when standard input ends: for programs that start this one
    #[arg(long)]
    pub until_eof: bool,

    #[command(flatten)]
    pub compute: Compute,
}

impl Options {
    /// Refuses a folder that holds a run before any work is done, unless it is to be replaced.
    pub(super) fn check_folder(&self, folder: &Path) -> anyhow::Result<()> {
        if !self.force && !self.dry_run {
            RunFolder::check_free(folder)?;
        }
        Ok(())
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let run_file = args.run_file.load()?;
    let folder = args.out.clone().unwrap_or_else(|| {
        run_file
            .default_folder(&utc_now().replace([':', '-'], "").replace('T', "-").replace('Z', ""))
    });
    let given = std::fs::canonicalize(&args.run_file.run_file);
    if given.is_ok_and(|it| std::fs::canonicalize(folder.join("run.toml")).ok() == Some(it)) {
        anyhow::bail!(
            "{} is the run file itself, and the run would write its own there; choose another \
             folder with --out",
            folder.join("run.toml").display()
        );
    }
    train(run_file, folder, &args.options).map(|_| ())
}

/// Does a whole run; `None` after a dry run.
pub(super) fn train(
    run_file: RunFile,
    folder: PathBuf,
    options: &Options,
) -> anyhow::Result<Option<Run>> {
    options.check_folder(&folder)?;
    if options.until_eof {
        watch_standard_input();
    }
    options.compute.install(|| {
        let device = options.compute.device()?;
        let clock = Instant::now();
        let seconds = || clock.elapsed().as_secs_f64();
        let data = open_dataset(&run_file)?;
        let weights = starting_weights(&run_file, &data, &device)?;
        let estimate = estimate(&run_file, &data, &device, &seconds)?;
        tell(&plan_text(&run_file, &data, &estimate));
        weights.iter().for_each(|it| tell(&starting_text(it)));
        if options.dry_run {
            if options.json {
                print(&serde_json::to_string_pretty(&plan_json(&run_file, &data, &estimate))?)?;
            }
            return Ok(None);
        }
        check_interrupt()?;
        let make_folder =
            || if options.force { RunFolder::replace(&folder) } else { RunFolder::create(&folder) };
        let environment = Environment::here(options.compute.n_threads(), &options.compute.device);
        let mut run = Run::create(run_file, data, make_folder, environment, utc_now(), device)?;
        tell(&format!("writing to {}", shown(run.folder.path())));
        run.manifest.add_seconds("prepare", seconds());
        watch_for_interrupt()?; // Before, there was nothing to lose.
        go_on(&mut run, options.json)?;
        Ok(Some(run))
    })
}

fn train_and_evaluate(run: &mut Run, progress: &mut Progress) -> crate::Result<MetricsFile> {
    let was_done = run.manifest.status == Status::Done;
    let writing = run.train(progress)?;
    progress.clear();
    if !was_done {
        tell(&format!("trained in {}; evaluating", duration(progress.seconds())));
    }
    let figures = run.evaluate(progress)?;
    writing.finish()?;
    Ok(figures)
}

/// Trains to the end, evaluates and reports.
pub(super) fn go_on(run: &mut Run, json: bool) -> anyhow::Result<()> {
    let mut progress = Progress::of(run);
    let metrics = train_and_evaluate(run, &mut progress);
    progress.clear();
    if let Err(Error::Interrupted) = metrics {
        let folder = typed(run.folder.path());
        tell(&format!("stopped; go on with: swath resume {folder}"));
    }
    let metrics = metrics?;
    run.report()?;
    if json {
        print(&metrics.to_json())?;
    } else {
        for (split, metrics) in &metrics.splits {
            print(&format!("{split}\n{}", metrics_table(metrics)))?;
        }
    }
    tell(&format!("model   {}", shown(&run.folder.model())));
    tell(&format!("report  {}", shown(&run.folder.report())));
    Ok(())
}
