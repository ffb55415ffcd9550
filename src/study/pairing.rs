//! Whether runs with the same seed are evaluated on the same pixels.

use std::path::Path;

use super::{Metric, Plan};
use crate::{
    chip::split_scenes,
    error::{Error, Result},
    run::RunFile,
    scene::{Role, Scenes},
};

/// Checks on the data that every variant is evaluated on the blocks and labelled pixels of the base
/// with the same seed, and that there are the classes whose figures are to be shown.
///
/// Where data, split and size of the blocks are the same settings, labels are not read.
///
/// # Errors
///
/// [`Error::Config`] naming the variant that differs, and how, or the figure whose class does not
/// exist; those of reading the scenes.
pub fn check_pairing(plan: &Plan) -> Result<()> {
    let scenes = Scenes::open(&plan.runs[0].run_file.data, Path::new(""))?;
    for metric in &plan.study.metrics {
        let Metric::OfClass(_, name) = metric else { continue };
        let names: Vec<&str> = scenes.classes().iter().map(|it| it.name.as_str()).collect();
        if !names.contains(&name.as_str()) {
            let rule = format!("there is no such class; there are {}", names.join(", "));
            return Err(Error::config("metrics", metric, rule));
        }
    }
    for run in plan.runs.iter().filter(|it| it.variant != 0) {
        let base = plan.base_of(run);
        if splits_alike(&base.run_file, &run.run_file)? {
            continue;
        }
        let [wanted, found] = [Evaluated::of(&base.run_file)?, Evaluated::of(&run.run_file)?];
        if let Some(difference) = wanted.difference(&found) {
            let rule = format!(
                "is evaluated on {difference} than `{}` with seed {}; differences would not be \
                 paired",
                plan.variants[0].name, run.seed
            );
            return Err(Error::config("variant", plan.variant_name(run), rule));
        }
    }
    Ok(())
}

/// Whether the settings alone make the evaluated pixels the same.
fn splits_alike(left: &RunFile, right: &RunFile) -> Result<bool> {
    let block_px = |it: &RunFile| it.split.block_px(it.chips.size_px);
    Ok(left.data == right.data
        && left.split == right.split
        && left.seed == right.seed
        && block_px(left)? == block_px(right)?)
}

/// What the figures of a run are computed on.
#[derive(Debug, PartialEq)]
struct Evaluated {
    /// Name and code of each class.
    classes: Vec<(String, u16)>,
    /// Scene, role, upper-left pixel and side of each block.
    blocks: Vec<(usize, Role, [u32; 2], u32)>,
    /// Labelled pixels of each class in each of these blocks.
    counts: Vec<Vec<u64>>,
}

impl Evaluated {
    fn of(run_file: &RunFile) -> Result<Self> {
        let RunFile { data, split, chips, seed, .. } = run_file;
        let scenes = Scenes::open(data, Path::new(""))?;
        let splits = split_scenes(&scenes, split, chips, *seed)?;
        let classes = scenes.classes().iter().map(|it| (it.name.clone(), it.code)).collect();
        let (mut blocks, mut counts) = (Vec::new(), Vec::new());
        for (scene, split) in splits.iter().enumerate() {
            let grid = split.grid();
            for index in 0..grid.n_blocks() {
                if let Some(role @ (Role::Validation | Role::Test)) = split.role(index) {
                    blocks.push((scene, role, grid.origin(index).into(), grid.block_px()));
                    counts.push(split.counts(index).classes.clone());
                }
            }
        }
        Ok(Self { classes, blocks, counts })
    }

    fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.classes != other.classes {
            return Some("other classes");
        }
        if self.blocks != other.blocks {
            return Some("other blocks (list them in the base, or set `split.block_px`)");
        }
        (self.counts != other.counts).then_some("other labelled pixels")
    }
}

#[cfg(test)]
mod tests {
    use crate::study::{check_pairing, made_up::plan_with_rasters};

    #[track_caller]
    fn check(set: &str, refused: Option<&str>) {
        let blocks = "set = ['split.validation=[[0,0]]', 'split.test=[[0,8]]']\n";
        let text = format!("{blocks}[[variant]]\nname = 'a'\nset = [{set}]\n");
        let (_site, plan) = plan_with_rasters(&text);
        let found = check_pairing(&plan).map_err(|it| it.to_string());
        match refused {
            None => assert_eq!(found, Ok(())),
            Some(part) => {
                let error = found.unwrap_err();
                assert!(error.contains("`variant` = a") && error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn variants_that_leave_the_evaluated_pixels_alone_pass() {
        check("'loss.kind=dice'", None);
        check("'chips.size_px=8', 'data.bands=[2]'", None);
        check("'chips.fraction=0.5'", None);
    }

    #[test]
    fn variants_on_other_pixels_are_refused() {
        check("'data.nodata=5'", Some("evaluated on other labelled pixels than `base`"));
        check("'data.ignore=[2]'", Some("evaluated on other classes than `base` with seed 0"));
    }

    #[test]
    fn a_figure_of_a_class_that_is_not_there_is_refused() {
        let (_site, plan) = plan_with_rasters("metrics = ['iou:watr']\n");
        let error = check_pairing(&plan).unwrap_err().to_string();
        assert!(error.contains("`metrics` = iou:watr: there is no such class; there"), "{error}");
        let (_site, plan) = plan_with_rasters("metrics = ['iou:class 1', 'mean_iou']\n");
        check_pairing(&plan).unwrap();
    }

    #[test]
    fn blocks_that_follow_the_chips_are_refused() {
        let text = "set = ['split.validation=0.2']\n\
                    [[variant]]\nname = 'a'\nset = ['chips.size_px=8']\n";
        let (_site, mut plan) = plan_with_rasters(text);
        for run in &mut plan.runs {
            run.run_file.split.block_px = None;
        }
        let error = check_pairing(&plan).unwrap_err().to_string();
        assert!(error.contains("on other blocks (list them in the base, or set"), "{error}");
    }
}
