//! Copy-paste: objects of rare classes from one chip onto another.

use std::collections::BTreeMap;

use rand::{Rng, seq::IteratorRandom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    augment::merge::put_pixel,
    chip::{Chip, squared_distances},
    error::{Error, Result},
    label::{Classes, IGNORE},
};

/// The `[augment.copy_paste]` table of a run file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CopyPasteConfig {
    /// Share of the chips that objects are pasted into, `[0, 1]`; 0 is off.
    pub probability: f64,
    /// Names of the classes whose objects are copied.
    pub classes: Vec<String>,
    /// Names of the classes that objects may cover; by default every pixel with data, labelled or
    /// not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onto: Option<Vec<String>>,
    /// Width of the border in which an object's values fade into those below, in pixels; labels do
    /// not fade.
    pub blend_px: u32,
}

impl Default for CopyPasteConfig {
    fn default() -> Self {
        Self { probability: 0.0, classes: Vec::new(), onto: None, blend_px: 0 }
    }
}

impl CopyPasteConfig {
    /// Checks what can be checked without the classes.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key that is out of range or lacks.
    pub fn check(&self) -> Result<()> {
        let place = "augment.copy_paste";
        if !(0.0 <= self.probability && self.probability <= 1.0) {
            let key = format!("{place}.probability");
            return Err(Error::config(key, self.probability, "must lie in 0..=1"));
        }
        if 0.0 < self.probability && self.classes.is_empty() {
            let rule = "needs the names of the classes to copy";
            return Err(Error::config(format!("{place}.classes"), "[]", rule));
        }
        if self.onto.as_ref().is_some_and(Vec::is_empty) {
            let rule = "leaves no pixel to paste onto; leave it out to allow all";
            return Err(Error::config(format!("{place}.onto"), "[]", rule));
        }
        if 1024 < self.blend_px {
            let key = format!("{place}.blend_px");
            return Err(Error::config(key, self.blend_px, "must lie in 0..=1024"));
        }
        Ok(())
    }

    /// What it means for `classes`; none if it is off.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming a class that does not exist.
    pub fn build(&self, classes: &Classes) -> Result<Option<CopyPaste>> {
        self.check()?;
        let named = |names: &[String], key: &str| -> Result<Vec<bool>> {
            let mut is_named = vec![false; classes.len()];
            for name in names {
                is_named[usize::from(classes.named(name, key)?)] = true;
            }
            Ok(is_named)
        };
        let copied = named(&self.classes, "augment.copy_paste.classes")?;
        let onto = match &self.onto {
            Some(names) => Some(named(names, "augment.copy_paste.onto")?),
            None => None,
        };
        let Self { probability, blend_px, .. } = *self;
        Ok((0.0 < probability).then_some(CopyPaste { probability, copied, onto, blend_px }))
    }
}

/// Pastes objects of some classes.
///
/// An object is a connected patch (over edges and corners) of pixels of one class in the label
/// raster. Of the objects of a chip each is pasted with probability 1/2, at least one is. Pixels keep
/// their place, values, label and mask; they are pasted onto pixels with data only.
///
/// Source: Ghiasi et al. 2021, <https://arxiv.org/abs/2012.07177>. Differences: objects are patches
/// of a class raster, not instances; their size does not change, as that of a pixel on the ground is
/// fixed; edges fade along a straight ramp in place of a Gaussian blur.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyPaste {
    /// Share of the chips that objects are pasted into.
    pub probability: f64,
    /// Whether objects of a class are copied, for each class.
    pub copied: Vec<bool>,
    /// Whether a class may be covered, for each class; none allows every pixel with data.
    pub onto: Option<Vec<bool>>,
    /// Width of the border in which values fade.
    pub blend_px: u32,
}

impl CopyPaste {
    /// Pastes objects of `source` onto `target`, a chip of the same size and bands; gives the number
    /// of pixels pasted.
    pub fn paste(&self, target: &mut Chip, source: &Chip, rng: &mut impl Rng) -> usize {
        let is_pasted = self.choose_objects(source, rng);
        let shares = self.shares(&is_pasted, source.size_px);
        let mut n_pasted = 0;
        for (index, &is_pasted) in is_pasted.iter().enumerate() {
            if is_pasted && self.may_cover(target, index) {
                put_pixel(target, source, index, shares.as_ref().map_or(1.0, |it| it[index]));
                n_pasted += 1;
            }
        }
        n_pasted
    }

    fn may_cover(&self, target: &Chip, index: usize) -> bool {
        let is_allowed = |onto: &Vec<bool>| match target.labels[index] {
            IGNORE => false,
            class => onto[usize::from(class)],
        };
        target.valid[index] && self.onto.as_ref().is_none_or(is_allowed)
    }

    /// The pixels of the objects that were drawn.
    fn choose_objects(&self, source: &Chip, rng: &mut impl Rng) -> Vec<bool> {
        let is_copied = |label: u8| label != IGNORE && self.copied[usize::from(label)];
        let objects = objects(&source.labels, source.size_px, is_copied);
        // In the order of their first pixels.
        let mut is_chosen: BTreeMap<u32, bool> =
            objects.iter().filter(|&&it| it != 0).map(|&it| (it, false)).collect();
        for it in is_chosen.values_mut() {
            *it = rng.random();
        }
        if is_chosen.values().all(|it| !it)
            && let Some(one) = is_chosen.values_mut().choose(rng)
        {
            *one = true;
        }
        objects.iter().map(|it| is_chosen.get(it).copied().unwrap_or(false)).collect()
    }

    /// Share of the pasted value at each pixel, `(0, 1]`; none where nothing fades.
    fn shares(&self, is_pasted: &[bool], size_px: usize) -> Option<Vec<f32>> {
        let is_rest: Vec<bool> = is_pasted.iter().map(|it| !it).collect();
        if self.blend_px == 0 || !is_rest.contains(&true) {
            return None;
        }
        // A pixel at the edge is 1 away from the rest.
        let width = f64::from(self.blend_px) + 1.0;
        let share = |squared: f64| (squared.sqrt() / width).min(1.0) as f32;
        Some(squared_distances(&is_rest, [size_px, size_px]).into_iter().map(share).collect())
    }
}

/// Number of the object of each pixel, from 1 on, in the order of first pixels; 0 where there is none.
fn objects(labels: &[u8], size_px: usize, is_object: impl Fn(u8) -> bool) -> Vec<u32> {
    let mut numbers = vec![0; labels.len()];
    let mut n_objects = 0;
    let mut to_visit = Vec::new();
    for first in 0..labels.len() {
        if numbers[first] != 0 || !is_object(labels[first]) {
            continue;
        }
        n_objects += 1;
        numbers[first] = n_objects;
        to_visit.push(first);
        while let Some(at) = to_visit.pop() {
            for next in neighbours(at, size_px) {
                if numbers[next] == 0 && labels[next] == labels[first] {
                    numbers[next] = n_objects;
                    to_visit.push(next);
                }
            }
        }
    }
    numbers
}

/// The pixels around `at`, and itself.
fn neighbours(at: usize, size_px: usize) -> impl Iterator<Item = usize> {
    let (row, col) = (at / size_px, at % size_px);
    let around = move |at: usize| at.saturating_sub(1)..(at + 2).min(size_px);
    around(row).flat_map(move |row| around(col).map(move |col| row * size_px + col))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        augment::merge::tests::{chip, unlike},
        label::{Class, Color},
        random::{Purpose, generator},
    };
    use proptest::prelude::*;

    fn settings(blend_px: u32) -> CopyPaste {
        CopyPaste { probability: 1.0, copied: vec![false, true, false], onto: None, blend_px }
    }

    fn rng(index: u64) -> impl rand::Rng {
        generator(1, Purpose::CopyPaste, 0, index)
    }

    // Objects touch over corners; classes 1 and 2 are apart.
    #[test]
    fn objects_are_connected_patches_of_one_class() {
        let labels = [1, 0, 1, 0, 1, 2, 0, 0, 2];
        assert_eq!(objects(&labels, 3, |it| it != 0), [1, 0, 1, 0, 1, 2, 0, 0, 2]);
        assert_eq!(objects(&[1, 0, 1, 1], 2, |it| it == 1), [1, 0, 1, 1]);
        assert_eq!(objects(&[1, 0, 0, 2], 2, |_| true), [1, 2, 2, 3]);
        assert_eq!(objects(&[1, 0, 0, 0, 0, 0, 0, 0, 1], 3, |it| it == 1)[8], 2);
    }

    proptest! {
        #[test]
        fn pasted_pixels_are_those_of_the_source_and_all_others_stay(
            labels in proptest::collection::vec(0u8..4, 25),
            below in proptest::collection::vec(0u8..4, 25),
            index in any::<u64>(),
        ) {
            // Label 3 stands for IGNORE, on the target also for no data.
            let (source, before) = (chip(&labels, 100.0), chip(&below, 0.0));
            let mut after = before.clone();
            let n_pasted = settings(0).paste(&mut after, &source, &mut rng(index));
            let pasted: Vec<usize> = unlike(&before, &after);
            for &at in &pasted {
                prop_assert_eq!((after.labels[at], source.labels[at]), (1, 1));
                prop_assert!(before.valid[at]);
                for band in 0..2 {
                    prop_assert_eq!(after.values[band * 25 + at], source.values[band * 25 + at]);
                }
            }
            prop_assert_eq!(n_pasted, pasted.len());
            let count = |chip: &Chip| chip.labels.iter().filter(|it| **it == 1).count();
            let covered = pasted.iter().filter(|at| before.labels[**at] == 1).count();
            prop_assert_eq!(count(&after), count(&before) + n_pasted - covered);
            let could = labels.iter().zip(&before.valid).any(|(label, valid)| *label == 1 && *valid);
            prop_assert!(could || n_pasted == 0);
        }
    }

    #[test]
    fn objects_cover_allowed_classes_only() {
        let source = chip(&[1; 9], 50.0);
        let mut target = chip(&[0, 0, 0, 1, 1, 1, 2, 2, 3], 0.0);
        let onto = Some(vec![false, false, true]);
        let n = CopyPaste { onto, ..settings(0) }.paste(&mut target, &source, &mut rng(0));
        assert_eq!((n, target.labels), (2, vec![0, 0, 0, 1, 1, 1, 1, 1, IGNORE]));
    }

    // A square of 3 x 3 in 5 x 5: pixels of its edge are 1 away from the rest, its centre 2; with a
    // border of 1 px half of the edge's value is the source's.
    #[test]
    fn values_fade_at_the_edge_and_labels_do_not() {
        let inside = |at: usize| (1..4).contains(&(at / 5)) && (1..4).contains(&(at % 5));
        let labels: Vec<u8> = (0..25).map(|at| u8::from(inside(at))).collect();
        let source = chip(&labels, 1000.0);
        let before = chip(&[0; 25], 0.0);
        let mut target = before.clone();
        settings(1).paste(&mut target, &source, &mut rng(0));
        assert_eq!(target.labels, labels);
        let edge = 5 + 1;
        assert_eq!(target.values[edge], (source.values[edge] + before.values[edge]) / 2.0);
        assert_eq!(target.values[12], source.values[12]);
    }

    #[test]
    fn of_many_objects_some_are_chosen_and_never_none() {
        let source = chip(&[1, 0, 1, 0, 0, 0, 1, 0, 1], 1.0); // Four corners.
        let mut n_times = [0; 5];
        for index in 0..200 {
            let mut target = chip(&[0; 9], 0.0);
            n_times[settings(0).paste(&mut target, &source, &mut rng(index))] += 1;
        }
        assert!(n_times[0] == 0 && n_times[1..].iter().all(|&it| 5 < it), "{n_times:?}");
    }

    #[test]
    fn settings_that_cannot_be_are_refused_by_key() {
        let class = |code, name: &str| Class { code, name: name.into(), color: Color([0; 3]) };
        let classes = Classes::new(vec![class(1, "water"), class(2, "mine")]).unwrap();
        let build = |text: &str| toml::from_str::<CopyPasteConfig>(text).unwrap().build(&classes);
        assert_eq!(build("").unwrap(), None);
        let good = build("probability = 0.5\nclasses = ['mine']\nonto = ['water']").unwrap();
        assert_eq!(good.unwrap().copied, [false, true]);
        let check = |text: &str, wanted: &str| {
            let error = build(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        };
        check("probability = 1.5", "must lie in 0..=1");
        check("probability = 0.5", "needs the names");
        check("probability = 0.5\nclasses = ['mines']", "did you mean `mine`?");
        check("classes = ['mine']\nonto = []", "leaves no pixel");
        check("blend_px = 2000", "blend_px");
    }
}
