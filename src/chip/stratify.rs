//! Deals blocks so that each split gets its share of every class.

use rand::seq::SliceRandom;

use crate::{
    chip::BlockCounts,
    random::{Purpose, generator},
    scene::Role,
};

/// Shares of the pixels, each in `[0, 1]`, together at most 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    pub train: f64,
    pub validation: f64,
    pub test: f64,
}

/// What a block may be dealt to; the last takes what the shares leave.
const SLOTS: [Option<Role>; 4] =
    [Some(Role::Train), Some(Role::Validation), Some(Role::Test), None];

const TRAIN: usize = 0;

const NONE: usize = 3;

/// A role, or none, for each block of `counts`.
///
/// Iterative stratification over pixels: the class that the fewest remaining blocks hold comes
/// first, of several one that training lacks, and its blocks are dealt in an order drawn by the
/// seed, those with at least their mean number of its pixels before the others. A block goes
///
/// 1. to training, if that has no block with this class yet; else
/// 2. to validation or test, if one has none yet (to the one that lacks more classes of the block);
///    else
/// 3. where it helps most: the split with the largest fall of
///    `sum_c (missing_c / total_c)^2 / share`, where `missing_c` are the pixels of class c that the
///    split still wants, and `total_c` all of them.
///
/// So every class reaches training, and a class in three or more blocks reaches all splits unless
/// rarer classes took its blocks, and presence comes before the exact share. `listed` are blocks
/// that have a role already; a role with share 0 is dealt nothing, and a block without a labelled
/// pixel goes to none.
///
/// Source: Sechidis, Tsoumakas, Vlahavas 2011, "On the stratification of multi-label data",
/// <https://doi.org/10.1007/978-3-642-23808-6_10>; ours counts pixels, not examples, adds rules 1
/// and 2, and in 3 weighs all classes of the block by their own totals.
pub(super) fn stratify(
    counts: &[&BlockCounts],
    listed: &[(Role, &BlockCounts)],
    shares: &Shares,
    seed: u64,
) -> Vec<Option<Role>> {
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.shuffle(&mut generator(seed, Purpose::Split, 0, 0));
    let mut dealer = Dealer::new(counts, listed, shares);
    while let Some(class) = dealer.rarest_class() {
        for block in dealer.blocks_with(class, &order) {
            dealer.deal(block, class);
        }
    }
    let slot = |slot: Option<usize>| slot.and_then(|slot| SLOTS[slot]);
    dealer.slots.into_iter().map(slot).collect()
}

struct Dealer<'a> {
    counts: &'a [&'a BlockCounts],
    /// Where each block went.
    slots: Vec<Option<usize>>,
    /// Share of each slot.
    shares: [f64; 4],
    /// `[slot][class]`, whether the slot has a block with the class.
    has: [Vec<bool>; 4],
    /// `[slot][class]`, pixels that the slot still wants.
    missing: [Vec<f64>; 4],
    /// Pixels of each class in all blocks.
    totals: Vec<u64>,
    /// Blocks with each class that are not dealt yet.
    n_left: Vec<usize>,
}

impl<'a> Dealer<'a> {
    fn new(
        counts: &'a [&'a BlockCounts],
        listed: &[(Role, &BlockCounts)],
        shares: &Shares,
    ) -> Self {
        let Shares { train, validation, test } = *shares;
        let shares = [train, validation, test, (1.0 - train - validation - test).max(0.0)];
        let n_classes = counts.first().map_or(0, |block| block.classes.len());
        let of_class = |class: usize| counts.iter().map(move |block| block.classes[class]);
        let totals: Vec<u64> = (0..n_classes).map(|class| of_class(class).sum()).collect();
        let n_left = (0..n_classes).map(|class| of_class(class).filter(|&n| n > 0).count());
        let wanted = |share: f64| totals.iter().map(|&total| share * total as f64).collect();
        Self {
            counts,
            slots: vec![None; counts.len()],
            shares,
            has: SLOTS.map(|slot| {
                let its = || listed.iter().filter(|(role, _)| slot == Some(*role));
                (0..n_classes).map(|class| its().any(|(_, it)| it.classes[class] > 0)).collect()
            }),
            missing: shares.map(wanted),
            n_left: n_left.collect(),
            totals,
        }
    }

    /// The class in the fewest blocks left; ties go to one that training lacks, then to fewer
    /// pixels, then to the lower index.
    ///
    /// So training gets every class if it has a share: the class that takes the last blocks of
    /// another one away is in the same blocks, so training lacks it, too, and gets the first.
    fn rarest_class(&self) -> Option<usize> {
        let classes = (0..self.totals.len()).filter(|&class| self.n_left[class] > 0);
        classes
            .min_by_key(|&class| (self.n_left[class], self.has[TRAIN][class], self.totals[class]))
    }

    /// Blocks left with `class`, those with at least their mean of it first, each in `order`.
    fn blocks_with(&self, class: usize, order: &[usize]) -> Vec<usize> {
        let n = |block: usize| self.counts[block].classes[class];
        let left = |&block: &usize| self.slots[block].is_none() && n(block) > 0;
        let mut blocks: Vec<usize> = order.iter().copied().filter(left).collect();
        let sum: u64 = blocks.iter().map(|&block| n(block)).sum();
        let n_blocks = blocks.len() as u64;
        blocks.sort_by_key(|&block| n(block) * n_blocks < sum); // Stable: keeps the drawn order.
        blocks
    }

    fn deal(&mut self, block: usize, class: usize) {
        let slot = self.slot_for(block, class);
        self.slots[block] = Some(slot);
        for (class, &n) in self.counts[block].classes.iter().enumerate() {
            if n > 0 {
                self.n_left[class] -= 1;
                self.has[slot][class] = true;
                self.missing[slot][class] -= n as f64;
            }
        }
    }

    fn slot_for(&self, block: usize, class: usize) -> usize {
        let lacks = |&slot: &usize| self.shares[slot] > 0.0 && !self.has[slot][class];
        if lacks(&TRAIN) {
            return TRAIN;
        }
        let n_lacking = |slot: usize| {
            let classes = self.counts[block].classes.iter().zip(&self.has[slot]);
            classes.filter(|(n, has)| **n > 0 && !**has).count()
        };
        let without: Vec<usize> = (TRAIN + 1..NONE).filter(lacks).collect();
        let most = without.iter().map(|&slot| n_lacking(slot)).max();
        let slots: Vec<usize> = match most {
            Some(most) => without.into_iter().filter(|&slot| n_lacking(slot) == most).collect(),
            None => (0..SLOTS.len()).filter(|&slot| self.shares[slot] > 0.0).collect(),
        };
        let gains = slots.into_iter().map(|slot| (slot, self.gain(slot, block)));
        let best = gains.rev().max_by(|(_, a), (_, b)| a.total_cmp(b)); // The first of equals.
        best.map_or(NONE, |(slot, _)| slot)
    }

    /// Fall of `sum_c (missing_c / total_c)^2 / share` if `slot` gets `block`.
    fn gain(&self, slot: usize, block: usize) -> f64 {
        let classes = self.counts[block].classes.iter().enumerate();
        let of_class = |(class, &n): (usize, &u64)| {
            let (n, missing) = (n as f64, self.missing[slot][class]);
            n * (2.0 * missing - n) / (self.totals[class].max(1) as f64).powi(2)
        };
        classes.map(of_class).sum::<f64>() / self.shares[slot]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHARES: Shares = Shares { train: 0.6, validation: 0.2, test: 0.2 };

    fn deal(counts: &[Vec<u64>], shares: &Shares, seed: u64) -> Vec<Option<Role>> {
        let counts: Vec<_> = counts.iter().map(|it| BlockCounts { classes: it.clone() }).collect();
        stratify(&counts.iter().collect::<Vec<_>>(), &[], shares, seed)
    }

    /// Pixels of `class` that went to `role`.
    fn sum(counts: &[Vec<u64>], roles: &[Option<Role>], role: Role, class: usize) -> u64 {
        let blocks = counts.iter().zip(roles).filter(|(_, it)| **it == Some(role));
        blocks.map(|(block, _)| block[class]).sum()
    }

    proptest! {
        // 60 blocks, each class in most of them: the shares hold within 5 % of the class.
        #[test]
        fn every_class_is_shared_out(
            counts in proptest::collection::vec(proptest::collection::vec(20u64..100, 4), 60),
            seed in any::<u64>(),
        ) {
            let roles = deal(&counts, &SHARES, seed);
            for class in 0..4 {
                let total: u64 = counts.iter().map(|it| it[class]).sum();
                for (role, share) in Role::ALL.into_iter().zip([0.6, 0.2, 0.2]) {
                    let largest = counts.iter().map(|it| it[class]).max().unwrap();
                    let (got, want) = (sum(&counts, &roles, role, class), share * total as f64);
                    let is_near = (got as f64 - want).abs() < 2.0 * largest as f64;
                    prop_assert!(is_near, "{role} {class}: {got}, want {want}");
                }
            }
        }

        // One class per block: nothing competes, so three blocks are enough for all splits.
        #[test]
        fn three_blocks_of_a_class_reach_all_splits(
            classes in proptest::collection::vec(0usize..5, 1..40),
            seed in any::<u64>(),
        ) {
            let one_hot = |class: &usize| {
                (0..5).map(|it| if it == *class { 50 } else { 0 }).collect::<Vec<u64>>()
            };
            let counts: Vec<_> = classes.iter().map(one_hot).collect();
            let roles = deal(&counts, &SHARES, seed);
            for class in 0..5 {
                let n_blocks = classes.iter().filter(|it| **it == class).count();
                let n_roles =
                    Role::ALL.iter().filter(|it| sum(&counts, &roles, **it, class) > 0).count();
                prop_assert_eq!(n_roles, n_blocks.min(3));
                prop_assert_eq!(n_blocks > 0, sum(&counts, &roles, Role::Train, class) > 0);
            }
        }
    }

    // Class 2 takes the first block for training, which gives it class 0 as well. The other two
    // blocks hold classes 0 and 1, and validation and test lack the one with fewer pixels, class 0.
    #[test]
    fn training_is_not_left_without_a_class_by_one_it_has() {
        let counts = vec![vec![5, 0, 1], vec![5, 90, 0], vec![5, 90, 0]];
        for seed in 0..20 {
            let roles = deal(&counts, &SHARES, seed);
            assert!(sum(&counts, &roles, Role::Train, 1) > 0, "{seed}: {roles:?}");
        }
    }

    proptest! {
        #[test]
        fn every_class_is_trained_on(
            counts in proptest::collection::vec(proptest::collection::vec(0u64..4, 5), 1..12),
            seed in any::<u64>(),
        ) {
            let roles = deal(&counts, &SHARES, seed);
            for class in 0..5 {
                let occurs = counts.iter().any(|block| block[class] > 0);
                prop_assert_eq!(occurs, sum(&counts, &roles, Role::Train, class) > 0);
            }
        }
    }

    #[test]
    fn the_seed_decides_and_what_no_share_wants_gets_no_role() {
        let counts = vec![vec![10, 5]; 40];
        assert_eq!(deal(&counts, &SHARES, 1), deal(&counts, &SHARES, 1));
        assert_ne!(deal(&counts, &SHARES, 1), deal(&counts, &SHARES, 2));
        let half = Shares { train: 0.25, validation: 0.25, test: 0.0 };
        let roles = deal(&counts, &half, 1);
        let n = |role| roles.iter().filter(|it| **it == role).count();
        assert_eq!(
            [n(Some(Role::Train)), n(Some(Role::Validation)), n(Some(Role::Test)), n(None)],
            [10, 10, 0, 20]
        );
    }
}
