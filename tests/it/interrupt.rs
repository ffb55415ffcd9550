//! Work that is stopped in the middle.

#[cfg(unix)]
use std::{
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use burn::tensor::Device;
use swath::{
    Error,
    bundle::Bundle,
    predict::{MapOutputs, predict_map},
    raster::{Raster, RasterOptions},
    run::{Manifest, Status},
    train::{Event, Observer, Silent},
};

use crate::support::{begin, files, site, train};

/// Long enough for a slow machine to notice a signal in.
#[cfg(unix)]
const LONG: [&str; 6] =
    ["--set", "train.epochs=60", "--set", "train.validate_every=60", "--threads", "1"];

#[cfg(unix)]
#[test]
fn an_interrupted_training_exits_with_130_and_resumes_to_its_end() {
    use crate::support::{Ended, command, swath_ok};

    let site = site();
    let args = [&["train", "run.toml", "-o", "run"], &LONG[..]].concat();
    let mut command = command(site.path(), &args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let steps = site.path().join("run/steps.csv");
    let n_steps = || std::fs::read_to_string(&steps).map_or(0, |it| it.lines().count() - 1);
    let began = Instant::now();
    while n_steps() < 4 {
        assert!(began.elapsed() < Duration::from_secs(60), "no step after a minute");
        sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("swath resume run"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);

    let run = site.path().join("run");
    let status = || Manifest::read(&run.join("manifest.json")).unwrap().status;
    assert_eq!(status(), Status::Interrupted);
    assert!(!run.join("model.swath").exists());
    assert!(n_steps() < 60 * 3, "the training was not interrupted");

    swath_ok(site.path(), &["resume", "run"]);
    assert_eq!((status(), n_steps()), (Status::Done, 60 * 3));
    assert!(run.join("metrics.json").exists() && run.join("report.html").exists());
}

/// Stops the final evaluation.
struct Impatient;

impl Observer for Impatient {
    fn event(&mut self, _event: Event<'_>) {}

    fn stops(&mut self) -> bool {
        true
    }

    fn seconds(&self) -> f64 {
        0.0
    }
}

#[test]
fn an_evaluation_that_is_stopped_writes_no_figures_and_can_be_done_again() {
    let site = site();
    let mut run = begin(site.path(), "run", &[]);
    train(&mut run, None).unwrap();
    let ended = run.evaluate(&mut Impatient);
    assert!(matches!(ended, Err(Error::Interrupted)), "{ended:?}");
    let file = |name: &str| site.path().join("run").join(name);
    let status = || Manifest::read(&file("manifest.json")).unwrap().status;
    assert_eq!(status(), Status::Interrupted);
    assert!(!file("metrics.json").exists() && !file("confusion.csv").exists());
    run.evaluate(&mut Silent).unwrap();
    assert_eq!(status(), Status::Done);
    assert!(file("metrics.json").exists() && file("confusion.csv").exists());
}

#[test]
fn a_prediction_that_is_stopped_leaves_nothing_behind() {
    let site = site();
    let mut run = begin(site.path(), "run", &[]);
    train(&mut run, None).unwrap();
    let bundle = Bundle::read(&run.folder.model()).unwrap();
    let predictor = bundle.predictor(&Device::flex()).unwrap();
    let path = |name: &str| site.path().join(name);
    let raster = Raster::open(&[path("image.tif")], &RasterOptions::default()).unwrap();
    let outputs = MapOutputs {
        classes: path("map.tif"),
        confidence: Some(path("confidence.tif")),
        probabilities_u8: Some(path("probabilities.tif")),
        probabilities_f32: Some(path("exact.tif")),
    };
    let before = files(site.path());
    let all = raster.grid().full_window();
    for stop in [1, 70, all.rows] {
        let progress = |n_rows| if n_rows == stop { Err(Error::Interrupted) } else { Ok(()) };
        let ended = predict_map(&bundle.header, &predictor, &raster, all, &outputs, progress);
        assert!(matches!(ended, Err(Error::Interrupted)), "{ended:?}");
        assert!(before == files(site.path()), "stopped at row {stop}");
    }
    predict_map(&bundle.header, &predictor, &raster, all, &outputs, |_| Ok(())).unwrap();
    assert!(path("map.tif").exists() && path("exact.tif").exists());
}
