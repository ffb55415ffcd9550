//! `swath models`: which architectures and encoders there are, and what they cost.

use std::fmt::Write;

use burn::tensor::Device;
use schemars::schema_for;
use toml::Table;

use super::common::print;
use crate::{
    Error,
    model::{Architecture, Description, Encoder, ModelConfig, freeze_network},
    run::{check_keys, set},
};

/// List architectures and encoders with parameters, multiply-adds and activation memory
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Print every layer of one model instead, such as unet/resnet34 or geodl-unet
    #[arg(long, value_name = "MODEL")]
    describe: Option<String>,

    /// Override a key of the table `[model]` of a run file, such as norm=group
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Bands of the images
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    bands: u16,

    /// Classes of the labels
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=255))]
    classes: u16,

    /// Side of an image, in pixels
    #[arg(long, value_name = "PX", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=16384))]
    size: u16,

    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.describe {
        Some(name) => describe(args, name),
        None => list(args),
    }
}

fn describe(args: &Args, name: &str) -> anyhow::Result<()> {
    let config = checked(args, name)?;
    let description = cost(args, &config);
    let note = training_note(args, &config);
    if args.json {
        return print(&serde_json::to_string_pretty(&serde_json::json!({
            "version": 1,
            "bands": args.bands,
            "classes": args.classes,
            "size_px": args.size,
            "model": config,
            "description": description,
            "training_note": note,
            "in_segmentation_models_pytorch": config.smp_call(args.bands.into(), args.classes.into()),
            "not_in_segmentation_models_pytorch": config.beyond_smp(),
        }))?);
    }
    let note = note.map(|it| format!("note: {it}\n")).unwrap_or_default();
    print(&(table(name, &description) + &note))
}

/// What training on images of this size needs.
fn training_note(args: &Args, config: &ModelConfig) -> Option<String> {
    let size_px = args.size.into();
    let error = [2, 1].into_iter().find_map(|batch| config.check_batch(batch, size_px).err());
    match error? {
        Error::Config { key, rule, .. } => Some(format!("{key} {rule}")),
        other => Some(other.to_string()),
    }
}

/// The model called `name`, with the keys that are overridden.
fn config(args: &Args, name: &str) -> Result<ModelConfig, Error> {
    let mut table = Table::new();
    let (architecture, encoder) = name.split_once('/').unwrap_or((name, ""));
    table.insert("architecture".to_owned(), architecture.into());
    let takes_none = Architecture::ALL.iter().filter(|it| !it.takes_encoder());
    let is_whole = takes_none.into_iter().any(|it| it.name() == architecture);
    let encoder = if encoder.is_empty() && is_whole { "own" } else { encoder };
    if !encoder.is_empty() {
        table.insert("encoder".to_owned(), encoder.into());
    }
    for assignment in &args.set {
        let key = assignment.split('=').next().unwrap_or_default().trim();
        if ["architecture", "encoder"].contains(&key) {
            let rule = "is in the name of a model, such as `--describe fpn/resnet18`";
            return Err(Error::config("--set", assignment, rule));
        }
        set(&mut table, assignment)?;
    }
    check_keys(&table, &schema_for!(ModelConfig).to_value())?;
    let config: ModelConfig = table
        .try_into()
        .map_err(|error: toml::de::Error| Error::config("--describe", name, error.message()))?;
    config.check()?;
    Ok(config)
}

/// The same, of a size that can be trained.
fn checked(args: &Args, name: &str) -> Result<ModelConfig, Error> {
    let config = config(args, name)?;
    let [bands, classes] = [args.bands.into(), args.classes.into()];
    config.check_size(bands, classes)?;
    freeze_network(config.blank(bands, classes, &Device::flex()), &config.freeze)?;
    Ok(config)
}

fn cost(args: &Args, config: &ModelConfig) -> Description {
    let size = usize::from(args.size);
    config.describe(args.bands.into(), args.classes.into(), [size; 2])
}

/// A model of the list.
struct Entry {
    name: String,
    title: &'static str,
    cost: Description,
}

/// Models side by side.
struct Part {
    entries: Vec<Entry>,
    /// Names of those that cannot have the settings, and why.
    refused: Vec<(String, Error)>,
}

impl Part {
    /// Of names, titles, and what to describe.
    fn of(args: &Args, models: impl Iterator<Item = (String, &'static str, String)>) -> Self {
        let mut part = Self { entries: Vec::new(), refused: Vec::new() };
        for (name, title, model) in models {
            match checked(args, &model) {
                Ok(config) => part.entries.push(Entry { name, title, cost: cost(args, &config) }),
                Err(error) => part.refused.push((name, error)),
            }
        }
        part
    }
}

fn list(args: &Args) -> anyhow::Result<()> {
    let architectures = Architecture::ALL.iter().map(|it| (it.name(), it.title(), it.name()));
    let mut architectures = Part::of(args, architectures);
    if architectures.entries.is_empty() {
        return Err(architectures.refused.remove(0).1.into());
    }
    let with_unet = |name: &str| format!("{}/{name}", Architecture::Unet.name());
    let encoders = Encoder::ALL.iter().map(|it| (it.name(), it.title(), with_unet(&it.name())));
    let encoders = Part::of(args, encoders);
    if args.json {
        let json = |Part { entries, .. }: &Part| -> Vec<serde_json::Value> {
            let value = |Entry { name, title, cost }: &Entry| {
                serde_json::json!({
                    "name": name,
                    "title": title,
                    "parameters": cost.parameters,
                    "multiply_adds": cost.multiply_adds,
                    "activation_bytes": cost.activation_bytes,
                })
            };
            entries.iter().map(value).collect()
        };
        let refused: Vec<_> = [&architectures, &encoders]
            .into_iter()
            .flat_map(|it| &it.refused)
            .map(|(name, reason)| serde_json::json!({ "name": name, "reason": reason.to_string() }))
            .collect();
        return print(&serde_json::to_string_pretty(&serde_json::json!({
            "version": 1,
            "bands": args.bands,
            "classes": args.classes,
            "size_px": args.size,
            "architectures": json(&architectures),
            "encoders": json(&encoders),
            "refused": refused,
        }))?);
    }
    let Args { bands, classes, size, .. } = args;
    let mut text = format!(
        "{bands} bands, {classes} classes, one image of {size} px; activations are what training \
         keeps of it\n"
    );
    section(&mut text, "architecture", "with resnet34", &architectures);
    section(&mut text, "encoder", "with unet", &encoders);
    text += "\n`swath models --describe unet/resnet34` prints the layers of one\n";
    print(&text)
}

fn section(text: &mut String, what: &str, with: &str, Part { entries, refused }: &Part) {
    // Writing into a string cannot fail.
    let _ = writeln!(
        text,
        "\n{what:<20} {:>12} {:>14} {:>14}   {with}",
        "parameters", "multiply-adds", "activations"
    );
    for Entry { name, title, cost } in entries {
        let _ = writeln!(
            text,
            "{name:<20} {:>10.2} M {:>12.2} G {:>11.1} MB   {title}",
            cost.parameters as f64 / 1e6,
            cost.multiply_adds as f64 / 1e9,
            cost.activation_bytes as f64 / 1e6
        );
    }
    for (name, reason) in refused {
        let _ = writeln!(text, "{name:<20} not so: {reason}");
    }
}

fn table(name: &str, description: &Description) -> String {
    let rows = &description.layers;
    let width = rows.iter().map(|it| it.name.len()).max().unwrap_or(0).max(5);
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(
        text,
        "{:<width$}  {:<22} {:>17} {:>11} {:>14}",
        "layer", "does", "rows cols channels", "parameters", "multiply-adds"
    );
    for row in rows {
        let shape = format!("{} {} {}", row.rows, row.cols, row.channels);
        let _ = writeln!(
            text,
            "{:<width$}  {:<22} {shape:>18} {:>11} {:>14}",
            row.name, row.what, row.parameters, row.multiply_adds
        );
    }
    let _ = writeln!(
        text,
        "\n{name}: {} parameters, {:.2} G multiply-adds, {:.1} MB of activations",
        description.parameters,
        description.multiply_adds as f64 / 1e9,
        description.activation_bytes as f64 / 1e6
    );
    text
}
