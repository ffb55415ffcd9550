//! Run file and run folder.
