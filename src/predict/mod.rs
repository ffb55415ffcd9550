//! Prediction: from raster to map, streamed.
