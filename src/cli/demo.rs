//! `swath demo`: the whole way on a real scene.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{
    common::{check_interrupt, shown, tell},
    synthetic,
    train::{Options, train},
};
use crate::{
    Error,
    bundle::Bundle,
    predict::{MapOutputs, predict_map},
    run::{Run, RunFile},
};

/// Where the demo's run file lies in the source repository.
const RUN_FILE: &str = "data/nc_landsat7/demo.toml";

/// Train on a Landsat 7 scene, map it and report, offline
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Folder with demo.toml and its rasters, if not data/nc_landsat7
    #[arg(long, value_name = "DIR", conflicts_with = "synthetic")]
    data: Option<PathBuf>,

    /// Train on a scene made by code instead of the Landsat scene
    #[arg(long)]
    synthetic: bool,

    /// Changes one key of the demo's run file, as `train.epochs=10`; may be given more than once
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE")]
    overrides: Vec<String>,

    /// Folder for everything that the demo writes [default: swath-demo, or
    /// swath-demo-synthetic]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    options: Options,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let name = if args.synthetic { "swath-demo-synthetic" } else { "swath-demo" };
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(name));
    args.options.check_folder(&folder)?;
    let path = if args.synthetic {
        let folder = PathBuf::from(format!("{}-scene", folder.display()));
        args.options.compute.install(|| synthetic::write_scene(&folder))?
    } else {
        find_run_file(args.data.as_deref())?
    };
    let run_file = RunFile::load(&path, &args.overrides)?;
    let Some(run) = train(run_file, folder, &args.options)? else { return Ok(()) };
    args.options.compute.install(|| map(&run, args))
}

/// Maps the first scene of the run.
fn map(run: &Run, args: &Args) -> anyhow::Result<()> {
    let bundle = Bundle::read(&run.folder.model())?;
    let predictor = bundle.predictor(&args.options.compute.device()?)?;
    let image = run.data.scenes.scene(0).image();
    let path = run.folder.path().join("map.tif");
    let outputs = MapOutputs { classes: path.clone(), ..MapOutputs::default() };
    let full = image.grid().full_window();
    predict_map(&bundle.header, &predictor, image, full, &outputs, |_| check_interrupt())?;
    tell(&format!("map     {}", shown(&path)));
    Ok(())
}

/// The demo's run file: in the given folder, below the working folder, or beside the program's
/// sources.
fn find_run_file(folder: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(folder) = folder {
        let path = folder.join("demo.toml");
        let found = path.is_file().then_some(path);
        return found.with_context(|| format!("{} holds no demo.toml", folder.display()));
    }
    let program = env::current_exe().unwrap_or_default();
    let mut folders: Vec<PathBuf> = vec![PathBuf::new()];
    folders.extend(env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from));
    folders.extend(program.ancestors().skip(1).map(Path::to_owned));
    let found = folders.into_iter().map(|it| it.join(RUN_FILE)).find(|it| it.is_file());
    found.ok_or_else(|| {
        let wanted = "the folder data/nc_landsat7 of the source repository (give it with --data), \
                      or --synthetic for a scene made by code";
        Error::data("demo data", "none here", wanted).into()
    })
}
