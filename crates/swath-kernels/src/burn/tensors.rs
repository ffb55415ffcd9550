//! Between burn's tensors and slices.

use std::cell::Cell;

use burn::{
    backend::{DType, DispatchDevice, Flex, TensorMetadata},
    tensor::{Device, Tensor, TensorData},
};
use burn_flex::FlexTensor;

thread_local! {
    static LAYOUT_COPIES: Cell<u64> = const { Cell::new(0) };
    static ARE_KERNELS_OFF: Cell<bool> = const { Cell::new(false) };
}

/// Calls `work`, in which the operations of this thread are composed of burn's own as if there were no
/// kernels: to compare the two.
pub fn without_kernels<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ARE_KERNELS_OFF.set(self.0);
        }
    }
    let _restore = Restore(ARE_KERNELS_OFF.replace(true));
    work()
}

/// How many tensors operations of this thread have copied because their values did not lie in the
/// order of their axes.
///
/// Between the first and the last operation of a network there is none to copy: all of them take
/// and give `[batch, row, col, channel]`.
pub fn layout_copies() -> u64 {
    LAYOUT_COPIES.get()
}

/// Whether the kernels can work on `tensor`: `f32` on the CPU backend Flex.
pub(super) fn has_kernels<const D: usize>(tensor: &Tensor<D>) -> bool {
    !ARE_KERNELS_OFF.get() && tensor.dtype() == DType::F32 && is_flex(&tensor.device())
}

fn is_flex(device: &Device) -> bool {
    matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
}

/// The same tensor with its values in the order of its axes.
pub(super) fn in_order(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() {
        return tensor;
    }
    LAYOUT_COPIES.set(LAYOUT_COPIES.get() + 1);
    tensor.to_contiguous()
}

/// The values of a tensor that is [`in_order`].
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    let n_values = tensor.shape().num_elements();
    &tensor.storage()[tensor.layout().start_offset()..][..n_values]
}

pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The lengths of the axes.
pub(super) fn shape<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.shape().dims()
}

/// Changes the values of a tensor that is [`in_order`]: in place, or in a copy if another tensor
/// shares them.
pub(super) fn change(tensor: &mut FlexTensor, with: impl FnOnce(&mut [f32])) {
    if let Some(values) = unique_values(tensor) {
        return with(values);
    }
    // Burn cannot copy blocks that are aligned as ours.
    let mut copy = values(tensor).to_vec();
    with(&mut copy);
    *tensor = FlexTensor::from_data(TensorData::new(copy, tensor.shape()));
}

/// The values of a tensor that is [`in_order`], to be changed; `None` if another tensor shares them.
pub(super) fn unique_values(tensor: &mut FlexTensor) -> Option<&mut [f32]> {
    let begin = tensor.layout().start_offset();
    let n_values = tensor.shape().num_elements();
    Some(&mut tensor.try_storage_mut::<f32>()?[begin..begin + n_values])
}

/// The tensor of the CPU backend, without its gradient.
pub(super) fn to_flex(tensor: Tensor<4>) -> FlexTensor {
    tensor.without_autodiff().try_into_primitive::<Flex>().expect("the backend was checked before")
}

#[cfg(test)]
mod tests {
    use super::{super::agreement::random, *};

    #[test]
    fn kernels_are_for_f32_with_and_without_gradients() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            assert!(has_kernels(&random([1; 4], DType::F32, &device)));
            assert!(!has_kernels(&random([1; 4], DType::F64, &device)));
        }
    }

    #[test]
    fn copies_into_the_order_of_axes_are_counted() {
        let tensor = random([2, 3, 4, 5], DType::F32, &Device::flex());
        let before = layout_copies();
        let own = in_order(to_flex(tensor.clone()));
        let behind = in_order(to_flex(tensor.clone().narrow(0, 1, 1)));
        assert_eq!(layout_copies(), before);
        assert_eq!(values(&behind), &values(&own)[60..]);

        let turned = in_order(to_flex(tensor.permute([0, 3, 1, 2])));
        assert_eq!(layout_copies(), before + 1);
        assert_eq!(values(&turned)[1], values(&own)[5]);
    }

    #[test]
    fn values_that_are_shared_do_not_change() {
        let tensor = to_flex(random([2, 1, 1, 3], DType::F32, &Device::flex()));
        let mut second = tensor.narrow(0, 1, 1);
        let before = tensor.storage::<f32>().to_vec();
        change(&mut second, |values| values.fill(7.0));
        assert_eq!(tensor.storage::<f32>(), before);
        assert_eq!(values(&second), [7.0; 3]);

        let start = values(&second).as_ptr();
        let unique = unique_values(&mut second).expect("no other tensor has them now");
        assert_eq!((unique.as_ptr(), unique.len()), (start, 3));
        let third = second.clone();
        assert!(unique_values(&mut second).is_none());
        assert_eq!(values(&third), [7.0; 3]);
    }
}
