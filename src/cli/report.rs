//! `swath report`: writes the report of a run again.

use std::path::PathBuf;

use super::common::{Compute, shown, tell};
use crate::run::Run;

/// Write plots and report of a run again, from the files in its folder
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,

    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    args.compute.install(|| {
        let run = Run::open(&args.run, args.compute.device()?)?;
        run.report()?;
        tell(&format!("report  {}", shown(&run.folder.report())));
        Ok(())
    })
}
