//! Inference: windows through a model, blended.
