//! Proof that no training window shows a pixel that figures are computed on.

use serde::{Deserialize, Serialize};

use crate::{
    chip::{ChipRef, SceneCover, SceneSplit},
    error::{Error, Result},
    raster::{Grid, Window},
};

/// What the audit needs to know of a scene.
#[derive(Clone, Copy, Debug)]
pub struct AuditScene<'a> {
    /// Its blocks and what they hide.
    pub split: &'a SceneSplit,
    /// Where its pixels lie: scenes of one coordinate reference system may overlap on the map.
    pub grid: &'a Grid,
}

/// Pixels that two splits share, counted from the windows that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Training windows looked at: all that may be drawn.
    pub n_training_windows: u64,
    /// Validation and test windows looked at.
    pub n_evaluation_windows: u64,
    /// Validation pixels that a training window shows.
    pub n_train_validation_px: u64,
    /// Test pixels that a training window shows.
    pub n_train_test_px: u64,
    /// Test pixels that are validation pixels, too.
    pub n_validation_test_px: u64,
}

/// Counts the pixels that splits share, from the windows themselves.
///
/// `training` are windows, or larger rectangles that windows fill (see
/// [`Sampler::shown`](crate::chip::Sampler::shown)). A training window shows its pixels, except
/// those that a split with [`hides`](SceneSplit::hides) hides; of a validation or test window the
/// pixels of the core count. A pixel of another scene with the same coordinate reference system is
/// shared if its centre lies in the core; scenes without such a system are taken to be apart.
/// Memory is bounded by the windows and one core.
///
/// # Errors
///
/// [`Error::Leak`] with the counts, if any is above 0.
pub fn audit(
    scenes: &[AuditScene],
    training: &[ChipRef],
    validation: &[SceneCover],
    test: &[SceneCover],
) -> Result<Audit> {
    let cores = |covers: &[SceneCover]| -> Vec<ChipRef> {
        covers.iter().map(|it| ChipRef { scene: it.scene, window: it.cover.core }).collect()
    };
    let (validation, test) = (cores(validation), cores(test));
    let training_windows = Shown::new(scenes, training.to_vec());
    let audit = Audit {
        n_training_windows: training.len() as u64,
        n_evaluation_windows: (validation.len() + test.len()) as u64,
        n_train_validation_px: training_windows.n_shared(&validation, hidden_from_training),
        n_train_test_px: training_windows.n_shared(&test, hidden_from_training),
        n_validation_test_px: Shown::new(scenes, validation).n_shared(&test, |_, _, _| false),
    };
    audit.check()?;
    Ok(audit)
}

impl Audit {
    fn check(&self) -> Result<()> {
        let pairs = [
            ("train and validation", self.n_train_validation_px),
            ("train and test", self.n_train_test_px),
            ("validation and test", self.n_validation_test_px),
        ];
        let leaks = pairs.iter().filter(|(_, n_px)| *n_px > 0);
        let leaks: Vec<_> = leaks.map(|(pair, n_px)| format!("{pair} share {n_px} px")).collect();
        if leaks.is_empty() {
            return Ok(());
        }
        Err(Error::Leak(format!(
            "{}; do scenes overlap on the map? give such scenes one role with split.method = \
             \"files\"",
            leaks.join(", ")
        )))
    }
}

fn hidden_from_training(split: &SceneSplit, row: u32, col: u32) -> bool {
    split.hides() && split.is_hidden(row, col)
}

/// Windows of all scenes, ready to be asked which of them touch a region.
struct Shown<'a> {
    scenes: &'a [AuditScene<'a>],
    /// Windows of each scene, from top to bottom.
    windows: Vec<Vec<Window>>,
    /// Height of the highest window, in pixels.
    max_rows: u32,
}

impl<'a> Shown<'a> {
    fn new(scenes: &'a [AuditScene<'a>], chips: Vec<ChipRef>) -> Self {
        let mut windows = vec![Vec::new(); scenes.len()];
        for chip in chips {
            windows[chip.scene].push(chip.window);
        }
        for windows in &mut windows {
            windows.sort_unstable();
            windows.dedup();
        }
        let max_rows = windows.iter().flatten().map(|window| window.rows).max().unwrap_or(0);
        Self { scenes, windows, max_rows }
    }

    /// Pixels that the windows show and that lie in one of `cores`, without those that
    /// `is_hidden` takes out by the split of their scene, row and column.
    fn n_shared(
        &self,
        cores: &[ChipRef],
        is_hidden: impl Fn(&SceneSplit, u32, u32) -> bool,
    ) -> u64 {
        let neighbours = neighbours(self.scenes);
        let mut n_shared = 0;
        for core in cores {
            for &scene in &neighbours[core.scene] {
                let split = self.scenes[scene].split;
                for (row, col) in self.pixels_in(core, scene) {
                    n_shared += u64::from(!is_hidden(split, row, col));
                }
            }
        }
        n_shared
    }

    /// Pixels of `scene` that its windows show and whose centre lies in `core`.
    fn pixels_in(&self, core: &ChipRef, scene: usize) -> Vec<(u32, u32)> {
        let (from, to) = (self.scenes[core.scene].grid, self.scenes[scene].grid);
        let Some(region) = region_in(core, from, scene, to) else { return Vec::new() };
        let windows = &self.windows[scene];
        let first = windows.partition_point(|it| it.row + self.max_rows <= region.row);
        let end = windows.partition_point(|it| it.row < region.row_end());
        let mut is_shown = vec![false; region.n_pixels()];
        for part in windows[first..end].iter().filter_map(|it| it.intersection(region)) {
            for row in part.row..part.row_end() {
                let start = (row - region.row) as usize * region.cols as usize;
                is_shown[start..][(part.col - region.col) as usize..][..part.cols as usize]
                    .fill(true);
            }
        }
        let pixels = (region.row..region.row_end())
            .flat_map(|row| (region.col..region.col_end()).map(move |col| (row, col)));
        let shown = pixels.zip(is_shown).filter(|(_, is_shown)| *is_shown).map(|(pixel, _)| pixel);
        shown.filter(|&pixel| scene == core.scene || holds(core.window, from, pixel, to)).collect()
    }
}

/// For each scene, itself and those of the same coordinate reference system that it overlaps.
fn neighbours(scenes: &[AuditScene]) -> Vec<Vec<usize>> {
    let bounds: Vec<_> = scenes.iter().map(|scene| scene.grid.bounds()).collect();
    let overlap =
        |a: &[f64; 4], b: &[f64; 4]| a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
    let same_place = |a: usize, b: usize| {
        let (crs, other) = (&scenes[a].grid.crs, &scenes[b].grid.crs);
        a == b || (overlap(&bounds[a], &bounds[b]) && !crs.is_none() && crs.same_as(other))
    };
    let of_scene = |a: usize| (0..scenes.len()).filter(|&b| same_place(a, b)).collect();
    (0..scenes.len()).map(of_scene).collect()
}

/// The window of scene number `scene` that holds all of its pixels with a centre in `core`.
fn region_in(core: &ChipRef, from: &Grid, scene: usize, to: &Grid) -> Option<Window> {
    if scene == core.scene {
        return Some(core.window);
    }
    // Outside `to` there is nothing to share.
    to.window_of_bounds(from.window_bounds(core.window)).ok()
}

/// Whether the centre of a pixel of `to` lies in `core`, a window of `from`.
fn holds(core: Window, from: &Grid, (row, col): (u32, u32), to: &Grid) -> bool {
    let [x, y] = to.affine.map_position(f64::from(col) + 0.5, f64::from(row) + 0.5);
    from.affine.pixel_position(x, y).is_some_and(|[col, row]| {
        f64::from(core.row) <= row
            && row < f64::from(core.row_end())
            && f64::from(core.col) <= col
            && col < f64::from(core.col_end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chip::{
            BlockCounts, BlockGrid, Origins, cover::Cover, evaluation_windows,
            scene_split::tests::splits,
        },
        raster::{Affine, Crs},
        scene::Role,
    };
    use proptest::prelude::*;

    /// A grid of 30 m pixels with its upper-left corner so many pixels right of and below a point.
    fn grid(rows: u32, cols: u32, right_px: f64, down_px: f64) -> Grid {
        let corner = [500_000.0 + 30.0 * right_px, 200_000.0 - 30.0 * down_px];
        let affine = Affine::north_up(corner, [30.0, 30.0]);
        Grid { rows, cols, affine, crs: Crs::from_epsg(32119) }
    }

    fn no_roles(rows: u32, cols: u32) -> SceneSplit {
        let counts = vec![BlockCounts { classes: vec![1] }];
        SceneSplit::new(BlockGrid::new(rows, cols, 100), vec![None], counts, 0, false)
    }

    fn core(scene: usize, row: u32, col: u32, size_px: u32) -> SceneCover {
        let window = Window::square(row, col, size_px);
        SceneCover { scene, cover: Cover { window, core: window } }
    }

    fn chip(scene: usize, row: u32, col: u32, size_px: u32) -> ChipRef {
        ChipRef { scene, window: Window::square(row, col, size_px) }
    }

    #[track_caller]
    fn check_leaks(scenes: &[AuditScene], training: &[ChipRef], test: &[SceneCover], wanted: &str) {
        let error = audit(scenes, training, &[], test).unwrap_err().to_string();
        assert!(error.starts_with(&format!("the split leaks: {wanted};")), "{error}");
    }

    // Windows 0..4 and 2..6 on both axes against 3..6: 1 + 9 pixels, of which 1 twice.
    #[test]
    fn a_pixel_that_two_windows_show_counts_once() {
        let (split, grid) = (no_roles(9, 12), grid(9, 12, 0.0, 0.0));
        let scenes = [AuditScene { split: &split, grid: &grid }];
        let training = [chip(0, 0, 0, 4), chip(0, 2, 2, 4)];
        check_leaks(&scenes, &training, &[core(0, 3, 3, 3)], "train and test share 9 px");
        check_leaks(&scenes, &training[..1], &[core(0, 3, 3, 3)], "train and test share 1 px");
        audit(&scenes, &training, &[core(0, 6, 6, 3)], &[core(0, 0, 6, 3)]).unwrap();
        let twice = audit(&scenes, &[], &[core(0, 6, 6, 3)], &[core(0, 7, 6, 2)]).unwrap_err();
        assert!(twice.to_string().contains("validation and test share 4 px"), "{twice}");
    }

    #[test]
    fn scenes_that_overlap_on_the_map_leak() {
        let (split, here) = (no_roles(9, 12), grid(9, 12, 0.0, 0.0));
        let check = |there: &Grid, wanted: &str| {
            let scene = |grid| AuditScene { split: &split, grid };
            let test = [core(1, 0, 0, 6)];
            check_leaks(&[scene(&here), scene(there)], &[chip(0, 4, 6, 5)], &test, wanted);
        };
        // The core starts 5 rows and 8 columns into `here`; the window ends at row 9, column 11.
        check(&grid(9, 12, 8.0, 5.0), "train and test share 12 px");
        // Less than half a pixel away from that: the same pixel centres.
        check(&grid(9, 12, 8.4, 4.6), "train and test share 12 px");
        let apart = [grid(9, 12, 11.0, 0.0), Grid { crs: Crs::default(), ..here.clone() }];
        for there in &apart {
            let scenes = [
                AuditScene { split: &split, grid: &here },
                AuditScene { split: &split, grid: there },
            ];
            audit(&scenes, &[chip(0, 4, 6, 5)], &[], &[core(1, 0, 0, 6)]).unwrap();
        }
    }

    proptest! {
        #[test]
        fn allowed_windows_never_leak(split in splits(), size_px in 1u32..12) {
            let grid = grid(split.grid().rows(), split.grid().cols(), 0.0, 0.0);
            let scenes = [AuditScene { split: &split, grid: &grid }];
            let origins = Origins::new(&split, size_px);
            let training: Vec<_> = (0..origins.count())
                .map(|it| ChipRef { scene: 0, window: origins.pick(it) })
                .collect();
            let windows = |role| -> Vec<_> {
                evaluation_windows(std::slice::from_ref(&split), role, size_px, 0).collect()
            };
            let (validation, test) = (windows(Role::Validation), windows(Role::Test));
            let audit = audit(&scenes, &training, &validation, &test).unwrap();
            prop_assert_eq!(audit.n_training_windows, origins.count());

            // A window on a test pixel must not pass, unless the split hides it.
            if let Some(core) = test.first() {
                let mut leak = training;
                let Window { row, col, .. } = core.cover.core;
                leak.push(ChipRef { scene: 0, window: Window::square(row, col, 1) });
                prop_assert_eq!(super::audit(&scenes, &leak, &[], &test).is_ok(), split.hides());
            }
        }
    }
}
