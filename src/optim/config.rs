//! Which optimizer to train with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Optimizer;
use crate::{
    error::{Error, Result},
    model::{check_pattern, matches},
};

/// The `[optimizer]` table of a run file. Defaults are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// The rule of the step.
    pub kind: OptimizerKind,
    /// Learning rate; the highest one where a schedule changes it. Above 0.
    pub lr: f64,
    /// Pull of every parameter towards 0, 0 or more. By default 0.01 for `adamw` and 0 for `sgd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// `adamw`: memory of the mean and of the square of the gradient, each in `[0, 1)`.
    pub betas: [f64; 2],
    /// `adamw`: added to the root of the mean square; above 0.
    pub eps: f64,
    /// `sgd`: memory of the direction, in `[0, 1)`. A one-cycle schedule overrides it.
    pub momentum: f64,
    /// `sgd`: share of the gradient that does not enter the memory, in `[0, 1]`.
    pub dampening: f64,
    /// `sgd`: look ahead along the memory. Needs momentum and no dampening.
    pub nesterov: bool,
    /// Parameters with a learning rate of their own: the first group that means a parameter counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<ParameterGroup>,
}

/// Parameters with a learning rate of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// Names of parameters as in a state dictionary or what they begin with, such as `encoder`, or a
    /// pattern with `*`.
    pub names: String,
    /// Multiplies the learning rate, 0 or more.
    pub lr_factor: f64,
}

/// The rule of an optimizer's step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam with weight decay apart from the gradient.
    #[default]
    Adamw,
    /// Stochastic gradient descent.
    Sgd,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Adamw,
            lr: 1e-3,
            weight_decay: None,
            betas: [0.9, 0.999],
            eps: 1e-8,
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            groups: Vec::new(),
        }
    }
}

impl OptimizerConfig {
    /// The optimizer, before its first step.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a setting is out of range.
    pub fn build(&self) -> Result<Optimizer> {
        self.check()?;
        Ok(Optimizer::new(self.clone()))
    }

    /// The weight decay, or the default of the kind.
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(match self.kind {
            OptimizerKind::Adamw => 0.01,
            OptimizerKind::Sgd => 0.0,
        })
    }

    /// What multiplies the learning rate of the parameter called `name`.
    pub fn lr_factor(&self, name: &str) -> f64 {
        let group = self.groups.iter().find(|group| matches(&group.names, name));
        group.map_or(1.0, |group| group.lr_factor)
    }

    fn check(&self) -> Result<()> {
        for ParameterGroup { names, lr_factor } in &self.groups {
            check_pattern("optimizer.groups.names", names)?;
            if !(0.0 <= *lr_factor && lr_factor.is_finite()) {
                let rule = "must be a finite number, 0 or more";
                return Err(Error::config("optimizer.groups.lr_factor", lr_factor, rule));
            }
        }
        let positive = |value: f64| 0.0 < value && value.is_finite();
        let below_one = |value: f64| (0.0..1.0).contains(&value);
        let [beta1, beta2] = self.betas;
        let rules = [
            ("lr", self.lr, positive(self.lr), "must be a finite number above 0"),
            ("eps", self.eps, positive(self.eps), "must be a finite number above 0"),
            ("betas", beta1, below_one(beta1), "must lie in [0, 1)"),
            ("betas", beta2, below_one(beta2), "must lie in [0, 1)"),
            ("momentum", self.momentum, below_one(self.momentum), "must lie in [0, 1)"),
            (
                "dampening",
                self.dampening,
                (0.0..=1.0).contains(&self.dampening),
                "must lie in [0, 1]",
            ),
            (
                "weight_decay",
                self.weight_decay(),
                0.0 <= self.weight_decay() && self.weight_decay().is_finite(),
                "must be a finite number, 0 or more",
            ),
        ];
        for (key, value, is_kept, rule) in rules {
            if !is_kept {
                return Err(Error::config(format!("optimizer.{key}"), value, rule));
            }
        }
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            return Err(Error::config(
                "optimizer.nesterov",
                self.nesterov,
                "needs `optimizer.momentum` above 0 and no `optimizer.dampening`",
            ));
        }
        Ok(())
    }
}
