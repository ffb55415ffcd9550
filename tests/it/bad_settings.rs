//! Settings that cannot be used, and places that cannot be written to.

use std::fs;

use crate::support::{RUN_FILE, check_refused, site, swath_ok};

/// Trains with one setting, which must be refused as wrong usage with all `parts`.
#[track_caller]
fn check(setting: &str, parts: &[&str]) {
    let site = site();
    check_refused(site.path(), &["train", "run.toml", "-o", "run", "--set", setting], 2, parts);
}

#[test]
fn unknown_keys_get_the_nearest_known_one() {
    check("chips.sise_px=32", &["`chips.sise_px` = 32", "did you mean `size_px`"]);
    check("chip.size_px=32", &["`chip`", "did you mean `chips`"]);
    check("data.scene.0.image=x", &["`data.scene.image`", "did you mean `images`"]);
    check("zzz=1", &["`zzz` = 1", "`swath schema` lists them all"]);
}

#[test]
fn values_out_of_range_are_refused_by_key() {
    for (setting, key) in [
        ("name=..", "name"),
        ("name=a/b", "name"),
        ("name=a?", "name"),
        ("schedule.drop_prob.kind=linear", "schedule.drop_prob"),
        ("chips.size_px=0", "chips.size_px"),
        ("chips.size_px=100000", "chips.size_px"),
        ("chips.per_epoch=0", "chips.per_epoch"),
        ("chips.per_epoch=4000000000", "chips.per_epoch"),
        ("chips.fraction=0", "chips.fraction"),
        ("chips.fraction=1.5", "chips.fraction"),
        ("split.block_px=0", "split.block_px"),
        ("split.validation=1.2", "split.validation"),
        ("split.validation=0.9", "split"),
        ("split.test=-0.1", "split.test"),
        ("split.test=[[1, 2]]", "split.test"),
        ("augment.contrast=1.0", "augment.contrast"),
        ("augment.brightness=-1", "augment.brightness"),
        ("model.width=0", "model.width"),
        ("model.width=1024", "model.width"),
        ("loss.class_weights=[1, 2]", "loss.class_weights"),
        ("loss.class_weights=[1, 1, 1, 1, -1]", "loss.class_weights"),
        ("loss.label_smoothing=1", "loss.label_smoothing"),
        ("optimizer.lr=0", "optimizer.lr"),
        ("optimizer.lr=nan", "optimizer.lr"),
        ("optimizer.lr=inf", "optimizer.lr"),
        ("split.buffer_px=500", "split.buffer_px"),
        ("data.nodata=1e300", "data.nodata"),
        ("optimizer.weight_decay=-1", "optimizer.weight_decay"),
        ("schedule.pct_start=2.0", "schedule.pct_start"),
        ("schedule.warmup_steps=6", "schedule.warmup_steps"),
        ("train.accumulate=0", "train.accumulate"),
        ("train.accumulate=[[2, 4]]", "train.accumulate"),
        ("train.early_stopping.patience=0", "train.early_stopping.patience"),
        ("train.ema.decay=1", "train.ema.decay"),
        ("train.keep_best=0", "train.keep_best"),
        ("train.clip_value=0", "train.clip_value"),
        ("train.checkpoint_steps=0", "train.checkpoint_steps"),
        ("train.checkpoint_minutes=-1", "train.checkpoint_minutes"),
        ("train.freeze=[{names='encodr'}]", "encoder"),
        ("train.freeze=[{names='encoder', from_epoch=2}]", "train.freeze.from_epoch"),
        ("optimizer.alpha=1", "optimizer.alpha"),
        ("schedule.div_factor=0", "schedule.div_factor"),
        ("train.epochs=0", "train.epochs"),
        ("train.batch=0", "train.batch"),
        ("train.batch=1", "train.batch"),
        ("train.batch=1000000", "train.batch"),
        ("train.epochs=4000000000", "train.epochs"),
        ("train.clip_norm=0", "train.clip_norm"),
        ("train.validate_every=0", "train.validate_every"),
        ("train.checkpoint_every=0", "train.checkpoint_every"),
        ("predict.size_px=0", "predict.size_px"),
        ("predict.overlap_px=17", "predict.overlap_px"),
        ("data.max_block_mib=0", "data.max_block_mib"),
        ("data.scene=[]", "data.scene"),
        ("name=a/b", "name"),
        ("name=", "name"),
    ] {
        check(setting, &["config `", &format!("`{key}`")]);
    }
}

#[test]
fn values_of_the_wrong_type_are_refused_with_what_was_wanted() {
    for (setting, wanted) in [
        ("train.epochs=many", "wanted a whole number from 0 to 4294967295"),
        ("train.epochs=1.5", "wanted a whole number"),
        ("seed=-1", "wanted a whole number"),
        ("seed=99999999999999999999", "wanted a whole number from 0 to 9223372036854775807"),
        ("model.encoder=resnet99", "`resnet18`"),
        ("split.method=circles", "`blocks`"),
        ("split.validation=half", "wanted a share such as 0.2"),
        ("split.hide=1", "wanted true or false"),
        ("data.nodata=none", "wanted a number"),
        ("data.scene=3", "wanted a list"),
        ("train=3", "wanted a table of keys"),
    ] {
        let key = setting.split('=').next().unwrap().rsplit('.').next().unwrap();
        check(setting, &[wanted, key]);
    }
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_the_line() {
    let site = site();
    fs::write(site.path().join("run.toml"), RUN_FILE.replace("seed = 7", "seed 7")).unwrap();
    let args = ["train", "run.toml", "-o", "run"];
    check_refused(site.path(), &args, 2, &["run.toml is not a valid run file", "line 3"]);
}

#[test]
fn chips_that_fit_nowhere_are_refused() {
    check("chips.size_px=160", &["`chips.size_px` = 160", "largest square in one is 140 px"]);
    let site = site();
    let args = ["train", "run.toml", "-o", "run", "--set", "chips.size_px=120"];
    let parts = ["`chips.size_px` = 120", "up to 32 px", "split.hide"];
    check_refused(site.path(), &args, 2, &parts);
}

/// Nine chips of 32 px in batches of four: the coarsest features of the last one are one pixel.
#[test]
fn a_single_small_chip_in_the_last_step_is_refused() {
    let parts = ["`chips.per_epoch` = 9", "train.batch = 4", "last step"];
    check("chips.per_epoch=9", &parts);
    check("chips.per_epoch=1", &["`chips.per_epoch` = 1"]);
}

#[test]
fn nothing_to_set_is_refused() {
    check("train.epochs", &["`--set` = train.epochs", "table.key=value"]);
    check("seed.x=1", &["`--set`", "`seed`"]);
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let site = site();
    fs::write(site.path().join("taken"), "a file").unwrap();
    for out in ["taken", "taken/run"] {
        check_refused(site.path(), &["train", "run.toml", "-o", out], 1, &["taken"]);
    }
    let init = ["init", "image.tif", "--labels", "labels.tif", "-o"];
    for out in ["taken/new.toml", "none/new.toml"] {
        let folder = out.split('/').next().unwrap();
        check_refused(site.path(), &[&init[..], &[out]].concat(), 1, &[folder]);
    }
    check_refused(site.path(), &[&init[..], &["run.toml"]].concat(), 1, &["run.toml", "--force"]);
}

#[test]
fn a_folder_with_a_run_is_not_touched_unasked() {
    let site = site();
    let args = ["train", "run.toml", "-o", "run"];
    swath_ok(site.path(), &args);
    check_refused(
        site.path(),
        &args,
        1,
        &["run: found run.toml of another run", "--out", "--force"],
    );
    fs::write(site.path().join("run/notes.txt"), "mine").unwrap();
    swath_ok(site.path(), &[&args[..], &["--force", "--set", "seed=8"]].concat());
    assert!(site.path().join("run/notes.txt").exists());
    let text = fs::read_to_string(site.path().join("run/run.toml")).unwrap();
    assert!(text.contains("seed = 8"), "{text}");
}

#[test]
fn a_device_that_the_build_lacks_is_refused_with_the_feature() {
    if cfg!(feature = "cuda") {
        return;
    }
    let site = site();
    let args = ["train", "run.toml", "-o", "run", "--device", "cuda"];
    check_refused(site.path(), &args, 2, &["`--device` = cuda", "--features cuda"]);
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    for (settings, parts) in [
        (&["train.accumulate=2", "loss.kind=lovasz"][..], &["train.accumulate", "ranks"][..]),
        (&["schedule.length=7"], &["`schedule.length` = 7", "6 steps of the run"]),
        (&["schedule.length=5"], &["`schedule.length` = 5", "less than the 6 steps"]),
        (&["train.accumulate='all'"], &["train.accumulate", "[epoch, number] pairs"]),
        (
            &["train.early_stopping={patience=1, monitor='iou'}"],
            &["train.early_stopping.monitor", "`mean-iou`"],
        ),
        (&["schedule.kind=step"], &["schedule.step_size", "needed"]),
        (&["schedule.kind=cyclic", "schedule.step_size_up=2"], &["schedule.min", "needed"]),
        (
            &["schedule.kind=cyclic", "schedule.step_size_up=2", "schedule.min=1"],
            &["schedule.min", "must not be above `optimizer.lr` = 0.003"],
        ),
        (
            &["schedule.kind=step", "schedule.step_size=3"],
            &["schedule.step_size", "2 epochs of the run"],
        ),
        (
            &["split.validation=0", "train.early_stopping.patience=1"],
            &["train.early_stopping", "validation blocks"],
        ),
        (&["split.validation=0", "schedule.kind=plateau"], &["schedule.kind", "validation blocks"]),
        (
            &["train.freeze=[{names='*', from_epoch=1}]"],
            &["`train.freeze` = *", "leaves nothing to train, in epoch 2"],
        ),
        (&["split.validation=0", "train.keep_best=2"], &["train.keep_best", "validation blocks"]),
        (&["train.accumulate=4"], &["`train.accumulate` = 4", "3 batches of an epoch"]),
        (
            &["train.early_stopping={patience=2}"],
            &["train.early_stopping.patience", "never stops a run of 2 epochs"],
        ),
        (
            &["optimizer.lr=auto", "schedule.kind=cosine", "schedule.min=1e-4"],
            &["schedule.min", "not known yet"],
        ),
    ] {
        let site = site();
        let sets = settings.iter().flat_map(|it| ["--set", it]);
        let args: Vec<&str> = ["train", "run.toml", "-o", "run"].into_iter().chain(sets).collect();
        check_refused(site.path(), &args, 2, parts);
    }
}
