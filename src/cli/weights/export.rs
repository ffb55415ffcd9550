//! `swath weights export`: the weights of a trained model, for other programs.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde_json::json;

use super::{check_output, write};
use crate::{
    bundle::Bundle,
    cli::common::{print, shown, tell},
    model::is_of_side,
    train::RunFolder,
};

/// Write the weights of a trained model as a state dictionary of PyTorch
///
/// It loads with `strict=True` into the network of the same name in segmentation_models_pytorch, if the
/// model has no setting that that one cannot have; each of those is told. Side branches, which only
/// training needs, are left out.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// Model (.swath), or the folder of a run
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// File to write, .safetensors
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// Replace the file if it is there already
    #[arg(long)]
    force: bool,

    /// Print what was done as JSON on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    check_output(&args.output, args.force)?;
    let bundle = Bundle::read(&model_file(&args.model)?)?;
    // What does not fit its own header fits no network elsewhere.
    bundle.network(&Device::flex())?;
    let mut state = bundle.state;
    let n_all = state.entries.len();
    state.entries.retain(|it| !is_of_side(&it.name));
    write(&state, &args.output)?;
    let n_tensors = state.entries.len();
    tell(&format!("wrote    {} ({n_tensors} tensors)", shown(&args.output)));
    if n_tensors < n_all {
        tell(&format!("note     left out the side branches ({} tensors)", n_all - n_tensors));
    }
    let model = bundle.header.model;
    let [n_bands, n_classes] = [bundle.header.bands.len(), bundle.header.classes.len()];
    let beyond = model.beyond_smp();
    for lacking in &beyond {
        tell(&format!("note     not in segmentation_models_pytorch: {lacking}"));
    }
    let call = model.smp_call(n_bands, n_classes);
    if let Some(call) = &call {
        tell(&format!("for      {call}"));
    }
    if args.json {
        print(&serde_json::to_string_pretty(&json!({
            "version": 1,
            "model": model,
            "n_bands": n_bands,
            "n_classes": n_classes,
            "output": args.output,
            "n_tensors": n_tensors,
            "not_in_segmentation_models_pytorch": beyond,
            "in_segmentation_models_pytorch": call,
        }))?)?;
    }
    Ok(())
}

/// The model of a run, or the model itself.
fn model_file(path: &Path) -> anyhow::Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let model = RunFolder::open(path)?.model();
    if !model.exists() {
        anyhow::bail!("{} has no model yet; finish the run with `swath resume`", path.display());
    }
    Ok(model)
}
