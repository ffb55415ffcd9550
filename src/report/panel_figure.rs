//! A panel with its headings and the classes, as one figure.

use super::{
    Panel,
    drawing::{Area, Drawing, Paint, Text},
    legend::{draw_legend, legend_height},
    panel::{RIGHT, WRONG},
    text::{percent, shorten},
};
use crate::label::Classes;

const WIDTH: f64 = 1040.0;
const GAP: f64 = 12.0;

/// Image, reference, map and errors side by side, with the legend below.
pub(super) fn panel_figure(panel: &Panel, classes: &Classes) -> Drawing {
    let side = (WIDTH - 5.0 * GAP) / 4.0;
    let (cols, rows) = panel.image.dimensions();
    // As wide as its place, or as high as wide.
    let scale = (side / f64::from(cols)).min(1.5 * side / f64::from(rows));
    let (width, height) = (f64::from(cols) * scale, f64::from(rows) * scale);

    let more = [("errors: right", RIGHT), ("errors: wrong", WRONG)];
    let legend_height = legend_height(classes, more.len());
    let top = 62.0;
    let legend_top = top + height + 42.0;
    let mut drawing = Drawing::new(WIDTH, legend_top + legend_height + 6.0);
    drawing.text(GAP, 22.0, Text::new(shorten(&panel.title, 14, WIDTH - 2.0 * GAP), 14).bold());

    let accuracy = format!("errors ({} right)", percent(panel.overall_accuracy));
    let parts = [
        ("image", &panel.image),
        ("reference", &panel.reference),
        ("map", &panel.map),
        (accuracy.as_str(), &panel.errors),
    ];
    for (index, (name, image)) in parts.into_iter().enumerate() {
        let left = GAP + (side + GAP) * index as f64;
        let area = Area { left, top, width, height };
        drawing.text(left, top - 8.0, Text::new(name, 13));
        drawing.picture(area, image);
        drawing.frame(
            Area { left: left - 1.0, top: top - 1.0, width: width + 2.0, height: height + 2.0 },
            Paint::Rule,
            1.0,
        );
    }
    let bands = format!("image: {}", panel.bands);
    let bands = Text::new(shorten(&bands, 11, WIDTH - 2.0 * GAP), 11).paint(Paint::Faint);
    drawing.text(GAP, top + height + 18.0, bands);
    let area = Area { left: GAP, top: legend_top, width: WIDTH - 2.0 * GAP, height: legend_height };
    draw_legend(&mut drawing, area, classes, &more);
    drawing
}
