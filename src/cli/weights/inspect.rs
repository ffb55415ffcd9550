//! `swath weights inspect`: the tensors of a file.

use std::path::PathBuf;

use serde_json::json;

use super::read;
use crate::{
    cli::{common::print, plan_text::grouped},
    weights::WeightFile,
};

/// List the tensors of a file of weights: names, types, shapes, numbers
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// File of weights: .safetensors, .pth, .pt or model.swath
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Read the dictionary under this key of a checkpoint
    #[arg(long)]
    key: Option<String>,

    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let file = read(&args.file, args.key.as_deref())?;
    if args.json {
        print(&serde_json::to_string_pretty(&as_json(&file))?)
    } else {
        print(&text(&file))
    }
}

fn n_values(file: &WeightFile) -> u64 {
    file.tensors().iter().fold(0, |sum: u64, it| sum.saturating_add(it.n_values() as u64))
}

fn as_json(file: &WeightFile) -> serde_json::Value {
    let tensors: Vec<_> = file
        .tensors()
        .iter()
        .map(|it| {
            let (dtype, n_values) = (it.dtype.name(), it.n_values());
            json!({ "name": it.name, "dtype": dtype, "shape": it.shape, "n_values": n_values })
        })
        .collect();
    json!({
        "version": 1,
        "file": file.path(),
        "kind": file.kind(),
        "bytes": file.n_bytes(),
        "sha256": file.sha256(),
        "notes": file.notes(),
        "n_tensors": tensors.len(),
        "n_values": n_values(file),
        "tensors": tensors,
    })
}

/// Longest name that others are aligned to, in characters.
const MAX_WIDTH: usize = 200;

/// A table, names as wide as the widest.
fn text(file: &WeightFile) -> String {
    let names: Vec<String> =
        file.tensors().iter().map(|it| it.name.escape_debug().to_string()).collect();
    let width = names.iter().map(|it| it.chars().count()).max().unwrap_or(0).min(MAX_WIDTH);
    let mut text = String::new();
    for (tensor, name) in file.tensors().iter().zip(names) {
        let shape = format!("{:?}", tensor.shape);
        let n_values = grouped(tensor.n_values() as u64);
        let dtype = tensor.dtype.name();
        text += &format!("{name:<width$}  {dtype:<4}  {shape:<20}  {n_values:>12}\n");
    }
    for note in file.notes() {
        text += &format!("note     {note}\n");
    }
    let (n_tensors, n_values) = (grouped(file.tensors().len() as u64), grouped(n_values(file)));
    text + &format!("total    {n_tensors} tensors, {n_values} numbers\n")
}
