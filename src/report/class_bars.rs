//! Bars of the figures and of the pixels of each class.

use super::{
    drawing::Drawing,
    grouped_bars::{Group, GroupedBars, grouped_bars},
    text::{percent, share, short_count},
};
use crate::{chip::RoleSummary, label::Classes, score::Metrics, train::EpochRow};

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

/// Share of each class among the labelled pixels of each role, and among those that the epochs
/// trained on: sampling and merging make the difference to the training blocks.
pub(super) fn class_balance(
    roles: &[RoleSummary],
    epochs: &[EpochRow],
    classes: &Classes,
) -> Drawing {
    let mut series: Vec<(String, Vec<u64>)> =
        roles.iter().map(|it| (it.role.to_string(), it.class_counts.clone())).collect();
    let trained_on: Vec<u64> = (0..classes.len()).map(|class| epochs_px(epochs, class)).collect();
    if trained_on.iter().any(|&n| 0 < n) {
        series.push(("chips of all epochs".to_owned(), trained_on));
    }
    let total = |counts: &[u64]| counts.iter().sum::<u64>();
    let group = |(index, class): (usize, &crate::label::Class)| {
        let bar = |(_, counts): &(String, Vec<u64>)| {
            let n = counts.get(index).copied().unwrap_or(0);
            let share = n as f64 / total(counts).max(1) as f64;
            let label = format!("{} ({} px)", percent(share), short_count(n));
            (100.0 * share, if n == 0 { "none".to_owned() } else { label })
        };
        let bars = series.iter().map(bar).collect();
        Group { name: class.name.clone(), color: class.color, bars }
    };
    let groups: Vec<_> = classes.iter().enumerate().map(group).collect();
    let shares = groups.iter().flat_map(|group| &group.bars).map(|(share, _)| *share);
    let longest = shares.fold(0.0, f64::max);
    let name =
        |(name, counts): &(String, Vec<u64>)| format!("{name} ({} px)", short_count(total(counts)));
    grouped_bars(&GroupedBars {
        series: series.iter().map(name).collect(),
        groups,
        axis_label: "share of the labelled pixels, in %".to_owned(),
        max: (longest * 1.05).clamp(1.0, 100.0),
    })
}

/// Pixels of a class that all epochs trained on.
fn epochs_px(epochs: &[EpochRow], class: usize) -> u64 {
    epochs.iter().filter_map(|epoch| epoch.class_px.get(class)).sum()
}
