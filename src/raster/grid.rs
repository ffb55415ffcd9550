//! Where the pixels of a raster lie on the map.

use serde::{Deserialize, Serialize};

use super::{Affine, Crs, Window};
use crate::error::{Error, Result};

/// Corners of two equal grids may be this far apart, in pixels: files store rounded numbers.
const TOLERANCE_PX: f64 = 1e-3;

/// Size, map position and coordinate reference system of a raster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Height, in pixels.
    pub rows: u32,
    /// Width, in pixels.
    pub cols: u32,
    /// Pixel to map positions; [`Affine::IDENTITY`] if the file has none.
    pub affine: Affine,
    /// Coordinate reference system; empty if the file has none.
    pub crs: Crs,
}

impl Grid {
    /// The window that holds every pixel.
    pub fn full_window(&self) -> Window {
        Window { row: 0, col: 0, rows: self.rows, cols: self.cols }
    }

    /// Sides of a pixel along x and along y, in map units, both positive.
    pub fn pixel_size(&self) -> [f64; 2] {
        self.affine.pixel_size()
    }

    /// Area of a pixel, in square map units.
    pub fn pixel_area(&self) -> f64 {
        let a = &self.affine.0;
        (a[1] * a[5] - a[2] * a[4]).abs()
    }

    /// The smallest upright rectangle around all pixels, `[x_min, y_min, x_max, y_max]`.
    pub fn bounds(&self) -> [f64; 4] {
        self.window_bounds(self.full_window())
    }

    /// The smallest upright rectangle around a window, `[x_min, y_min, x_max, y_max]`.
    pub fn window_bounds(&self, window: Window) -> [f64; 4] {
        let cols = [window.col, window.col_end()].map(f64::from);
        let rows = [window.row, window.row_end()].map(f64::from);
        let corners = rows.map(|row| cols.map(|col| self.affine.map_position(col, row)));
        upright(corners.as_flattened())
    }

    /// The grid of a part of this one.
    ///
    /// # Panics
    ///
    /// If the window reaches beyond the grid.
    pub fn part(&self, window: Window) -> Self {
        assert!(self.full_window().contains(window), "{window:?} reaches beyond the grid");
        let [x, y] = self.affine.map_position(f64::from(window.col), f64::from(window.row));
        let mut affine = self.affine;
        (affine.0[0], affine.0[3]) = (x, y);
        Self { rows: window.rows, cols: window.cols, affine, crs: self.crs.clone() }
    }

    /// The window of the pixels that a map rectangle `[x_min, y_min, x_max, y_max]` touches,
    /// cut off at the raster's edges.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if the rectangle is empty, or touches no pixel.
    pub fn window_of_bounds(&self, bounds: [f64; 4]) -> Result<Window> {
        let [x_min, y_min, x_max, y_max] = bounds;
        let wanted = || format!("a rectangle that touches the raster's {:?}", self.bounds());
        let outside = || Error::data("bounds", format!("{bounds:?}"), wanted());
        if !(x_min < x_max && y_min < y_max) {
            return Err(Error::data(
                "bounds",
                format!("{bounds:?}"),
                "x_min < x_max, y_min < y_max",
            ));
        }
        let corners = [[x_min, y_min], [x_min, y_max], [x_max, y_min], [x_max, y_max]]
            .map(|[x, y]| self.affine.pixel_position(x, y));
        let corners: Vec<[f64; 2]> = corners.into_iter().flatten().collect();
        if corners.len() < 4 {
            return Err(outside());
        }
        let [col_min, row_min, col_max, row_max] = upright(&corners);
        let (row, rows) = span(row_min, row_max, self.rows).ok_or_else(outside)?;
        let (col, cols) = span(col_min, col_max, self.cols).ok_or_else(outside)?;
        Ok(Window { row, col, rows, cols })
    }

    /// What differs first between two grids, as `(what, here, there)`; `None` if they agree.
    ///
    /// Size, coordinate reference system ([`Crs::same_as`]), pixel size, and the map position of
    /// the corners, which may be 1/1000 of a pixel apart, are compared in this order.
    pub fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        if (self.rows, self.cols) != (other.rows, other.cols) {
            let size = |grid: &Self| format!("{} rows x {} columns", grid.rows, grid.cols);
            return Some(("size", size(self), size(other)));
        }
        if !self.crs.same_as(&other.crs) {
            let what = "coordinate reference system";
            return Some((what, self.crs.name(), other.crs.name()));
        }
        let (here, there) = (self.pixel_size(), other.pixel_size());
        let tolerance = TOLERANCE_PX / f64::from(self.rows.max(self.cols));
        if (0..2).any(|axis| (here[axis] - there[axis]).abs() > tolerance * here[axis]) {
            let size = |[x, y]: [f64; 2]| format!("{x} x {y} map units");
            return Some(("pixel size", size(here), size(there)));
        }
        let corners = |grid: &Self| {
            [[0, 0], [self.cols, 0], [0, self.rows]]
                .map(|[col, row]| grid.affine.map_position(f64::from(col), f64::from(row)))
        };
        let apart = |(a, b): (&[f64; 2], &[f64; 2])| {
            let distance = (a[0] - b[0]).hypot(a[1] - b[1]);
            distance.is_nan() || TOLERANCE_PX * here[0].min(here[1]) < distance
        };
        if corners(self).iter().zip(&corners(other)).any(apart) {
            let transform = |grid: &Self| format!("{:?}", grid.affine.0);
            return Some(("transform", transform(self), transform(other)));
        }
        None
    }
}

/// `[min, min, max, max]` of positions.
fn upright(positions: &[[f64; 2]]) -> [f64; 4] {
    let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for position in positions {
        for axis in 0..2 {
            bounds[axis] = bounds[axis].min(position[axis]);
            bounds[axis + 2] = bounds[axis + 2].max(position[axis]);
        }
    }
    bounds
}

/// First pixel and number of pixels between two pixel positions on an axis of `size` pixels.
fn span(low: f64, high: f64, size: u32) -> Option<(u32, u32)> {
    // An edge on a pixel border, up to rounding, does not touch the pixel behind it.
    let first = (low + TOLERANCE_PX).floor().max(0.0);
    let end = (high - TOLERANCE_PX).ceil().min(f64::from(size));
    (first < end).then_some((first as u32, (end - first) as u32))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_part_lies_where_its_pixels_lie() {
        let affine = Affine::north_up([600.0, 900.0], [30.0, 20.0]);
        let whole = Grid { rows: 9, cols: 12, affine, crs: Crs::default() };
        let window = Window { row: 2, col: 5, rows: 3, cols: 4 };
        let part = whole.part(window);
        assert_eq!((part.rows, part.cols), (3, 4));
        assert_eq!(part.bounds(), whole.window_bounds(window));
    }

    use super::*;

    fn grid() -> Grid {
        let affine = Affine::north_up([1000.0, 2000.0], [10.0, 20.0]);
        Grid { rows: 5, cols: 8, affine, crs: Crs::from_epsg(32617) }
    }

    #[track_caller]
    fn check(bounds: [f64; 4], want: Option<Window>) {
        assert_eq!(grid().window_of_bounds(bounds).ok(), want);
    }

    #[test]
    fn bounds_are_those_of_the_outer_pixel_edges() {
        assert_eq!(grid().bounds(), [1000.0, 1900.0, 1080.0, 2000.0]);
        assert_eq!((grid().pixel_size(), grid().pixel_area()), ([10.0, 20.0], 200.0));
    }

    #[test]
    fn a_rectangle_gives_the_pixels_it_touches() {
        let all = grid().full_window();
        check(grid().bounds(), Some(all));
        check([-1e9, -1e9, 1e9, 1e9], Some(all));
        check([1010.0, 1940.0, 1030.0, 1980.0], Some(Window { row: 1, col: 1, rows: 2, cols: 2 }));
        check([1011.0, 1941.0, 1012.0, 1942.0], Some(Window { row: 2, col: 1, rows: 1, cols: 1 }));
        check([0.0, 0.0, 10.0, 10.0], None);
        check([1030.0, 1940.0, 1010.0, 1980.0], None);
        check([f64::NAN, 0.0, 10.0, 10.0], None);
    }

    #[test]
    fn the_first_difference_is_named() {
        let what = |change: fn(&mut Grid)| {
            let mut other = grid();
            change(&mut other);
            grid().difference(&other).map(|(what, _, _)| what)
        };
        assert_eq!(what(|_| ()), None);
        assert_eq!(what(|grid| grid.affine.0[0] += 1e-4), None);
        assert_eq!(what(|grid| grid.rows = 6), Some("size"));
        assert_eq!(what(|grid| grid.crs = Crs::default()), Some("coordinate reference system"));
        assert_eq!(what(|grid| grid.affine.0[1] = 10.1), Some("pixel size"));
        assert_eq!(what(|grid| grid.affine.0[0] += 5.0), Some("transform"));
        assert_eq!(what(|grid| grid.affine.0[5] = 20.0), Some("transform"));
        assert_eq!(what(|grid| grid.affine.0[3] = f64::NAN), Some("transform"));
    }
}
