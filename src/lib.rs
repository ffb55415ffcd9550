//! Train segmentation models on multi-band rasters and show, with evidence, what improves them.
//!
//! The folders are the steps of the pipeline, in reading order; each uses only those above it.

pub mod error;

pub mod random;

pub mod raster;

pub mod label;

pub mod scene;

pub mod chip;

pub mod augment;

pub mod score;

pub mod schedule;

pub mod model;

pub mod weights;

pub mod loss;

pub mod lr_find;

pub mod optim;

pub mod infer;

pub mod bundle;

pub mod train;

pub mod evaluate;

pub mod predict;

pub mod report;

pub mod run;

pub mod study;

pub mod reproduce;

pub mod export;

pub mod cli;

pub use error::{Error, Result};
