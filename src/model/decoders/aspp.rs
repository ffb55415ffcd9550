//! Atrous spatial pyramid pooling.

use burn::module::Module;
use swath_kernels::Interpolation;

use super::decoder::Make;
use crate::model::{
    Act, Conv2d, Dropout, Features, Norm,
    blocks::{ConvNorm, Layers, Pass, conv_norm, run},
};

/// A convolution of every channel by itself and one of 1x1, with norm and activation.
pub(super) type SeparableNorm = ((Conv2d, Conv2d), Norm, Act);

/// A 3x3 convolution in two steps.
pub(super) fn separable(
    [input, output]: [usize; 2],
    dilation_px: usize,
    layers: &Layers<'_>,
) -> SeparableNorm {
    let depthwise = Conv2d::depthwise(input, 3, layers.device).with_dilation(dilation_px);
    ((depthwise, layers.conv([input, output], 1)), layers.norm(output), layers.act())
}

pub(super) fn run_separable(layers: &SeparableNorm, images: Features) -> Features {
    let ((depthwise, pointwise), norm, activation) = layers;
    conv_norm(pointwise, norm, depthwise.forward(images), None, activation)
}

/// Convolutions with holes of several sizes, and the mean of the image, side by side.
///
/// Source: Chen et al. 2017, <https://arxiv.org/abs/1706.05587>, with rates and layers of
/// `segmentation_models_pytorch` 0.6.0.
#[derive(Module, Debug)]
pub struct Aspp {
    convs: Vec<Branch>,
    project: ConvNorm,
    dropout: Dropout,
}

#[derive(Module, Debug)]
enum Branch {
    Plain(ConvNorm),
    Separable(SeparableNorm),
    /// The mean has no weights, but a place.
    Mean((Act, Conv2d, Norm, Act)),
}

impl Aspp {
    pub(super) fn new(make: &Make<'_>, output: usize, is_separable: bool) -> Self {
        let (layers, input) = (&make.layers, make.deepest());
        let mut convs = vec![Branch::Plain(layers.conv_norm([input, output], 1))];
        for rate in make.config.resolved_rates() {
            convs.push(if is_separable {
                Branch::Separable(separable([input, output], rate, layers))
            } else {
                let conv = layers.conv([input, output], 3).with_dilation(rate);
                Branch::Plain(layers.finished(conv, output))
            });
        }
        let conv = layers.conv([input, output], 1);
        convs.push(Branch::Mean((Act::none(), conv, layers.norm(output), layers.act())));
        let project = layers.conv_norm([convs.len() * output, output], 1);
        Self { convs, project, dropout: make.config.dropout() }
    }

    pub(super) fn forward(&self, images: Features, pass: Pass) -> Features {
        let size_px = images.size_px();
        let branches = self.convs.iter().map(|branch| match branch {
            Branch::Plain(layers) => run(layers, images.clone()),
            Branch::Separable(layers) => run_separable(layers, images.clone()),
            Branch::Mean((_, conv, norm, act)) => {
                let mean = conv_norm(conv, norm, images.clone().global_average(), None, act);
                mean.resample(size_px, Interpolation::Bilinear)
            }
        });
        let joined = Features::concatenate(branches.collect());
        self.dropout.forward(run(&self.project, joined), pass)
    }
}
