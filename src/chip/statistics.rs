//! Statistics of the pixels that training may learn from.

use crate::{
    chip::{SceneSplit, training_samples},
    error::{Error, Result},
    raster::Statistics,
    scene::Scenes,
};

/// Band statistics and class counts of the training pixels: valid, labelled, in a training block
/// and not hidden. Reads the training blocks of every scene twice.
///
/// # Errors
///
/// Those of reading; [`Error::Data`] naming the classes without a training pixel, which a buffer
/// may have hidden.
pub fn training_statistics(scenes: &Scenes, splits: &[SceneSplit]) -> Result<Statistics> {
    let (n_bands, classes) = (scenes.bands().len(), scenes.classes());
    let statistics = Statistics::measure(n_bands, classes.len(), || {
        let samples = training_samples(splits, |scene, window| scenes.read(scene, window));
        samples.map(|sample| sample.map(|(_, _, it)| (it.pixels, it.labels)))
    })?;
    let counts = classes.iter().zip(&statistics.class_counts);
    let unseen: Vec<_> = counts.filter(|(_, n)| **n == 0).map(|(it, _)| it.name.as_str()).collect();
    if !unseen.is_empty() {
        let what = format!("training pixels of {}", unseen.join(", "));
        let wanted = "at least one further than `split.buffer_px` from validation and test blocks";
        return Err(Error::data(what, "none", wanted));
    }
    Ok(statistics)
}
