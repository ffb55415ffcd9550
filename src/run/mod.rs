//! A whole run: from the run file to the run folder.

mod keys;

mod kinds;

mod overrides;

mod about;

mod run_file;

mod commented;

mod environment;

mod starting;

mod manifest;

mod outputs;

mod inputs;

mod unchanged;

mod open;

mod estimate;

mod bench;

mod checks;

mod rates;

mod resuming;

mod execute;

mod finder;

mod report_data;

pub use about::About;
pub use bench::{Bench, BenchResult, BenchTask};
pub use commented::commented;
pub use environment::{CARGO_LOCK, Environment, EnvironmentDifference, peak_memory_bytes};
pub use estimate::{Estimate, estimate};
pub use execute::Run;
pub use finder::Finder;
pub use keys::check_keys;
pub use manifest::{
    ClassPixels, InputFile, Manifest, SceneBlocks, SidecarFile, Status, hash_bytes, hash_file,
};
pub use open::open_dataset;
pub use outputs::{AlteredFile, altered_files};
pub use overrides::set;
pub use rates::schedule;
pub use run_file::RunFile;
pub use starting::{StartingWeights, starting_weights};
pub use unchanged::{Unchanged, open_unchanged};

pub(crate) use run_file::in_one_line;

use inputs::{check_inputs, input_files, sidecar_files};
use outputs::note_outputs;
use starting::starting_network;
