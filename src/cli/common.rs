//! Options and small things that several subcommands share.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::Context;
use burn::tensor::Device;
use swath_kernels::Isa;

use crate::{Error, run::RunFile};

/// Where and on how many threads to compute; neither changes a result on the CPU.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Compute {
    /// Threads to compute on; all of the machine by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// Where tensors live; others than `cpu` need a build with the feature of that name
    #[arg(long, value_name = "DEVICE", default_value = "cpu",
          value_parser = ["cpu", "cuda", "wgpu", "rocm", "metal", "vulkan"])]
    pub device: String,
}

/// Stack of a thread: networks are large values, which a build without optimisation moves a lot.
const STACK_BYTES: usize = 16 << 20;

impl Compute {
    /// Number of threads.
    pub(super) fn n_threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(all, usize::from)
    }

    /// Calls `work` inside a thread pool of its own.
    pub(super) fn install<T: Send>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        Isa::of_environment().map_err(|_| {
            let found = std::env::var_os("SWATH_ISA").unwrap_or_default();
            let rule = "must be avx512, avx2 or portable, and one that this processor has";
            Error::config("SWATH_ISA", found.to_string_lossy(), rule)
        })?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.n_threads())
            .stack_size(STACK_BYTES)
            .build();
        pool.context("cannot start threads")?.install(work)
    }

    /// The device, without automatic differentiation.
    pub(super) fn device(&self) -> anyhow::Result<Device> {
        Ok(match self.device.as_str() {
            "cpu" => Device::flex(),
            #[cfg(feature = "cuda")]
            "cuda" => Device::cuda(0),
            #[cfg(feature = "rocm")]
            "rocm" => Device::rocm(0),
            #[cfg(feature = "wgpu")]
            "wgpu" => Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
            #[cfg(feature = "metal")]
            "metal" => Device::metal(burn::tensor::DeviceKind::DefaultDevice),
            #[cfg(feature = "vulkan")]
            "vulkan" => Device::vulkan(burn::tensor::DeviceKind::DefaultDevice),
            other => {
                let rule = format!("this build lacks it; build with `--features {other}`");
                return Err(Error::config("--device", other, rule).into());
            }
        })
    }
}

/// A run file and what the command line changes in it.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct RunFileArgs {
    /// Run file; `swath init` writes one
    #[arg(value_name = "RUN_FILE")]
    pub run_file: PathBuf,

    /// Changes one key of the run file, as `train.epochs=10`; may be given more than once
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE")]
    pub overrides: Vec<String>,
}

impl RunFileArgs {
    /// The run file with its changes.
    pub(super) fn load(&self) -> anyhow::Result<RunFile> {
        Ok(RunFile::load(&self.run_file, &self.overrides)?)
    }
}

/// Prints a result on standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        output.write_all(b"\n")?;
    }
    Ok(output.flush()?)
}

/// Tells something on standard error.
pub(super) fn tell(text: &str) {
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(io::stderr(), "{text}");
}

/// A path as people type it: relative to the working folder where that is shorter.
pub(super) fn shown(path: &Path) -> String {
    let folder = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&folder).unwrap_or(path).display().to_string()
}

/// The same as a word of a command.
pub(super) fn typed(path: &Path) -> String {
    let text = shown(path);
    if text.contains(' ') { format!("\"{text}\"") } else { text }
}

/// UTC time, as `2026-01-31T12:00:00Z`.
pub(super) fn utc_now() -> String {
    chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on the first Ctrl-C, or a request to terminate, asks to stop at the next place where
/// nothing is lost, and the second one ends the process at once.
pub(super) fn watch_for_interrupt() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        tell("\nstopping; press Ctrl-C again to stop at once");
    })
    .context("cannot watch for Ctrl-C")
}

/// From now on the end of standard input asks to stop, too, so that whoever started this process
/// can stop it on every system, and it does not outlive them.
pub(super) fn watch_standard_input() {
    std::thread::spawn(|| {
        let mut input = io::stdin().lock();
        let mut buffer = [0; 1024];
        loop {
            match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        INTERRUPTED.store(true, Ordering::SeqCst);
    });
}

/// Whether Ctrl-C was pressed.
pub(super) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Stops a computation once Ctrl-C was pressed.
pub(super) fn check_interrupt() -> crate::Result<()> {
    if interrupted() { Err(Error::Interrupted) } else { Ok(()) }
}
