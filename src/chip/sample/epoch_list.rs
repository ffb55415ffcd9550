//! Lists of a pool's windows, one after the other: each another choice in another order.

use std::sync::{Arc, Mutex, PoisonError};

use rand::seq::SliceRandom;

use crate::random::{Purpose, generator};

/// Endless lists of indices of a pool, all of the same length.
///
/// List `n` is a function of the seed and `n`: windows that come at least once, windows of which some
/// are chosen anew for each list, all in random order. An epoch takes as many of the lists as it has
/// chips, beginning where the one before it ended.
#[derive(Debug)]
pub(super) struct EpochLists {
    groups: Vec<Group>,
    n_listed: usize,
    seed: u64,
    /// The list that was made last; what it holds is a function of its number.
    made: Mutex<Option<(u64, Arc<Vec<u32>>)>>,
}

/// Windows that come equally often.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    windows: Vec<u32>,
    /// Times that each comes in every list.
    n_times: usize,
    /// Windows that come once more, chosen without replacement.
    n_more: usize,
}

impl Clone for EpochLists {
    fn clone(&self) -> Self {
        Self {
            groups: self.groups.clone(),
            n_listed: self.n_listed,
            seed: self.seed,
            made: Mutex::new(None),
        }
    }
}

impl EpochLists {
    /// All windows that are not background, `repeat` times, and `n_background` of the background,
    /// by default as many as there are others.
    ///
    /// Also gives the number of background windows.
    pub(super) fn resampled(
        is_background: &[bool],
        repeat: f64,
        n_background: Option<u32>,
        seed: u64,
    ) -> (Self, u64) {
        let of = |wanted: bool| -> Vec<u32> {
            let windows = is_background.iter().enumerate().filter(|(_, it)| **it == wanted);
            windows.map(|(index, _)| index as u32).collect()
        };
        let others = Group::repeated(of(false), repeat);
        let background = of(true);
        let n_all = background.len();
        // A pool of nothing but background is trained on as it is.
        let as_others = if others.n_listed() == 0 { n_all } else { others.n_listed() };
        let n_wanted = n_background.map_or(as_others, |it| it as usize);
        let background = Group { windows: background, n_times: 0, n_more: n_wanted.min(n_all) };
        (Self::new(vec![others, background], seed), n_all as u64)
    }

    /// Every window as often as `factors` says, `[window]`.
    pub(super) fn repeated(factors: &[f64], seed: u64) -> Self {
        let mut sorted: Vec<u32> = (0..factors.len() as u32).collect();
        let factor = |index: &u32| factors[*index as usize];
        sorted.sort_by(|a, b| factor(a).total_cmp(&factor(b)).then(a.cmp(b)));
        let equal = sorted.chunk_by(|a, b| factor(a) == factor(b));
        let groups = equal.map(|group| Group::repeated(group.to_vec(), factor(&group[0])));
        Self::new(groups.collect(), seed)
    }

    fn new(groups: Vec<Group>, seed: u64) -> Self {
        let n_listed = groups.iter().map(Group::n_listed).sum();
        Self { groups, n_listed, seed, made: Mutex::new(None) }
    }

    /// Windows of a list.
    pub(super) fn n_listed(&self) -> usize {
        self.n_listed
    }

    /// Number `index` of all lists together.
    pub(super) fn window(&self, index: u64) -> usize {
        let n_listed = self.n_listed as u64;
        self.list(index / n_listed)[(index % n_listed) as usize] as usize
    }

    fn list(&self, number: u64) -> Arc<Vec<u32>> {
        // Nothing can be half done in it: a list is put there whole.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, list)) = &*made
            && *of == number
        {
            return list.clone();
        }
        let list = Arc::new(self.make(number));
        *made = Some((number, list.clone()));
        list
    }

    fn make(&self, number: u64) -> Vec<u32> {
        let mut rng = generator(self.seed, Purpose::List, number, 0);
        let mut list = Vec::with_capacity(self.n_listed);
        for Group { windows, n_times, n_more } in &self.groups {
            for _ in 0..*n_times {
                list.extend(windows);
            }
            let mut windows = windows.clone();
            let (chosen, _) = windows.partial_shuffle(&mut rng, *n_more);
            list.extend(&*chosen);
        }
        list.shuffle(&mut rng);
        list
    }
}

impl Group {
    /// Each window `factor` times on average: the whole part in every list, the rest by chance.
    fn repeated(windows: Vec<u32>, factor: f64) -> Self {
        let n_more = (factor.fract() * windows.len() as f64).round() as usize;
        Self { windows, n_times: factor.floor() as usize, n_more }
    }

    fn n_listed(&self) -> usize {
        self.windows.len() * self.n_times + self.n_more
    }
}
