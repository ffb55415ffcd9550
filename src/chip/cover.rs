//! Windows that cover a region, every pixel counted once.

use crate::{chip::SceneSplit, raster::Window, scene::Role};

/// A window to read, and the part of it that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Square to read. Leaves the raster below or to the right only if the raster is smaller.
    pub window: Window,
    /// Pixels that this window answers for: inside `window`, inside the region.
    pub core: Window,
}

impl Cover {
    /// `core` counted from the corner of `window`.
    pub fn core_in_window(&self) -> Window {
        let (row, col) = (self.core.row - self.window.row, self.core.col - self.window.col);
        Window { row, col, ..self.core }
    }
}

/// Squares of `size_px` whose cores tile `region`: every pixel of it lies in exactly one core.
///
/// Cores are `size_px - 2 * margin_px` wide, the last ones of a row or column narrower; each window
/// is centred on its core and moved into the raster, so at least `margin_px` of context surround a
/// core except at the raster's edge. All arguments are in pixels; windows run row by row.
///
/// # Panics
///
/// If `region` is not inside the raster of `rows` x `cols`, or the margins leave no core.
///
/// # Example
///
/// ```
/// # use swath::{chip::cover, raster::Window};
/// let region = Window { row: 0, col: 8, rows: 4, cols: 6 };
/// let cols: Vec<_> = cover(region, 4, 14, 4, 0).map(|it| (it.window.col, it.core.cols)).collect();
/// assert_eq!(cols, [(8, 4), (10, 2)]);
/// ```
pub fn cover(
    region: Window,
    rows: u32,
    cols: u32,
    size_px: u32,
    margin_px: u32,
) -> impl Iterator<Item = Cover> {
    assert!(region.row_end() <= rows && region.col_end() <= cols, "{region:?} leaves the raster");
    assert!(2 * u64::from(margin_px) < u64::from(size_px), "margins of {margin_px} leave no core");
    let core_px = size_px - 2 * margin_px;
    let starts = move |start: u32, end: u32| (start..end).step_by(core_px as usize);
    starts(region.row, region.row_end()).flat_map(move |row| {
        starts(region.col, region.col_end()).map(move |col| {
            let core = Window {
                row,
                col,
                rows: core_px.min(region.row_end() - row),
                cols: core_px.min(region.col_end() - col),
            };
            let window = Window::square(
                centred(core.row, core.rows, rows, size_px),
                centred(core.col, core.cols, cols, size_px),
                size_px,
            );
            Cover { window, core }
        })
    })
}

/// A cover window of one of several scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SceneCover {
    /// Index of the scene.
    pub scene: usize,
    /// Window and the pixels that count.
    pub cover: Cover,
}

/// Windows of `size_px` whose cores hold every pixel of the `role` blocks of all scenes once.
///
/// Scene by scene and block by block; `margin_px` as in [`cover`]. Windows may reach into other
/// blocks for context; only the labels of their cores count.
///
/// # Panics
///
/// If the margins leave no core.
pub fn evaluation_windows(
    splits: &[SceneSplit],
    role: Role,
    size_px: u32,
    margin_px: u32,
) -> impl Iterator<Item = SceneCover> {
    splits.iter().enumerate().flat_map(move |(scene, split)| {
        let (rows, cols) = (split.grid().rows(), split.grid().cols());
        split
            .blocks(role)
            .flat_map(move |block| cover(block, rows, cols, size_px, margin_px))
            .map(move |cover| SceneCover { scene, cover })
    })
}

/// Start of `size_px` pixels centred on `core_px` pixels at `start`, moved into `0..length`.
fn centred(start: u32, core_px: u32, length: u32, size_px: u32) -> u32 {
    let centred = start.saturating_sub((size_px - core_px) / 2);
    centred.min(length.saturating_sub(size_px))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A raster's rows and columns, a region inside it, a window's side and its margin.
    fn cases() -> impl Strategy<Value = (u32, u32, Window, u32, u32)> {
        let axis = || {
            (1u32..40)
                .prop_flat_map(|n| (Just(n), 0..n))
                .prop_flat_map(|(n, start)| (Just(n), Just(start), 1..=n - start))
        };
        let size = (1u32..20).prop_flat_map(|size_px| (Just(size_px), 0..size_px.div_ceil(2)));
        (axis(), axis(), size).prop_map(
            |((rows, row, height), (cols, col, width), (size_px, margin_px))| {
                (rows, cols, Window { row, col, rows: height, cols: width }, size_px, margin_px)
            },
        )
    }

    proptest! {
        #[test]
        fn every_pixel_of_the_region_lies_in_one_core(
            (rows, cols, region, size_px, margin_px) in cases(),
        ) {
            let mut n_cores = vec![0u32; (rows * cols) as usize];
            for Cover { window, core } in cover(region, rows, cols, size_px, margin_px) {
                prop_assert!(window.contains(core));
                prop_assert!(window.row == 0 || window.row_end() <= rows);
                prop_assert!(window.col == 0 || window.col_end() <= cols);
                for row in core.row..core.row_end() {
                    for col in core.col..core.col_end() {
                        n_cores[(row * cols + col) as usize] += 1;
                    }
                }
            }
            for row in 0..rows {
                for col in 0..cols {
                    let inside = region.contains(Window::square(row, col, 1));
                    prop_assert_eq!(n_cores[(row * cols + col) as usize], u32::from(inside));
                }
            }
        }
    }

    #[test]
    fn margins_are_context_except_at_the_edge() {
        let region = Window { row: 0, col: 0, rows: 1, cols: 12 };
        let windows: Vec<_> = cover(region, 6, 20, 6, 1).collect();
        let cols: Vec<_> = windows.iter().map(|it| (it.window.col, it.core.col)).collect();
        assert_eq!(cols, [(0, 0), (3, 4), (7, 8)]);
        let core = Window { row: 0, col: 1, rows: 1, cols: 4 };
        assert_eq!(windows[1].core_in_window(), core);
    }
}
