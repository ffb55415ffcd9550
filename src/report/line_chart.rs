//! Curves over a common axis.

use super::{
    axis::Axis,
    drawing::{Anchor, Area, Drawing, Paint, Text},
    text,
};

/// Most points of a curve that get a dot each.
const MAX_DOTS: usize = 80;

/// One chart: curves over `x`, with labelled axes.
pub(super) struct LineChart<'a> {
    pub(super) x_label: &'a str,
    pub(super) y_label: &'a str,
    pub(super) x_values: [f64; 2],
    pub(super) y_values: [f64; 2],
    pub(super) curves: Vec<Curve>,
}

/// One curve; points with a NaN interrupt it.
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) paint: Paint,
    pub(super) style: Style,
}

/// How a curve is drawn; without colours, curves still differ.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Style {
    /// A strong line.
    Line,
    /// A strong, broken line with a dot at each point, unless there are too many.
    Dashed,
    /// A thin line behind the others.
    Thin,
}

/// Draws the chart into `area`, with its legend and the labels of its axes. Gives the axes back, for
/// what else is to be drawn.
pub(super) fn line_chart(drawing: &mut Drawing, area: Area, chart: &LineChart<'_>) -> [Axis; 2] {
    let plot = Area {
        left: area.left + 74.0,
        top: area.top + 26.0,
        width: area.width - 90.0,
        height: area.height - 74.0,
    };
    let x_axis = Axis { values: chart.x_values, positions: [plot.left, plot.right()] };
    let y_axis = Axis { values: chart.y_values, positions: [plot.bottom(), plot.top] };
    for (value, label) in y_axis.ticks(5) {
        let y = y_axis.at(value);
        drawing.line(vec![(plot.left, y), (plot.right(), y)], Paint::Rule, 1.0);
        let label = Text::new(label, 11).anchor(Anchor::End).paint(Paint::Faint);
        drawing.text(plot.left - 7.0, y + 4.0, label);
    }
    for (value, label) in x_axis.whole_ticks(8) {
        let x = x_axis.at(value);
        drawing.line(vec![(x, plot.bottom()), (x, plot.bottom() + 4.0)], Paint::Faint, 1.0);
        let label = Text::new(label, 11).anchor(Anchor::Middle).paint(Paint::Faint);
        drawing.text(x, plot.bottom() + 17.0, label);
    }
    for curve in &chart.curves {
        draw_curve(drawing, curve, &x_axis, &y_axis);
    }
    let corners =
        vec![(plot.left, plot.top), (plot.left, plot.bottom()), (plot.right(), plot.bottom())];
    drawing.line(corners, Paint::Faint, 1.0);

    let x_label = Text::new(chart.x_label, 12).anchor(Anchor::Middle);
    drawing.text(plot.left + plot.width / 2.0, plot.bottom() + 36.0, x_label);
    let y_label = Text::new(chart.y_label, 12).anchor(Anchor::Middle).upright();
    drawing.text(area.left + 14.0, plot.top + plot.height / 2.0, y_label);
    draw_legend(drawing, plot.left, area.top + 14.0, &chart.curves);
    [x_axis, y_axis]
}

fn draw_curve(drawing: &mut Drawing, curve: &Curve, x_axis: &Axis, y_axis: &Axis) {
    let is_gap = |(x, y): &(f64, f64)| x.is_nan() || y.is_nan();
    for piece in curve.points.split(is_gap).filter(|piece| !piece.is_empty()) {
        let points: Vec<_> = piece.iter().map(|&(x, y)| (x_axis.at(x), y_axis.at(y))).collect();
        if let [(x, y)] = points[..] {
            drawing.dot(x, y, 3.0, curve.paint); // A single point makes no line.
            continue;
        }
        match curve.style {
            Style::Line => drawing.line(points, curve.paint, 2.0),
            Style::Dashed => {
                if points.len() <= MAX_DOTS {
                    points.iter().for_each(|&(x, y)| drawing.dot(x, y, 3.0, curve.paint));
                }
                drawing.dashed_line(points, curve.paint, 2.0);
            }
            Style::Thin => drawing.line(points, curve.paint, 1.0),
        }
    }
}

fn draw_legend(drawing: &mut Drawing, left: f64, y: f64, curves: &[Curve]) {
    let mut x = left;
    for curve in curves {
        let sample = vec![(x, y - 4.0), (x + 24.0, y - 4.0)];
        match curve.style {
            Style::Line => drawing.line(sample, curve.paint, 2.0),
            Style::Dashed => {
                drawing.dashed_line(sample, curve.paint, 2.0);
                drawing.dot(x + 12.0, y - 4.0, 3.0, curve.paint);
            }
            Style::Thin => drawing.line(sample, curve.paint, 1.0),
        }
        drawing.text(x + 30.0, y, Text::new(&curve.name, 12));
        x += 54.0 + text::width(&curve.name, 12);
    }
}
