//! ClassMix: half of the classes of one chip laid over another.

use rand::{Rng, seq::SliceRandom};

use crate::{augment::merge::put_pixel, chip::Chip, label::IGNORE};

/// Lays the pixels of half of the classes in `source` over `target`, a chip of the same size and
/// bands: `mask · source + (1 - mask) · target` for values, labels and mask of data. Gives the number
/// of pixels laid over it.
///
/// Of `n` classes `n / 2`, rounded down, are drawn; pixels without a label are of no class.
///
/// Source: Olsson et al. 2021, <https://arxiv.org/abs/2007.07936>; there with predicted labels, here
/// with those of training chips.
pub fn class_mix(target: &mut Chip, source: &Chip, rng: &mut impl Rng) -> usize {
    let chosen = choose(&source.labels, rng);
    let mask = mask(&source.labels, &chosen);
    let pixels = mask.iter().enumerate().filter(|(_, is_on)| **is_on);
    pixels.map(|(index, _)| put_pixel(target, source, index, 1.0)).count()
}

/// Half of the classes that occur in `labels`.
fn choose(labels: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut classes: Vec<u8> = labels.iter().copied().filter(|it| *it != IGNORE).collect();
    classes.sort_unstable();
    classes.dedup();
    let half = classes.len() / 2;
    classes.partial_shuffle(rng, half).0.to_vec()
}

/// Where the label is a chosen class.
fn mask(labels: &[u8], chosen: &[u8]) -> Vec<bool> {
    labels.iter().map(|label| chosen.contains(label)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        augment::merge::tests::{chip, unlike},
        random::{Purpose, generator},
    };

    #[test]
    fn the_mask_is_that_of_the_authors() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/class_mix.json")).unwrap();
        let plane = |key: &str| -> Vec<u8> {
            let rows: Vec<Vec<u8>> = serde_json::from_value(golden[key].clone()).unwrap();
            rows.concat()
        };
        let chosen: Vec<u8> = serde_json::from_value(golden["classes_chosen"].clone()).unwrap();
        let wanted: Vec<bool> = plane("mask").iter().map(|it| *it == 1).collect();
        assert_eq!(mask(&plane("pred"), &chosen), wanted);
    }

    #[test]
    fn half_of_the_classes_are_chosen_and_each_of_them_some_time() {
        let labels = [0, 4, 4, 2, IGNORE, 7, 2, 9];
        let mut n_times = [0; 10];
        for index in 0..100 {
            let chosen = choose(&labels, &mut generator(1, Purpose::ClassMix, 0, index));
            assert_eq!(chosen.len(), 2); // Of 0, 2, 4, 7 and 9.
            for class in chosen {
                n_times[usize::from(class)] += 1;
            }
        }
        assert!([0, 2, 4, 7, 9].iter().all(|&class| 10 < n_times[class]), "{n_times:?}");
        let one = choose(&[3, 3, IGNORE], &mut generator(1, Purpose::ClassMix, 0, 0));
        assert!(one.is_empty(), "half of one class is none");
    }

    #[test]
    fn pixels_come_whole_and_others_stay() {
        let source = chip(&[0, 0, 1, 1, 3, 3, 0, 1, 0], 50.0);
        let before = chip(&[2, 2, 2, 2, 2, 2, 3, 3, 3], 0.0);
        let mut after = before.clone();
        let n = class_mix(&mut after, &source, &mut generator(2, Purpose::ClassMix, 0, 3));
        let changed = unlike(&before, &after);
        let class = source.labels[changed[0]];
        let wanted: Vec<usize> = (0..9).filter(|&at| source.labels[at] == class).collect();
        assert_eq!((n, &changed), (wanted.len(), &wanted));
        for at in changed {
            assert_eq!((after.values[at], after.valid[at]), (source.values[at], true));
        }
    }
}
