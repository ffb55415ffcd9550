//! Weights: state dicts by name, and their bytes.
