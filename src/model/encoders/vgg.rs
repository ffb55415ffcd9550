//! VGG-16 with batch norm.

use burn::module::Module;
use swath_kernels::Activation;

use super::{EncoderNetwork, EncoderSpec, encoder::Make};
use crate::model::{Act, Conv2d, Features, Initial, Norm, blocks::conv_norm};

pub(super) const SPEC: EncoderSpec = EncoderSpec {
    title: "VGG-16, batch norm",
    new: |make| EncoderNetwork::Vgg(Vgg::new(make)),
    initial: Initial::KaimingNormalFanOut,
    channels: &[128, 256, 512, 512, 512],
    output_strides: &[32],
    changes_norm: true,
    changes_activation: true,
    has_center: true,
    activation: Activation::Relu,
    smp: Some("vgg16_bn"),
    smp_drops_stages: false,
    other_names: &[],
};

/// Channels of the convolutions between pools.
const STAGES: [&[u32]; 5] =
    [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];

/// VGG-16 with batch norm, without its classifier: 3x3 convolutions and pools of 2x2.
///
/// The features at 1/2 to 1/16 are those before the next pool; those at 1/32 come out of the last.
///
/// Source: Simonyan & Zisserman 2015, table 1 D, <https://arxiv.org/abs/1409.1556>; names of
/// torchvision's `vgg16_bn`.
#[derive(Module, Debug)]
pub struct Vgg {
    features: Vec<Place>,
}

/// A place in torchvision's sequence.
#[derive(Module, Debug)]
enum Place {
    Conv(Conv2d),
    Norm(Norm),
    Act(Act),
    Pool(Act),
}

impl Vgg {
    pub(super) fn new(make: &Make<'_>) -> Self {
        let layers = make.layers();
        let mut input = make.n_bands;
        let mut features = Vec::new();
        for stage in STAGES {
            for &channels in stage {
                let output = make.scaled(channels);
                let conv = Conv2d::new([input, output], 3, make.device).with_bias();
                features.push(Place::Conv(conv));
                features.push(Place::Norm(layers.norm(output)));
                features.push(Place::Act(layers.act()));
                input = output;
            }
            features.push(Place::Pool(Act::none()));
        }
        Self { features }
    }

    pub(super) fn forward(&self, mut images: Features, depth: usize) -> Vec<Option<Features>> {
        let mut all = Vec::new();
        let mut places = self.features.iter();
        while let Some(place) = places.next() {
            images = match place {
                Place::Conv(conv) => {
                    let (Some(Place::Norm(norm)), Some(Place::Act(act))) =
                        (places.next(), places.next())
                    else {
                        unreachable!("norm and activation follow a convolution");
                    };
                    conv_norm(conv, norm, images, None, act)
                }
                Place::Pool(_) => {
                    all.push(Some(images.clone()));
                    // What comes before the first pool has the resolution of the images.
                    if all.len() == depth + 1 {
                        break;
                    }
                    images.halved()
                }
                Place::Norm(_) | Place::Act(_) => unreachable!("they follow a convolution"),
            };
        }
        all.push(Some(images));
        all.drain(..1);
        all.truncate(depth);
        all
    }
}
