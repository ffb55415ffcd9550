//! Weight files of PyTorch and of the safetensors format.

mod archive;

mod tensor;

mod torch;

mod unwrap;

mod weight_file;

pub use tensor::FileTensor;
pub use weight_file::{FileKind, WeightFile};
