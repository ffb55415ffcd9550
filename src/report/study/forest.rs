//! Means with their intervals as a picture (a forest plot).

use super::{Forest, ForestRow};
use crate::report::{
    axis::Axis,
    drawing::{Anchor, Area, Drawing, Paint, Text},
    text::shorten,
};

const WIDTH: f64 = 840.0;
const NAME_WIDTH: f64 = 170.0;
const LABEL_WIDTH: f64 = 210.0;
const ROW: f64 = 30.0;
const FOOT: f64 = 58.0;

/// How far an interval may stretch the axis beyond the values, in spans of the values: that of two
/// seeds is so wide that nothing else would be seen.
const MAX_STRETCH: f64 = 1.5;

/// Height above the rows: a page says the title itself.
fn head(forest: &Forest) -> f64 {
    if forest.title.is_empty() { 10.0 } else { 40.0 }
}

/// Height of a forest, in units of the drawing.
fn height(forest: &Forest) -> f64 {
    head(forest) + ROW * forest.rows.len() as f64 + FOOT
}

/// Draws forests one below the other.
pub(super) fn forests(all: &[&Forest]) -> Drawing {
    let mut drawing = Drawing::new(WIDTH, all.iter().map(|it| height(it)).sum());
    let mut top = 0.0;
    for forest in all {
        draw(&mut drawing, top, forest);
        top += height(forest);
    }
    drawing
}

fn draw(drawing: &mut Drawing, top: f64, forest: &Forest) {
    let plot = Area {
        left: NAME_WIDTH,
        top: top + head(forest),
        width: WIDTH - NAME_WIDTH - LABEL_WIDTH,
        height: ROW * forest.rows.len() as f64,
    };
    let axis = Axis { values: range(forest), positions: [plot.left, plot.right()] };
    drawing.text(16.0, top + 24.0, Text::new(shorten(&forest.title, 14, WIDTH - 32.0), 14).bold());
    for (value, label) in axis.ticks(5) {
        let x = axis.at(value);
        drawing.line(vec![(x, plot.top), (x, plot.bottom())], Paint::Rule, 1.0);
        let label = Text::new(label, 11).anchor(Anchor::Middle).paint(Paint::Faint);
        drawing.text(x, plot.bottom() + 16.0, label);
    }
    if forest.is_difference {
        let x = axis.at(0.0);
        drawing.dashed_line(vec![(x, plot.top - 6.0), (x, plot.bottom())], Paint::Ink, 1.0);
    }
    drawing.line(
        vec![(plot.left, plot.bottom()), (plot.right(), plot.bottom())],
        Paint::Faint,
        1.0,
    );
    let label = Text::new(shorten(&forest.axis_label, 12, WIDTH - 32.0), 12).anchor(Anchor::Middle);
    drawing.text(plot.left + plot.width / 2.0, plot.bottom() + 36.0, label);
    for (index, row) in forest.rows.iter().enumerate() {
        draw_row(drawing, &axis, plot, plot.top + ROW * (index as f64 + 0.5), row);
    }
}

fn draw_row(drawing: &mut Drawing, axis: &Axis, plot: Area, y: f64, row: &ForestRow) {
    let name = Text::new(shorten(&row.name, 12, NAME_WIDTH - 28.0), 12).anchor(Anchor::End);
    drawing.text(plot.left - 12.0, y + 4.0, name);
    drawing.text(plot.right() + 12.0, y + 4.0, Text::new(&row.label, 11).paint(Paint::Faint));
    // The seeds lie below their mean, so that neither covers the other.
    for &point in row.points.iter().filter(|it| it.is_finite()) {
        drawing.dot(axis.at(point), y + 8.0, 2.0, Paint::Series(1));
    }
    if row.interval.iter().all(|it| it.is_finite()) {
        let ends = row.interval.map(|it| axis.at(it));
        drawing.line(vec![(ends[0], y), (ends[1], y)], Paint::Series(0), 2.0);
        for (end, inwards) in [(0, 5.0), (1, -5.0)] {
            let [low, high] = axis.values;
            let (value, x) = (row.interval[end], ends[end]);
            // An interval that goes on beyond the axis ends in an arrow.
            let tip = if value < low || high < value { inwards } else { 0.0 };
            let points = vec![(x + tip, y - 4.0), (x, y), (x + tip, y + 4.0)];
            drawing.line(points, Paint::Series(0), 2.0);
        }
    }
    if row.mean.is_finite() {
        drawing.dot(axis.at(row.mean), y, 4.5, Paint::Series(0));
    }
}

/// Values of the axis: all points and means, 0 for differences, and as much of the intervals as
/// [`MAX_STRETCH`] lets in.
fn range(forest: &Forest) -> [f64; 2] {
    let of_row = |row: &ForestRow| row.points.iter().copied().chain([row.mean]).collect::<Vec<_>>();
    let zero = forest.is_difference.then_some(0.0);
    let values: Vec<f64> = forest.rows.iter().flat_map(of_row).chain(zero).collect();
    let ends = |values: &[f64]| {
        let finite = values.iter().copied().filter(|it| it.is_finite());
        finite
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], it| [low.min(it), high.max(it)])
    };
    let [low, high] = ends(&values);
    if !low.is_finite() {
        return [0.0, 1.0];
    }
    let span = if low < high { high - low } else { 0.01 };
    let (lowest, highest) = (low - MAX_STRETCH * span, high + MAX_STRETCH * span);
    let intervals = forest.rows.iter().flat_map(|row| row.interval);
    let intervals: Vec<f64> = intervals.map(|it| it.clamp(lowest, highest)).collect();
    let [low, high] = ends(&[values, intervals].concat());
    let space = 0.04 * (high - low).max(span);
    [low - space, high + space]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(points: &[f64], mean: f64, interval: [f64; 2]) -> ForestRow {
        let label = "+0.010 [-0.100, +0.300]".to_owned();
        ForestRow { name: "dice".to_owned(), points: points.into(), mean, interval, label }
    }

    fn forest(rows: Vec<ForestRow>) -> Forest {
        Forest {
            title: "mean IoU".to_owned(),
            axis_label: "difference to ce".to_owned(),
            is_difference: true,
            rows,
        }
    }

    #[track_caller]
    fn check(forest: &Forest, low: f64, high: f64) {
        let found = range(forest);
        assert!((found[0] - low).abs() < 1e-12 && (found[1] - high).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn the_axis_holds_values_zero_and_usual_intervals() {
        // From 0 to 0.06, with 4 % of that to spare.
        check(&forest(vec![row(&[0.02, 0.04], 0.03, [0.01, 0.06])]), -0.0024, 0.0624);
        check(&forest(vec![row(&[f64::NAN], f64::NAN, [f64::NAN; 2])]), -0.0004, 0.0004);
        check(&Forest { is_difference: false, ..forest(vec![]) }, 0.0, 1.0);
    }

    #[test]
    fn a_very_wide_interval_does_not_hide_the_rest() {
        // Values from 0 to 0.04; the axis goes 1.5 spans further on either side.
        let wide = forest(vec![row(&[0.02, 0.04], 0.03, [-5.0, 5.0])]);
        check(&wide, -0.0664, 0.1064);
        let n_lines = |it: &Forest| forests(&[it]).to_svg("").matches("<polyline").count();
        assert_eq!(n_lines(&wide), n_lines(&forest(vec![row(&[], 0.0, [-5.0, 5.0])])));
    }

    #[test]
    fn every_row_has_its_name_mean_and_seeds() {
        let drawing = forests(&[&forest(vec![row(&[0.02, 0.04], 0.03, [0.01, 0.05]); 3])]);
        let svg = drawing.to_svg("");
        let n = |what: &str| svg.matches(what).count();
        assert_eq!((n(">dice</text>"), n("<circle")), (3, 9), "{svg}");
    }
}
