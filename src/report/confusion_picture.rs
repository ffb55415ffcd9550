//! The confusion matrix as a picture.

use super::{
    drawing::{Anchor, Area, Drawing, Paint, Text},
    text::{short_count, shorten, width, wrap},
};
use crate::{
    label::Color,
    score::{Confusion, Metrics},
};

/// Longest name of a row.
const ROW_NAME: f64 = 170.0;

/// Longest name of a column.
const COLUMN_NAME: f64 = 132.0;

const BLUE: Color = Color([8, 69, 148]);
const WHITE: Color = Color([255; 3]);

/// A cell is as dark as the share of the reference class (its column) that was mapped so.
pub(super) fn confusion_picture(metrics: &Metrics) -> Drawing {
    let n = metrics.classes.len();
    let cell = (620.0 / n as f64).clamp(10.0, 64.0);
    let longest = |max_width: f64| {
        let lines = metrics.classes.iter().flat_map(|it| name_lines(&it.name, cell, max_width));
        lines.map(|line| width(&line, name_size(cell))).fold(0.0, f64::max)
    };
    let grid = Area {
        left: longest(ROW_NAME) + 44.0,
        top: longest(COLUMN_NAME) + 44.0,
        width: cell * n as f64,
        height: cell * n as f64,
    };
    let mut drawing = Drawing::new((grid.right() + 20.0).max(620.0), grid.bottom() + 78.0);
    let confusion = Confusion::from_rows(&metrics.confusion).expect("metrics hold a square");
    for map in 0..n {
        for reference in 0..n {
            let area = Area {
                left: grid.left + cell * reference as f64,
                top: grid.top + cell * map as f64,
                width: cell,
                height: cell,
            };
            let total = confusion.n_reference(reference);
            draw_cell(&mut drawing, area, confusion.count(map, reference), total);
        }
    }
    for class in 0..n {
        let (left, top) = (grid.left + cell * class as f64, grid.top + cell * class as f64);
        drawing.frame(Area { left, top, width: cell, height: cell }, Paint::Ink, 1.2);
    }
    drawing.frame(grid, Paint::Faint, 1.0);
    draw_names(&mut drawing, grid, cell, metrics);
    draw_scale(&mut drawing, grid);
    drawing
}

fn draw_cell(drawing: &mut Drawing, area: Area, count: u64, total: u64) {
    drawing.frame(area, Paint::Rule, 0.5);
    if count == 0 {
        return;
    }
    let share = count as f64 / total as f64;
    drawing.tint(area, Paint::Fixed(BLUE), share);
    let paint = if share < 0.6 { Paint::Ink } else { Paint::Fixed(WHITE) };
    let middle = area.left + area.width / 2.0;
    let percent = if share < 0.005 { "<1".to_owned() } else { format!("{:.0}", 100.0 * share) };
    let mut write = |y: f64, content: String, size: u32| {
        let text = Text::new(content, size).anchor(Anchor::Middle).paint(paint);
        drawing.text(middle, area.top + y, text);
    };
    if 44.0 <= area.height {
        write(area.height / 2.0 - 1.0, format!("{percent} %"), 13);
        write(area.height / 2.0 + 14.0, short_count(count), 10);
    } else if 20.0 <= area.height {
        write(area.height / 2.0 + 4.0, percent, 10);
    }
}

fn draw_names(drawing: &mut Drawing, grid: Area, cell: f64, metrics: &Metrics) {
    let size = name_size(cell);
    for (index, class) in metrics.classes.iter().enumerate() {
        let middle = cell * (index as f64 + 0.5);
        let lines = name_lines(&class.name, cell, ROW_NAME);
        let mut y = grid.top + middle + 4.0 - 7.0 * (lines.len() as f64 - 1.0);
        for line in lines {
            drawing.text(grid.left - 8.0, y, Text::new(line, size).anchor(Anchor::End));
            y += 14.0;
        }
        let lines = name_lines(&class.name, cell, COLUMN_NAME);
        let mut x = grid.left + middle + 4.0 - 7.0 * (lines.len() as f64 - 1.0);
        for line in lines {
            drawing.text(x, grid.top - 8.0, Text::new(line, size).upright());
            x += 14.0;
        }
    }
    let width = grid.width.max(300.0);
    let title = shorten("reference (columns)", 13, width);
    drawing.text(grid.left, 18.0, Text::new(title, 13).bold());
    let map = Text::new("map (rows)", 13).bold().anchor(Anchor::Middle).upright();
    drawing.text(18.0, grid.top + grid.height / 2.0, map);
}

fn name_size(cell: f64) -> u32 {
    if cell < 14.0 { 8 } else { 12 }
}

fn name_lines(name: &str, cell: f64, max_width: f64) -> Vec<String> {
    wrap(name, name_size(cell), max_width, if cell < 30.0 { 1 } else { 2 })
}

/// The ramp below the grid.
fn draw_scale(drawing: &mut Drawing, grid: Area) {
    let (n, width) = (50, 5.0);
    let (left, top) = (grid.left, grid.bottom() + 22.0);
    for step in 0..n {
        let area = Area { left: left + width * f64::from(step), top, width, height: 10.0 };
        drawing.tint(area, Paint::Fixed(BLUE), (f64::from(step) + 0.5) / f64::from(n));
    }
    let whole = Area { left, top, width: width * f64::from(n), height: 10.0 };
    drawing.frame(whole, Paint::Faint, 0.5);
    for (share, label) in [(0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")] {
        let text = Text::new(label, 11).anchor(Anchor::Middle).paint(Paint::Faint);
        drawing.text(left + share * whole.width, top + 24.0, text);
    }
    let label = "share of the reference class (column) mapped as the row's class";
    drawing.text(left, top + 44.0, Text::new(label, 11));
}
