//! The encoders to choose from.

use burn::{module::Module, tensor::Device};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swath_kernels::Activation;

use crate::model::{
    Features, Initial,
    blocks::{Layers, Nonlinearity},
    config::ModelConfig,
};

/// Makes [`Encoder`] and [`EncoderNetwork`] of a list: a network, the module that has it, and the
/// encoders of its kind with the constants there that hold what is known of them.
macro_rules! encoders {
    ($($network:ident in $module:ident { $($(#[$about:meta])* $encoder:ident = $spec:ident;)+ })+) => {
        /// How an image becomes features.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Encoder {
            $($($(#[$about])* $encoder,)+)+
            /// That of the architecture, which takes no other: geodl-unet.
            Own,
        }

        impl Encoder {
            /// All of them but [`Self::Own`].
            pub const ALL: &'static [Self] = &[$($(Self::$encoder,)+)+];

            pub(in crate::model) fn spec(self) -> Option<&'static EncoderSpec> {
                Some(match self {
                    $($(Self::$encoder => &super::$module::$spec,)+)+
                    Self::Own => return None,
                })
            }
        }

        /// An encoder of any kind.
        #[derive(Module, Debug)]
        pub enum EncoderNetwork {
            $(
                #[doc = concat!("See [`", stringify!($network), "`](super::", stringify!($network), ").")]
                $network(super::$module::$network),
            )+
        }

        impl EncoderNetwork {
            /// The features at 1/2, 1/4, and so on, of the resolution of `images`, as many as `depth`;
            /// `None` where there are none.
            pub fn forward(&self, images: Features, depth: usize) -> Vec<Option<Features>> {
                match self {
                    $(Self::$network(it) => it.forward(images, depth),)+
                }
            }
        }
    };
}

encoders! {
    ResNet in resnet {
        /// ResNet-18, 11 million parameters at full width.
        Resnet18 = RESNET_18;
        /// ResNet-34, 21 million parameters at full width.
        Resnet34 = RESNET_34;
        /// ResNet-50, 24 million parameters at full width.
        Resnet50 = RESNET_50;
        /// ResNet-101, 43 million parameters at full width.
        Resnet101 = RESNET_101;
        /// ResNet-152, 58 million parameters at full width.
        Resnet152 = RESNET_152;
    }
    MobileNetV2 in mobilenet_v2 {
        /// MobileNetV2, 2.2 million parameters at full width.
        MobilenetV2 = SPEC;
    }
    EfficientNetLite in efficientnet_lite {
        /// EfficientNet-Lite0, 3.4 million parameters at full width: that of TensorFlow. Weights of timm's
        /// `efficientnet_lite0` without `tf_` would fit by name, but are made for other paddings.
        EfficientnetLite0 = SPEC;
    }
    SqueezeNet in squeezenet {
        /// SqueezeNet 1.1, 0.7 million parameters at full width; coarsest features 1/16.
        #[serde(rename = "squeezenet-1.1")]
        Squeezenet11 = SPEC;
    }
    Vgg in vgg {
        /// VGG-16 with batch norm, 15 million parameters at full width.
        Vgg16Bn = SPEC;
    }
    ConvNeXt in convnext {
        /// ConvNeXt-Tiny, 28 million parameters at full width; finest features 1/4.
        ConvnextTiny = SPEC;
    }
}

/// What is known of an encoder without building it.
pub(in crate::model) struct EncoderSpec {
    /// Its name for people.
    pub title: &'static str,
    /// It with weights of 0.
    pub new: fn(&Make<'_>) -> EncoderNetwork,
    /// How its weights are drawn.
    pub initial: Initial,
    /// Channels at 1/2, 1/4, and so on, of the published network; 0 where there are no features.
    pub channels: &'static [u32],
    /// Strides that its coarsest features can have, the published one first.
    pub output_strides: &'static [u32],
    /// Whether norm and activation can be changed.
    pub changes_norm: bool,
    pub changes_activation: bool,
    /// Whether U-Net puts two more convolutions between it and the decoder.
    pub has_center: bool,
    /// The published activation.
    pub activation: Activation,
    /// Its name in `segmentation_models_pytorch`, if it is there.
    pub smp: Option<&'static str>,
    /// Whether stages that are not used are left out there.
    pub smp_drops_stages: bool,
    /// Names of its tensors where another library does not call them as the wrapper of
    /// `segmentation_models_pytorch` does without `encoder.` or `encoder.model.`.
    pub other_names: &'static [OtherNames],
}

/// What another library calls the tensors of an encoder.
pub(crate) struct OtherNames {
    pub library: &'static str,
    /// The name in a model; `None` of what is not in its encoder.
    pub renamed: fn(&str) -> Option<String>,
}

impl Encoder {
    /// What other libraries call the tensors of any encoder.
    pub(crate) fn other_names() -> impl Iterator<Item = &'static OtherNames> {
        Self::ALL.iter().filter_map(|it| it.spec()).flat_map(|it| it.other_names)
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        self.spec().map_or("that of the architecture", |it| it.title)
    }

    /// The name in a run file.
    pub fn name(self) -> String {
        plain_name(&self)
    }
}

/// The name of a choice in a run file.
pub(in crate::model) fn plain_name<T: Serialize>(choice: &T) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(name)) => name,
        other => panic!("a choice is a text, not {other:?}"),
    }
}

/// What an encoder is made for.
#[derive(Clone, Copy)]
pub(in crate::model) struct Make<'a> {
    pub n_bands: usize,
    /// Coarsest features.
    pub output_stride: u32,
    pub config: &'a ModelConfig,
    pub device: &'a Device,
}

impl Make<'_> {
    /// As many channels at the width that is asked for.
    pub fn scaled(&self, channels: u32) -> usize {
        self.config.scaled(channels)
    }

    /// Layers with the published activation where no other is asked for.
    pub fn layers(&self) -> Layers<'_> {
        let (slope, spec) = (self.config.slope(), self.config.encoder.spec());
        Layers {
            norm: self.config.encoder_norm.unwrap_or(super::super::NormKind::Batch),
            epsilon: 1e-5,
            activation: match self.config.encoder_activation {
                Some(kind) => kind.nonlinearity(slope),
                None => Nonlinearity::Fixed(spec.map_or(Activation::None, |it| it.activation)),
            },
            device: self.device,
        }
    }

    /// Stride and dilation of a stage that ends at `stride_px` of the published network, which
    /// begins at half of that if `halves`.
    pub fn steps(&self, stride_px: u32, halves: bool) -> [usize; 2] {
        let dilation = (stride_px / self.output_stride).max(1) as usize;
        [if halves && stride_px <= self.output_stride { 2 } else { 1 }, dilation]
    }
}

impl EncoderNetwork {
    /// The encoder of `config`, with weights of 0.
    ///
    /// # Panics
    ///
    /// If the architecture has an encoder of its own.
    pub(in crate::model) fn new(config: &ModelConfig, n_bands: usize, device: &Device) -> Self {
        let spec = config.encoder.spec().unwrap_or_else(|| panic!("{config:?} is not checked"));
        (spec.new)(&Make { n_bands, output_stride: config.resolved_stride(), config, device })
    }
}
