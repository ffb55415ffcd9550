//! `swath completions`: completion scripts for shells.

use clap::CommandFactory;

use super::common::print;

/// Print the completion script of a shell
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Shell to complete commands in
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "swath", &mut script);
    print(&String::from_utf8(script)?)
}
