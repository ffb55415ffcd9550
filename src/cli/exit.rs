//! How the command ends.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use crate::error::Error;

/// Prints an error, if there is one, and says what the process returns.
pub(super) fn code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if is_closed_pipe(&error) {
        return ExitCode::SUCCESS; // The reader, such as `head`, has seen enough.
    }
    // Nobody is left to tell if standard error is gone, too.
    let _ = writeln!(io::stderr(), "error: {}", one_line(&error));
    ExitCode::from(match error.downcast_ref::<Error>() {
        Some(
            Error::Config { .. }
            | Error::Malformed { format: "run file" | "study file" | "file of descriptions", .. },
        ) => 2,
        Some(Error::Interrupted) => 130,
        _ => 1,
    })
}

/// From now on a write beyond the largest size of a file (`ulimit -f`) fails, as one on a full disk
/// does, and does not end the process.
pub(super) fn outlive_size_limits() {
    #[cfg(unix)]
    {
        use nix::sys::signal::{SigSet, Signal};
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGXFSZ);
        // Threads that start later have it from this one. Without it, there is the signal.
        let _ = signals.thread_block();
    }
}

/// The error and its causes, each said once.
fn one_line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            let colon = if text.is_empty() { "" } else { ": " };
            text = format!("{text}{colon}{cause}");
        }
    }
    text
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|it| it.downcast_ref::<io::Error>())
        .any(|it| it.kind() == ErrorKind::BrokenPipe)
}
