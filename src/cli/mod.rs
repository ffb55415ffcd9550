//! The command line: one file per subcommand.

mod bench;

mod completions;

mod demo;

mod evaluate;

mod info;

mod init;

mod lr_find;

mod models;

mod predict;

mod report;

mod resume;

mod schema;

mod show;

mod study;

mod reproduce;

mod replicate;

mod export;

mod train;

mod weights;

mod common;

mod patterns;

mod exit;

mod plan_text;

mod progress;

mod synthetic;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Train segmentation models on your own multi-band rasters and show, with evidence, what improves
/// them.
#[derive(Parser, Debug)]
#[command(name = "swath", version, max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Info(info::Args),
    Show(show::Args),
    Train(train::Args),
    Resume(resume::Args),
    Evaluate(evaluate::Args),
    Predict(predict::Args),
    Report(report::Args),
    LrFind(lr_find::Args),
    Study(study::Args),
    Reproduce(reproduce::Args),
    Replicate(replicate::Args),
    Export(export::Args),
    Weights(weights::Args),
    Models(models::Args),
    Bench(bench::Args),
    Schema(schema::Args),
    Completions(completions::Args),
}

/// Runs the command that the process was started with.
///
/// Results go to standard output, everything else to standard error. The exit code is 0 when done,
/// 1 when it failed, 2 for wrong usage or a wrong run file, and 130 when interrupted.
pub fn main() -> ExitCode {
    swath_kernels::return_large_blocks();
    exit::outlive_size_limits();
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Resume(args) => resume::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Report(args) => report::run(&args),
        Command::LrFind(args) => lr_find::run(&args),
        Command::Study(args) => study::run(&args),
        Command::Reproduce(args) => reproduce::run(&args),
        Command::Replicate(args) => replicate::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Weights(args) => weights::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args),
    };
    exit::code(result)
}
