//! `swath replicate`: the same run on several seeds.

use std::path::{Path, PathBuf};

use super::{common::Compute, study::do_plan};
use crate::{
    run::{RunFile, open_unchanged},
    study::{Plan, StudyFile},
};

/// Train a run on several seeds: mean, standard deviation and interval of every figure
///
/// This is a study without variants: runs that are done are kept, and the same command goes on after
/// a stop.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Folder of a run, whose inputs must be as they were, or a run file
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// How many seeds: 0, 1, and so on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,

    /// Folder for everything that is written [default: runs/<name>-replicates]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Changes one key of the run file, as `train.epochs=10`; may be given more than once
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE")]
    overrides: Vec<String>,

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
    let base = if args.run.is_dir() {
        open_unchanged(&args.run)?.folder.run_file()
    } else {
        args.run.clone()
    };
    let name = RunFile::load(&base, &[])?.name;
    let study = StudyFile::replicates(&name, &base, args.overrides.clone(), args.seeds);
    let folder = args.out.clone().unwrap_or_else(|| Path::new("runs").join(&study.name));
    let plan = Plan::of(study, Path::new(""), &folder)?;
    do_plan(plan, &args.compute, args.dry_run, args.json)
}
