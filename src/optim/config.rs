//! Which optimizer to train with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LearningRate, Optimizer};
use crate::{
    error::{Error, Result},
    model::{check_pattern, matches},
    schedule::Bases,
};

/// The `[optimizer]` table of a run file. Defaults are PyTorch's, but for the learning rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// The rule of the step.
    pub kind: OptimizerKind,
    /// Learning rate; the highest one where a schedule changes it. Above 0, or `auto`: what a sweep
    /// finds, as `[lr_find]` says.
    pub lr: LearningRate,
    /// Pull of every parameter towards 0, 0 or more. By default 0.01 for `adamw`, else 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Whether weight decay also pulls at parameters with a single axis: biases, and scale and shift of
    /// norms.
    pub decay_norms_and_biases: bool,
    /// `adamw`, `adam`: memory of the mean and of the square of the gradient, by default 0.9 and
    /// 0.999; `lion`: weight of the mean in a step, and its memory, by default 0.9 and 0.99. Each in
    /// `[0, 1)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub betas: Option<[f64; 2]>,
    /// `adamw`, `adam`, `rmsprop`: added to the root of the mean square; above 0.
    pub eps: f64,
    /// `sgd`, `rmsprop`: memory of the direction, in `[0, 1)`. A one-cycle schedule overrides it.
    pub momentum: f64,
    /// `sgd`: share of the gradient that does not enter the memory, in `[0, 1]`.
    pub dampening: f64,
    /// `sgd`: look ahead along the memory. Needs momentum and no dampening.
    pub nesterov: bool,
    /// `rmsprop`: memory of the square of the gradient, in `[0, 1)`.
    pub alpha: f64,
    /// `rmsprop`: divide by the standard deviation of the gradient, not by its root mean square.
    pub centered: bool,
    /// Parameters with settings of their own: the first group that means a parameter counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<ParameterGroup>,
}

/// Parameters with a learning rate or weight decay of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// Names of parameters as in a state dictionary or what they begin with, such as `encoder`, or a
    /// pattern with `*`.
    pub names: String,
    /// Multiplies the learning rate, 0 or more.
    #[serde(default = "one")]
    pub lr_factor: f64,
    /// Weight decay in place of that of the table, also of norms and biases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

fn one() -> f64 {
    1.0
}

/// The rule of an optimizer's step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam with weight decay apart from the gradient.
    #[default]
    Adamw,
    /// Adam with weight decay in the gradient.
    Adam,
    /// Stochastic gradient descent.
    Sgd,
    /// Gradients by their root mean square.
    Rmsprop,
    /// Signs of averaged gradients.
    Lion,
}

impl OptimizerKind {
    /// The name that people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adamw => "AdamW",
            Self::Adam => "Adam",
            Self::Sgd => "SGD",
            Self::Rmsprop => "RMSprop",
            Self::Lion => "Lion",
        }
    }

    /// What a schedule of momentum changes.
    pub fn momentum_name(self) -> &'static str {
        match self {
            Self::Adamw | Self::Adam | Self::Lion => "first beta",
            Self::Sgd | Self::Rmsprop => "momentum",
        }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Adamw,
            lr: LearningRate::Value(1e-3),
            weight_decay: None,
            decay_norms_and_biases: true,
            betas: None,
            eps: 1e-8,
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            alpha: 0.99,
            centered: false,
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
            OptimizerKind::Adam
            | OptimizerKind::Sgd
            | OptimizerKind::Rmsprop
            | OptimizerKind::Lion => 0.0,
        })
    }

    /// The betas, or the defaults of the kind.
    pub fn betas(&self) -> [f64; 2] {
        self.betas.unwrap_or([0.9, if self.kind == OptimizerKind::Lion { 0.99 } else { 0.999 }])
    }

    /// What a schedule of momentum changes: momentum, or the first beta.
    pub fn momentum(&self) -> f64 {
        match self.kind {
            OptimizerKind::Adamw | OptimizerKind::Adam | OptimizerKind::Lion => self.betas()[0],
            OptimizerKind::Sgd | OptimizerKind::Rmsprop => self.momentum,
        }
    }

    /// The values that schedules multiply; a learning rate that is not found yet is as large as
    /// can be, so that every lowest value lies below it.
    pub fn bases(&self) -> Bases {
        Bases {
            lr: self.lr.value().unwrap_or(f64::MAX),
            momentum: self.momentum(),
            weight_decay: self.weight_decay(),
        }
    }

    /// What multiplies the learning rate of the parameter called `name`.
    pub fn lr_factor(&self, name: &str) -> f64 {
        self.group(name).map_or(1.0, |group| group.lr_factor)
    }

    /// The weight decay of the parameter called `name`, which has `n_axes` axes.
    pub fn weight_decay_of(&self, name: &str, n_axes: usize) -> f64 {
        let own = self.group(name).and_then(|group| group.weight_decay);
        own.unwrap_or(if n_axes < 2 && !self.decay_norms_and_biases {
            0.0
        } else {
            self.weight_decay()
        })
    }

    fn group(&self, name: &str) -> Option<&ParameterGroup> {
        self.groups.iter().find(|group| matches(&group.names, name))
    }

    fn check(&self) -> Result<()> {
        for ParameterGroup { names, lr_factor, weight_decay } in &self.groups {
            check_pattern("optimizer.groups.names", names)?;
            let decay = weight_decay.unwrap_or_default();
            for (key, value) in [("lr_factor", *lr_factor), ("weight_decay", decay)] {
                if !(0.0 <= value && value.is_finite()) {
                    let rule = "must be a finite number, 0 or more";
                    return Err(Error::config(format!("optimizer.groups.{key}"), value, rule));
                }
            }
        }
        let positive = |value: f64| 0.0 < value && value.is_finite();
        let below_one = |value: f64| (0.0..1.0).contains(&value);
        let lr = self.lr.value().unwrap_or(1.0);
        let [beta1, beta2] = self.betas();
        let rules = [
            ("lr", lr, positive(lr), "must be a finite number above 0"),
            ("eps", self.eps, positive(self.eps), "must be a finite number above 0"),
            ("betas", beta1, below_one(beta1), "must lie in [0, 1)"),
            ("betas", beta2, below_one(beta2), "must lie in [0, 1)"),
            ("alpha", self.alpha, below_one(self.alpha), "must lie in [0, 1)"),
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
