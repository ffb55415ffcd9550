//! Scenes: image and label rasters on one grid.
