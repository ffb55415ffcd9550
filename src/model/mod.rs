//! Models: from pixels to logits.
