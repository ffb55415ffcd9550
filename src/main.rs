//! The `swath` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    swath::cli::main()
}
