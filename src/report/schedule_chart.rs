//! What changes over the steps.

use super::{
    PictureFile,
    drawing::{Area, Drawing, Paint, Text},
    line_chart::{Curve, LineChart, Style, line_chart},
    text::shorten,
};
use crate::error::Result;

const WIDTH: f64 = 840.0;
const HEIGHT: f64 = 260.0;
const HEAD: f64 = 36.0;

/// Most points of a curve; of longer ones, every so many are drawn.
const MAX_POINTS: usize = 1000;

/// What changes over a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleView {
    /// What the schedule is, such as `one-cycle, 30 epochs, 240 steps`.
    pub about: String,
    /// All that is drawn, the learning rate first.
    pub courses: Vec<Course>,
}

/// Something that changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// What it is, such as `first beta of AdamW`.
    pub name: String,
    /// Its value at each step.
    pub values: Vec<f64>,
}

/// Draws a chart of each course, one below the other.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) if the file cannot be written.
pub fn draw_schedule(schedule: &ScheduleView, file: &PictureFile) -> Result<()> {
    file.write(&schedule_chart(schedule), "What changes over the steps")
}

fn schedule_chart(schedule: &ScheduleView) -> Drawing {
    let mut drawing = Drawing::new(WIDTH, HEAD + HEIGHT * schedule.courses.len() as f64);
    let about = Text::new(shorten(&schedule.about, 14, WIDTH - 32.0), 14).bold();
    drawing.text(16.0, 22.0, about);
    for (index, Course { name, values }) in schedule.courses.iter().enumerate() {
        let highest = values.iter().copied().fold(0.0, f64::max);
        let curve = Curve {
            name: name.clone(),
            points: points(values),
            paint: Paint::Series(index),
            style: Style::Line,
        };
        let chart = LineChart {
            x_label: "optimizer step",
            y_label: name,
            x_values: [0.0, values.len().max(1) as f64],
            // A rate is seen against 0.
            y_values: if index == 0 { [0.0, 1.05 * highest] } else { padded(values) },
            curves: vec![curve],
        };
        let top = HEAD + HEIGHT * index as f64;
        let area = Area { left: 0.0, top, width: WIDTH, height: HEIGHT };
        line_chart(&mut drawing, area, &chart);
    }
    drawing
}

/// Steps, from 1, with their values: all, or every so many and the last.
fn points(values: &[f64]) -> Vec<(f64, f64)> {
    let every = values.len().div_ceil(MAX_POINTS).max(1);
    let is_drawn = |step: usize| step.is_multiple_of(every) || step + 1 == values.len();
    let steps = values.iter().enumerate().filter(|(step, _)| is_drawn(*step));
    steps.map(|(step, &value)| ((step + 1) as f64, value)).collect()
}

/// The range of the values with some space above and below.
fn padded(values: &[f64]) -> [f64; 2] {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !(low.is_finite() && high.is_finite()) {
        return [0.0, 1.0];
    }
    let space = if low < high { 0.1 * (high - low) } else { 0.1 };
    [low - space, high + space]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_count_from_1_and_the_last_is_drawn() {
        assert_eq!(points(&[0.5, 0.25]), [(1.0, 0.5), (2.0, 0.25)]);
        let many: Vec<f64> = (0..2002).map(f64::from).collect();
        let drawn = points(&many);
        assert!(drawn.len() <= MAX_POINTS + 1, "{}", drawn.len());
        assert_eq!((drawn[1], drawn.last()), ((4.0, 3.0), Some(&(2002.0, 2001.0))));
    }

    #[test]
    fn a_value_that_never_changes_is_not_on_the_edge() {
        assert_eq!(padded(&[0.9, 0.9]), [0.8, 1.0]);
        assert_eq!(padded(&[]), [0.0, 1.0]);
    }

    #[test]
    fn every_chart_is_labelled() {
        let schedule = ScheduleView {
            about: "one-cycle".into(),
            courses: [
                ("learning rate", vec![1e-4, 1e-3, 1e-5]),
                ("first beta of AdamW", vec![0.95, 0.85, 0.95]),
            ]
            .map(|(name, values)| Course { name: name.into(), values })
            .to_vec(),
        };
        let svg = schedule_chart(&schedule).to_svg("");
        for text in ["one-cycle", "learning rate", "first beta of AdamW", "optimizer step"] {
            assert!(svg.contains(&format!(">{text}<")), "{text} in {svg}");
        }
    }
}
