//! `swath schema`: the JSON Schema of the run file, or of the study file.

use super::common::print;
use crate::{run::RunFile, study::StudyFile};

/// Print the JSON Schema of the run file, for completion and checks in editors
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Of the study file instead
    #[arg(long)]
    study: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let schema = if args.study { StudyFile::schema() } else { RunFile::schema() };
    print(&serde_json::to_string_pretty(&schema)?)
}
