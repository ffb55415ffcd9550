//! `swath weights`: looks into files of weights and turns them into others.

mod convert;

mod export;

mod inspect;

use std::path::Path;

use clap::Subcommand;

use super::common::shown;
use crate::{
    raster::write_atomically,
    run::StartingWeights,
    weights::{StateDict, WeightFile, write_safetensors},
};

/// Look into files of weights, and turn them into others
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    Inspect(inspect::Args),
    Convert(convert::Args),
    Export(export::Args),
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.what {
        What::Inspect(args) => inspect::run(args),
        What::Convert(args) => convert::run(args),
        What::Export(args) => export::run(args),
    }
}

/// What a training starts from, as lines of text.
pub(super) fn starting_text(weights: &StartingWeights) -> String {
    let StartingWeights { path, loading, n_used, fresh, unused, notes, .. } = weights;
    let mut text = format!(
        "weights    {} ({})\n           {n_used} tensors used, {} of the model start afresh, {} of \
         the file are not used\n",
        shown(Path::new(path)),
        loading.name(),
        fresh.len(),
        unused.len(),
    );
    for note in notes {
        text += &format!("           {note}\n");
    }
    text
}

/// Reads a file of weights, or the part under `key`.
fn read(path: &Path, key: Option<&str>) -> crate::Result<WeightFile> {
    match key {
        Some(key) => WeightFile::read_key(path, key),
        None => WeightFile::read(path),
    }
}

/// Refuses what cannot be written to `output` before any work is done.
fn check_output(output: &Path, force: bool) -> anyhow::Result<()> {
    if output.extension().is_none_or(|it| it != "safetensors") {
        anyhow::bail!("{}: the name must end with .safetensors", output.display());
    }
    if output.exists() && !force {
        anyhow::bail!("{} is there already; --force replaces it", output.display());
    }
    Ok(())
}

/// Writes a state dictionary as other programs read it.
fn write(state: &StateDict, output: &Path) -> anyhow::Result<()> {
    // What the readers of the Python package look for.
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    Ok(write_atomically(output, &write_safetensors(state, &metadata))?)
}
