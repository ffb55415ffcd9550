//! Tests of the whole: the binary, whole runs, and rules about the source.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should end with a panic")]

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

mod diverged;

mod interrupt;

mod study;

mod reproduce;

mod export;

mod altered;

mod card;

mod init;

mod damaged;

mod killed;

mod lr_find;

mod kernels;

mod rare_class;

mod weight_files;

mod starting_weights;

mod models;
