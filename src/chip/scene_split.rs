//! Which pixels of a scene are trained on, validated on and tested on.

use serde::Serialize;

use crate::{
    chip::{BlockCounts, BlockGrid, BlockOrigin},
    raster::Window,
    scene::{Role, Sample},
};

/// The roles of the blocks of one scene.
///
/// A pixel within `buffer_px` of a validation or test block (rows and columns counted alike) is
/// *hidden* from training: no training window sees its value or its label. A block without a role
/// lends its values as context; its labels never count.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SceneSplit {
    pub(super) grid: BlockGrid,
    pub(super) roles: Vec<Option<Role>>,
    pub(super) counts: Vec<BlockCounts>,
    pub(super) buffer_px: u32,
    pub(super) hide: bool,
}

impl SceneSplit {
    /// Joins the blocks with their roles and labelled pixels, both in the order of `grid`.
    ///
    /// `hide` says whether training windows may reach into hidden pixels, which are then masked,
    /// or must keep away from them.
    ///
    /// # Panics
    ///
    /// If there is not one role and one count per block.
    pub fn new(
        grid: BlockGrid,
        roles: Vec<Option<Role>>,
        counts: Vec<BlockCounts>,
        buffer_px: u32,
        hide: bool,
    ) -> Self {
        assert_eq!(roles.len(), grid.n_blocks(), "one role per block");
        assert_eq!(counts.len(), grid.n_blocks(), "one count per block");
        Self { grid, roles, counts, buffer_px, hide }
    }

    /// The blocks.
    pub fn grid(&self) -> &BlockGrid {
        &self.grid
    }

    /// Distance to validation and test blocks within which pixels are hidden, in pixels.
    pub fn buffer_px(&self) -> u32 {
        self.buffer_px
    }

    /// Whether training windows may reach into hidden pixels, which are then masked.
    pub fn hides(&self) -> bool {
        self.hide
    }

    /// Role of block `index`.
    pub fn role(&self, index: usize) -> Option<Role> {
        self.roles[index]
    }

    /// Role of the block that holds pixel `row`, `col`.
    pub fn role_at(&self, row: u32, col: u32) -> Option<Role> {
        self.roles[self.grid.index_at(row, col)]
    }

    /// Labelled pixels of block `index`.
    pub fn counts(&self, index: usize) -> &BlockCounts {
        &self.counts[index]
    }

    /// Pixels of each block of `role`, row by row.
    pub fn blocks(&self, role: Role) -> impl Iterator<Item = Window> {
        self.indices(role).map(|index| self.grid.window(index))
    }

    /// Upper-left pixels of the blocks of `role`, row by row, as a run file lists them.
    pub fn origins(&self, role: Role) -> impl Iterator<Item = BlockOrigin> {
        self.indices(role).map(|index| self.grid.origin(index))
    }

    pub(super) fn indices(&self, role: Role) -> impl Iterator<Item = usize> {
        (0..self.grid.n_blocks()).filter(move |&index| self.roles[index] == Some(role))
    }

    /// Whether a pixel of a training block is left for training, labelled or not.
    pub(super) fn leaves_training_pixels(&self) -> bool {
        self.blocks(Role::Train).any(|block| {
            (block.row..block.row_end())
                .any(|row| (block.col..block.col_end()).any(|col| !self.is_hidden(row, col)))
        })
    }

    /// Whether training must not see this pixel.
    pub fn is_hidden(&self, row: u32, col: u32) -> bool {
        let pixel = Window::square(row, col, 1);
        self.grid.near(pixel, self.buffer_px).any(|index| is_evaluated(self.roles[index]))
    }

    /// Takes values and labels of all hidden pixels out of the sample read from `window`.
    ///
    /// # Panics
    ///
    /// If `sample` is not as large as `window`.
    pub fn hide(&self, sample: &mut Sample, window: Window) {
        for index in self.grid.near(window, self.buffer_px) {
            if is_evaluated(self.roles[index]) {
                let block = grown(self.grid.window(index), self.buffer_px);
                if let Some(part) = window.intersection(block) {
                    sample.hide(relative(part, window));
                }
            }
        }
    }

    /// Makes the sample read from `window` fit for training: hidden pixels are taken out, and so
    /// are all labels outside the training blocks.
    ///
    /// # Panics
    ///
    /// If `sample` is not as large as `window`.
    pub fn keep_training(&self, sample: &mut Sample, window: Window) {
        self.hide(sample, window);
        for index in self.grid.near(window, 0) {
            if self.roles[index] != Some(Role::Train)
                && let Some(part) = window.intersection(self.grid.window(index))
            {
                sample.unlabel(relative(part, window));
            }
        }
    }
}

/// Whether figures are computed on a block of this role.
pub(super) fn is_evaluated(role: Option<Role>) -> bool {
    matches!(role, Some(Role::Validation | Role::Test))
}

/// `window` with `margin_px` more on every side, cut at row and column 0.
fn grown(window: Window, margin_px: u32) -> Window {
    let row = window.row.saturating_sub(margin_px);
    let col = window.col.saturating_sub(margin_px);
    Window {
        row,
        col,
        rows: window.row_end().saturating_add(margin_px) - row,
        cols: window.col_end().saturating_add(margin_px) - col,
    }
}

/// `part` counted from the corner of `window`.
fn relative(part: Window, window: Window) -> Window {
    Window { row: part.row - window.row, col: part.col - window.col, ..part }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{label::IGNORE, raster::Pixels};
    use proptest::prelude::*;

    /// Splits of up to 30 x 30 px; every block holds one labelled pixel per role of its own.
    pub(in crate::chip) fn splits() -> impl Strategy<Value = SceneSplit> {
        let sizes = (1u32..30, 1u32..30, 1u32..10, 0u32..8, any::<bool>());
        sizes.prop_flat_map(|(rows, cols, block_px, buffer_px, hide)| {
            let grid = BlockGrid::new(rows, cols, block_px);
            let role = prop_oneof![
                3 => Just(Some(Role::Train)),
                1 => Just(Some(Role::Validation)),
                1 => Just(Some(Role::Test)),
                1 => Just(None),
            ];
            proptest::collection::vec(role, grid.n_blocks()).prop_map(move |roles| {
                let counts = vec![BlockCounts { classes: vec![1] }; roles.len()];
                SceneSplit::new(grid, roles, counts, buffer_px, hide)
            })
        })
    }

    /// A window inside the raster of `split`, from three numbers in `[0, 1)`.
    pub(in crate::chip) fn window_in(split: &SceneSplit, draws: [f64; 3]) -> Window {
        let (rows, cols) = (split.grid.rows(), split.grid.cols());
        let part = |draw: f64, n: u32| (draw * f64::from(n)) as u32;
        let size_px = 1 + part(draws[0], rows.min(cols));
        let row = part(draws[1], rows - size_px + 1);
        Window::square(row, part(draws[2], cols - size_px + 1), size_px)
    }

    fn sample(window: Window) -> Sample {
        let n_pixels = window.n_pixels();
        let pixels = Pixels {
            n_bands: 2,
            rows: window.rows as usize,
            cols: window.cols as usize,
            values: (0..2 * n_pixels).map(|it| it as f32).collect(),
            valid: vec![true; n_pixels],
        };
        Sample::new(pixels, vec![0; n_pixels])
    }

    /// Pixel by pixel: whether some validation or test pixel lies within the buffer.
    fn is_hidden_by_search(split: &SceneSplit, row: u32, col: u32) -> bool {
        (0..split.grid.rows()).any(|other_row| {
            (0..split.grid.cols()).any(|other_col| {
                is_evaluated(split.role_at(other_row, other_col))
                    && row.abs_diff(other_row) <= split.buffer_px
                    && col.abs_diff(other_col) <= split.buffer_px
            })
        })
    }

    proptest! {
        #[test]
        fn training_sees_no_hidden_pixel_and_loses_no_other(
            split in splits(),
            draws in [0.0..1.0, 0.0..1.0, 0.0..1.0f64],
        ) {
            let window = window_in(&split, draws);
            let before = sample(window);
            let mut after = before.clone();
            split.keep_training(&mut after, window);
            let n_pixels = window.n_pixels();
            for index in 0..n_pixels {
                let row = window.row + index as u32 / window.cols;
                let col = window.col + index as u32 % window.cols;
                let hidden = is_hidden_by_search(&split, row, col);
                prop_assert_eq!(split.is_hidden(row, col), hidden);
                prop_assert_eq!(after.pixels.valid[index], !hidden);
                for value in [index, n_pixels + index] {
                    let kept = after.pixels.values[value] == before.pixels.values[value];
                    prop_assert_eq!(kept, !hidden);
                    prop_assert_eq!(after.pixels.values[value].is_nan(), hidden);
                }
                let trains = !hidden && split.role_at(row, col) == Some(Role::Train);
                prop_assert_eq!(after.labels[index], if trains { 0 } else { IGNORE });
            }
        }
    }

    #[test]
    fn a_window_that_leaves_the_raster_is_masked_where_it_is_inside() {
        let counts = vec![BlockCounts { classes: vec![1] }; 2];
        let roles = vec![Some(Role::Train), Some(Role::Test)];
        let split = SceneSplit::new(BlockGrid::new(2, 4, 2), roles, counts, 0, true);
        let window = Window::square(0, 0, 5);
        let mut sample = sample(window);
        split.keep_training(&mut sample, window);
        let row = [true, true, false, false, true];
        assert_eq!(sample.pixels.valid[..10], [row, row].concat());
    }
}
