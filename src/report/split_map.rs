//! Where the blocks of the split lie.

use image::{Rgb, RgbImage, imageops};

use super::{
    SceneView, SplitBlock,
    axis::Axis,
    drawing::{Anchor, Area, Drawing, Paint, Text},
    text,
};
use crate::{label::Color, scene::Role};

const WIDTH: f64 = 840.0;
const LEFT: f64 = 74.0;
const TOP: f64 = 34.0;
const FOOT: f64 = 50.0;

/// The scene with its blocks, axes in pixels, and a legend.
pub(super) fn split_map(scene: &SceneView) -> Drawing {
    let mut drawing = Drawing::new(WIDTH, map_height(scene, WIDTH));
    draw_split_map(&mut drawing, (0.0, 0.0), WIDTH, scene);
    drawing
}

/// Height of what [`draw_split_map`] draws.
pub(super) fn map_height(scene: &SceneView, width: f64) -> f64 {
    TOP + f64::from(scene.rows) * scale(scene, width) + FOOT
}

/// Draws the map of the split with its upper-left corner at `(left, top)`.
pub(super) fn draw_split_map(
    drawing: &mut Drawing,
    (left, top): (f64, f64),
    width: f64,
    scene: &SceneView,
) {
    let scale = scale(scene, width);
    let plot = Area {
        left: left + LEFT,
        top: top + TOP,
        width: f64::from(scene.cols) * scale,
        height: f64::from(scene.rows) * scale,
    };
    drawing.picture(plot, &blocks_over_scene(scene, scale));
    draw_legend(drawing, plot, scene);
    let columns =
        Axis { values: [0.0, f64::from(scene.cols)], positions: [plot.left, plot.right()] };
    for (value, label) in columns.whole_ticks(8) {
        let x = columns.at(value);
        drawing.line(vec![(x, plot.bottom()), (x, plot.bottom() + 4.0)], Paint::Faint, 1.0);
        let label = Text::new(label, 11).anchor(Anchor::Middle).paint(Paint::Faint);
        drawing.text(x, plot.bottom() + 17.0, label);
    }
    let rows = Axis { values: [0.0, f64::from(scene.rows)], positions: [plot.top, plot.bottom()] };
    for (value, label) in rows.whole_ticks(6) {
        let y = rows.at(value);
        drawing.line(vec![(plot.left - 4.0, y), (plot.left, y)], Paint::Faint, 1.0);
        let label = Text::new(label, 11).anchor(Anchor::End).paint(Paint::Faint);
        drawing.text(plot.left - 7.0, y + 4.0, label);
    }
    let label = Text::new("column, in pixels", 12).anchor(Anchor::Middle);
    drawing.text(plot.left + plot.width / 2.0, plot.bottom() + 36.0, label);
    let label = Text::new("row, in pixels", 12).anchor(Anchor::Middle).upright();
    drawing.text(left + 14.0, plot.top + plot.height / 2.0, label);
}

fn draw_legend(drawing: &mut Drawing, plot: Area, scene: &SceneView) {
    let mut x = plot.left;
    for role in Role::ALL {
        let n_blocks = scene.blocks.iter().filter(|block| block.role == role).count();
        let unit = if n_blocks == 1 { "block" } else { "blocks" };
        let name = format!("{role}, {n_blocks} {unit}");
        let swatch = Area { left: x, top: plot.top - TOP + 8.0, width: 16.0, height: 12.0 };
        drawing.picture(swatch, &swatch_of(role));
        drawing.text(x + 22.0, swatch.top + 10.5, Text::new(&name, 12));
        x += 36.0 + text::width(&name, 12);
    }
}

/// Units of the drawing for a pixel of the scene.
fn scale(scene: &SceneView, width: f64) -> f64 {
    let across = (width - LEFT - 12.0) / f64::from(scene.cols);
    across.min(620.0 / 840.0 * width / f64::from(scene.rows))
}

/// The scene in pale colours, two pixels a unit of the drawing, tinted where blocks are.
///
/// Pixels are repeated, not blended, and colours are rounded: such pictures make small files.
fn blocks_over_scene(scene: &SceneView, scale: f64) -> RgbImage {
    let scale = 2.0 * scale;
    let length = |pixels: u32| ((f64::from(pixels) * scale).round() as u32).max(1);
    let (width, height) = (length(scene.cols), length(scene.rows));
    let filter = imageops::FilterType::Nearest;
    let mut picture = imageops::resize(&scene.overview, width, height, filter);
    for pixel in picture.pixels_mut() {
        *pixel = Rgb(mixed(*pixel, Rgb([255; 3]), 0.25).0.map(|it| it | 7));
    }
    for block in &scene.blocks {
        tint(&mut picture, block, scale);
    }
    picture
}

fn tint(picture: &mut RgbImage, block: &SplitBlock, scale: f64) {
    let place = |pixels: u32, end: u32| ((f64::from(pixels) * scale).round() as u32).min(end);
    let (width, height) = picture.dimensions();
    let (top, bottom) = (place(block.window.row, height), place(block.window.row_end(), height));
    let (left, right) = (place(block.window.col, width), place(block.window.col_end(), width));
    let color = Rgb(color_of(block.role).0);
    for row in top..bottom {
        for col in left..right {
            let edge = (row - top).min(bottom - 1 - row).min(col - left).min(right - 1 - col);
            let opacity = match edge {
                0..2 => 1.0,
                _ if has_line(block.role, row, col) => 0.75,
                _ => 0.3,
            };
            let pixel = picture.get_pixel_mut(col, row);
            *pixel = mixed(*pixel, color, opacity);
        }
    }
}

fn swatch_of(role: Role) -> RgbImage {
    let color = Rgb(color_of(role).0);
    RgbImage::from_fn(32, 24, |col, row| {
        let edge = row.min(23 - row).min(col).min(31 - col);
        let opacity = if edge < 2 || has_line(role, row, col) { 1.0 } else { 0.3 };
        mixed(Rgb([255; 3]), color, opacity)
    })
}

/// Blue, orange and purple: apart for colour-blind readers, and with different hatching.
fn color_of(role: Role) -> Color {
    match role {
        Role::Train => Color([0, 114, 178]),
        Role::Validation => Color([230, 159, 0]),
        Role::Test => Color([150, 20, 110]),
    }
}

/// Whether a line of the hatching runs through the point: none, diagonal, crossed.
fn has_line(role: Role, row: u32, col: u32) -> bool {
    let (falling, rising) = ((row + col) % 12 < 2, (row + 12 * 4096 - col) % 12 < 2);
    match role {
        Role::Train => false,
        Role::Validation => falling,
        Role::Test => falling || rising,
    }
}

/// `top` over `below`, hiding the share `opacity` of it.
fn mixed(below: Rgb<u8>, top: Rgb<u8>, opacity: f64) -> Rgb<u8> {
    let mix = |channel: usize| {
        let (below, top) = (f64::from(below.0[channel]), f64::from(top.0[channel]));
        (below + opacity * (top - below)).round() as u8
    };
    Rgb([mix(0), mix(1), mix(2)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Window;

    #[test]
    fn blocks_are_drawn_where_they_are() {
        let window = Window { row: 10, col: 40, rows: 10, cols: 20 };
        let scene = SceneView {
            name: "scene".into(),
            overview: RgbImage::from_pixel(8, 4, Rgb([255; 3])),
            rows: 40,
            cols: 80,
            pixel_size: "10 m".into(),
            crs: String::new(),
            blocks: vec![SplitBlock { window, role: Role::Test }],
        };
        let picture = blocks_over_scene(&scene, 9.0);
        let (width, height) = picture.dimensions();
        let at = |row: f64, col: f64| {
            let place = |pixels: f64, n: u32, of: f64| (pixels / of * f64::from(n)) as u32;
            picture.get_pixel(place(col, width, 80.0), place(row, height, 40.0)).0
        };
        let inside = [at(10.5, 40.5), at(19.5, 59.5), at(15.0, 50.0)];
        let outside =
            [at(9.5, 40.5), at(10.5, 39.5), at(20.5, 50.0), at(15.0, 60.5), at(0.5, 10.0)];
        assert!(inside.iter().all(|it| it != &[255; 3]), "{inside:?}");
        assert!(outside.iter().all(|it| it == &[255; 3]), "{outside:?}");
    }

    #[test]
    fn roles_differ_without_colour() {
        let lines = Role::ALL.map(|role| {
            (0..12)
                .flat_map(|row| (0..12).map(move |col| (row, col)))
                .filter(|&(row, col)| has_line(role, row, col))
                .count()
        });
        assert!(lines[0] < lines[1] && lines[1] < lines[2], "{lines:?}");
    }
}
