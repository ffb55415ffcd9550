//! The models against those of `segmentation_models_pytorch`, torchvision and timm: counts, names,
//! shapes, and outputs with weights and images of a closed form.

mod case;

mod counts;

mod encoders;

mod fill;

mod forward;
