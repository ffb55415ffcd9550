//! The page and the picture of a study.

mod view;

mod forest;

mod page;

mod write;

pub use view::{Forest, ForestRow, StudyRow, StudyTable, StudyView};
pub use write::write_study;
