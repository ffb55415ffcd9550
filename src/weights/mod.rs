//! Weights: the tensors of a model by name, and their bytes.

mod fault;

mod dtype;

mod state;

mod of_model;

mod format;

mod pickle;

mod file;

mod start;

pub use dtype::Dtype;
pub use file::{FileKind, FileTensor, WeightFile};
pub use format::{
    Safetensors, content_hash, read_safetensors, write_safetensors, write_safetensors_to,
};
pub use of_model::{layouts, load, n_parameters, state_dict};
pub use start::{LoadReport, Loading, Mismatch, Unexpected, Used, WeightsConfig, load_file};
pub use state::{Entry, Layout, StateDict, Values};
