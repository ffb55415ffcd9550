//! `swath export`: what a paper's supplement needs of a run, packed.

use std::{ffi::OsString, path::PathBuf};

use serde_json::json;

use super::common::{Compute, print, shown, tell};
use crate::{
    export::{Package, WhenAltered, check_target, is_zip, write_folder, write_zip},
    run::{About, Run},
};

/// Pack a run for a paper: settings, splits, figures, model, model card, checksums
///
/// The same run gives the same bytes. Inputs must be as they were, and are not packed.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Folder of the run, which must be done
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// Archive (.zip) or folder to write [default: RUN.zip]
    #[arg(short, long, value_name = "FILE.zip|DIR")]
    out: Option<PathBuf>,

    /// Describe the data by the keys of `[about]` in this TOML file, if the run file did not
    #[arg(long, value_name = "FILE.toml")]
    about: Option<PathBuf>,

    /// Replace an older export
    #[arg(long)]
    force: bool,

    /// Pack a run although files of it were changed after it wrote them
    #[arg(long)]
    altered: bool,

    /// Print the packed files with their checksums as JSON on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let output = args.out.clone().unwrap_or_else(|| default_output(args));
    check_target(&output, args.force)?;
    let about = args.about.as_deref().map_or(Ok(About::default()), About::load)?;
    args.compute.install(|| {
        let run = Run::open(&args.run, args.compute.device()?)?;
        let when_altered = if args.altered { WhenAltered::Pack } else { WhenAltered::Refuse };
        let package = Package::of(&run, about, when_altered)?;
        if is_zip(&output) {
            write_zip(&package, &output)?;
        } else {
            write_folder(&package, &output)?;
        }
        tell(&format!("wrote   {} ({} files)", shown(&output), package.files.len()));
        if !package.altered.is_empty() {
            let names: Vec<&str> = package.altered.iter().map(|it| it.name.as_str()).collect();
            tell(&format!("changed after the run wrote them: {}", names.join(", ")));
        }
        if !package.unchecked.is_empty() {
            let names = package.unchecked.join(", ");
            tell(&format!("not checked, as the run noted no hash of them: {names}"));
        }
        let items = package.about.items();
        let missing: Vec<&str> = items.iter().filter(|it| it.1.is_none()).map(|it| it.0).collect();
        if !missing.is_empty() {
            tell(&format!("not stated, see --about: {}", missing.join(", ")));
        }
        if args.json {
            print(&serde_json::to_string_pretty(&json!({
                "version": 1,
                "run": args.run,
                "output": output,
                "altered": package.altered,
                "unchecked": package.unchecked,
                "not_stated": missing,
                "files": package.list(),
            }))?)?;
        }
        Ok(())
    })
}

fn default_output(args: &Args) -> PathBuf {
    // `.` has a name, too.
    let run = std::fs::canonicalize(&args.run).unwrap_or_else(|_| args.run.clone());
    let mut name = OsString::from(run.file_name().unwrap_or_default());
    name.push(".zip");
    run.with_file_name(name)
}
