//! Training curves: loss, scores on validation, learning rate.

use super::{
    drawing::{Area, Drawing, Paint},
    line_chart::{Curve, LineChart, Style, line_chart},
};
use crate::train::{EpochRow, StepRow, ValidationRow};

const WIDTH: f64 = 840.0;
const HEIGHT: f64 = 250.0;

/// Most points of a curve of steps; longer ones are averaged.
const MAX_POINTS: usize = 600;

/// Three charts, one below the other, over the epochs; `None` without an epoch.
pub(super) fn training_curves(epochs: &[EpochRow], steps: &[StepRow]) -> Option<Drawing> {
    let last = epochs.last()?;
    let x_values = [0.0, f64::from(last.epoch.max(1))];
    let by_epoch = |figure: fn(&EpochRow) -> f64| -> Vec<(f64, f64)> {
        epochs.iter().map(|row| (f64::from(row.epoch), figure(row))).collect()
    };
    let by_check = |figure: fn(&ValidationRow) -> f64| check_points(epochs, figure);
    let by_step = |figure: fn(&StepRow) -> f64| {
        let points = steps.iter().map(|row| (epoch_of(row.step, last), figure(row)));
        thinned(points.collect())
    };

    let (train, val) = (by_epoch(|row| row.train_loss), by_check(|row| row.loss));
    let highest_loss = highest(train.iter().chain(&val));
    let mut loss = vec![
        curve("training, mean of the epoch", train, 0, Style::Line),
        curve("validation", val, 1, Style::Dashed),
    ];
    if !steps.is_empty() {
        let paint = Paint::Faint;
        let points = by_step(|row| f64::from(row.loss));
        let name = "training, by step".to_owned();
        loss.insert(0, Curve { name, points, paint, style: Style::Thin });
    }
    let scores = vec![
        curve("mean IoU", by_check(|row| row.mean_iou), 0, Style::Line),
        curve("overall accuracy", by_check(|row| row.overall_accuracy), 2, Style::Dashed),
    ];
    let rates = if steps.is_empty() { by_epoch(|row| row.lr) } else { by_step(|row| row.lr) };
    let highest_rate = highest(rates.iter());
    let charts = [
        ("loss, mean per pixel", highest_loss, loss),
        ("validation score, 0 to 1", 1.0 / 1.05, scores),
        ("learning rate", highest_rate, vec![curve("learning rate", rates, 0, Style::Line)]),
    ];

    let mut drawing = Drawing::new(WIDTH, HEIGHT * charts.len() as f64);
    for (index, (y_label, highest, curves)) in charts.into_iter().enumerate() {
        let area = Area { left: 0.0, top: HEIGHT * index as f64, width: WIDTH, height: HEIGHT };
        let y_values = [0.0, 1.05 * highest];
        line_chart(
            &mut drawing,
            area,
            &LineChart { x_label: "epoch", y_label, x_values, y_values, curves },
        );
    }
    Some(drawing)
}

/// Where a step lies among the epochs: they share an axis, and the last step ends the last epoch.
fn epoch_of(step: u64, last: &EpochRow) -> f64 {
    step as f64 * f64::from(last.epoch) / last.step.max(1) as f64
}

/// Epochs that were checked, without gaps for those that were not.
fn check_points(epochs: &[EpochRow], figure: fn(&ValidationRow) -> f64) -> Vec<(f64, f64)> {
    let checked = epochs.iter().filter_map(|row| Some((row.epoch, row.validation.as_ref()?)));
    checked.map(|(epoch, row)| (f64::from(epoch), figure(row))).collect()
}

fn curve(name: &str, points: Vec<(f64, f64)>, series: usize, style: Style) -> Curve {
    Curve { name: name.to_owned(), points, paint: Paint::Series(series), style }
}

/// Highest value that is a number above 0, or 1.
fn highest<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> f64 {
    let values = points.map(|&(_, y)| y).filter(|y| y.is_finite());
    let highest = values.fold(0.0, f64::max);
    if highest == 0.0 { 1.0 } else { highest }
}

/// Means of neighbouring points, so that few enough are left.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let n_together = points.len().div_ceil(MAX_POINTS).max(1);
    let mean = |group: &[(f64, f64)]| {
        let n = group.len() as f64;
        let sum = group.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / n, sum.1 / n)
    };
    points.chunks(n_together).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up::made_up;

    #[test]
    fn long_curves_are_averaged() {
        let points = (0..1500).map(|i| (f64::from(i), f64::from(i % 3))).collect();
        let thinned = thinned(points);
        assert_eq!((thinned.len(), thinned[0], thinned[499]), (500, (1.0, 1.0), (1498.0, 1.0)));
    }

    // Two epochs of 40 steps, only the second one checked.
    #[test]
    fn steps_and_checks_lie_at_the_end_of_their_epochs() {
        let mut data = made_up(&["water", "forest"]);
        data.epochs.truncate(2);
        let at = [1, 40, 80].map(|step| epoch_of(step, &data.epochs[1]));
        assert_eq!(at, [0.025, 1.0, 2.0]);
        let checks = check_points(&data.epochs, |it| it.overall_accuracy);
        assert_eq!(checks, [(2.0, data.epochs[1].validation.unwrap().overall_accuracy)]);
    }

    #[test]
    fn nothing_measured_is_no_drawing() {
        assert!(training_curves(&[], &[]).is_none());
    }
}
