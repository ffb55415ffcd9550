//! Weights of classes from how often they occur.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// β of the effective number where nothing is said.
pub const EFFECTIVE_NUMBER_BETA: f64 = 0.9999;

/// Labelled training pixels by class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassCounts {
    /// Over all images.
    pub total: Vec<u64>,
    /// In each image (training block), `[image][class]`.
    pub images: Vec<Vec<u64>>,
}

impl ClassCounts {
    /// Of these images.
    pub fn new(n_classes: usize, images: Vec<Vec<u64>>) -> Self {
        let count = |class: usize| images.iter().map(|it| it[class]).sum::<u64>();
        Self { total: (0..n_classes).map(count).collect(), images }
    }

    /// As if every class occurred once.
    pub fn uniform(n_classes: usize) -> Self {
        Self::new(n_classes, vec![vec![1; n_classes]])
    }
}

/// Class weights, by rule or given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "wanted a rule or a list of numbers")]
#[schemars(extend("x-wanted" = "a rule (`inverse-frequency`, `balanced`, `inverse-square-root`, \
                                `median-frequency`, `effective-number` or `enet`) or a list with a \
                                number for each class"))]
pub enum ClassWeights {
    /// By how often the classes occur.
    Rule(WeightRule),
    /// One for each class, 0 or more.
    Given(Vec<f64>),
}

impl ClassWeights {
    /// The weight of each class that occurs as `counts` says; `beta` as in [`WeightRule::weights`].
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming `key` if there is not one number for each class, one is negative or
    /// not finite, or all are 0.
    pub fn of(&self, counts: &ClassCounts, beta: f64, key: &str) -> Result<Vec<f64>> {
        match self {
            Self::Rule(rule) => Ok(rule.weights(counts, beta)),
            Self::Given(weights) => {
                check_weights(weights, counts.total.len(), key)?;
                Ok(weights.clone())
            }
        }
    }
}

/// Checks numbers that are given for `n_classes` classes.
///
/// # Errors
///
/// As [`ClassWeights::of`].
pub fn check_weights(weights: &[f64], n_classes: usize, key: &str) -> Result<()> {
    let fault = |rule: String| Err(Error::config(key, format!("{weights:?}"), rule));
    if weights.len() != n_classes {
        return fault(format!("must have one number for each of the {n_classes} classes"));
    }
    if !weights.iter().all(|weight| (0.0..=1e12).contains(weight)) {
        return fault("must be 0 or more, at most 1e12".to_owned());
    }
    if weights.iter().all(|&weight| weight == 0.0) {
        return fault("must not all be 0".to_owned());
    }
    Ok(())
}

/// How weights follow from counts. A class without a pixel gets weight 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WeightRule {
    /// N / n_c
    InverseFrequency,
    /// N / (C n_c), as scikit-learn's `balanced`.
    Balanced,
    /// Root of N / n_c.
    InverseSquareRoot,
    /// median(f) / f_c, f_c being the share in the blocks where the class occurs.
    MedianFrequency,
    /// (1 - β) / (1 - β^n_c), scaled to sum C.
    EffectiveNumber,
    /// 1 / ln(1.02 + n_c / N)
    Enet,
}

impl WeightRule {
    /// The weight of each class; `beta` is that of [`Self::EffectiveNumber`], in `(0, 1)`.
    ///
    /// Source: median frequency: Eigen and Fergus 2015, section 6.3; effective number: Cui et al.
    /// 2019, eq. 4, <https://arxiv.org/abs/1901.05555>; ENet: Paszke et al. 2016, section 5.2. With
    /// N the number of labelled pixels and C that of the classes. Where the sources divide by 0, for
    /// a class that does not occur, we give weight 0.
    pub fn weights(self, counts: &ClassCounts, beta: f64) -> Vec<f64> {
        let total: Vec<f64> = counts.total.iter().map(|&n| n as f64).collect();
        let sum = total.iter().sum::<f64>();
        let n_classes = total.len() as f64;
        let each = |weight: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            let weight = |(class, &n)| if 0.0 < n { weight(class, n) } else { 0.0 };
            total.iter().enumerate().map(weight).collect()
        };
        match self {
            Self::InverseFrequency => each(&|_, n| sum / n),
            Self::Balanced => each(&|_, n| sum / (n_classes * n)),
            Self::InverseSquareRoot => each(&|_, n| (sum / n).sqrt()),
            Self::MedianFrequency => {
                let shares = shares_where_present(counts);
                let median = median(shares.iter().copied().filter(|it| 0.0 < *it).collect());
                each(&|class, _| median / shares[class])
            }
            Self::EffectiveNumber => {
                // 1 - β^n without the loss of digits of β^n near 0 or 1.
                let weights = each(&|_, n| (1.0 - beta) / -(n * beta.ln()).exp_m1());
                let scale = n_classes / weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
                weights.into_iter().map(|weight| weight * scale).collect()
            }
            Self::Enet => each(&|_, n| 1.0 / (1.02 + n / sum).ln()),
        }
    }
}

/// Pixels of each class over those of the images where it occurs; 0 if it occurs nowhere.
fn shares_where_present(counts: &ClassCounts) -> Vec<f64> {
    let share = |(class, n): (usize, &u64)| {
        let with_it = counts.images.iter().filter(|image| 0 < image[class]);
        let n_pixels = with_it.flatten().sum::<u64>();
        if n_pixels == 0 { 0.0 } else { *n as f64 / n_pixels as f64 }
    };
    counts.total.iter().enumerate().map(share).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[track_caller]
    fn check(rule: WeightRule, beta: f64, wanted: &Value) {
        let golden: Value =
            serde_json::from_str(include_str!("../../tests/golden/class_weights.json")).unwrap();
        let images = serde_json::from_value(golden["per_image_counts"].clone()).unwrap();
        let found = rule.weights(&ClassCounts::new(4, images), beta);
        let wanted: Vec<f64> = serde_json::from_value(wanted.clone()).unwrap();
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!((found / wanted - 1.0).abs() < 1e-9, "{rule:?}: {found} and {wanted}");
        }
    }

    #[test]
    fn weights_are_those_of_the_references() {
        let golden: Value =
            serde_json::from_str(include_str!("../../tests/golden/class_weights.json")).unwrap();
        for (rule, key) in [
            (WeightRule::InverseFrequency, "inverse_frequency"),
            (WeightRule::Balanced, "sklearn_balanced"),
            (WeightRule::InverseSquareRoot, "inverse_sqrt"),
            (WeightRule::Enet, "enet"),
        ] {
            check(rule, 0.9, &golden[key]);
        }
        check(WeightRule::MedianFrequency, 0.9, &golden["median_frequency"]["weights"]);
        for (beta, wanted) in golden["effective_number"].as_object().unwrap() {
            let rule = WeightRule::EffectiveNumber;
            check(rule, beta.parse().unwrap(), &wanted["w_sum_to_C"]);
        }
    }

    #[test]
    fn a_class_that_never_occurs_has_weight_0() {
        let counts = ClassCounts::new(3, vec![vec![3, 0, 5], vec![1, 0, 0]]);
        for rule in [
            WeightRule::InverseFrequency,
            WeightRule::Balanced,
            WeightRule::InverseSquareRoot,
            WeightRule::MedianFrequency,
            WeightRule::EffectiveNumber,
            WeightRule::Enet,
        ] {
            let weights = rule.weights(&counts, 0.999);
            assert_eq!(weights[1], 0.0, "{rule:?}");
            assert!(weights.iter().all(|it| it.is_finite()) && 0.0 < weights[0], "{rule:?}");
        }
    }
}
