//! `swath bench`: how fast a model trains or predicts here.

use std::time::Instant;

use serde::{Deserialize, de::value::StrDeserializer};
use swath_kernels::{Isa, burn::without_kernels};

use super::common::{Compute, print};
use crate::{
    Error,
    loss::LossKind,
    model::{Architecture, Encoder, ModelConfig},
    run::{Bench, BenchResult, BenchTask},
};

/// Time training or prediction of a model on random images
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Architecture, as `model.architecture` of a run file
    #[arg(long, value_name = "NAME", default_value = "unet", value_parser = named::<Architecture>)]
    model: Architecture,

    /// Encoder, as `model.encoder` of a run file
    #[arg(long, value_name = "NAME", default_value = "resnet34", value_parser = named::<Encoder>)]
    encoder: Encoder,

    /// Channels of the first encoder stage, as `model.width` of a run file
    #[arg(long, value_name = "N", default_value_t = 64)]
    width: u32,

    /// Loss, as `loss.kind` of a run file
    #[arg(long, value_name = "NAME", default_value = "cross-entropy",
          value_parser = named::<LossKind>)]
    loss: LossKind,

    /// Bands of the images
    #[arg(long, value_name = "N", default_value_t = 4)]
    bands: usize,

    /// Classes of the labels
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=255))]
    classes: u16,

    /// Images of a step
    #[arg(long, value_name = "N", default_value_t = 8)]
    batch: usize,

    /// Side of an image, in pixels
    #[arg(long, value_name = "PX", default_value_t = 128)]
    size: usize,

    /// Steps that count, after two that do not
    #[arg(long, value_name = "N", default_value_t = 10)]
    steps: u32,

    /// Time forward passes only, in prediction mode
    #[arg(long)]
    predict: bool,

    /// Compose the network of burn's own operations instead of our kernels
    #[arg(long)]
    without_kernels: bool,

    /// Print as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

/// The value of an enum whose name in a run file is `text`.
fn named<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, String> {
    let deserializer = StrDeserializer::<serde::de::value::Error>::new(text);
    T::deserialize(deserializer).map_err(|error| error.to_string())
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let bench = Bench {
        model: ModelConfig {
            architecture: args.model,
            encoder: args.encoder,
            width: args.width,
            ..Default::default()
        },
        loss: args.loss,
        n_bands: args.bands,
        n_classes: args.classes.into(),
        batch: args.batch,
        size_px: args.size,
        n_steps: args.steps,
        task: if args.predict { BenchTask::Predict } else { BenchTask::Train },
    };
    let clock = Instant::now();
    let result = args.compute.install(|| {
        let device = args.compute.device()?;
        let run = || bench.run(&device, &|| clock.elapsed().as_secs_f64());
        Ok(if args.without_kernels { without_kernels(run)? } else { run()? })
    })?;
    let text = if args.json { json(args, &bench, &result)? } else { text(args, &bench, &result) };
    print(&text)
}

fn json(args: &Args, bench: &Bench, result: &BenchResult) -> Result<String, Error> {
    let ms = |seconds: f64| (seconds * 1e6).round() / 1e3;
    let document = serde_json::json!({
        "version": 1,
        "task": if args.predict { "predict" } else { "train" },
        "median_ms": ms(result.median()),
        "min_ms": ms(result.seconds.iter().copied().fold(f64::INFINITY, f64::min)),
        "max_ms": ms(result.seconds.iter().copied().fold(0.0, f64::max)),
        "images_per_second": bench.batch as f64 / result.median(),
        "steps": bench.n_steps,
        "batch": bench.batch,
        "size_px": bench.size_px,
        "bands": bench.n_bands,
        "classes": bench.n_classes,
        "model": bench.model,
        "parameters": result.n_parameters,
        "idle_memory_bytes": result.idle_memory_bytes,
        "peak_memory_bytes": result.peak_memory_bytes,
        "device": args.compute.device,
        "threads": args.compute.n_threads(),
        "loss": bench.loss,
        "kernels": !args.without_kernels,
        "instruction_set": Isa::current().name(),
    });
    Ok(serde_json::to_string_pretty(&document).expect("it is plain data"))
}

fn text(args: &Args, bench: &Bench, result: &BenchResult) -> String {
    let Bench { batch, size_px, n_bands, n_classes, n_steps, .. } = bench;
    let median = result.median();
    let memory = |bytes: Option<u64>| match bytes {
        Some(bytes) => format!("{:.0} MB", bytes as f64 / 1e6),
        None => "unknown".to_owned(),
    };
    format!(
        "{}      {n_steps} steps of {batch} images of {size_px} px, {n_bands} bands, {n_classes} \
         classes\nmedian     {:.1} ms a step, {:.1} images/s\nmemory     {} at most, {} before the \
         model was made\ndevice     {}, {} threads, {}{}\n",
        if args.predict { "predict" } else { "train  " },
        median * 1e3,
        *batch as f64 / median,
        memory(result.peak_memory_bytes),
        memory(result.idle_memory_bytes),
        args.compute.device,
        args.compute.n_threads(),
        Isa::current().name(),
        if args.without_kernels { ", without kernels" } else { "" },
    )
}
