//! Buffers as the memory of burn's tensors.

use std::mem::MaybeUninit;

use burn::{backend::DType, tensor::TensorData};
use burn_flex::FlexTensor;
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

use crate::{
    memory::{Buffer, buffer},
    shape::count,
};

/// A tensor whose values `fill` writes.
pub(super) fn filled<const D: usize>(
    shape: [usize; D],
    fill: impl FnOnce(&mut [f32]),
) -> FlexTensor {
    let mut values = buffer(count(shape));
    fill(&mut values);
    into_tensor(values, shape)
}

/// A tensor of the buffer's values.
pub(super) fn into_tensor<const D: usize>(buffer: Buffer, shape: [usize; D]) -> FlexTensor {
    assert_eq!(buffer.len(), count(shape), "values of {shape:?}");
    let n_bytes = buffer.len() * size_of::<f32>();
    // SAFETY: that many bytes of the buffer are initialised.
    let bytes = unsafe { Bytes::from_controller(Box::new(Controller(buffer)), n_bytes) };
    FlexTensor::from_data(TensorData::from_bytes(bytes, shape, DType::F32))
}

/// A buffer that belongs to a tensor.
struct Controller(Buffer);

impl AllocationController for Controller {
    // Not that of the blocks: burn makes copies of at most this alignment.
    fn alloc_align(&self) -> usize {
        align_of::<u128>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let n_bytes = size_of_val::<[f32]>(&self.0);
        // SAFETY: the buffer's own memory.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), n_bytes) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let n_bytes = size_of_val::<[f32]>(&self.0);
        // SAFETY: as above.
        Ok(unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), n_bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_has_the_memory_of_its_buffer() {
        let mut values = buffer(6000);
        values.fill(2.5);
        let start = values.as_ptr();
        let tensor = into_tensor(values, [2, 3000]);
        assert_eq!(tensor.storage::<f32>().as_ptr(), start);
        let copy = tensor.clone();
        drop(tensor);
        assert_eq!(copy.storage::<f32>(), [2.5; 6000]);
    }

    #[test]
    fn burn_copies_its_bytes() {
        let mut values = buffer(6000);
        values.fill(2.5);
        let data = into_tensor(values, [2, 3000]).into_data();
        let mut copy = data.clone();
        copy.as_mut_slice::<f32>().expect("they are f32")[0] = 1.0;
        assert_eq!(data.as_slice::<f32>().expect("they are f32"), [2.5; 6000]);
    }

    #[test]
    fn burn_writes_into_a_copy_of_a_shared_one() {
        let mut values = buffer(6000);
        values.fill(2.5);
        let first = into_tensor(values, [2, 3000]);
        let mut second = first.clone();
        second.storage_mut::<f32>()[0] = 1.0;
        assert_eq!(first.storage::<f32>(), [2.5; 6000]);
        assert_eq!(second.storage::<f32>()[..2], [1.0, 2.5]);
    }
}
