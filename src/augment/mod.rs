//! Augmentations: image, labels and valid mask move together.
