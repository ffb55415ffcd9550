//! `swath reproduce`: trains a finished run again and compares what comes out.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::json;
use tempfile::TempDir;

use super::{
    common::{Compute, check_interrupt, print, shown, tell, utc_now, watch_for_interrupt},
    progress::{Progress, duration},
};
use crate::{
    Error,
    reproduce::{Reproduction, reproduction_text, train_again},
    run::{Environment, EnvironmentDifference, Run, Unchanged, open_unchanged},
    train::RunFolder,
};

/// Train a finished run again, and compare model, history and figures
///
/// Inputs and run file must be as they were. The exit code is 0 if every file is the same, times
/// aside.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// Folder for the run that is done again, which is kept [default: a temporary one beside RUN]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Keep the run that is done again, as RUN-again unless --out names another folder
    #[arg(long)]
    keep: bool,

    /// Replace the run that --keep or --out left there
    #[arg(long)]
    force: bool,

    /// Print what is the same and what differs as JSON on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    args.compute.install(|| {
        let compute = &args.compute;
        let device = compute.device()?;
        let original = open_unchanged(&args.run)?;
        let here = Environment::here(compute.n_threads(), &compute.device);
        let differences = original.manifest.environment.differences(&here);
        tell(&environment_text(&differences));
        check_interrupt()?;
        let clock = Instant::now();
        let place = Place::of(args);
        if let Place::Kept(folder) = &place
            && let (Ok(kept), Ok(run)) = (folder.canonicalize(), args.run.canonicalize())
            && kept == run
        {
            let wanted = "another folder for the run that is done again";
            return Err(Error::data(folder.display(), "the run itself", wanted).into());
        }
        let mut temporary = None;
        let make_folder = || match &place {
            Place::Kept(folder) if args.force => RunFolder::replace(folder),
            Place::Kept(folder) => RunFolder::create(folder),
            Place::Temporary(beside) => {
                let folder = temporary_folder(beside)?;
                let made = RunFolder::create(folder.path());
                temporary = Some(folder);
                made
            }
        };
        let mut again = train_again(&original, make_folder, here, utc_now(), device)?;
        watch_for_interrupt()?;
        let ended = train_and_evaluate(&mut again, matches!(place, Place::Kept(_)));
        if let Err(Error::Interrupted) = ended {
            tell("stopped; nothing was compared");
        }
        ended?;
        tell(&format!("trained and evaluated in {}", duration(clock.elapsed().as_secs_f64())));
        let reproduction = Reproduction::of(&original.folder, &again.folder)?;
        if args.json {
            print(&json(&original, &again, &place, &differences, &reproduction)?)?;
        } else {
            print(&reproduction_text(&reproduction))?;
        }
        if let Place::Kept(folder) = &place {
            tell(&format!("kept    {}", shown(folder)));
        }
        verdict(&reproduction, &differences)
    })
}

/// How the names of temporary folders begin.
const TEMPORARY: &str = ".swath-reproduce-";

/// Where the run is done again.
enum Place {
    /// In this folder.
    Kept(PathBuf),
    /// Beside this folder.
    Temporary(PathBuf),
}

impl Place {
    fn of(args: &Args) -> Self {
        // `.` has a name, too.
        let run = std::fs::canonicalize(&args.run).unwrap_or_else(|_| args.run.clone());
        match &args.out {
            Some(folder) => Self::Kept(folder.clone()),
            None if args.keep => {
                let mut name = OsString::from(run.file_name().unwrap_or_default());
                name.push("-again");
                Self::Kept(run.with_file_name(name))
            }
            None => Self::Temporary(run),
        }
    }
}

fn temporary_folder(beside: &Path) -> crate::Result<TempDir> {
    let parent = beside.parent().unwrap_or(beside);
    remove_abandoned(parent);
    let made = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(parent);
    made.map_err(Error::io("make a folder in", parent))
}

/// Removes what was left in `parent` by a reproduction that was killed.
fn remove_abandoned(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_temporary = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        if is_temporary
            && RunFolder::at(&path).is_abandoned()
            && std::fs::remove_dir_all(&path).is_ok()
        {
            let path = shown(&path);
            tell(&format!("removed {path}, which a reproduction that was killed had left"));
        }
    }
}

fn train_and_evaluate(run: &mut Run, with_report: bool) -> crate::Result<()> {
    let mut progress = Progress::of(run);
    let ended = run.train(&mut progress).and_then(|writing| {
        progress.clear();
        run.evaluate(&mut progress)?;
        writing.finish()
    });
    progress.clear();
    ended?;
    if with_report { run.report() } else { Ok(()) }
}

fn environment_text(differences: &[EnvironmentDifference]) -> String {
    if differences.is_empty() {
        return "environment: as the run began".to_owned();
    }
    let mut text = String::new();
    for EnvironmentDifference { what, began, here, changes_bits } in differences {
        let warning = if *changes_bits { " (bits may differ)" } else { "" };
        text += &format!("{what}: {began} in the run, {here} here{warning}\n");
    }
    if differences.iter().all(|it| !it.changes_bits) {
        text += "none of this may change a bit\n";
    }
    text.trim_end().to_owned()
}

fn json(
    original: &Unchanged,
    again: &Run,
    place: &Place,
    differences: &[EnvironmentDifference],
    reproduction: &Reproduction,
) -> serde_json::Result<String> {
    let kept = match place {
        Place::Kept(folder) => Some(folder),
        Place::Temporary(_) => None,
    };
    serde_json::to_string_pretty(&json!({
        "version": 1,
        "run": original.folder.path(),
        "kept": kept,
        "same": reproduction.differing().is_empty(),
        "environment": again.manifest.environment,
        "environment_differences": differences,
        "files": reproduction.files,
    }))
}

/// An error if anything differs.
fn verdict(
    reproduction: &Reproduction,
    differences: &[EnvironmentDifference],
) -> anyhow::Result<()> {
    let differing = reproduction.differing();
    if differing.is_empty() {
        return Ok(());
    }
    let reasons: Vec<&str> =
        differences.iter().filter(|it| it.changes_bits).map(|it| it.what).collect();
    let reason = if reasons.is_empty() {
        String::new()
    } else {
        format!("; not the same: {}", reasons.join(", "))
    };
    let n_files = reproduction.files.len();
    anyhow::bail!("{} of {n_files} files differ: {}{reason}", differing.len(), differing.join(", "))
}
