//! Draws with replacement, in proportion to weights.

use rand::Rng;

use super::{WindowWeight, pool::Pool};
use crate::error::{Error, Result};

/// Indices with probabilities `weight / sum of the weights`.
#[derive(Clone, Debug)]
pub(super) struct Weighted {
    /// Sum of the weights up to and with each index.
    sums: Vec<f64>,
}

impl Weighted {
    /// Of these weights, 0 or more; none if all are 0.
    pub(super) fn new(weights: &[f64]) -> Option<Self> {
        let sums: Vec<f64> = weights
            .iter()
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        sums.last().is_some_and(|&sum| 0.0 < sum).then_some(Self { sums })
    }

    /// Windows of a pool whose classes have `class_weights`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if no window has a class with a weight.
    pub(super) fn of_pool(pool: &Pool, class_weights: &[f64], how: WindowWeight) -> Result<Self> {
        let weight = |counts: &Vec<u64>| window_weight(counts, class_weights, how);
        let weights: Vec<f64> = pool.counts.images.iter().map(weight).collect();
        Self::new(&weights).ok_or_else(|| {
            let rule = "leaves no window of the pool with a weight above 0";
            Error::config("chips.class_weights", format!("{class_weights:?}"), rule)
        })
    }

    /// Draws an index.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> usize {
        let total = self.sums.last().expect("there is a weight above 0");
        let at = rng.random::<f64>() * total;
        // The product may round up to the total.
        let last = self.sums.partition_point(|sum| sum < total);
        self.sums.partition_point(|&sum| sum <= at).min(last)
    }
}

/// Weight of a window with `counts` pixels of each class, of which there is one.
fn window_weight(counts: &[u64], class_weights: &[f64], how: WindowWeight) -> f64 {
    let present = || counts.iter().zip(class_weights).filter(|(n, _)| 0 < **n);
    match how {
        WindowWeight::Mean => {
            let sum: f64 = present().map(|(&n, weight)| n as f64 * weight).sum();
            sum / counts.iter().sum::<u64>() as f64
        }
        WindowWeight::Max => present().map(|(_, &weight)| weight).fold(0.0, f64::max),
        // The first of equals.
        WindowWeight::Dominant => {
            let most = counts.iter().max().expect("there are classes");
            present().find(|(n, _)| *n == most).map_or(0.0, |(_, &weight)| weight)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator};

    #[test]
    fn windows_weigh_what_their_classes_do() {
        let check = |how, wanted| {
            assert_eq!(window_weight(&[6, 2, 0], &[1.0, 5.0, 9.0], how), wanted);
        };
        check(WindowWeight::Mean, 2.0); // (6 * 1 + 2 * 5) / 8
        check(WindowWeight::Max, 5.0);
        check(WindowWeight::Dominant, 1.0);
    }

    // The probabilities that `torch.multinomial` has for these weights.
    #[test]
    fn indices_are_drawn_in_proportion_to_their_weights() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/golden/class_weights.json")).unwrap();
        let numbers = |key: &str| -> Vec<f64> {
            serde_json::from_value(golden["weighted_sampler"][key].clone()).unwrap()
        };
        let weighted = Weighted::new(&numbers("weights")).unwrap();
        let mut rng = generator(1, Purpose::Sample, 0, 0);
        let mut n_drawn = [0.0; 4];
        for _ in 0..30_000 {
            n_drawn[weighted.draw(&mut rng)] += 1.0;
        }
        for (n, probability) in n_drawn.iter().zip(numbers("expected_prob")) {
            // Four standard deviations.
            let tolerance = 4.0 * (30_000.0 * probability * (1.0 - probability)).sqrt();
            assert!((n - 30_000.0 * probability).abs() < tolerance, "{n_drawn:?}");
        }
    }

    #[test]
    fn what_weighs_nothing_is_never_drawn() {
        let weighted = Weighted::new(&[0.0, 2.0, 0.0, 1.0, 0.0]).unwrap();
        let mut rng = generator(2, Purpose::Sample, 0, 0);
        assert!((0..1000).all(|_| [1, 3].contains(&weighted.draw(&mut rng))));
        assert!(Weighted::new(&[0.0, 0.0]).is_none() && Weighted::new(&[]).is_none());
    }
}
