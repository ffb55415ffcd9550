//! `swath init`: from rasters to a run file that trains as it is.

use std::path::{Path, PathBuf};

use super::common::{shown, tell};
use crate::{
    Error,
    chip::{ChipsConfig, SplitConfig},
    label::classes_of,
    raster::{Raster, RasterOptions, write_atomically},
    run::{RunFile, commented},
    scene::{DataConfig, ImageList, SceneConfig},
};

/// Chip sizes to choose from, in pixels.
const CHIP_SIZES: [u32; 4] = [256, 128, 64, 32];

/// A split needs at least this many blocks to be worth its name.
const MIN_BLOCKS: u64 = 16;

/// Inspect rasters and labels, and write a commented run file that trains as it is
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Image; several are stacked as the bands of one scene, in this order
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,

    /// Raster of class codes on the same grid
    #[arg(short, long, value_name = "FILE")]
    labels: PathBuf,

    /// Run file to write
    #[arg(short, long, value_name = "FILE", default_value = "run.toml")]
    output: PathBuf,

    /// Name of the run [default: that of the first image]
    #[arg(long)]
    name: Option<String>,

    /// Replace the run file if it is there already
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if args.output.exists() && !args.force {
        anyhow::bail!("{} is there already; --force replaces it", args.output.display());
    }
    let raster = Raster::open(&args.images, &RasterOptions::default())?;
    let labels = Raster::open(std::slice::from_ref(&args.labels), &RasterOptions::default())?;
    if let Some((what, left_value, right_value)) = raster.grid().difference(labels.grid()) {
        let (left, right) = (args.images[0].clone(), args.labels.clone());
        return Err(Error::Mismatch { left, right, what, left_value, right_value }.into());
    }
    for note in raster.notes() {
        tell(note);
    }
    let found = classes_of(&args.labels)?;
    let grid = raster.grid();
    tell(&format!(
        "image   {} rows x {} columns, {} bands",
        grid.rows,
        grid.cols,
        raster.bands().len()
    ));
    for class in found.classes.iter() {
        let n_pixels = found.counts.get(&i64::from(class.code)).copied().unwrap_or(0);
        tell(&format!("class   {:>5}  {:<24} {n_pixels} px", class.code, class.name));
    }
    for code in &found.ignore {
        tell(&format!("ignored {code:>5}"));
    }

    let (size_px, split) = sizes(grid.rows, grid.cols);
    let paths: Vec<String> =
        args.images.iter().map(|it| relative(it, &args.output)).collect::<Result<_, _>>()?;
    let images = match paths.as_slice() {
        [path] => ImageList::One(path.clone()),
        _ => ImageList::Many(paths),
    };
    let stem = args.images[0].file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let run_file = RunFile {
        name: args.name.clone().unwrap_or(stem),
        seed: 42,
        data: DataConfig {
            ignore: found.ignore,
            classes: found.classes.into(),
            scenes: vec![SceneConfig {
                images,
                labels: Some(relative(&args.labels, &args.output)?),
                role: None,
            }],
            ..DataConfig::default()
        },
        chips: ChipsConfig { size_px, ..ChipsConfig::default() },
        split,
        augment: Default::default(),
        model: Default::default(),
        loss: Default::default(),
        optimizer: Default::default(),
        schedule: Default::default(),
        train: Default::default(),
        predict: Default::default(),
    };
    run_file.check()?;
    write_atomically(&args.output, commented(&run_file).as_bytes())?;
    tell(&format!("wrote   {}", shown(&args.output)));
    tell(&format!("next    swath info {0}   or   swath train {0}", shown(&args.output)));
    Ok(())
}

/// The chip size and the split of a raster: the largest chips of which there are enough blocks,
/// twice as wide; in a small raster blocks as wide as a chip, which windows may reach across.
fn sizes(rows: u32, cols: u32) -> (u32, SplitConfig) {
    let enough = |block: u32| {
        let n = |length: u32| u64::from(length / block);
        MIN_BLOCKS <= n(rows) * n(cols)
    };
    if let Some(&size) = CHIP_SIZES[..3].iter().find(|&&size| enough(2 * size)) {
        return (size, SplitConfig::default());
    }
    let size = CHIP_SIZES.iter().copied().find(|&size| enough(size));
    let size = size.unwrap_or(CHIP_SIZES[3].min(rows.min(cols) / 4)).max(1);
    (size, SplitConfig { block_px: Some(size), hide: true, ..SplitConfig::default() })
}

/// `path` as the run file at `output` would name it: relative to its folder where it lies below.
fn relative(path: &Path, output: &Path) -> anyhow::Result<String> {
    let canonical = |path: &Path| std::fs::canonicalize(path).map_err(Error::io("find", path));
    let full = canonical(path)?;
    let folder = output.parent().filter(|it| *it != Path::new("")).unwrap_or(Path::new("."));
    let shortest = full.strip_prefix(canonical(folder)?).unwrap_or(&full);
    Ok(shortest.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chip_leaves_enough_blocks_for_a_split() {
        for ((rows, cols), size, block) in [
            ((5000, 5000), 256, None),
            ((1024, 1024), 128, None),
            ((443, 489), 64, Some(64)),
            ((20, 300), 5, Some(5)),
        ] {
            let (found, split) = sizes(rows, cols);
            assert_eq!((found, split.block_px), (size, block), "{rows} x {cols}");
        }
    }
}
