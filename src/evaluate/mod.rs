//! Evaluation: figures of a split or of a map.

mod map;

mod split;

pub use map::evaluate_map;
pub use split::{class_map, evaluate_split};
