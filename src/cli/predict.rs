//! `swath predict`: maps of whole rasters.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{
    common::{Compute, check_interrupt, interrupted, print, shown, tell, watch_for_interrupt},
    patterns::expanded,
};
use crate::{
    Error,
    bundle::Bundle,
    infer::Predictor,
    predict::{MapOutputs, open_for_prediction, predict_map},
    raster::{Raster, Window, remove_orphans},
};

/// Predict class maps of rasters, as cloud-optimised GeoTIFFs
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Trained model, `model.swath` of a run
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Rasters to predict, each by itself; `*`, `?` and `[…]` stand for file names
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

    /// Print the maps, and what became of each, as JSON on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

/// A raster to predict: its files and the maps to make of it.
struct Job {
    images: Vec<PathBuf>,
    outputs: MapOutputs,
}

/// What became of a raster.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum End {
    Written,
    Skipped,
    Failed,
}

impl Job {
    fn json(&self, end: End, error: Option<&str>) -> serde_json::Value {
        let files: Vec<&Path> = self.outputs.paths().collect();
        serde_json::json!({
            "images": self.images, "map": files[0], "others": files[1..], "status": end,
            "error": error,
        })
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    watch_for_interrupt()?;
    let jobs = jobs(args, expanded(&args.images)?)?;
    args.compute.install(|| {
        let bundle = Bundle::read(&args.model)?;
        let predictor = bundle.predictor(&args.compute.device()?)?;
        let (mut done, mut n_failed) = (Vec::new(), 0);
        for job in &jobs {
            let error = match predict(args, &bundle, &predictor, job, 1 < jobs.len()) {
                Ok(end) => {
                    done.push(job.json(end, None));
                    continue;
                }
                Err(error) if jobs.len() == 1 || interrupted() => return Err(error),
                Err(error) => format!("{error:#}"),
            };
            // The other rasters are worth their maps all the same.
            n_failed += 1;
            tell(&format!("error: {error}"));
            done.push(job.json(End::Failed, Some(&error)));
        }
        if args.json {
            let json = serde_json::json!({ "version": 1, "maps": done });
            print(&serde_json::to_string_pretty(&json)?)?;
        }
        if 0 < n_failed {
            bail!("{n_failed} of {} rasters could not be predicted", jobs.len());
        }
        Ok(())
    })
}

/// The rasters and their maps; no map may be an image or the map of another raster.
fn jobs(args: &Args, images: Vec<PathBuf>) -> anyhow::Result<Vec<Job>> {
    let jobs: Vec<Job> = if args.stack || (images.len() == 1 && !is_folder(&args.output)) {
        if is_folder(&args.output) {
            bail!("{} is a folder; wanted the name of the map", args.output.display());
        }
        let outputs = outputs(args, args.output.clone());
        if let Some(found) = outputs.paths().find(|it| it.exists() && !args.overwrite) {
            bail!("{} is there already; --overwrite replaces it", found.display());
        }
        vec![Job { images: images.clone(), outputs }]
    } else {
        let map_of = |image: &PathBuf| -> anyhow::Result<Job> {
            let stem = image.file_stem();
            let mut name =
                stem.with_context(|| format!("{} has no name", image.display()))?.to_owned();
            name.push(".tif");
            let outputs = outputs(args, args.output.join(name));
            Ok(Job { images: vec![image.clone()], outputs })
        };
        images.iter().map(map_of).collect::<Result<_, _>>()?
    };
    let mut seen: Vec<(&Path, &Path)> = Vec::new();
    for job in &jobs {
        let image = job.images[0].as_path();
        for path in job.outputs.paths() {
            if images.iter().any(|image| is_same(image, path)) {
                bail!("{} is an image; its map must not replace it", path.display());
            }
            if is_same(&args.model, path) {
                bail!("{} is the model; a map must not replace it", path.display());
            }
            if let Some((_, other)) = seen.iter().find(|(it, _)| *it == path) {
                let (other, image) = (other.display(), image.display());
                bail!("{other} and {image} would both become {}", path.display());
            }
            seen.push((path, image));
        }
    }
    Ok(jobs)
}

/// Whether a path is that of a folder, there or not.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.to_string_lossy().ends_with(std::path::is_separator)
}

fn is_same(a: &Path, b: &Path) -> bool {
    fs::canonicalize(a).ok().is_some_and(|a| fs::canonicalize(b).ok() == Some(a))
}

/// The name of another kind of map of the same prediction.
fn beside(map: &Path, kind: &str) -> PathBuf {
    let stem = map.file_stem().unwrap_or_default().to_string_lossy();
    map.with_file_name(format!("{stem}_{kind}.tif"))
}

/// The class map and what is asked for beside it.
fn outputs(args: &Args, map: PathBuf) -> MapOutputs {
    let probabilities =
        |kind| (args.probabilities.as_deref() == Some(kind)).then(|| beside(&map, "probabilities"));
    MapOutputs {
        confidence: args.confidence.then(|| beside(&map, "confidence")),
        probabilities_u8: probabilities("u8"),
        probabilities_f32: probabilities("f32"),
        classes: map,
    }
}

fn predict(
    args: &Args,
    bundle: &Bundle,
    predictor: &Predictor,
    Job { images, outputs }: &Job,
    is_one_of_many: bool,
) -> anyhow::Result<End> {
    let map = &outputs.classes;
    if !args.overwrite {
        if outputs.paths().all(Path::exists) {
            tell(&format!("{} is there already; skipped", shown(map)));
            return Ok(End::Skipped);
        }
        if let Some(found) = outputs.paths().find(|it| it.exists()) {
            bail!(
                "{} is there already, but not all of its maps; --overwrite replaces it",
                found.display()
            );
        }
    }
    let raster = open_for_prediction(images, &bundle.header)?;
    for note in raster.notes() {
        tell(note);
    }
    bundle.header.check(&raster, args.force)?;
    let region = region(args, &raster)?;
    if is_folder(&args.output) || is_one_of_many {
        fs::create_dir_all(&args.output).map_err(Error::io("make folder", &args.output))?;
    }
    // Of all that a prediction to this map may have left when it was killed.
    for kind in ["confidence", "probabilities"] {
        remove_orphans(&beside(map, kind));
    }
    let bar = bar(region.rows, &shown(&images[0]));
    predict_map(&bundle.header, predictor, &raster, region, outputs, |n_rows| {
        bar.set_position(u64::from(n_rows));
        check_interrupt()
    })?;
    bar.finish_and_clear();
    tell(&format!("map     {}", shown(map)));
    Ok(End::Written)
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
            let bounds = [x_min, y_min, x_max, y_max];
            raster
                .grid()
                .window_of_bounds(bounds)
                .map_err(|error| Error::config("--bounds", format!("{bounds:?}"), error).into())
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
