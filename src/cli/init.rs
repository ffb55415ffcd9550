//! `swath init`: from rasters to a run file that trains as it is.

use std::path::{Path, PathBuf};

use super::common::{print, shown, tell, typed};
use crate::{
    Error,
    chip::{BlockGrid, ChipsConfig, SplitConfig, count_classes},
    label::{Class, FoundClasses, classes_of},
    raster::{RasterOptions, write_atomically},
    run::{RunFile, commented},
    scene::{DataConfig, ImageList, Scene, SceneConfig, SceneFiles},
};

/// Chip sizes to choose from, in pixels.
const CHIP_SIZES: [u32; 4] = [256, 128, 64, 32];

/// A split needs at least this many blocks to be worth its name.
const MIN_BLOCKS: u64 = 16;

/// Labels are counted in squares of this side, in pixels.
const READ_PX: u32 = 512;

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

    /// Print what was found and the path of the run file as JSON on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if args.output.exists() && !args.force {
        anyhow::bail!("{} is there already; --force replaces it", args.output.display());
    }
    let found = classes_of(&args.labels)?;
    let scene = open_scene(args, &found)?;
    for note in scene.notes() {
        tell(&note);
    }
    let grid = scene.grid();
    tell(&format!(
        "image   {} rows x {} columns, {} bands",
        grid.rows,
        grid.cols,
        scene.image().bands().len()
    ));
    let (classes, ignore) = trainable(&scene, found)?;

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
            ignore,
            classes,
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
        weights: Default::default(),
        loss: Default::default(),
        optimizer: Default::default(),
        schedule: Default::default(),
        lr_find: Default::default(),
        train: Default::default(),
        predict: Default::default(),
        about: Default::default(),
    };
    run_file.check()?;
    write_atomically(&args.output, commented(&run_file).as_bytes())?;
    tell(&format!("wrote   {}", shown(&args.output)));
    tell(&format!("next    swath info {0}   or   swath train {0}", typed(&args.output)));
    if args.json {
        print(&serde_json::to_string_pretty(&serde_json::json!({
            "version": 1,
            "run_file": args.output,
            "rows": grid.rows,
            "cols": grid.cols,
            "bands": scene.image().bands(),
            "classes": run_file.data.classes,
            "ignore": run_file.data.ignore,
            "chip_px": size_px,
        }))?)?;
    }
    Ok(())
}

/// Image and labels as training would read them.
fn open_scene(args: &Args, found: &FoundClasses) -> crate::Result<Scene> {
    let files = SceneFiles {
        name: String::new(),
        images: args.images.clone(),
        labels: Some(args.labels.clone()),
        role: None,
    };
    Scene::open(&files, &RasterOptions::default(), &found.classes, &found.ignore)
}

/// The classes that occur where the image has data, and the codes of all others.
fn trainable(scene: &Scene, found: FoundClasses) -> crate::Result<(Vec<Class>, Vec<i64>)> {
    let grid = scene.grid();
    let blocks = BlockGrid::new(grid.rows, grid.cols, READ_PX);
    let counts = count_classes(&blocks, found.classes.len(), |window| scene.read(window))?;
    let n_of = |index: usize| counts.iter().map(|block| block.classes[index]).sum::<u64>();
    let (mut classes, mut ignore) = (Vec::new(), found.ignore);
    for code in &ignore {
        tell(&format!("ignored {code:>5}"));
    }
    for (index, class) in Vec::from(found.classes).into_iter().enumerate() {
        let Class { code, name, .. } = &class;
        let n_pixels = n_of(index);
        if n_pixels == 0 {
            tell(&format!("ignored {code:>5}  {name:<24} no pixel where the image has data"));
            ignore.push(i64::from(*code));
        } else {
            tell(&format!("class   {code:>5}  {name:<24} {n_pixels} px"));
            classes.push(class);
        }
    }
    if classes.is_empty() {
        let wanted = "at least one; check nodata and labels";
        return Err(Error::data("pixels with both data and a label", "none", wanted));
    }
    Ok((classes, ignore))
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
    use crate::raster::fixture::Fixture;

    /// Codes 1 and 2 in halves, and code 3 in the first row, where the image has no data.
    #[test]
    fn a_class_without_a_valid_pixel_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let image: Vec<u8> = (0..64 * 96).map(|it| u8::from(96 <= it)).collect();
        let label = |it: u32| if it < 96 { 3 } else { 1 + (it % 96 / 48) as u8 };
        let fixture = Fixture::new(64, 96);
        fixture.clone().nodata("0").write(&path("image.tif"), &image);
        fixture.write(&path("labels.tif"), &(0..64 * 96).map(label).collect::<Vec<u8>>());
        let output = path("run.toml");
        run(&Args {
            images: vec![path("image.tif")],
            labels: path("labels.tif"),
            output: output.clone(),
            name: None,
            force: false,
            json: false,
        })
        .unwrap();
        let run_file = RunFile::load(&output, &[]).unwrap();
        let codes: Vec<u16> = run_file.data.classes.iter().map(|class| class.code).collect();
        assert_eq!((codes, run_file.data.ignore.clone()), (vec![1, 2], vec![3]));
        crate::run::open_dataset(&run_file).unwrap();
    }

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
