//! Learning rates of a sweep.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How the rate grows during a sweep; `r` in `[0, 1]` is the share of the sweep, by [`Spacing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sweep {
    /// `start (end / start)^r`: every iteration multiplies the rate by the same factor.
    Exponential,
    /// `start + r (end - start)`: every iteration adds the same to the rate.
    Linear,
}

/// The share `r` of the sweep at iteration `i` of `n`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// `r = i / (n - 1)`: the last iteration has the end rate.
    PytorchLrFinder,
    /// `r = i / n`: the end rate would be that of one iteration more.
    Fastai,
}

/// Rates of all iterations of a sweep.
///
/// Source: torch-lr-finder 0.2.2 (`ExponentialLR`, `LinearLR`) and fastai 2 (`LRFinder`, which
/// sweeps exponentially only). It differs where fastai turns fewer than 6 iterations into 6.
///
/// ```text
/// exponential, start 0.001, end 1, 4 iterations
///
/// pytorch-lr-finder   0.001  0.01    0.1     1
/// fastai              0.001  0.0056  0.0316  0.178
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SweepRates {
    /// How the rate grows.
    pub sweep: Sweep,
    /// Whether the last iteration has the end rate.
    pub spacing: Spacing,
    /// Rate of the first iteration, above 0.
    pub start_lr: f64,
    /// Where the sweep leads to, above `start_lr`.
    pub end_lr: f64,
    /// Number of iterations, 2 or more.
    pub n_iterations: usize,
}

impl SweepRates {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] unless `0 < start_lr < end_lr`, both finite, and `2 <= n_iterations`.
    pub fn check(&self) -> Result<()> {
        let &Self { start_lr, end_lr, n_iterations, .. } = self;
        if !(start_lr.is_finite() && 0.0 < start_lr) {
            return Err(Error::config("lr_find.start_lr", start_lr, "must be a number above 0"));
        }
        if !(end_lr.is_finite() && start_lr < end_lr) {
            let rule = "must be a number above lr_find.start_lr";
            return Err(Error::config("lr_find.end_lr", end_lr, rule));
        }
        if n_iterations < 2 {
            return Err(Error::config("lr_find.n_iterations", n_iterations, "must be 2 or more"));
        }
        Ok(())
    }

    /// Rate of `iteration`, counted from 0; from the last one on it stays the same.
    pub fn lr(&self, iteration: usize) -> f64 {
        let last = self.n_iterations.saturating_sub(1);
        let length = match self.spacing {
            Spacing::PytorchLrFinder => last,
            Spacing::Fastai => self.n_iterations,
        };
        let share = iteration.min(last) as f64 / length.max(1) as f64;
        match self.sweep {
            Sweep::Exponential => self.start_lr * (self.end_lr / self.start_lr).powf(share),
            Sweep::Linear => self.start_lr + share * (self.end_lr - self.start_lr),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: SweepRates = SweepRates {
        sweep: Sweep::Exponential,
        spacing: Spacing::PytorchLrFinder,
        start_lr: 0.001,
        end_lr: 1.0,
        n_iterations: 4,
    };

    #[track_caller]
    fn check(sweep: Sweep, spacing: Spacing, wanted: [f64; 4]) {
        let rates = SweepRates { sweep, spacing, ..RATES };
        rates.check().unwrap();
        for (iteration, wanted) in wanted.into_iter().enumerate() {
            let found = rates.lr(iteration);
            assert!((found - wanted).abs() <= 1e-15 * wanted, "{iteration}: {found}, {wanted}");
        }
        assert_eq!(rates.lr(usize::MAX), rates.lr(3));
    }

    // Three decades in three steps, or three of four; 0.999 in thirds, or quarters.
    #[test]
    fn the_conventions_differ_in_whether_the_end_is_reached() {
        use Spacing::{Fastai, PytorchLrFinder};
        check(Sweep::Exponential, PytorchLrFinder, [0.001, 0.01, 0.1, 1.0]);
        let quarter = |power: f64| 1e-3 * 10_f64.powf(0.75 * power);
        check(Sweep::Exponential, Fastai, [0.001, quarter(1.0), quarter(2.0), quarter(3.0)]);
        check(Sweep::Linear, PytorchLrFinder, [0.001, 0.334, 0.667, 1.0]);
        check(Sweep::Linear, Fastai, [0.001, 0.25075, 0.5005, 0.75025]);
    }

    #[test]
    fn shortest_sweeps_are_finite() {
        for sweep in [Sweep::Exponential, Sweep::Linear] {
            for spacing in [Spacing::PytorchLrFinder, Spacing::Fastai] {
                for n_iterations in 0..5 {
                    let rates = SweepRates { sweep, spacing, n_iterations, ..RATES };
                    for iteration in 0..5 {
                        let lr = rates.lr(iteration);
                        assert!((0.001..=1.0 + 1e-12).contains(&lr), "{rates:?} {iteration}: {lr}");
                    }
                }
            }
        }
    }

    #[test]
    fn names_the_bad_key() {
        let cases = [
            ("start_lr", SweepRates { start_lr: 0.0, ..RATES }),
            ("start_lr", SweepRates { start_lr: f64::NAN, ..RATES }),
            ("end_lr", SweepRates { end_lr: 0.001, ..RATES }),
            ("end_lr", SweepRates { end_lr: f64::INFINITY, ..RATES }),
            ("n_iterations", SweepRates { n_iterations: 1, ..RATES }),
        ];
        for (key, rates) in cases {
            let error = rates.check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("config `lr_find.{key}` = ")), "{error}");
        }
    }

    #[test]
    fn names_are_kebab_case() {
        let text = serde_json::to_string(&(Sweep::Linear, Spacing::PytorchLrFinder)).unwrap();
        assert_eq!(text, r#"["linear","pytorch-lr-finder"]"#);
    }
}
