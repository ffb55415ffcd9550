//! Smaller training sets, each a part of every larger one.

use rand::seq::SliceRandom;

use crate::{
    chip::SceneSplit,
    random::{Purpose, generator},
    scene::Role,
};

/// Keeps `fraction` of the training blocks of all scenes, at least one; the others lose their role.
///
/// Blocks are kept in an order drawn by the seed alone, so the blocks of a fraction are among those
/// of every larger one. `fraction` is in `(0, 1]` and the number of blocks is rounded.
pub fn keep_fraction(splits: &mut [SceneSplit], fraction: f64, seed: u64) {
    let mut blocks = Vec::new();
    for (scene, split) in splits.iter().enumerate() {
        blocks.extend(split.indices(Role::Train).map(|index| (scene, index)));
    }
    blocks.shuffle(&mut generator(seed, Purpose::Fraction, 0, 0));
    let n_kept = (fraction * blocks.len() as f64).round().max(1.0) as usize;
    for (scene, index) in blocks.into_iter().skip(n_kept) {
        splits[scene].roles[index] = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::{BlockCounts, BlockGrid};

    fn kept(fraction: f64, seed: u64) -> Vec<usize> {
        let grid = BlockGrid::new(20, 20, 2);
        let counts = vec![BlockCounts { classes: vec![1] }; 100];
        let mut roles = vec![Some(Role::Train); 100];
        roles[7] = Some(Role::Test);
        let mut splits = [SceneSplit::new(grid, roles, counts, 0, false)];
        keep_fraction(&mut splits, fraction, seed);
        assert_eq!(splits[0].role(7), Some(Role::Test));
        splits[0].indices(Role::Train).collect()
    }

    #[test]
    fn smaller_sets_are_part_of_larger_ones() {
        let mut larger = kept(1.0, 3);
        assert_eq!(larger.len(), 99);
        for (fraction, n_blocks) in [(0.5, 50), (0.1, 10), (1e-9, 1)] {
            let smaller = kept(fraction, 3);
            assert_eq!(smaller.len(), n_blocks);
            assert!(smaller.iter().all(|block| larger.contains(block)));
            larger = smaller;
        }
        assert_ne!(kept(0.5, 3), kept(0.5, 4));
    }
}
