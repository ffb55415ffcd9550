//! Names of the rules that read a learning rate off a curve.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossCurve;

/// How a learning rate is read off the smoothed loss `L` of a sweep.
///
/// The rules of fastai leave out the first tenth of the planned iterations and the last 5 points.
/// All need 2 points, [`Rule::Slide`] 16, after what they leave out. Of equal points the first one
/// is taken.
///
/// Source: torch-lr-finder 0.2.2 (`LRFinder.plot`), fastai 2 (`valley`, `slide`, `minimum`, `steep`
/// and the part of `lr_find` before them) and arcgis.learn 2.4.4 (`_find_lr`). They differ in what
/// they make of a single point, which is nothing here; of infinite losses, which end a curve here
/// as NaN does in fastai, while torch-lr-finder takes the first NaN for the steepest; and in the
/// precision, which is f64 here and f32 in fastai.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// torch-lr-finder's: where `L` falls most from iteration to iteration, by central differences;
    /// without the first 10 and the last 5 points. The rate plays no part in it.
    Steepest,
    /// fastai's: where `L` falls most per unit of `ln lr`, by differences to the next point.
    Steep,
    /// fastai's default, by Esri: about half-way down the longest fall of `L`.
    Valley,
    /// fastai's, by A. Chang: from the end backwards until the slope changes little in 15
    /// iterations.
    Slide,
    /// fastai's `minimum`: the rate of the lowest `L`, divided by 10.
    MinimumTenth,
    /// arcgis.learn's: as [`Rule::Valley`], but without the first 5 and the last 5 points, or with
    /// all if fewer than 5 remained.
    Arcgis,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 6] =
        [Self::Steepest, Self::Steep, Self::Valley, Self::Slide, Self::MinimumTenth, Self::Arcgis];

    /// The name that it has in a run file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steepest => "steepest",
            Self::Steep => "steep",
            Self::Valley => "valley",
            Self::Slide => "slide",
            Self::MinimumTenth => "minimum-tenth",
            Self::Arcgis => "arcgis",
        }
    }

    /// The points of a curve that the rule looks at.
    pub(super) fn part(self, curve: &LossCurve) -> Range<usize> {
        match self {
            Self::Steepest => curve.without_ends(10, 5),
            Self::Steep | Self::Valley | Self::Slide | Self::MinimumTenth => curve.fastai_part(),
            Self::Arcgis => {
                let part = curve.without_ends(5, 5);
                if part.len() < 5 { curve.without_ends(0, 0) } else { part }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: Rule, n_points: usize, wanted: Range<usize>) {
        let lr = (1..=n_points).map(|it| it as f64).collect();
        let curve = LossCurve::new(lr, vec![1.0; n_points], 100).unwrap();
        assert_eq!(rule.part(&curve), wanted, "{rule:?} {n_points}");
    }

    #[test]
    fn each_rule_leaves_out_its_part() {
        check(Rule::Steepest, 60, 10..55);
        check(Rule::Arcgis, 60, 5..55);
        check(Rule::Arcgis, 15, 5..10);
        check(Rule::Arcgis, 14, 0..14);
        for rule in [Rule::Steep, Rule::Valley, Rule::Slide, Rule::MinimumTenth] {
            check(rule, 60, 10..55);
        }
    }

    #[test]
    fn names_are_kebab_case() {
        let text = serde_json::to_string(&Rule::ALL).unwrap();
        let wanted = r#"["steepest","steep","valley","slide","minimum-tenth","arcgis"]"#;
        assert_eq!(text, wanted);
    }
}
