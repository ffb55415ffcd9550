//! The architectures to choose from, and choices that some of them have.

use burn::module::Module;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    decoders::{self, ArchitectureSpec, Build, Decoded, Pyramid},
    encoders::plain_name,
};

/// Makes [`Architecture`] and [`Decoder`] of a list: an architecture, its decoder, and the module that
/// has it and the constant `SPEC` with what is known of it; and architectures without a decoder.
macro_rules! architectures {
    (
        decoders { $($(#[$about:meta])* $name:ident = $module:ident::$decoder:ident;)+ }
        whole { $($(#[$about_whole:meta])* $whole:ident = $whole_module:ident;)+ }
    ) => {
        /// How features become a map.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Architecture {
            $($(#[$about])* $name,)+
            $($(#[$about_whole])* $whole,)+
        }

        impl Architecture {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+ $(Self::$whole,)+];

            pub(super) fn spec(self) -> &'static ArchitectureSpec {
                match self {
                    $(Self::$name => &decoders::$module::SPEC,)+
                    $(Self::$whole => &super::$whole_module::SPEC,)+
                }
            }
        }

        /// A decoder of any kind.
        #[derive(Module, Debug)]
        pub enum Decoder {
            $(
                #[doc = concat!("See [`", stringify!($decoder), "`](super::", stringify!($decoder), ").")]
                $name(decoders::$module::$decoder),
            )+
        }

        impl Decoder {
            pub(super) fn forward(&self, pyramid: &Pyramid) -> Decoded {
                match self {
                    $(Self::$name(it) => it.forward(pyramid).into(),)+
                }
            }
        }
    };
}

architectures! {
    decoders {
        /// U-Net.
        Unet = unet::UnetDecoder;
        /// U-Net++.
        UnetPlusPlus = unet_plus_plus::UnetPlusPlus;
        /// DeepLabV3.
        DeeplabV3 = deeplab_v3::DeepLabV3;
        /// DeepLabV3+.
        DeeplabV3Plus = deeplab_v3_plus::DeepLabV3Plus;
        /// Feature pyramid network.
        Fpn = fpn::Fpn;
        /// LinkNet.
        Linknet = linknet::Linknet;
        /// PSPNet.
        #[serde(rename = "pspnet")]
        PspNet = psp_net::PspNet;
        /// Pyramid attention network.
        Pan = pan::Pan;
        /// MA-Net.
        #[serde(rename = "manet")]
        MaNet = ma_net::MaNet;
        /// UPerNet.
        #[serde(rename = "upernet")]
        UperNet = uper_net::UperNet;
    }
    whole {
        /// The U-Net of geodl; needs `encoder = "own"`.
        GeodlUnet = geodl_unet;
    }
}

impl Architecture {
    /// The name in a run file.
    pub fn name(self) -> String {
        plain_name(&self)
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        self.spec().title
    }

    /// Whether it takes an encoder.
    pub fn takes_encoder(self) -> bool {
        matches!(self.spec().build, Build::Decoder(_))
    }
}

/// How coarse features are enlarged in a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Upsampling {
    /// Pixels are repeated.
    Nearest,
    /// Bilinear, by pixel centres.
    Bilinear,
    /// A transposed convolution of 2x2 that is trained.
    Transposed,
}

/// Attention in a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attention {
    /// To channels and pixels, before and behind the convolutions of a block.
    Scse,
    /// To pixels of a skip, by coarser features.
    Gate,
}
