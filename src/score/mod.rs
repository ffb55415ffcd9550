//! Scores: confusion counts to accuracy figures.

mod confusion;

mod metrics;

mod file;

mod table;

mod monitor;

pub use confusion::Confusion;
pub use file::MetricsFile;
pub use metrics::{ClassMetrics, Metrics};
pub use monitor::{Better, Monitor};
pub use table::{confusion_csv, confusion_table, metrics_table};
