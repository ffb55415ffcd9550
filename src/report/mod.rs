//! Report: plots and one self-contained page.

mod data;

mod panel;

mod scene_view;

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

pub use data::{BandView, Fact, ReportData, SplitMetrics, Timing};
pub use panel::{DisplayBands, Panel, class_picture, composite, error_picture};
pub use scene_view::{SceneView, SplitBlock};
pub use write::write;
