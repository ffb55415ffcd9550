//! `swath predict`: maps of whole rasters.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::common::{Compute, interrupted, shown, tell, watch_for_interrupt};
use crate::{
    Error,
    bundle::Bundle,
    infer::Predictor,
    predict::{MapOutputs, open_for_prediction, predict_map},
    raster::{Raster, Window},
};

/// Predict class maps of rasters, as cloud-optimised GeoTIFFs
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Trained model, `model.swath` of a run
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Rasters to predict, each by itself
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,

    /// Map to write; with several images the folder for their maps, where those that are there
    /// already are skipped
    #[arg(short, long, value_name = "MAP")]
    output: PathBuf,

    /// Take all images as the bands of one raster, in this order
    #[arg(long)]
    stack: bool,

    /// Predict a part: upper-left row and column, height and width, in pixels
    #[arg(
        long,
        value_name = "ROW,COL,ROWS,COLS",
        value_delimiter = ',',
        conflicts_with = "bounds"
    )]
    window: Vec<u32>,

    /// Predict a part: smallest x and y, largest x and y, in map units
    #[arg(
        long,
        value_name = "XMIN,YMIN,XMAX,YMAX",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    bounds: Vec<f64>,

    /// Also write MAP_confidence.tif: probability of the mapped class, percent, uint8
    #[arg(long)]
    confidence: bool,

    /// Also write MAP_probabilities.tif: a band for each class, as percent (u8) or in [0, 1] (f32)
    #[arg(long, value_name = "TYPE", num_args = 0..=1, default_missing_value = "u8",
          value_parser = ["u8", "f32"])]
    probabilities: Option<String>,

    /// Predict rasters of another pixel size than in training
    #[arg(long)]
    force: bool,

    /// Replace maps that are there already
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    watch_for_interrupt()?;
    let jobs = jobs(args)?;
    args.compute.install(|| {
        let bundle = Bundle::read(&args.model)?;
        let predictor = bundle.predictor(&args.compute.device()?)?;
        for (images, map) in &jobs {
            if map.exists() && !args.overwrite {
                tell(&format!("{} is there already; skipped", shown(map)));
                continue;
            }
            predict(args, &bundle, &predictor, images, map)?;
        }
        Ok(())
    })
}

/// The files of each raster and the map to make of them.
fn jobs(args: &Args) -> anyhow::Result<Vec<(Vec<PathBuf>, PathBuf)>> {
    let is_folder = args.output.is_dir();
    let same = |a: &Path, b: &Path| {
        fs::canonicalize(a).ok().is_some_and(|a| fs::canonicalize(b).ok() == Some(a))
    };
    if args.stack || (args.images.len() == 1 && !is_folder) {
        if is_folder {
            bail!("{} is a folder; wanted the name of the map", args.output.display());
        }
        if args.output.exists() && !args.overwrite {
            bail!("{} is there already; --overwrite replaces it", args.output.display());
        }
        if args.images.iter().any(|image| same(image, &args.output)) {
            bail!("the map would replace its image {}", args.output.display());
        }
        return Ok(vec![(args.images.clone(), args.output.clone())]);
    }
    let mut jobs: Vec<(Vec<PathBuf>, PathBuf)> = Vec::new();
    for image in &args.images {
        let stem = image.file_stem().with_context(|| format!("{} has no name", image.display()))?;
        let mut name = stem.to_owned();
        name.push(".tif");
        let map = args.output.join(name);
        if let Some((other, _)) = jobs.iter().find(|(_, it)| *it == map) {
            bail!(
                "{} and {} would both become {}",
                other[0].display(),
                image.display(),
                map.display()
            );
        }
        if same(image, &map) {
            bail!("the map of {} would replace it; choose another folder", image.display());
        }
        jobs.push((vec![image.clone()], map));
    }
    Ok(jobs)
}

fn predict(
    args: &Args,
    bundle: &Bundle,
    predictor: &Predictor,
    images: &[PathBuf],
    map: &Path,
) -> anyhow::Result<()> {
    let raster = open_for_prediction(images, &bundle.header)?;
    for note in raster.notes() {
        tell(note);
    }
    bundle.header.check(&raster, args.force)?;
    let region = region(args, &raster)?;
    if map != args.output {
        fs::create_dir_all(&args.output).map_err(Error::io("make folder", &args.output))?;
    }
    let beside = |kind: &str| {
        let stem = map.file_stem().unwrap_or_default().to_string_lossy();
        map.with_file_name(format!("{stem}_{kind}.tif"))
    };
    let probabilities =
        |kind| (args.probabilities.as_deref() == Some(kind)).then(|| beside("probabilities"));
    let outputs = MapOutputs {
        classes: map.to_owned(),
        confidence: args.confidence.then(|| beside("confidence")),
        probabilities_u8: probabilities("u8"),
        probabilities_f32: probabilities("f32"),
    };
    let bar = bar(region.rows, &shown(&images[0]));
    predict_map(&bundle.header, predictor, &raster, region, &outputs, |n_rows| {
        bar.set_position(u64::from(n_rows));
        if interrupted() { Err(Error::Interrupted) } else { Ok(()) }
    })?;
    bar.finish_and_clear();
    tell(&format!("map     {}", shown(map)));
    Ok(())
}

fn region(args: &Args, raster: &Raster) -> anyhow::Result<Window> {
    let full = raster.grid().full_window();
    match (args.window.as_slice(), args.bounds.as_slice()) {
        ([], []) => Ok(full),
        (&[row, col, rows, cols], _) => {
            let fits = |start: u32, n: u32, length: u32| {
                0 < n && start.checked_add(n).is_some_and(|end| end <= length)
            };
            if !fits(row, rows, full.rows) || !fits(col, cols, full.cols) {
                let rule = format!("must lie inside {} rows x {} columns", full.rows, full.cols);
                return Err(Error::config("--window", format!("{:?}", args.window), rule).into());
            }
            Ok(Window { row, col, rows, cols })
        }
        ([], &[x_min, y_min, x_max, y_max]) => {
            Ok(raster.grid().window_of_bounds([x_min, y_min, x_max, y_max])?)
        }
        (window, []) => {
            Err(Error::config("--window", format!("{window:?}"), "wanted four numbers").into())
        }
        (_, bounds) => {
            Err(Error::config("--bounds", format!("{bounds:?}"), "wanted four numbers").into())
        }
    }
}

fn bar(rows: u32, name: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix} [{bar:24}] {percent}%  {eta} left")
        .expect("the template is valid")
        .progress_chars("=> ");
    ProgressBar::new(u64::from(rows)).with_style(style).with_prefix(name.to_owned())
}
