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

mod legend;

mod panel_figure;

mod chip_sheet;

mod augment_sheet;

mod split_sheet;

mod schedule_chart;

mod lr_find_chart;

mod picture_file;

mod figures;

mod tables;

mod page;

mod write;

mod study;

#[cfg(test)]
mod made_up;

pub use augment_sheet::draw_augmentations;
pub use chip_sheet::{ChipView, draw_chips};
pub use data::{BandView, Fact, ReportData, SplitMetrics, Timing};
pub use lr_find_chart::draw_lr_find;
pub use panel::{DisplayBands, Panel, class_picture, composite, error_picture};
pub use picture_file::PictureFile;
pub use scene_view::{MAX_SCENES, SceneView, SplitBlock};
pub use schedule_chart::{Course, ScheduleView, draw_schedule};
pub use split_sheet::draw_split;
pub use study::{Forest, ForestRow, StudyRow, StudyTable, StudyView, write_study};
pub use write::write;
