//! The classes with their colours, below pictures of chips and blocks.

use image::RgbImage;

use super::{
    drawing::{Area, Drawing, Paint, Text},
    panel::hatching,
    text::shorten,
};
use crate::label::{Classes, Color};

const ROW: f64 = 20.0;
const N_COLUMNS: usize = 4;

/// Height of a legend of the classes, `n_more` other colours, and the hatching.
pub(super) fn legend_height(classes: &Classes, n_more: usize) -> f64 {
    ROW * (classes.len() + n_more + 1).div_ceil(N_COLUMNS) as f64
}

/// Draws the classes, `more`, and the hatching in columns across `area.width`.
pub(super) fn draw_legend(
    drawing: &mut Drawing,
    area: Area,
    classes: &Classes,
    more: &[(&str, Color)],
) {
    let column = area.width / N_COLUMNS as f64;
    let classes = classes.iter().map(|class| (class.name.as_str(), Some(class.color)));
    let more = more.iter().map(|&(name, color)| (name, Some(color)));
    let hatched = ("no data or no label", None);
    for (index, (name, color)) in classes.chain(more).chain([hatched]).enumerate() {
        let left = area.left + column * (index % N_COLUMNS) as f64;
        let top = area.top + ROW * (index / N_COLUMNS) as f64;
        let swatch = Area { left, top, width: 12.0, height: 12.0 };
        match color {
            Some(color) => drawing.fill(swatch, Paint::Fixed(color)),
            None => {
                let picture = RgbImage::from_fn(12, 12, |col, row| hatching(row, col));
                drawing.picture(swatch, &picture);
            }
        }
        drawing.frame(swatch, Paint::Faint, 0.5);
        drawing.text(left + 19.0, top + 10.5, Text::new(shorten(name, 12, column - 30.0), 12));
    }
}
