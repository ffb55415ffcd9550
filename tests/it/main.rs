//! Tests of the whole: the binary, whole runs, and rules about the source.

mod support;

mod tidy;

mod bits;

mod nodata;

mod pipeline;

mod codes;

mod cli;

mod bad_files;

mod bad_settings;

mod bad_models;

mod interrupt;
