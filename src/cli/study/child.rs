//! A run of a study, as a process of its own: its time and memory are its own, and if it crashes,
//! the study goes on.

use std::{
    env,
    fs::{self, File},
    io::{self, IsTerminal},
    path::PathBuf,
    process::{self, ChildStdin, Command, ExitStatus, Stdio},
    thread::sleep,
    time::Duration,
};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    Error,
    cli::common::{Compute, check_interrupt, interrupted, tell},
    study::{Plan, PlannedRun, RunState},
    train::{RunFolder, read_history},
};

/// How often the process is looked at.
const POLL: Duration = Duration::from_millis(50);

/// A run that is going on.
pub(super) struct Child {
    process: process::Child,
    /// The process stops at its next checkpoint when this end of its standard input is closed: by
    /// us, or by the system if we are killed.
    stdin: Option<ChildStdin>,
}

/// How a run ended.
pub(super) enum Ended {
    /// With its figures.
    Done,
    /// At a checkpoint, as asked.
    Interrupted,
    /// For this reason.
    Failed(String),
}

/// Where the process says what it does.
pub(super) fn log(run: &PlannedRun) -> PathBuf {
    run.folder.with_extension("log")
}

/// Waits until no other training has the folder of the run: that of a killed study stops soon.
pub(super) fn wait_for_others(run: &PlannedRun) -> crate::Result<()> {
    let Ok(folder) = RunFolder::open(&run.folder) else { return Ok(()) };
    let mut was_told = false;
    while let Err(error) = folder.lock() {
        if !matches!(error, Error::Data { .. }) {
            return Err(error);
        }
        if !was_told {
            tell(&format!("{error}; waiting"));
            was_told = true;
        }
        sleep(POLL);
        check_interrupt()?;
    }
    Ok(())
}

impl Child {
    /// Starts what is left of the run.
    pub(super) fn start(
        plan: &Plan,
        run: &PlannedRun,
        state: RunState,
        compute: &Compute,
    ) -> anyhow::Result<Self> {
        let program = env::current_exe().context("cannot find the program itself")?;
        let mut command = Command::new(program);
        match state {
            RunState::ToDo => {
                command.arg("train").arg(&plan.base).arg("--out").arg(&run.folder);
                command.args(run.overrides.iter().map(|it| format!("--set={it}")));
                if has_leftovers(run) {
                    command.arg("--force");
                }
            }
            RunState::ToResume { .. } | RunState::Done => {
                command.arg("resume").arg(&run.folder);
            }
        }
        command.args(["--until-eof", "--device", &compute.device]);
        command.args(["--threads", &compute.n_threads().to_string()]);
        let path = log(run);
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).map_err(Error::io("make folder", folder))?;
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(Error::io("create", &path))?;
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(file);
        let mut process = command.spawn().context("cannot start a run")?;
        let stdin = process.stdin.take();
        Ok(Self { process, stdin })
    }

    /// Waits for its end, and asks it to stop once Ctrl-C was pressed.
    pub(super) fn wait(mut self, run: &PlannedRun) -> anyhow::Result<Ended> {
        let n_epochs = u64::from(run.run_file.train.epochs);
        let bar = io::stderr().is_terminal().then(|| new_bar(n_epochs));
        let history = run.folder.join("history.csv");
        let status = loop {
            if let Some(status) = self.process.try_wait().context("cannot wait for a run")? {
                break status;
            }
            if interrupted() {
                self.stdin = None;
            }
            if let Some(bar) = &bar {
                bar.set_position(read_history(&history).map_or(0, |rows| rows.len() as u64));
            }
            sleep(POLL);
        };
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        Ok(match status.code() {
            Some(0) => Ended::Done,
            Some(130) => Ended::Interrupted,
            _ => Ended::Failed(reason(run, status)),
        })
    }
}

/// Whether a run began here and was killed before its run file was written; it did nothing then.
fn has_leftovers(run: &PlannedRun) -> bool {
    let is_fresh = ["model.swath", "checkpoints/last.safetensors"]
        .iter()
        .all(|name| !run.folder.join(name).exists());
    is_fresh && RunFolder::check_free(&run.folder).is_err()
}

/// The error that the run ended with, else how the system ended it.
fn reason(run: &PlannedRun, status: ExitStatus) -> String {
    let text = fs::read_to_string(log(run)).unwrap_or_default();
    let last = text.lines().rev().find(|it| !it.trim().is_empty()).unwrap_or_default();
    last.strip_prefix("error: ").map_or_else(|| status.to_string(), str::to_owned)
}

fn new_bar(n_epochs: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("epoch {pos}/{len} [{bar:20}] {elapsed}")
        .expect("the template is valid")
        .progress_chars("=> ");
    ProgressBar::new(n_epochs).with_style(style)
}
