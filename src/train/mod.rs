//! Training: the loop and what it needs.

mod config;

mod accumulation;

mod stopping;

mod ema;

mod freezing;

mod observer;

mod dataset;

mod folder;

mod batch;

mod loader;

mod history;

mod checkpoint;

mod validate;

mod slopes;

mod gradient;

mod window;

mod fit;

mod keep;

pub use accumulation::Accumulation;
pub use batch::Batch;
pub use checkpoint::{Best, Check, Copied, LossSum, Position, load_checkpoint, load_weights};
pub use config::TrainConfig;
pub use dataset::{Dataset, Merged, Pasting};
pub use ema::{Ema, EmaConfig};
pub use fit::{Fit, State};
pub use folder::RunFolder;
pub use freezing::Freezing;
pub use gradient::{BatchGradient, batch_gradient};
pub use history::{EpochRow, HistoryFiles, StepRow, ValidationRow, read_history, read_steps};
pub use keep::Writing;
pub use loader::load_in_order;
pub use observer::{Event, Observer, Silent};
pub use stopping::{EarlyStopping, best_checks};
pub use validate::validate;
pub use window::window_gradient;
