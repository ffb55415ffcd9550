//! Prediction: from raster to map, streamed.

mod codes;

mod map;

mod open;

pub use codes::{MapCodes, legend};
pub use map::{MapOutputs, predict_map};
pub use open::open_for_prediction;
