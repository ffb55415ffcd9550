//! Writes what a study found into its folder.

use std::fs;

use super::{Outcome, markdown, runs_csv, study_csv, study_json, view::view};
use crate::{
    error::{Error, Result},
    raster::{write_atomically, write_together},
    report::write_study,
};

/// Writes `study.toml` (with every default, unless it is the study file itself), `study.csv`,
/// `runs.csv`, `study.json`, `study.md`, picture and page, replacing older ones.
///
/// # Errors
///
/// [`Error::Io`] if a file cannot be written.
pub fn write(outcome: &Outcome) -> Result<()> {
    let plan = &outcome.plan;
    let folder = &plan.folder;
    fs::create_dir_all(folder).map_err(Error::io("make folder", folder))?;
    let copy = folder.join("study.toml");
    let read = plan.study_file.as_ref().and_then(|it| fs::canonicalize(it).ok());
    if read.is_none() || read != fs::canonicalize(&copy).ok() {
        // Read from here, the base lies elsewhere.
        let mut study = plan.study.clone();
        study.base = plan.base.display().to_string();
        write_atomically(&copy, study.to_toml().as_bytes())?;
    }
    write_together(&[
        (folder.join("study.csv"), study_csv(outcome)),
        (folder.join("runs.csv"), runs_csv(outcome)),
        (folder.join("study.json"), study_json(outcome)),
        (folder.join("study.md"), markdown(outcome)),
    ])?;
    write_study(&view(outcome), folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{Plan, made_up::finished};

    #[test]
    fn the_study_file_that_is_written_plans_the_same_runs() {
        let (_site, outcome) = finished("[[variant]]\nname = 'a'\nset = ['model.width=8']\n");
        write(&outcome).unwrap();
        let folder = &outcome.plan.folder;
        let again = Plan::load(&folder.join("study.toml"), folder).unwrap();
        let files = |plan: &Plan| -> Vec<_> {
            plan.runs.iter().map(|it| (it.folder.clone(), it.run_file.clone())).collect()
        };
        assert_eq!(files(&again), files(&outcome.plan));
        let file = fs::read_to_string(folder.join("study.toml")).unwrap() + "# A comment.\n";
        fs::write(folder.join("study.toml"), &file).unwrap();
        write(&Outcome { plan: again, ..outcome.clone() }).unwrap();
        assert_eq!(fs::read_to_string(folder.join("study.toml")).unwrap(), file);
        let page = fs::read_to_string(folder.join("study.html")).unwrap();
        for part in ["model.width=8", "+0.0882", "runs/a/seed-1/report.html", "4 of 4 done"] {
            assert!(page.contains(part), "no `{part}` in {page}");
        }
    }
}
