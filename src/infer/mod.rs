//! Inference: windows through a model, blended.

mod blend;

mod config;

mod lattice;

mod predictor;

mod stream;

pub use blend::{BlendedRow, Strip, top_class};
pub use config::PredictConfig;
pub use lattice::Lattice;
pub use predictor::Predictor;
pub use stream::{Tiling, WindowScores, stream};
