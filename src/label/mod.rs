//! Labels: classes, and label rasters as class indices.

mod classes;

mod palette;

mod codes;

mod class_raster;

mod found_classes;

mod class_weights;

pub use class_raster::ClassRaster;
pub use class_weights::{
    ClassCounts, ClassWeights, EFFECTIVE_NUMBER_BETA, WeightRule, check_weights,
};
pub use classes::{Class, Classes, Color, IGNORE, count_labels};
pub use codes::count_codes;
pub use found_classes::{FoundClasses, classes_of, classes_within};
pub use palette::generated_color;
