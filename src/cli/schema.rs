//! `swath schema`: the JSON Schema of the run file.

use super::common::print;
use crate::run::RunFile;

/// Print the JSON Schema of the run file, for completion and checks in editors
#[derive(clap::Args, Debug)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(&RunFile::schema())?)
}
