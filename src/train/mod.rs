//! Training: the loop and what it needs.

mod config;

mod observer;

mod dataset;

mod folder;

mod batch;

mod loader;

mod history;

mod checkpoint;

mod validate;

mod gradient;

mod fit;

pub use batch::Batch;
pub use checkpoint::{
    Best, LossSum, Position, load_checkpoint, load_weights, save_checkpoint, save_weights,
};
pub use config::TrainConfig;
pub use dataset::{Dataset, Merged, Pasting};
pub use fit::{Fit, State, steps_per_epoch};
pub use folder::RunFolder;
pub use gradient::{BatchGradient, batch_gradient};
pub use history::{EpochRow, HistoryFiles, StepRow, ValidationRow, read_history, read_steps};
pub use loader::load_in_order;
pub use observer::{Event, Observer, Silent};
pub use validate::validate;
