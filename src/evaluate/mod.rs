//! Evaluation: figures of a split or of a map.
