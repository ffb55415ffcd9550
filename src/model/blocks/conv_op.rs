//! Convolution as an operation of ours: on the CPU it runs the kernels of `swath-kernels`, which are
//! several times faster than the CPU backend's own; elsewhere it is the backend's.

use burn::{
    backend::{
        Autodiff, Backend, DType, Dispatch, Flex, TensorMetadata,
        autodiff::{
            NodeId,
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        ops::ModuleOps,
        tensor::FloatTensor,
    },
    tensor::{Tensor, TensorData, ops::ConvOptions},
};
use burn_flex::FlexTensor;
use swath_kernels::Conv;

/// Convolution of `images` `[batch, channel in, row, col]` with `weights`
/// `[channel out, channel in, row, col]`, a square of odd size, with half its size of zeros around
/// the images.
pub(super) fn convolve(images: Tensor<4>, weights: Tensor<4>, stride: usize) -> Tensor<4> {
    let output = Dispatch::convolve(images.into_dispatch(), weights.into_dispatch(), stride);
    Tensor::from_dispatch(output)
}

#[backend_extension(Flex, Autodiff, Cube: cfg(feature = "gpu"))]
trait ConvolveOps: Backend {
    fn convolve(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let options = options(&weights, stride);
        Self::conv2d(images, weights, None, options)
    }

    /// The gradient of the images.
    fn convolve_image_gradient(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let options = options(&weights, stride);
        Self::conv2d_x_backward(images, weights, gradient, options)
    }

    /// The gradient of the weights.
    fn convolve_weight_gradient(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let options = options(&weights, stride);
        Self::conv2d_weight_backward(images, weights, gradient, options)
    }
}

fn options(weights: &impl TensorMetadata, stride: usize) -> ConvOptions<2> {
    let [_, _, kernel, _] = weights.shape().dims();
    ConvOptions::new([stride; 2], [kernel / 2; 2], [1; 2], 1)
}

#[cfg(feature = "gpu")]
impl ConvolveOps for burn::backend::Cube {}

impl ConvolveOps for Flex {
    fn convolve(images: FlexTensor, weights: FlexTensor, stride: usize) -> FlexTensor {
        if images.dtype() != DType::F32 {
            let options = options(&weights, stride);
            return <Self as ModuleOps<Self>>::conv2d(images, weights, None, options);
        }
        let conv = conv(&images, &weights, stride);
        let [rows, cols] = conv.output_size();
        let output =
            conv.forward(values(&images.to_contiguous()), values(&weights.to_contiguous()));
        tensor(output, [conv.batch, conv.channels[1], rows, cols])
    }

    fn convolve_image_gradient(
        images: FlexTensor,
        weights: FlexTensor,
        gradient: FlexTensor,
        stride: usize,
    ) -> FlexTensor {
        if images.dtype() != DType::F32 {
            let options = options(&weights, stride);
            return <Self as ModuleOps<Self>>::conv2d_x_backward(
                images, weights, gradient, options,
            );
        }
        let conv = conv(&images, &weights, stride);
        let (gradient, weights) = (gradient.to_contiguous(), weights.to_contiguous());
        let output = conv.image_gradient(values(&gradient), values(&weights));
        tensor(output, images.shape().dims())
    }

    fn convolve_weight_gradient(
        images: FlexTensor,
        weights: FlexTensor,
        gradient: FlexTensor,
        stride: usize,
    ) -> FlexTensor {
        if images.dtype() != DType::F32 {
            let options = options(&weights, stride);
            return <Self as ModuleOps<Self>>::conv2d_weight_backward(
                images, weights, gradient, options,
            );
        }
        let conv = conv(&images, &weights, stride);
        let (images, gradient) = (images.to_contiguous(), gradient.to_contiguous());
        let output = conv.weight_gradient(values(&images), values(&gradient));
        tensor(output, weights.shape().dims())
    }
}

fn conv(images: &FlexTensor, weights: &FlexTensor, stride: usize) -> Conv {
    let [batch, input, rows, cols] = images.shape().dims();
    let [output, input_of_weights, kernel, kernel_cols] = weights.shape().dims();
    assert_eq!(input, input_of_weights, "images do not match the channels of the weights");
    assert!(kernel % 2 == 1 && kernel == kernel_cols, "kernel of {kernel}x{kernel_cols} px");
    Conv { batch, channels: [input, output], size: [rows, cols], kernel, stride }
}

/// The values of a tensor that was made contiguous.
fn values(tensor: &FlexTensor) -> &[f32] {
    let n_values = tensor.shape().num_elements();
    &tensor.storage()[tensor.layout().start_offset()..][..n_values]
}

fn tensor(values: Vec<f32>, shape: [usize; 4]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

impl<B: ConvolveOps, C: CheckpointStrategy> ConvolveOps for Autodiff<B, C> {
    fn convolve(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct ConvolveBackward;

        impl<B: ConvolveOps> Backward<B, 2> for ConvolveBackward {
            type State = (NodeId, NodeId, usize);

            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                gradients: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let [node_images, node_weights] = ops.parents;
                let gradient = gradients.consume::<B>(&ops.node);
                let (images, weights, stride) = ops.state;
                let images: FloatTensor<B> = checkpointer.retrieve_node_output(images);
                let weights: FloatTensor<B> = checkpointer.retrieve_node_output(weights);
                if let Some(node) = node_images {
                    let of_images = B::convolve_image_gradient(
                        images.clone(),
                        weights.clone(),
                        gradient.clone(),
                        stride,
                    );
                    gradients.register::<B>(node.id, of_images);
                }
                if let Some(node) = node_weights {
                    let of_weights = B::convolve_weight_gradient(images, weights, gradient, stride);
                    gradients.register::<B>(node.id, of_weights);
                }
            }
        }

        let nodes = [images.node(), weights.node()];
        match ConvolveBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&images), prep.checkpoint(&weights), stride);
                let output = B::convolve(images.into_primitive(), weights.into_primitive(), stride);
                prep.finish(state, output)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::convolve(images.into_primitive(), weights.into_primitive(), stride))
            }
        }
    }
}
