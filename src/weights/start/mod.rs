//! Starting weights: a file of another training as the beginning of this one.

mod config;

mod names;

mod report;

mod load_file;

pub use config::{Loading, WeightsConfig};
pub use load_file::load_file;
pub use report::{LoadReport, Mismatch, Unexpected, Used};
