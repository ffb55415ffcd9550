//! Labels: classes, and label rasters as class indices.

mod classes;

mod palette;

mod codes;

mod class_raster;

mod found_classes;

pub use class_raster::ClassRaster;
pub use classes::{Class, Classes, Color, IGNORE};
pub use codes::count_codes;
pub use found_classes::{FoundClasses, classes_of, classes_within};
pub use palette::generated_color;
