//! Small scenes made by code, whole runs through the library, and the command line.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use burn::tensor::Device;
use swath::{
    label::IGNORE,
    predict::legend,
    raster::{Affine, Crs, Grid, MapLayout, MapSample, MapWriter},
    run::{Environment, Run, RunFile, open_dataset},
    scene::{BAND_NAMES, SyntheticScene, synthetic_classes, synthetic_scene},
    train::{Event, Observer, RunFolder},
};

/// Size of the usual scene: 4 x 5 blocks of 32 px and a rest, so that nothing fits by chance.
pub const ROWS: usize = 140;
pub const COLS: usize = 171;

/// A run on `image.tif` and `labels.tif` that takes less than a second.
pub const RUN_FILE: &str = r#"
name = "tiny"
seed = 7

[data]
nodata = 0.0
ignore = [0]

[[data.scene]]
images = "image.tif"
labels = "labels.tif"

[split]
block_px = 32

[chips]
size_px = 32
per_epoch = 10

[model]
encoder = "resnet18"
width = 4

[optimizer]
lr = 3e-3

[train]
epochs = 2
batch = 4
"#;

/// A north-up grid off the origin, 10 m pixels, EPSG:32632.
pub fn grid(rows: usize, cols: usize) -> Grid {
    Grid {
        rows: rows as u32,
        cols: cols as u32,
        affine: Affine::north_up([500_000.0, 5_400_000.0], [10.0, 10.0]),
        crs: Crs::from_epsg(32632),
    }
}

/// The usual scene: five bands, five classes, clouds.
pub fn scene() -> SyntheticScene {
    synthetic_scene(ROWS, COLS, 1)
}

/// Label codes of a scene, 0 where it has none.
pub fn codes(scene: &SyntheticScene) -> Vec<u8> {
    let classes = synthetic_classes();
    let code = |&label: &u8| match label {
        IGNORE => 0,
        label => classes.class(label.into()).code as u8,
    };
    scene.labels.iter().map(code).collect()
}

/// Writes a raster of bands `blue`, `green` ... with `values`, `[band, row, col]`.
pub fn write_image<T: MapSample>(path: &Path, grid: &Grid, nodata: Option<f64>, values: &[T]) {
    let n_bands = values.len() / grid.full_window().n_pixels();
    let band_names = BAND_NAMES[..n_bands].iter().map(|&it| it.to_owned()).collect();
    write(path, grid, MapLayout { band_names, nodata, legend: Vec::new() }, values);
}

/// Writes a raster of class codes, 0 for no label, with the names and colours of the usual scene.
pub fn write_labels<T: MapSample>(path: &Path, grid: &Grid, codes: &[T]) {
    let legend = legend(&synthetic_classes());
    let layout = MapLayout { band_names: vec!["class".to_owned()], nodata: Some(0.0), legend };
    write(path, grid, layout, codes);
}

fn write<T: MapSample>(path: &Path, grid: &Grid, layout: MapLayout, values: &[T]) {
    let mut writer = MapWriter::create(path, grid, layout).unwrap();
    writer.write_rows(0, values).unwrap();
    writer.finish().unwrap();
}

/// A new folder with the usual scene as `image.tif`, `labels.tif` and [`RUN_FILE`] as `run.toml`.
pub fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_scene(folder.path(), &scene());
    folder
}

/// A site with a finished run in `run`, whose run file says where it is.
pub fn site_with_run() -> tempfile::TempDir {
    let site = site();
    let path = site.path().join("run.toml");
    let about = "\n[about]\nstudy_area = \"A valley | by a river\"\n";
    fs::write(&path, fs::read_to_string(&path).unwrap() + about).unwrap();
    swath_ok(site.path(), &["train", "run.toml", "-o", "run"]);
    site
}

/// Writes `image.tif`, `labels.tif` and `run.toml` of a scene.
pub fn write_scene(folder: &Path, scene: &SyntheticScene) {
    let grid = grid(scene.rows, scene.cols);
    write_image(&folder.join("image.tif"), &grid, Some(0.0), &scene.values);
    write_labels(&folder.join("labels.tif"), &grid, &codes(scene));
    fs::write(folder.join("run.toml"), RUN_FILE).unwrap();
}

/// What a training leaves to its caller: stops after `stop_after` steps of this start, and calls
/// `at_step` with the number of every step.
pub struct Watch<'a> {
    pub stop_after: u64,
    pub at_step: &'a mut dyn FnMut(u64),
    pub n_steps: u64,
}

impl Observer for Watch<'_> {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Step { row, .. } = event {
            self.n_steps += 1;
            (self.at_step)(row.step);
        }
    }

    fn stops(&mut self) -> bool {
        self.n_steps == self.stop_after
    }

    fn seconds(&self) -> f64 {
        self.n_steps as f64 // Any clock will do; this one differs from start to start.
    }
}

/// Begins the run of `run.toml` in `folder`, with `overrides`, in its subfolder `out`.
pub fn begin(folder: &Path, out: &str, overrides: &[&str]) -> Run {
    let overrides: Vec<String> = overrides.iter().map(|&it| it.to_owned()).collect();
    let run_file = RunFile::load(&folder.join("run.toml"), &overrides).unwrap();
    let data = open_dataset(&run_file).unwrap();
    let make_folder = || RunFolder::create(&folder.join(out));
    let environment = Environment::here(1, "cpu");
    let started = "2026-01-31T12:00:00Z".to_owned();
    Run::create(run_file, data, make_folder, environment, started, Device::flex()).unwrap()
}

/// Trains until `stop_after` steps are taken, or to the end.
pub fn train(run: &mut Run, stop_after: Option<u64>) -> swath::Result<()> {
    let stop_after = stop_after.unwrap_or(u64::MAX);
    run.train(&mut Watch { stop_after, at_step: &mut |_| (), n_steps: 0 })?.finish()
}

/// Does `work` in a thread pool of `n_threads`.
pub fn on_threads<T: Send>(n_threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(work)
}

/// `history.csv` without its last three columns, which tell times.
pub fn history(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("history.csv")).unwrap();
    let untimed = |line: &str| line.rsplitn(4, ',').last().unwrap().to_owned();
    text.lines().map(untimed).collect()
}

/// Every file below a folder, by its path relative to it.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            if path.is_dir() {
                found.insert(name.join(""), Vec::new());
                folders.push(path);
            } else {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// The command, its working folder being `folder`.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swath"));
    command.current_dir(folder).args(args);
    command
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Runs the command to its end.
pub fn swath(folder: &Path, args: &[&str]) -> Ended {
    command(folder, args).output().unwrap().into()
}

/// Runs the command, which must succeed, and returns what it prints.
#[track_caller]
pub fn swath_ok(folder: &Path, args: &[&str]) -> String {
    let ended = swath(folder, args);
    assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
    ended.stdout
}

/// Runs the command, which must fail with `code`, say why in one line that holds all `parts`, and
/// leave the folder as it was.
#[track_caller]
pub fn check_refused(folder: &Path, args: &[&str], code: i32, parts: &[&str]) {
    let before = files(folder);
    let ended = swath(folder, args);
    let context = format!("{args:?} ended with {:?} and said: {}", ended.code, ended.stderr);
    assert_eq!(ended.code, Some(code), "{context}");
    assert!(!ended.stderr.contains("panicked"), "{context}");
    let errors: Vec<&str> = ended.stderr.lines().filter(|it| it.starts_with("error: ")).collect();
    assert!(errors.len() == 1 && ended.stderr.lines().last() == Some(errors[0]), "{context}");
    for part in parts {
        assert!(errors[0].contains(part), "no `{part}`: {context}");
    }
    let after = files(folder);
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after), "{context}");
    assert!(before == after, "a file changed: {context}");
}
