//! `swath weights convert`: a file of weights as a safetensors file.

use std::path::PathBuf;

use serde_json::json;

use super::{check_output, read, write};
use crate::cli::common::{print, shown, tell};

/// Write a file of weights as a .safetensors file
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// File of weights: .safetensors, .pth, .pt or model.swath
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// File to write, .safetensors; its real numbers are F32, its whole numbers I64
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// Read the dictionary under this key of a checkpoint
    #[arg(long)]
    key: Option<String>,

    /// Replace the file if it is there already
    #[arg(long)]
    force: bool,

    /// Print what was done as JSON on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    check_output(&args.output, args.force)?;
    let file = read(&args.input, args.key.as_deref())?;
    write(&file.state()?, &args.output)?;
    let notes = [file.notes().to_vec(), file.conversions()].concat();
    notes.iter().for_each(|it| tell(&format!("note     {it}")));
    let n_tensors = file.tensors().len();
    tell(&format!("wrote    {} ({n_tensors} tensors)", shown(&args.output)));
    if args.json {
        print(&serde_json::to_string_pretty(&json!({
            "version": 1,
            "input": args.input,
            "output": args.output,
            "n_tensors": n_tensors,
            "notes": notes,
        }))?)?;
    }
    Ok(())
}
