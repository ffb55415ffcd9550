//! Report: plots and one self-contained page.

mod data;

mod history;

mod panel;

mod text;

mod paint;

mod mark;

mod drawing;

mod axis;

mod grouped_bars;

mod line_chart;

mod class_bars;

mod training_curves;

mod confusion_picture;

mod split_map;

mod panel_figure;

mod figures;

mod tables;

mod page;

mod write;

#[cfg(test)]
mod made_up;

pub use data::{
    BandSummary, BlockRole, ClassCounts, EpochRow, Fact, ReportData, SceneView, SplitBlock,
    SplitMetrics, StepRow, Timing,
};
pub use history::{epochs_from_csv, steps_from_csv};
pub use panel::{DisplayBands, Panel, class_picture, composite, error_picture};
pub use write::write;
