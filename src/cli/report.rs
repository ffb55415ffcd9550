//! `swath report`: writes the report of a run again.

use std::path::PathBuf;

use super::common::{Compute, print, shown, tell};
use crate::run::Run;

/// Write plots and report of a run again, from the files in its folder
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// Print the path of the report as JSON on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    args.compute.install(|| {
        let run = Run::open(&args.run, args.compute.device()?)?;
        run.report()?;
        let path = run.folder.report();
        tell(&format!("report  {}", shown(&path)));
        if args.json {
            let json = serde_json::json!({ "version": 1, "report": path });
            print(&serde_json::to_string_pretty(&json)?)?;
        }
        Ok(())
    })
}
