//! Prediction: from raster to map, streamed.

mod codes;

mod map;

pub use codes::{MapCodes, legend};
pub use map::{MapOutputs, predict_map};
