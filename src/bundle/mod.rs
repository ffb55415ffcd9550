//! The bundle `model.swath`: everything that prediction needs, in one file.

mod header;

mod file;

pub use file::Bundle;
pub use header::{Header, PIXEL_SIZE_TOLERANCE};
