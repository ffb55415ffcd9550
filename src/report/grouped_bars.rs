//! Lying bars in groups: a group a class, a bar a series.

use super::{
    axis::Axis,
    drawing::{Anchor, Area, Drawing, Paint, Text},
    text::{self, wrap},
};
use crate::label::Color;

const WIDTH: f64 = 840.0;
const NAME_WIDTH: f64 = 190.0;
const BAR: f64 = 11.0;
const GROUP_GAP: f64 = 12.0;
const HEAD: f64 = 34.0;
const FOOT: f64 = 46.0;

/// What the bars show.
pub(super) struct GroupedBars {
    /// Name of each series, in the order of the bars; at most four.
    pub(super) series: Vec<String>,
    /// One group a class.
    pub(super) groups: Vec<Group>,
    /// What the lengths are, with the unit.
    pub(super) axis_label: String,
    /// Length of the axis; values are not longer.
    pub(super) max: f64,
}

/// The bars of one class.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) color: Color,
    /// Length and label of each bar; NaN is no bar.
    pub(super) bars: Vec<(f64, String)>,
}

/// Draws the groups from top to bottom.
pub(super) fn grouped_bars(bars: &GroupedBars) -> Drawing {
    let group_height = (BAR * bars.series.len() as f64).max(2.2 * BAR) + GROUP_GAP;
    let plot = Area {
        left: NAME_WIDTH,
        top: HEAD,
        width: WIDTH - NAME_WIDTH - 120.0,
        height: group_height * bars.groups.len() as f64,
    };
    let axis = Axis { values: [0.0, bars.max], positions: [plot.left, plot.right()] };
    let mut drawing = Drawing::new(WIDTH, plot.bottom() + FOOT);

    legend(&mut drawing, plot.left, HEAD - 16.0, &bars.series);
    for (value, label) in axis.ticks(5) {
        let x = axis.at(value);
        drawing.line(vec![(x, plot.top), (x, plot.bottom())], Paint::Rule, 1.0);
        let label = Text::new(label, 11).anchor(Anchor::Middle).paint(Paint::Faint);
        drawing.text(x, plot.bottom() + 16.0, label);
    }
    let label = Text::new(&bars.axis_label, 12).anchor(Anchor::Middle);
    drawing.text(plot.left + plot.width / 2.0, plot.bottom() + 36.0, label);

    for (index, group) in bars.groups.iter().enumerate() {
        let top = plot.top + group_height * index as f64;
        draw_group(&mut drawing, &axis, group, Area { top, height: group_height, ..plot });
    }
    drawing
}

fn draw_group(drawing: &mut Drawing, axis: &Axis, group: &Group, area: Area) {
    let middle = area.top + area.height / 2.0;
    let swatch = Area { left: area.left - 18.0, top: middle - 5.0, width: 10.0, height: 10.0 };
    drawing.fill(swatch, Paint::Fixed(group.color));
    drawing.frame(swatch, Paint::Faint, 0.5);
    let lines = wrap(&group.name, 12, NAME_WIDTH - 30.0, 2);
    let mut y = middle + 4.0 - 7.5 * (lines.len() as f64 - 1.0);
    for line in lines {
        drawing.text(swatch.left - 7.0, y, Text::new(line, 12).anchor(Anchor::End));
        y += 15.0;
    }

    let mut top = middle - BAR * group.bars.len() as f64 / 2.0;
    for (series, (value, label)) in group.bars.iter().enumerate() {
        let end = if value.is_nan() { area.left } else { axis.at(*value) };
        let bar = Area { left: area.left, top, width: end - area.left, height: BAR - 1.5 };
        drawing.fill(bar, Paint::Series(series));
        let label = Text::new(label, 10).paint(Paint::Faint);
        drawing.text(end + 5.0, top + BAR - 2.5, label);
        top += BAR;
    }
    drawing.line(vec![(area.left, area.top), (area.left, area.bottom())], Paint::Faint, 1.0);
}

/// Names of the series in a row, each with a patch of its colour.
pub(super) fn legend(drawing: &mut Drawing, left: f64, y: f64, names: &[String]) {
    let mut x = left;
    for (series, name) in names.iter().enumerate() {
        let patch = Area { left: x, top: y - 9.0, width: 14.0, height: 9.0 };
        drawing.fill(patch, Paint::Series(series));
        drawing.text(x + 20.0, y, Text::new(name, 12));
        x += 44.0 + text::width(name, 12);
    }
}
