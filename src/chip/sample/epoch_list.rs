//! Lists of a pool's windows, one after the other: each another choice in another order.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rand::{Rng, seq::SliceRandom};

use crate::random::{Purpose, generator};

/// Endless lists of indices of a pool, all of the same length.
///
/// List `n` is a function of the seed and `n`: windows that come so often in every list, windows of
/// which some are chosen anew for each list, all in random order. An epoch takes as many of the lists as it has
/// chips, beginning where the one before it ended.
#[derive(Debug)]
pub(super) struct EpochLists {
    groups: Vec<Group>,
    rest: Rest,
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

/// Windows of which some come once more in a list, each with a probability of its own.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rest {
    windows: Vec<u32>,
    /// Probability of each, in (0, 1).
    shares: Vec<f64>,
    /// How many come in a list.
    n_more: usize,
}

impl Clone for EpochLists {
    fn clone(&self) -> Self {
        Self {
            groups: self.groups.clone(),
            rest: self.rest.clone(),
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
        (Self::new(vec![others, background], Rest::default(), seed), n_all as u64)
    }

    /// Every window as often as `factors` says, `[window]`: the whole part in every list, the rest
    /// with that probability. How many windows a list has is always the same, the rounded sum of all
    /// factors, and at least one if a factor is above 0.
    pub(super) fn repeated(factors: &[f64], seed: u64) -> Self {
        let mut groups = BTreeMap::<usize, Vec<u32>>::new();
        let mut rest = Rest::default();
        for (window, factor) in factors.iter().enumerate() {
            groups.entry(factor.floor() as usize).or_default().push(window as u32);
            if 0.0 < factor.fract() {
                rest.windows.push(window as u32);
                rest.shares.push(factor.fract());
            }
        }
        let whole = |(n_times, windows)| Group { windows, n_times, n_more: 0 };
        let groups: Vec<Group> = groups.into_iter().map(whole).collect();
        rest.n_more = rest.shares.iter().sum::<f64>().round() as usize;
        if groups.iter().all(|it| it.n_listed() == 0) && !rest.windows.is_empty() {
            rest.n_more = rest.n_more.max(1);
        }
        Self::new(groups, rest, seed)
    }

    fn new(groups: Vec<Group>, rest: Rest, seed: u64) -> Self {
        let n_listed = groups.iter().map(Group::n_listed).sum::<usize>() + rest.n_more;
        Self { groups, rest, n_listed, seed, made: Mutex::new(None) }
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
        self.rest.draw(&mut list, &mut rng);
        list.shuffle(&mut rng);
        list
    }
}

impl Rest {
    /// Puts `n_more` windows into `list`: systematic sampling, in which equally distant marks are laid
    /// along the shares of the windows in random order.
    fn draw(&self, list: &mut Vec<u32>, rng: &mut impl Rng) {
        let mut order: Vec<usize> = (0..self.windows.len()).collect();
        order.shuffle(rng);
        let distance = self.shares.iter().sum::<f64>() / self.n_more.max(1) as f64;
        let offset = rng.random::<f64>();
        let (mut sum, mut n_drawn) = (0.0, 0);
        for (place, &index) in order.iter().enumerate() {
            sum += self.shares[index];
            let is_last = place + 1 == order.len();
            // The last one takes what rounding may have left over.
            while n_drawn < self.n_more && (is_last || (n_drawn as f64 + offset) * distance < sum) {
                list.push(self.windows[index]);
                n_drawn += 1;
            }
        }
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
