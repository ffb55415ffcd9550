//! Grouped convolution, forward and backward, by dense convolutions of a few groups each.

use crate::{Conv, Epilogue, memory, resample::copy_channels, shape::check_length};

/// Channels up to which groups are put together: as many as a dense convolution computes at once.
const BUNDLE_CHANNELS: usize = 32;

/// The shape of a grouped convolution: a dense one whose output channels see the input channels of their
/// group alone.
///
/// Small groups are put together, with weights of 0 between them; a number that is not finite then
/// spreads over the groups beside its own.
///
/// # Shapes
/// - images `[batch, row, col, channel in]`
/// - weights `[kernel row, kernel col, channel in of a group, channel out]`
/// - output and its gradient `[batch, row, col, channel out]`, of [`Conv::output_size`]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupedConv {
    /// The dense convolution of the same geometry; its channels are those of all groups.
    pub conv: Conv,
    /// Groups; they divide both numbers of channels.
    pub groups: usize,
}

impl GroupedConv {
    /// `out = activation(images * weights + bias + residual)`, steps of the [`Epilogue`] included.
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says, or the groups do not divide the channels.
    pub fn forward(
        &self,
        images: &[f32],
        weights: &[f32],
        epilogue: Epilogue<'_>,
        out: &mut [f32],
    ) {
        let bundle = self.bundle();
        check_length(self, "images", images, self.conv.images_len());
        check_length(self, "weights", weights, self.weights_len());
        check_length(self, "output", out, self.conv.output_len());
        epilogue.check(self.conv.channels[1], out.len());
        for index in 0..bundle.count {
            let own_images = bundle.take(self, 0, index, images);
            let own_weights = bundle.weights(self, index, weights);
            let residual = epilogue.residual.map(|it| bundle.take(self, 1, index, it));
            let outputs = bundle.conv.channels[1];
            let epilogue = Epilogue {
                scale: epilogue.scale.map(|it| &it[index * outputs..(index + 1) * outputs]),
                bias: epilogue.bias.map(|it| &it[index * outputs..(index + 1) * outputs]),
                residual: residual.as_deref(),
                activation: epilogue.activation,
            };
            let mut own_out = memory::buffer(bundle.conv.output_len());
            bundle.conv.forward(&own_images, &own_weights, epilogue, &mut own_out);
            bundle.put(self, 1, index, &own_out, out);
        }
    }

    /// The gradient of the images, `[batch, row, col, channel in]`, from that of the output.
    ///
    /// # Panics
    /// As [`GroupedConv::forward`].
    pub fn image_gradient(&self, gradient: &[f32], weights: &[f32], out: &mut [f32]) {
        let bundle = self.bundle();
        check_length(self, "gradient", gradient, self.conv.output_len());
        check_length(self, "weights", weights, self.weights_len());
        check_length(self, "image gradient", out, self.conv.images_len());
        for index in 0..bundle.count {
            let own_gradient = bundle.take(self, 1, index, gradient);
            let own_weights = bundle.weights(self, index, weights);
            let mut own_out = memory::buffer(bundle.conv.images_len());
            bundle.conv.image_gradient(&own_gradient, &own_weights, &mut own_out);
            bundle.put(self, 0, index, &own_out, out);
        }
    }

    /// The gradient of the weights, `[kernel row, kernel col, channel in of a group, channel out]`, from
    /// that of the output.
    ///
    /// # Panics
    /// As [`GroupedConv::forward`].
    pub fn weight_gradient(&self, images: &[f32], gradient: &[f32], out: &mut [f32]) {
        let bundle = self.bundle();
        check_length(self, "images", images, self.conv.images_len());
        check_length(self, "gradient", gradient, self.conv.output_len());
        check_length(self, "weight gradient", out, self.weights_len());
        for index in 0..bundle.count {
            let own_images = bundle.take(self, 0, index, images);
            let own_gradient = bundle.take(self, 1, index, gradient);
            let mut own_out = memory::buffer(bundle.conv.weights_len());
            bundle.conv.weight_gradient(&own_images, &own_gradient, &mut own_out);
            bundle.blocks(self, index, |inside, whole, length| {
                out[whole..whole + length].copy_from_slice(&own_out[inside..inside + length]);
            });
        }
    }

    /// Numbers in the weights.
    pub fn weights_len(&self) -> usize {
        self.conv.weights_len() / self.groups
    }

    fn bundle(&self) -> Bundle {
        let (channels, groups) = (self.conv.channels, self.groups);
        assert!(
            0 < groups && channels.iter().all(|it| it.is_multiple_of(groups)),
            "{groups} groups do not divide {channels:?} channels"
        );
        let of_group = channels.map(|it| it / groups);
        let widest = of_group[0].max(of_group[1]).max(1);
        let fits = |n: &usize| groups.is_multiple_of(*n) && n * widest <= BUNDLE_CHANNELS;
        let size = (1..=groups).rev().find(fits).unwrap_or(1);
        let conv = Conv { channels: of_group.map(|it| it * size), ..self.conv };
        Bundle { conv, size, count: groups / size }
    }
}

/// Groups that are convolved together.
struct Bundle {
    conv: Conv,
    /// Groups of a bundle.
    size: usize,
    /// Bundles.
    count: usize,
}

impl Bundle {
    /// The channels of one bundle; `side` is 0 for images and 1 for outputs.
    fn take(&self, of: &GroupedConv, side: usize, index: usize, values: &[f32]) -> memory::Buffer {
        let (all, own) = (of.conv.channels[side], self.conv.channels[side]);
        let mut taken = memory::buffer(values.len() / all * own);
        copy_channels([index * own, 0], own, [all, own], values, &mut taken);
        taken
    }

    /// Puts the channels of one bundle to their place.
    fn put(&self, of: &GroupedConv, side: usize, index: usize, values: &[f32], out: &mut [f32]) {
        let (all, own) = (of.conv.channels[side], self.conv.channels[side]);
        copy_channels([0, index * own], own, [own, all], values, out);
    }

    /// The weights of one bundle, as of a dense convolution.
    fn weights(&self, of: &GroupedConv, index: usize, weights: &[f32]) -> memory::Buffer {
        let mut own = memory::buffer(self.conv.weights_len());
        own.fill(0.0);
        self.blocks(of, index, |inside, whole, length| {
            own[inside..inside + length].copy_from_slice(&weights[whole..whole + length]);
        });
        own
    }

    /// Visits the weights of a bundle: where some begin in the dense and in the grouped weights, and how
    /// many they are.
    fn blocks(&self, of: &GroupedConv, index: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let [inputs, outputs] = self.conv.channels.map(|it| it / self.size);
        let [own_inputs, own_outputs] = self.conv.channels;
        for tap in 0..of.conv.kernel[0] * of.conv.kernel[1] {
            for group in 0..self.size {
                for input in 0..inputs {
                    let row = tap * own_inputs + group * inputs + input;
                    let inside = row * own_outputs + group * outputs;
                    let row = tap * inputs + input;
                    let whole = row * of.conv.channels[1] + index * own_outputs + group * outputs;
                    visit(inside, whole, outputs);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{
        Convolution, Random, assert_convolves, assert_convolves_on_any_threads, assert_finishes,
        products,
    };

    impl Convolution for GroupedConv {
        fn lengths(&self) -> [usize; 3] {
            [self.conv.images_len(), self.weights_len(), self.conv.output_len()]
        }

        fn outputs(&self) -> usize {
            self.conv.channels[1]
        }

        fn products(&self) -> Vec<(usize, usize, usize)> {
            products(&self.conv, self.groups)
        }

        fn forward(&self, images: &[f32], weights: &[f32], epilogue: Epilogue, out: &mut [f32]) {
            GroupedConv::forward(self, images, weights, epilogue, out);
        }

        fn image_gradient(&self, gradient: &[f32], weights: &[f32], out: &mut [f32]) {
            GroupedConv::image_gradient(self, gradient, weights, out);
        }

        fn weight_gradient(&self, images: &[f32], gradient: &[f32], out: &mut [f32]) {
            GroupedConv::weight_gradient(self, images, gradient, out);
        }
    }

    #[track_caller]
    fn check(of: GroupedConv) {
        assert_convolves(&of, 1e-5);
    }

    const CONV: Conv = Conv {
        batch: 2,
        channels: [64, 32],
        size: [7, 9],
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1, 1],
    };

    #[test]
    fn values_and_gradients_are_right() {
        for groups in [1, 2, 8, 32] {
            check(GroupedConv { conv: CONV, groups });
        }
        for (groups, channels) in [(3, [6, 9]), (5, [5, 35]), (2, [80, 6]), (7, [7, 7])] {
            let conv = Conv { channels, stride: [2, 1], padding: [0, 1], ..CONV };
            check(GroupedConv { conv, groups });
        }
        check(GroupedConv { conv: Conv { batch: 0, ..CONV }, groups: 4 });
    }

    #[test]
    fn any_shape_is_right() {
        let mut random = Random::new(2);
        for _ in 0..60 {
            let (of_group, kernel, dilation) =
                (random.pair(1, 20), random.pair(1, 4), random.pair(1, 3));
            let (stride, padding, more) = (random.pair(1, 3), random.pair(0, 3), random.pair(0, 8));
            let (groups, batch) = (random.between(1, 9), random.between(1, 2));
            let channels = of_group.map(|it| it * groups);
            let size = [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] + 1 + more[axis]);
            let conv = Conv { batch, channels, size, kernel, stride, padding, dilation };
            check(GroupedConv { conv, groups });
        }
    }

    #[test]
    fn the_epilogue_scales_adds_and_activates() {
        assert_finishes(&GroupedConv { conv: CONV, groups: 2 });
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        assert_convolves_on_any_threads(&GroupedConv { conv: CONV, groups: 4 });
    }

    #[test]
    #[should_panic(expected = "5 groups do not divide [64, 32] channels")]
    fn groups_that_divide_no_channels_are_refused() {
        let of = GroupedConv { conv: CONV, groups: 5 };
        of.forward(&[], &[], Epilogue::default(), &mut []);
    }
}
