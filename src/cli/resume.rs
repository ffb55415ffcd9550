//! `swath resume`: goes on with a run that was stopped.

use std::path::PathBuf;

use super::{
    common::{Compute, tell, watch_for_interrupt, watch_standard_input},
    train::go_on,
};
use crate::run::{Environment, Run, Status};

/// Go on with a run that was stopped, to the same result as if it had not been
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// Print the figures as JSON on standard output
    #[arg(long)]
    json: bool,

    /// Stop, as at Ctrl-C, when standard input ends: for programs that start this one
    #[arg(long)]
    until_eof: bool,

    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if args.until_eof {
        watch_standard_input();
    }
    args.compute.install(|| {
        let compute = &args.compute;
        let here = Environment::here(compute.n_threads(), &compute.device);
        let mut run = Run::resume(&args.run, &here, compute.device()?)?;
        if run.manifest.status == Status::Done {
            tell("this run is done; evaluating and reporting again");
        }
        watch_for_interrupt()?;
        go_on(&mut run, args.json)
    })
}
