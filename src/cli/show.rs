//! `swath show`: draws what a run will do, without training.

mod split;

mod chips;

mod augment;

mod schedule;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::common::{RunFileArgs, print, shown, tell};
use crate::{
    Error, Result,
    report::PictureFile,
    run::{RunFile, open_dataset},
    train::Dataset,
};

/// Draw what a run will do, without training
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    Split(split::Args),
    Chips(chips::Args),
    Augment(augment::Args),
    Schedule(schedule::Args),
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.what {
        What::Split(args) => split::run(args),
        What::Chips(args) => chips::run(args),
        What::Augment(args) => augment::run(args),
        What::Schedule(args) => schedule::run(args),
    }
}

/// What all pictures have in common.
#[derive(clap::Args, Debug)]
struct Common {
    #[command(flatten)]
    run_file: RunFileArgs,

    /// Picture to write, .png or .svg [default: show_<what>.png]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Print the data as JSON on standard output; draw only with --out
    #[arg(long)]
    json: bool,
}

/// What is shown: text and data for standard output, and how to draw it.
struct Shown<'a> {
    text: String,
    json: serde_json::Value,
    draw: &'a dyn Fn(&PictureFile) -> Result<()>,
}

impl Common {
    /// The run file and its data; the name of the picture is checked first.
    fn open(&self) -> anyhow::Result<(RunFile, Dataset)> {
        if let Some(path) = &self.out {
            PictureFile::new(path)?;
        }
        let run_file = self.run_file.load()?;
        let data = open_dataset(&run_file)?;
        Ok((run_file, data))
    }

    /// Draws into the file of `--out` or `default`, and prints text or data.
    fn show(&self, default: &str, it: &Shown<'_>) -> anyhow::Result<()> {
        if self.out.is_some() || !self.json {
            let path = self.out.as_deref().unwrap_or(Path::new(default));
            let file = PictureFile::new(path)?;
            (it.draw)(&file)?;
            tell(&format!("wrote {}", shown(file.path())));
        }
        if self.json { print(&serde_json::to_string_pretty(&it.json)?) } else { print(&it.text) }
    }
}

/// An epoch as people count, from 1, as the data set counts, from 0.
fn epoch_index(epoch: u32, run_file: &RunFile) -> Result<u32> {
    let n_epochs = run_file.train.epochs;
    if !(1..=n_epochs).contains(&epoch) {
        let rule = format!("must lie in 1..={n_epochs}, the epochs of the run");
        return Err(Error::config("--epoch", epoch, rule));
    }
    Ok(epoch - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_the_run_lacks_is_refused() {
        let run_file: RunFile =
            toml::from_str("data.scene = []\ntrain.epochs = 3").expect("a run file");
        assert_eq!(epoch_index(1, &run_file).unwrap(), 0);
        assert_eq!(epoch_index(3, &run_file).unwrap(), 2);
        for epoch in [0, 4] {
            let error = epoch_index(epoch, &run_file).unwrap_err().to_string();
            assert!(error.contains("--epoch") && error.contains("1..=3"), "{error}");
        }
    }
}
