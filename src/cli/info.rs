//! `swath info`: what a run file or a raster holds.

use std::path::PathBuf;

use super::{
    common::print,
    plan_text::{grouped, name_of, notes_text, scenes_text},
};
use crate::{
    bundle::{Bundle, Header},
    raster::{Band, Raster, RasterOptions},
    run::{RunFile, open_dataset},
};

/// Show what a run file, a model or a raster holds
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Run file (.toml), model (.swath), or rasters to stack
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Changes one key of the run file, as `chips.size_px=64`; may be given more than once
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE")]
    overrides: Vec<String>,

    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let first = &args.files[0];
    let is = |kind: &str| args.files.len() == 1 && first.extension().is_some_and(|it| it == kind);
    if is("toml") {
        return of_run_file(&RunFile::load(first, &args.overrides)?, args.json);
    }
    if is("swath") {
        let bundle = Bundle::read(first)?;
        if args.json {
            return print(&serde_json::to_string_pretty(&bundle.header)?);
        }
        return print(&model_text(&bundle));
    }
    of_raster(&Raster::open(&args.files, &RasterOptions::default())?, args.json)
}

/// What a model wants to see and what it says, at most 80 columns wide but for long names.
fn model_text(bundle: &Bundle) -> String {
    let Bundle { header, state } = bundle;
    let Header { model, .. } = header;
    let n_values: usize = state.entries.iter().map(|it| it.values.len()).sum();
    let [width, height] = header.pixel_size;
    let mut text = format!(
        "run        {}\nmodel      {}-{} of width {}, {} numbers\n\
         windows    {} px, {} px shared with the next\npixel      {width} x {height}\n",
        header.name,
        name_of(&model.architecture),
        name_of(&model.encoder),
        model.width,
        grouped(n_values as u64),
        header.window_px,
        header.overlap_px,
    );
    for crs in &header.crs {
        text += &format!("crs        {crs}\n");
    }
    for (index, band) in header.bands.iter().enumerate() {
        text += &band_text(index, band);
    }
    for class in header.classes.iter() {
        text += &format!("class{:>6}  {}\n", class.code, class.name);
    }
    text
}

fn band_text(index: usize, band: &Band) -> String {
    let nodata = band.nodata.map_or(String::new(), |it| format!(", nodata {it}"));
    let scale = if band.scale == 1.0 && band.offset == 0.0 {
        String::new()
    } else {
        format!(", x {} + {}", band.scale, band.offset)
    };
    format!("band {:>5}  {}, {}{nodata}{scale}\n", index + 1, band.name, band.dtype)
}

fn of_run_file(run_file: &RunFile, json: bool) -> anyhow::Result<()> {
    let data = open_dataset(run_file)?;
    let audit = data.audit()?;
    if json {
        return print(&serde_json::to_string_pretty(&serde_json::json!({
            "version": 1,
            "scenes": data.scenes.iter().map(|it| it.name()).collect::<Vec<_>>(),
            "classes": data.classes(),
            "bands": data.bands(),
            "split": data.summary,
            "statistics": data.statistics,
            "distinct_windows": data.sampler.n_origins(),
            "chips_per_epoch": data.sampler.n_chips(),
            "audit": audit,
            "notes": data.notes(),
        }))?);
    }
    let mut text = format!(
        "{}{}\n{}\n",
        scenes_text(&data),
        notes_text(data.notes()),
        data.summary.text(data.classes())
    );
    text += "band                 mean        std        min        2 %       98 %        max\n";
    for (band, it) in data.bands().iter().zip(&data.statistics.bands) {
        let name: String = band.name.chars().take(14).collect();
        text += &format!(
            "{name:<14}{}\n",
            [it.mean, it.std, it.min, it.p2, it.p98, it.max].map(cell).concat()
        );
    }
    text += &format!(
        "\nchips      {} of {} px per epoch, from {} distinct windows\n",
        data.sampler.n_chips(),
        data.chip_px,
        grouped(data.sampler.n_origins())
    );
    text += &format!(
        "audit      {} training and {} evaluation windows share no pixel\n",
        grouped(audit.n_training_windows),
        grouped(audit.n_evaluation_windows)
    );
    print(&text)
}

/// A number in 11 characters, with six digits that count.
fn cell(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => "0".to_owned(),
        1e-3..1e7 => {
            let decimals = (5 - size.log10().floor() as i32).clamp(0, 6) as usize;
            format!("{value:.decimals$}")
        }
        _ => format!("{value:.3e}"),
    };
    format!("{text:>11}")
}

fn of_raster(raster: &Raster, json: bool) -> anyhow::Result<()> {
    let grid = raster.grid();
    if json {
        return print(&serde_json::to_string_pretty(&serde_json::json!({
            "version": 1,
            "rows": grid.rows,
            "cols": grid.cols,
            "pixel_size": grid.pixel_size(),
            "bounds": grid.bounds(),
            "crs": grid.crs.name(),
            "bands": raster.bands(),
            "largest_block_bytes": raster.largest_block_bytes(),
        }))?);
    }
    let [width, height] = grid.pixel_size();
    let unit = grid.crs.unit_name();
    let mut text = format!(
        "size       {} rows x {} columns\npixel      {width} x {height} {unit}\nbounds     {:?}\n\
         crs        {}\nblock      {} bytes at most\n",
        grid.rows,
        grid.cols,
        grid.bounds(),
        grid.crs.name(),
        grouped(raster.largest_block_bytes()),
    );
    for (index, band) in raster.bands().iter().enumerate() {
        text += &band_text(index, band);
    }
    for note in raster.notes() {
        text += &format!("note       {note}\n");
    }
    print(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_apart_and_their_digits() {
        for (value, text) in [
            (0.0, "0"),
            (80.92451, "80.9245"),
            (-65535.0, "-65535.0"),
            (97_121_115.15, "9.712e7"),
            (2e-5, "2.000e-5"),
            (0.0012345678, "0.001235"),
        ] {
            assert_eq!(cell(value), format!("{text:>11}"));
            assert!(cell(value).starts_with(' '));
        }
    }
}
