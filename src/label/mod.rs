//! Labels: classes, and label rasters as class indices.

mod classes;

pub use classes::{Class, Classes, Color, IGNORE};
