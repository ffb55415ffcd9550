//! From run file to data set.

use std::path::Path;

use crate::{
    chip::{ClassCentred, Normalisation, Sampler, SplitSummary, split_scenes, training_statistics},
    error::Result,
    run::RunFile,
    scene::Scenes,
    train::{Dataset, Pasting},
};

/// Opens the scenes of a run file, splits them and measures the training pixels.
///
/// Reads every label once and every training pixel twice; nothing is written.
///
/// # Errors
///
/// Whatever is wrong with the files, the labels or the settings; see
/// [`Error`](crate::error::Error).
pub fn open_dataset(run_file: &RunFile) -> Result<Dataset> {
    let RunFile { data, split, chips, model, train, seed, .. } = run_file;
    let scenes = Scenes::open(data, Path::new(""))?;
    let splits = split_scenes(&scenes, split, chips, *seed)?;
    let summary = SplitSummary::new(&splits);
    let read = |scene, window| scenes.read(scene, window);
    let mut sampler = Sampler::new(&splits, chips, scenes.classes(), *seed, read)?;
    model.check_size(scenes.bands().len(), scenes.classes().len())?;
    let check = |n_chips| model.check_epoch(n_chips, train.batch, chips.size_px);
    if let Err(error) = check(sampler.n_chips()) {
        if chips.per_epoch.is_some() {
            return Err(error);
        }
        // Nobody asked for the number that leaves a single chip for the last step.
        let n_chips = sampler.n_chips() + 1;
        check(n_chips)?;
        sampler = sampler.with_chips(n_chips);
    }

    let statistics = training_statistics(&scenes, &splits)?;
    let normalisation = Normalisation::of(&statistics)?;
    let pasting = match run_file.augment.copy_paste.build(scenes.classes())? {
        None => None,
        Some(copy_paste) => {
            let share = |is_copied: &bool| f64::from(u8::from(*is_copied));
            let shares: Vec<f64> = copy_paste.copied.iter().map(share).collect();
            let sources = ClassCentred::measure(&splits, chips.size_px, &shares, *seed, read)?;
            let sources = sources.expect("classes without a training pixel are refused");
            Some(Pasting { copy_paste, sources })
        }
    };
    Ok(Dataset {
        scenes,
        splits,
        summary,
        statistics,
        normalisation,
        sampler,
        augment: run_file.augment.clone(),
        pasting,
        chip_px: chips.size_px,
        seed: *seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::fixture::Fixture;

    const RUN_FILE: &str = "[split]\nmethod = \"files\"\n[chips]\nsize_px = 4\nper_epoch = 2\n\
                            [data]\n";

    /// A scene `train` of 16 x 20 px and a scene `test` of 8 x 8 px, this many pixels right of and
    /// below its corner; labels of `train` are left to column `n_labelled`.
    #[track_caller]
    fn check(right_px: u32, down_px: u32, n_labelled: u32, leaks: bool) {
        let folder = tempfile::tempdir().unwrap();
        let mut text = RUN_FILE.to_owned();
        for (name, (rows, cols), corner) in
            [("train", (16, 20), (0, 0)), ("test", (8, 8), (right_px, down_px))]
        {
            let mut fixture = Fixture::new(rows, cols);
            fixture.grid.affine.0[0] += 30.0 * f64::from(corner.0);
            fixture.grid.affine.0[3] -= 20.0 * f64::from(corner.1);
            let label = |it: u32| u8::from(it % cols < n_labelled);
            let labels: Vec<u8> = (0..rows * cols).map(label).collect();
            let path = |kind: &str| folder.path().join(format!("{kind}_{name}.tif"));
            fixture.write(&path("image"), &vec![1_u8; labels.len()]);
            fixture.clone().nodata("0").write(&path("labels"), &labels);
            text += &format!(
                "[[data.scene]]\nrole = \"{name}\"\nimages = \"image_{name}.tif\"\n\
                 labels = \"labels_{name}.tif\"\n"
            );
        }
        let path = folder.path().join("run.toml");
        std::fs::write(&path, text).unwrap();
        let data = open_dataset(&RunFile::load(&path, &[]).unwrap()).unwrap();
        let audit = data.audit();
        assert_eq!(audit.is_err(), leaks, "{audit:?}");
        if let Ok(audit) = audit {
            assert_eq!(audit.n_training_windows, data.sampler.n_origins());
        }
    }

    // Two chips of 4 px an epoch can hardly meet every corner of the scene.
    #[test]
    fn scenes_that_share_pixels_leak_wherever_a_chip_may_be_drawn() {
        for (right_px, down_px) in [(0, 0), (19, 15), (12, 0), (0, 8), (6, 4)] {
            check(right_px, down_px, 99, true);
        }
        check(20, 0, 99, false);
        check(0, 16, 99, false);
    }

    // Blocks of 8 px in columns 0..8 train; windows of 4 px reach 3 px beyond, to column 11.
    #[test]
    fn what_no_window_shows_does_not_leak() {
        check(10, 0, 5, true);
        check(11, 0, 5, false);
    }
}
