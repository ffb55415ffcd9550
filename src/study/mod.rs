//! Study: the same training with and without a change, over several seeds, compared pair by pair.

mod study_file;

mod metric;

mod plan;

mod difference;

mod state;

mod pairing;

mod settings;

mod initial_weights;

mod student;

mod summary;

mod paired;

mod holm;

mod results;

mod comparison;

mod outcome;

mod replicates;

mod tables;

mod csv;

mod json;

mod view;

mod write;

#[cfg(test)]
mod made_up;

pub use comparison::{Comparison, Row};
pub use csv::{runs_csv, study_csv};
pub use holm::holm;
pub use initial_weights::{InitialWeights, initial_weights};
pub use json::study_json;
pub use metric::{ClassFigure, Metric, OverallFigure};
pub use outcome::{Cost, Outcome};
pub use paired::Paired;
pub use pairing::check_pairing;
pub use plan::{Plan, PlannedRun, PlannedVariant};
pub use results::{Results, RunResult};
pub use settings::check_settings;
pub use state::RunState;
pub use student::{quantile, two_sided, within};
pub use study_file::{FigureSplit, Seeds, StudyFile, Variant};
pub use summary::Summary;
pub use tables::{markdown, terminal};
pub use write::write;
