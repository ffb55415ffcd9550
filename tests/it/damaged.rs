//! Run folders that were damaged, and outputs that would damage something.

use std::{fs, thread, time::Duration};

use burn::tensor::Device;
use swath::{
    Error,
    run::{Environment, Run},
};

use crate::support::{Watch, begin, check_refused, history, site, swath, swath_ok, train};

/// Stopped in the second epoch, when there is a best one.
fn stopped() -> tempfile::TempDir {
    let site = site();
    let ended = train(&mut begin(site.path(), "run", &[]), Some(4));
    assert!(matches!(ended, Err(Error::Interrupted)), "{ended:?}");
    site
}

#[test]
fn a_damaged_last_checkpoint_falls_back_to_the_one_before() {
    let site = stopped();
    let mut whole = begin(site.path(), "whole", &[]);
    train(&mut whole, None).unwrap();
    let last = site.path().join("run/checkpoints/last.safetensors");
    let mut bytes = fs::read(&last).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&last, bytes).unwrap();
    let ended = swath(site.path(), &["resume", "run"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("going on from the checkpoint before it"), "{}", ended.stderr);
    let [run, whole] = ["run", "whole"].map(|it| site.path().join(it));
    assert_eq!(history(&run), history(&whole));
    for name in ["model.swath", "steps.csv"] {
        assert!(fs::read(run.join(name)).unwrap() == fs::read(whole.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn what_a_run_fell_back_to_is_kept_until_there_is_a_better_one() {
    let site = stopped();
    let mut whole = begin(site.path(), "whole", &[]);
    train(&mut whole, None).unwrap();
    let path = |name: &str| site.path().join(format!("run/checkpoints/{name}.safetensors"));
    let open = || Run::open(&site.path().join("run"), Device::flex()).unwrap();
    // A checkpoint that is lost twice, before and after the run has written another.
    for _ in 0..2 {
        fs::write(path("last"), "damaged").unwrap();
        assert!(matches!(train(&mut open(), Some(1)), Err(Error::Interrupted)));
        for name in ["last", "previous"] {
            assert!(1000 < fs::read(path(name)).unwrap().len(), "{name}");
        }
    }
    train(&mut open(), None).unwrap();
    let model = |run: &str| fs::read(site.path().join(run).join("model.swath")).unwrap();
    assert!(model("run") == model("whole"));
}

#[test]
fn checkpoints_come_by_the_clock_across_epochs() {
    let site = site();
    let settings = ["train.epochs=4", "train.checkpoint_every=9", "train.checkpoint_minutes=0.075"];
    let mut run = begin(site.path(), "run", &settings);
    let last = site.path().join("run/checkpoints/last.safetensors");
    let mut there = Vec::new();
    // The clock of a watch shows the number of steps before: 4.5 seconds are over at the sixth. The
    // file is written while the training goes on.
    let at_step = &mut |_| {
        let tries = if there.len() < 5 { 1 } else { 1000 };
        let is_there = (0..tries).any(|_| {
            thread::sleep(Duration::from_millis(10));
            last.exists()
        });
        there.push(is_there);
    };
    run.train(&mut Watch { stop_after: u64::MAX, at_step, n_steps: 0 }).unwrap();
    assert_eq!(there.iter().position(|it| *it), Some(5), "{there:?}");
}

#[test]
fn a_damaged_checkpoint_is_refused_before_training() {
    for name in ["best", "last"] {
        let site = stopped();
        // Without one to fall back to.
        fs::remove_file(site.path().join("run/checkpoints/previous.safetensors")).unwrap();
        let path = site.path().join(format!("run/checkpoints/{name}.safetensors"));
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        let steps = fs::read(site.path().join("run/steps.csv")).unwrap();
        for damaged in [Some(bytes), None] {
            match &damaged {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None if name == "best" => fs::remove_file(&path).unwrap(),
                None => continue, // Without a last one training begins anew.
            }
            let mut run = Run::open(&site.path().join("run"), Device::flex()).unwrap();
            let error = train(&mut run, None).unwrap_err().to_string();
            assert!(error.contains(&format!("{name}.safetensors")), "{error}");
            assert_eq!(fs::read(site.path().join("run/steps.csv")).unwrap(), steps, "{error}");
        }
        fs::write(&path, whole).unwrap();
        train(&mut Run::open(&site.path().join("run"), Device::flex()).unwrap(), None).unwrap();
    }
}

#[test]
fn damaged_best_weights_are_taken_from_another_file_of_their_epoch() {
    for (setting, stop) in [("train.epochs=1", None), ("train.keep_best=2", Some(4))] {
        let site = site();
        train(&mut begin(site.path(), "whole", &[setting]), None).unwrap();
        let ended = train(&mut begin(site.path(), "run", &[setting]), stop);
        assert_eq!(ended.is_ok(), stop.is_none());
        fs::write(site.path().join("run/checkpoints/best.safetensors"), "damaged").unwrap();
        let ended = swath(site.path(), &["resume", "run"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let told = "the best weights, of epoch 1, are also in ";
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        let model = |run: &str| fs::read(site.path().join(run).join("model.swath")).unwrap();
        assert!(model("run") == model("whole"), "{setting}");
    }
}

#[test]
fn what_to_do_without_the_best_weights_is_said_and_leads_to_the_same_bits() {
    let site = stopped();
    train(&mut begin(site.path(), "whole", &[]), None).unwrap();
    fs::remove_file(site.path().join("run/checkpoints/best.safetensors")).unwrap();
    let parts = ["best.safetensors", "of epoch 1, which no other file holds", "the beginning"];
    check_refused(site.path(), &["resume", "run"], 1, &parts);
    for name in ["last", "previous"] {
        let path = site.path().join(format!("run/checkpoints/{name}.safetensors"));
        fs::remove_file(path).unwrap();
    }
    swath_ok(site.path(), &["resume", "run"]);
    let model = |run: &str| fs::read(site.path().join(run).join("model.swath")).unwrap();
    assert!(model("run") == model("whole"));
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_become_so_large_is_an_error_that_names_it() {
    let site = site();
    let site = site.path();
    swath_ok(site, &["train", "run.toml", "-o", "whole"]);
    let script = format!(
        "ulimit -f 16; exec {} train run.toml -o run \
         --set train.checkpoint_steps=1",
        env!("CARGO_BIN_EXE_swath")
    );
    let mut limited = std::process::Command::new("sh");
    let ended = limited.current_dir(site).args(["-c", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("error: ") && last.contains("last.safetensors"), "{said}");
    assert!(last.contains("File too large"), "{said}");
    let left = fs::read_dir(site.join("run/checkpoints")).unwrap();
    let left: Vec<_> = left.map(|it| it.unwrap().file_name()).collect();
    assert!(left.iter().all(|it| it == ".lock" || it == "run.toml"), "{left:?}");
    swath_ok(site, &["resume", "run"]);
    for name in ["model.swath", "steps.csv", "metrics.json"] {
        let [run, whole] = ["run", "whole"].map(|it| fs::read(site.join(it).join(name)).unwrap());
        assert!(run == whole, "{name}");
    }
}

#[test]
fn a_run_is_resumed_by_one_process_at_a_time() {
    let site = stopped();
    let path = site.path().join("run");
    let here = Environment::here(1, "cpu");
    let first = Run::resume(&path, &here, Device::flex()).unwrap();
    let second = Run::resume(&path, &here, Device::flex()).err().unwrap().to_string();
    assert!(second.contains("a training that is going on there"), "{second}");
    let args = ["train", "run.toml", "-o", "run", "--force"];
    check_refused(site.path(), &args, 1, &["a training that is going on there"]);
    drop(first);
    Run::resume(&path, &here, Device::flex()).unwrap();
}

#[test]
fn neither_run_file_nor_model_is_overwritten() {
    let site = site();
    let args = ["train", "run.toml", "-o", ".", "--force"];
    check_refused(site.path(), &args, 1, &["run.toml is the run file itself"]);
    swath_ok(site.path(), &["train", "run.toml", "-o", "run"]);
    let args = ["predict", "run/model.swath", "image.tif", "-o", "run/model.swath", "--overwrite"];
    check_refused(site.path(), &args, 1, &["is the model"]);
}
