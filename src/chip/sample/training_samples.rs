//! The pixels that training may learn from.

use crate::{
    chip::{SceneSplit, blocks::READ_PX, cover},
    error::Result,
    raster::Window,
    scene::{Role, Sample},
};

/// The pixels that training may learn from, a part of a training block at a time.
///
/// Every labelled training pixel of every scene comes exactly once, hidden pixels are masked. `read`
/// gives the sample of a window of a scene; each part comes with its scene and window.
pub fn training_samples<'a>(
    splits: &'a [SceneSplit],
    read: impl Fn(usize, Window) -> Result<Sample> + 'a,
) -> impl Iterator<Item = Result<(usize, Window, Sample)>> + 'a {
    let parts = splits.iter().enumerate().flat_map(|(scene, split)| {
        let (rows, cols) = (split.grid().rows(), split.grid().cols());
        let blocks = split.blocks(Role::Train);
        blocks.flat_map(move |block| {
            cover(block, rows, cols, READ_PX, 0).map(move |part| (scene, part.core))
        })
    });
    parts.map(move |(scene, window)| {
        let mut sample = read(scene, window)?;
        splits[scene].keep_training(&mut sample, window);
        Ok((scene, window, sample))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        chip::{sample::sampler::tests::read, scene_split::tests::splits},
        label::IGNORE,
    };

    proptest! {
        #[test]
        fn statistics_see_each_visible_training_pixel_once(splits in [splits(), splits()]) {
            let mut seen = BTreeSet::new();
            for sample in training_samples(&splits, |s, window| Ok(read(s, window, |_, _| true))) {
                let (_, _, sample) = sample.unwrap();
                for (index, &label) in sample.labels.iter().enumerate() {
                    if label != IGNORE {
                        prop_assert!(seen.insert(sample.pixels.values[index] as u32));
                    }
                }
            }
            let mut wanted = BTreeSet::new();
            for (scene, split) in splits.iter().enumerate() {
                for row in 0..split.grid().rows() {
                    for col in 0..split.grid().cols() {
                        if split.role_at(row, col) == Some(Role::Train) && !split.is_hidden(row, col) {
                            wanted.insert(scene as u32 * 10_000 + row * 100 + col);
                        }
                    }
                }
            }
            prop_assert_eq!(seen, wanted);
        }
    }
}
