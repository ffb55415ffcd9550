//! Curves made of corners.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Curve between two corners of a schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Anneal {
    /// Half a cosine.
    #[default]
    Cos,
    /// A straight line.
    Linear,
}

impl Anneal {
    /// Value at `position` in `[0, 1]` on the way from `start` to `end`.
    fn between(self, start: f64, end: f64, position: f64) -> f64 {
        match self {
            Self::Cos => end + (start - end) / 2.0 * (1.0 + (PI * position).cos()),
            Self::Linear => start + (end - start) * position,
        }
    }
}

/// From one corner to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// Time of its last value.
    pub end: f64,
    /// Values at its two ends.
    pub values: [f64; 2],
}

/// Phases one after the other. Before the first and after the last the nearest value holds.
///
/// A phase without length is passed at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Phases {
    /// Where the first phase begins.
    pub start: f64,
    /// In the order of their ends; at least one.
    pub phases: Vec<Phase>,
    /// The way from corner to corner.
    pub anneal: Anneal,
}

impl Phases {
    /// Through `[time, value]` pairs in the order of their times; at least one.
    pub fn through(points: &[[f64; 2]], anneal: Anneal) -> Self {
        let [start, first] = points[0];
        let mut phases = vec![Phase { end: start, values: [first; 2] }];
        phases.extend(points.windows(2).map(|pair| {
            let [[_, from], [end, to]] = [pair[0], pair[1]];
            Phase { end, values: [from, to] }
        }));
        Self { start, phases, anneal }
    }

    /// The value at time `t`.
    pub fn at(&self, t: f64) -> f64 {
        let last = self.phases.len() - 1;
        let index = self.phases.iter().position(|it| t <= it.end).unwrap_or(last);
        let Phase { end, values: [from, to] } = self.phases[index];
        let start = if index == 0 { self.start } else { self.phases[index - 1].end };
        let length = end - start;
        let position = if length == 0.0 { 1.0 } else { ((t - start) / length).clamp(0.0, 1.0) };
        self.anneal.between(from, to, position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_joined_and_the_ends_hold() {
        let line = Phases::through(&[[1.0, 2.0], [3.0, 4.0], [3.0, 0.5]], Anneal::Linear);
        for (t, want) in [(-9.0, 2.0), (0.0, 2.0), (1.0, 2.0), (2.5, 3.5), (3.0, 4.0), (3.1, 0.5)] {
            assert_eq!(line.at(t), want, "{t}");
        }
        let curve = Phases { anneal: Anneal::Cos, ..line };
        assert!((curve.at(2.0) - 3.0).abs() < 1e-15);
        assert!(curve.at(1.5) < 2.5);
        assert_eq!(Phases::through(&[[5.0, 7.0]], Anneal::Cos).at(0.0), 7.0);
    }
}
