//! Bars of the figures and of the pixels of each class.

use super::{
    drawing::Drawing,
    grouped_bars::{Group, GroupedBars, grouped_bars},
    text::{percent, share, short_count},
};
use crate::{chip::RoleSummary, label::Classes, score::Metrics};

/// IoU, precision and recall of each class.
pub(super) fn class_bars(metrics: &Metrics, classes: &Classes) -> Drawing {
    let group = |(class, of)| {
        let (class, of): (&crate::score::ClassMetrics, &crate::label::Class) = (class, of);
        let bar = |value: f64, none: &str| {
            (value, if value.is_nan() { none.to_owned() } else { share(value) })
        };
        let bars = vec![
            bar(class.iou, "neither mapped nor in the reference"),
            bar(class.precision, "never mapped"),
            bar(class.recall, "not in the reference"),
        ];
        Group { name: class.name.clone(), color: of.color, bars }
    };
    grouped_bars(&GroupedBars {
        series: ["IoU", "precision (user's accuracy)", "recall (producer's accuracy)"]
            .map(str::to_owned)
            .to_vec(),
        groups: metrics.classes.iter().zip(classes.iter()).map(group).collect(),
        axis_label: "share of pixels, 0 to 1".to_owned(),
        max: 1.0,
    })
}

/// Share of each class among the labelled pixels of each role.
pub(super) fn class_balance(roles: &[RoleSummary], classes: &Classes) -> Drawing {
    let total = |split: &RoleSummary| split.class_counts.iter().sum::<u64>();
    let share_of = |split: &RoleSummary, class: usize| {
        split.class_counts.get(class).copied().unwrap_or(0) as f64 / total(split).max(1) as f64
    };
    let group = |(index, class): (usize, &crate::label::Class)| {
        let bar = |split: &RoleSummary| {
            let (share, n) =
                (share_of(split, index), split.class_counts.get(index).copied().unwrap_or(0));
            let label = format!("{} ({} px)", percent(share), short_count(n));
            (100.0 * share, if n == 0 { "none".to_owned() } else { label })
        };
        let bars = roles.iter().map(bar).collect();
        Group { name: class.name.clone(), color: class.color, bars }
    };
    let groups: Vec<_> = classes.iter().enumerate().map(group).collect();
    let shares = groups.iter().flat_map(|group| &group.bars).map(|(share, _)| *share);
    let longest = shares.fold(0.0, f64::max);
    let series =
        roles.iter().map(|split| format!("{} ({} px)", split.role, short_count(total(split))));
    grouped_bars(&GroupedBars {
        series: series.collect(),
        groups,
        axis_label: "share of the split's labelled pixels, in %".to_owned(),
        max: (longest * 1.05).clamp(1.0, 100.0),
    })
}
