//! What the sweeps of several seeds suggest together.

use serde::{Deserialize, Serialize};

use super::{CycleRange, LossCurve, Rule, cycle_range, suggest};

/// Learning rates that a rule reads off the curves of several seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Lowest rate of a seed.
    pub lowest_lr: f64,
    /// Geometric mean of the rates, in `[lowest_lr, highest_lr]`.
    pub agreed_lr: f64,
    /// Highest rate of a seed.
    pub highest_lr: f64,
    /// Number of seeds whose curve had enough points for the rule, 1 or more.
    pub n_seeds: usize,
}

/// What `rule` suggests on the curves of several seeds; none if it suggests nothing on any.
///
/// ```text
/// agreed = exp(mean of ln lr)
/// ```
///
/// The mean is geometric because rates act by their ratios.
pub fn agree(rule: Rule, curves: &[LossCurve]) -> Option<Agreement> {
    let rates: Vec<f64> =
        curves.iter().filter_map(|curve| suggest(rule, curve)).map(|it| it.lr).collect();
    let lowest_lr = rates.iter().copied().reduce(f64::min)?;
    let highest_lr = rates.iter().copied().reduce(f64::max)?;
    let agreed_lr = geometric_mean(&rates).clamp(lowest_lr, highest_lr);
    Some(Agreement { lowest_lr, agreed_lr, highest_lr, n_seeds: rates.len() })
}

/// The geometric means of the base and of the highest rates that the curves of several seeds
/// propose ([`cycle_range()`]); none if no curve proposes any. It is no wider than the widest of
/// them.
pub fn agree_on_range(curves: &[LossCurve]) -> Option<CycleRange> {
    let ranges: Vec<CycleRange> = curves.iter().filter_map(cycle_range).collect();
    if ranges.is_empty() {
        return None;
    }
    let base_lr: Vec<f64> = ranges.iter().map(|it| it.base_lr).collect();
    let max_lr: Vec<f64> = ranges.iter().map(|it| it.max_lr).collect();
    Some(CycleRange::new(geometric_mean(&base_lr), geometric_mean(&max_lr)))
}

fn geometric_mean(rates: &[f64]) -> f64 {
    let sum = rates.iter().map(|lr| lr.ln()).sum::<f64>();
    (sum / rates.len() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rates 1, 2, 4 and so on to 2^19; the loss falls from 20 by 1 up to point `lowest`, then
    /// rises.
    fn curve(lowest: i32) -> LossCurve {
        let lr = (0..20).map(|it| 2_f64.powi(it)).collect();
        let loss = (0..20).map(|it| f64::from(20 - lowest + (it - lowest).abs())).collect();
        LossCurve::new(lr, loss, 20).unwrap()
    }

    #[track_caller]
    fn check(lowest: &[i32], wanted: Option<[f64; 3]>) {
        let curves: Vec<LossCurve> = lowest.iter().map(|it| curve(*it)).collect();
        let found = agree(Rule::MinimumTenth, &curves);
        let wanted = wanted.map(|it| it.map(|power: f64| power.exp2() / 10.0));
        assert_eq!(found.map(|it| it.n_seeds), wanted.map(|_| lowest.len()));
        let found = found.map(|it| [it.lowest_lr, it.agreed_lr, it.highest_lr]);
        for (found, wanted) in found.into_iter().flatten().zip(wanted.into_iter().flatten()) {
            assert!((found / wanted - 1.0).abs() < 1e-14, "{found} {wanted}");
        }
    }

    #[test]
    fn agreed_is_the_mean_power() {
        check(&[4, 7, 10], Some([4.0, 7.0, 10.0]));
        check(&[12, 4], Some([4.0, 8.0, 12.0]));
        check(&[], None);
    }

    #[test]
    fn one_seed_agrees_with_itself() {
        for lowest in 2..15 {
            let curves = [curve(lowest)];
            let lr = suggest(Rule::MinimumTenth, &curves[0]).unwrap().lr;
            let wanted = Agreement { lowest_lr: lr, agreed_lr: lr, highest_lr: lr, n_seeds: 1 };
            assert_eq!(agree(Rule::MinimumTenth, &curves), Some(wanted));
        }
    }

    #[test]
    fn seeds_without_a_suggestion_are_not_counted() {
        let short = LossCurve::new(vec![1.0], vec![1.0], 20).unwrap();
        let agreement = agree(Rule::MinimumTenth, &[short.clone(), curve(4)]).unwrap();
        assert_eq!(agreement.n_seeds, 1);
        assert_eq!(agree(Rule::MinimumTenth, std::slice::from_ref(&short)), None);
        assert_eq!(agree_on_range(&[short]), None);
    }

    // Max 2^8 / 10 and 2^12 / 10. The fall has begun at 2 + 1: 10 % of 6 and of 10 are 1 or less.
    // Base: 8, but at most 25.6 / 3; 13.7 = 409.6 / 30.
    #[test]
    fn the_agreed_range_is_the_mean_of_both_ends() {
        let found = agree_on_range(&[curve(8), curve(12)]).unwrap();
        let wanted = [(8.0 * 409.6 / 30.0_f64).sqrt(), (25.6 * 409.6_f64).sqrt()];
        assert!((found.base_lr / wanted[0] - 1.0).abs() < 1e-14, "{found:?}");
        assert!((found.max_lr / wanted[1] - 1.0).abs() < 1e-14, "{found:?}");
    }
}
