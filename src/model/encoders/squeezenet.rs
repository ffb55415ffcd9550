//! SqueezeNet 1.1.

use burn::module::Module;
use swath_kernels::{Activation, burn::Windows};

use super::{EncoderNetwork, EncoderSpec, encoder::Make};
use crate::model::{
    Act, Conv2d, Features, Initial,
    blocks::{Layers, Padding},
};

pub(super) const SPEC: EncoderSpec = EncoderSpec {
    title: "SqueezeNet 1.1",
    new: |make| EncoderNetwork::SqueezeNet(SqueezeNet::new(make)),
    initial: Initial::KaimingUniformFanIn,
    channels: &[64, 128, 256, 512],
    output_strides: &[16],
    changes_norm: false,
    changes_activation: true,
    has_center: false,
    activation: Activation::Relu,
    smp: None,
    smp_drops_stages: false,
    other_names: &[],
};

/// SqueezeNet 1.1 without its classifier: 1x1 convolutions that narrow before 1x1 and 3x3 ones that
/// widen, and no norms.
///
/// Features at 1/2, 1/4, 1/8 and 1/16; the first convolution has no zeros around it, so that the
/// finest ones lack the last row and column where those are even.
///
/// Source: Iandola et al. 2016, <https://arxiv.org/abs/1602.07360>; version 1.1, names and pools that
/// round up are torchvision's.
#[derive(Module, Debug)]
pub struct SqueezeNet {
    features: Vec<Place>,
}

/// A place in torchvision's sequence.
#[derive(Module, Debug)]
enum Place {
    Conv(Conv2d),
    Act(Act),
    Fire(Fire),
}

#[derive(Module, Debug)]
struct Fire {
    squeeze: Conv2d,
    act: Act,
    expand1x1: Conv2d,
    expand3x3: Conv2d,
}

/// The places of pools.
const POOLS: [usize; 3] = [2, 5, 8];

impl SqueezeNet {
    pub(super) fn new(make: &Make<'_>) -> Self {
        let layers = make.layers();
        let scaled = |channels| make.scaled(channels);
        let mut input = scaled(64);
        let stem = Conv2d::new([make.n_bands, input], 3, make.device).with_bias();
        let stem = stem.with_stride(2).with_padding(Padding::Zero);
        let mut features = vec![Place::Conv(stem), Place::Act(layers.act())];
        for expand in [0, 64, 64, 0, 128, 128, 0, 192, 192, 256, 256] {
            features.push(if expand == 0 {
                Place::Act(Act::none()) // The place of a pool.
            } else {
                let fire = Fire::new(input, scaled(expand / 4), scaled(expand), &layers);
                input = 2 * scaled(expand);
                Place::Fire(fire)
            });
        }
        Self { features }
    }

    pub(super) fn forward(&self, mut images: Features, depth: usize) -> Vec<Option<Features>> {
        images = images.at_least([3; 2]);
        let mut all = Vec::new();
        for (index, place) in self.features.iter().enumerate() {
            if POOLS.contains(&index) {
                all.push(Some(images.clone()));
                if all.len() == depth {
                    return all;
                }
                images = pool(images);
                continue;
            }
            images = match place {
                Place::Conv(conv) => conv.forward(images),
                Place::Act(act) => act.forward(images),
                Place::Fire(fire) => fire.forward(images),
            };
        }
        all.push(Some(images));
        all
    }
}

/// The largest value of windows of 3 pixels, every 2; the last window may reach beyond the images.
///
/// The last row and column stand there once more, which leaves the largest value as it is.
fn pool(images: Features) -> Features {
    let [rows, cols] = images.size_px().map(|it| it.saturating_sub(3).div_ceil(2) * 2 + 3);
    let windows = Windows { kernel: [3; 2], stride: [2; 2], padding: [0; 2] };
    images.edges_behind([rows, cols], [2; 2]).max_pool(windows)
}

impl Fire {
    fn new(input: usize, squeezed: usize, expanded: usize, layers: &Layers<'_>) -> Self {
        let conv =
            |channels, kernel_px| Conv2d::new(channels, kernel_px, layers.device).with_bias();
        Self {
            squeeze: conv([input, squeezed], 1),
            act: layers.act(),
            expand1x1: conv([squeezed, expanded], 1),
            expand3x3: conv([squeezed, expanded], 3),
        }
    }

    fn forward(&self, images: Features) -> Features {
        let images = self.act.forward(self.squeeze.forward(images));
        let small = self.act.forward(self.expand1x1.forward(images.clone()));
        let large = self.act.forward(self.expand3x3.forward(images));
        Features::concatenate(vec![small, large])
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;

    /// PyTorch's `max_pool2d(kernel_size=3, stride=2, ceil_mode=True)` sees nothing behind the border.
    #[test]
    fn the_last_window_of_a_pool_sees_no_more_than_there_is() {
        for ([rows, cols], want) in [([6, 4], [3, 2]), ([1, 1], [1, 1])] {
            let images = Tensor::full([1, 1, rows, cols], -1.0, &Device::flex());
            let pooled = pool(Features::from_images(images)).into_images();
            assert_eq!(pooled.dims(), [1, 1, want[0], want[1]]);
            assert!(pooled.into_data().iter::<f32>().all(|it| it == -1.0));
        }
    }
}
