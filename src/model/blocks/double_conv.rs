//! Two convolutions in a row.

use burn::module::Module;

use super::{ConvNorm, Layers, Scse, run};
use crate::model::Features;

/// Two 3x3 convolutions, each with norm and activation, with attention before and behind if wanted:
/// a block of the decoders of U-Net, U-Net++ and MA-Net.
#[derive(Module, Debug)]
pub struct DoubleConv {
    conv1: ConvNorm,
    attention1: Option<Attention>,
    conv2: ConvNorm,
    attention2: Option<Attention>,
}

/// As `segmentation_models_pytorch` wraps it.
#[derive(Module, Debug)]
struct Attention {
    attention: Scse,
}

impl DoubleConv {
    pub(in crate::model) fn new([input, output]: [usize; 2], layers: &Layers<'_>) -> Self {
        Self {
            conv1: layers.conv_norm([input, output], 3),
            attention1: None,
            conv2: layers.conv_norm([output; 2], 3),
            attention2: None,
        }
    }

    /// The same with attention to its input and output.
    pub(in crate::model) fn with_scse(self, channels: [usize; 2], layers: &Layers<'_>) -> Self {
        let [attention1, attention2] =
            channels.map(|it| Some(Attention { attention: Scse::new(it, layers.device) }));
        Self { attention1, attention2, ..self }
    }

    /// Features of the block's channels, of images that were joined with others.
    pub fn forward(&self, images: Features) -> Features {
        self.forward_alone(attend(self.attention1.as_ref(), images))
    }

    /// The same of images that nothing was joined to: there is nothing to attend to before the first
    /// convolution.
    pub fn forward_alone(&self, images: Features) -> Features {
        let images = run(&self.conv2, run(&self.conv1, images));
        attend(self.attention2.as_ref(), images)
    }
}

fn attend(attention: Option<&Attention>, images: Features) -> Features {
    match attention {
        Some(attention) => attention.attention.forward(images),
        None => images,
    }
}
