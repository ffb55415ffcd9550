//! Learning rates read off a curve.

use serde::{Deserialize, Serialize};

use super::{LossCurve, Rule, gradient::smallest, slide::slide, steep, valley::valley};

/// A learning rate that a rule reads off a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// Point of the curve that was read, counted from 0.
    pub index: usize,
    /// Rate of that point; a tenth of it with [`Rule::MinimumTenth`].
    pub lr: f64,
}

/// The learning rate that `rule` reads off a curve; none if the curve has too few points for it.
///
/// A suggestion need not be a good one: a curve that never falls gives one, too.
///
/// See [`Rule`] for the formulas and their sources.
pub fn suggest(rule: Rule, curve: &LossCurve) -> Option<Suggestion> {
    let part = rule.part(curve);
    let start = part.start;
    let (lr, loss) = (&curve.lr()[part.clone()], &curve.loss()[part]);
    if loss.len() < 2 {
        return None;
    }
    let (index, divisor) = match rule {
        Rule::Steepest => (steep::steepest(loss)?, 1.0),
        Rule::Steep => (steep::steep(lr, loss)?, 1.0),
        Rule::Valley | Rule::Arcgis => (valley(loss), 1.0),
        Rule::Slide => (slide(loss)?, 1.0),
        Rule::MinimumTenth => (smallest(loss)?, 10.0),
    };
    Some(Suggestion { index: start + index, lr: lr[index] / divisor })
}

/// What every rule reads off a curve, in the order of [`Rule::ALL`].
pub fn suggest_all(curve: &LossCurve) -> [(Rule, Option<Suggestion>); 6] {
    Rule::ALL.map(|rule| (rule, suggest(rule, curve)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(loss: &[f64]) -> LossCurve {
        let lr = (0..loss.len()).map(|it| 1e-6 * 1.2_f64.powf(it as f64)).collect();
        LossCurve::new(lr, loss.to_vec(), loss.len()).unwrap()
    }

    /// Which rules find something.
    #[track_caller]
    fn check(n_points: usize, wanted: &[Rule]) {
        let loss: Vec<f64> = (0..n_points).map(|it| -(it as f64)).collect();
        let found = suggest_all(&curve(&loss));
        let found: Vec<Rule> =
            found.into_iter().filter_map(|(rule, it)| it.map(|_| rule)).collect();
        assert_eq!(found, wanted, "{n_points}");
    }

    // Left over by fastai's rules: n - floor(n / 10) - 5, by torch-lr-finder's n - 15.
    #[test]
    fn too_few_points_suggest_nothing() {
        use Rule::{Arcgis, MinimumTenth, Steep, Steepest, Valley};
        check(0, &[]);
        check(1, &[]);
        check(2, &[Arcgis]);
        check(6, &[Arcgis]);
        check(7, &[Steep, Valley, MinimumTenth, Arcgis]);
        check(16, &[Steep, Valley, MinimumTenth, Arcgis]);
        check(17, &[Steepest, Steep, Valley, MinimumTenth, Arcgis]);
        check(22, &[Steepest, Steep, Valley, MinimumTenth, Arcgis]);
        check(23, &Rule::ALL);
    }

    #[test]
    fn whatever_the_losses_a_rate_of_the_sweep_comes_out() {
        let odd = [0.0, -0.0, 1.0, -1.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e-300];
        let not_finite = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for n_points in 0..40 {
            for step in 1..8 {
                for bad in not_finite.map(Some).into_iter().chain([None]) {
                    let mut loss: Vec<f64> =
                        (0..n_points).map(|it| odd[it * step * it % odd.len()]).collect();
                    if let Some(bad) = bad {
                        loss.insert(n_points / 2, bad);
                    }
                    let curve = curve(&loss);
                    for (rule, suggestion) in suggest_all(&curve) {
                        let Some(Suggestion { index, lr }) = suggestion else { continue };
                        let point = curve.lr()[index];
                        let is_known =
                            lr == point || (rule == Rule::MinimumTenth && lr == point / 10.0);
                        assert!(is_known, "{rule:?} {loss:?}: {lr} {point}");
                    }
                }
            }
        }
    }

    #[test]
    fn equal_rates_are_no_obstacle() {
        let curve = LossCurve::new(vec![0.1; 40], vec![1.0; 40], 40).unwrap();
        for (rule, suggestion) in suggest_all(&curve) {
            let lr = suggestion.map(|it| it.lr);
            let wanted = match rule {
                Rule::Steep => None,
                Rule::MinimumTenth => Some(0.1 / 10.0),
                Rule::Steepest | Rule::Valley | Rule::Slide | Rule::Arcgis => Some(0.1),
            };
            assert_eq!(lr, wanted, "{rule:?}");
        }
    }
}
