//! Whether the settings of all variants fit the data.

use super::{Plan, PlannedRun, plan::in_variant};
use crate::{
    error::Result,
    run::{RunFile, open_dataset},
};

/// Checks before anything is trained what only the data can tell: class names, numbers of weights,
/// pools of windows.
///
/// Opens the data of the base and of every variant that reads or samples in another way, on the first
/// seed: reads labels once and training pixels twice or more each time.
///
/// # Errors
///
/// That of the first variant that cannot be trained, with its name.
pub fn check_settings(plan: &Plan) -> Result<()> {
    let runs = plan.first_runs();
    let named = |run: &PlannedRun| {
        let name = plan.variant_name(run).to_owned();
        move |error| in_variant(error, &name)
    };
    let base = open_dataset(&runs[0].run_file).map_err(named(&runs[0]))?;
    for run in runs {
        let counts = if is_read_alike(&runs[0].run_file, &run.run_file) {
            base.class_counts()
        } else {
            open_dataset(&run.run_file).map_err(named(run))?.class_counts()
        };
        run.run_file.loss.build(&counts).map_err(named(run))?;
    }
    Ok(())
}

/// Whether the settings make the same data set.
fn is_read_alike(left: &RunFile, right: &RunFile) -> bool {
    left.data == right.data
        && left.split == right.split
        && left.chips == right.chips
        && left.augment == right.augment
        && left.model == right.model
        && left.train.batch == right.train.batch
}

#[cfg(test)]
mod tests {
    use crate::study::{check_settings, made_up::plan_with_rasters};

    #[track_caller]
    fn check(set: &str, refused: Option<&str>) {
        let text = format!(
            "set = ['chips.size_px=4', 'split.block_px=8']\n\
             [[variant]]\nname = 'odd'\nset = [{set}]\n"
        );
        let (_site, plan) = plan_with_rasters(&text);
        let found = check_settings(&plan).map_err(|it| it.to_string());
        match refused {
            None => found.unwrap(),
            Some(part) => {
                let error = found.unwrap_err();
                assert!(error.contains(part) && error.contains("variant `odd`"), "{error}");
            }
        }
    }

    #[test]
    fn what_only_the_data_can_tell_is_told_before_training() {
        check("'loss.kind=dice'", None);
        check("'loss.class_weights=[1, 2, 3, 4, 5, 6, 7, 8, 9]'", Some("each of the"));
        check("'chips.sampling=class-centred', 'chips.class_shares=[1]'", Some("each of the"));
        let background = r#"'chips.sampling=resampled', 'chips.background=["nowhere"]'"#;
        check(background, Some("no class has this name"));
    }
}
