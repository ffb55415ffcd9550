//! Memory of tensors that is used again.
//!
//! A fresh block of a large tensor costs a page fault for every 4 KiB that is written, which is a
//! good part of the time of a pass over it. So the blocks of dropped tensors are kept for the next
//! ones of their size.

use std::{
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
};

use burn::{backend::DType, tensor::TensorData};
use burn_flex::FlexTensor;
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

use crate::scratch::Block;

/// A block is not used for tensors of less than this part of it.
const LEAST_USE: f64 = 0.75;

/// Blocks of dropped tensors.
static KEPT: Kept = Kept::new();

/// Blocks that wait for the next tensors, the last one put back at the end.
struct Kept(Mutex<Vec<Block>>);

/// Values for an operation to overwrite: whatever the last user left.
pub(super) struct Buffer {
    block: Option<Block>,
    n_values: usize,
    home: &'static Kept,
}

/// A buffer of `n_values` values.
pub(super) fn fresh(n_values: usize) -> Buffer {
    KEPT.fresh(n_values)
}

/// A tensor whose values `fill` writes.
pub(super) fn filled<const D: usize>(
    shape: [usize; D],
    fill: impl FnOnce(&mut [f32]),
) -> FlexTensor {
    let mut values = fresh(shape.iter().product());
    fill(&mut values);
    values.into_tensor(shape)
}

/// Gives back the memory that waits for the next tensors.
pub fn release_memory() {
    KEPT.blocks().clear();
}

impl Kept {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn fresh(&'static self, n_values: usize) -> Buffer {
        let block = take(&mut self.blocks(), n_values);
        // New memory is made without the lock.
        let block = Some(block.unwrap_or_else(|| Block::new(n_values)));
        Buffer { block, n_values, home: self }
    }

    fn blocks(&self) -> MutexGuard<'_, Vec<Block>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The smallest block that fits, of equal ones the last used. If none does, as much as is missing is
/// given back, the longest unused first: so all blocks together never take more than the tensors
/// of one moment did, plus one.
fn take(kept: &mut Vec<Block>, n_values: usize) -> Option<Block> {
    let most = (n_values as f64 / LEAST_USE) as usize + 1024;
    let fits = |block: &Block| (n_values..=most).contains(&block.length());
    let fitting = kept.iter().enumerate().rev().filter(|(_, block)| fits(block));
    if let Some((index, _)) = fitting.min_by_key(|(_, block)| block.length()) {
        return Some(kept.remove(index));
    }
    let mut missing = n_values;
    while 0 < missing && !kept.is_empty() {
        missing = missing.saturating_sub(kept.remove(0).length());
    }
    None
}

impl Buffer {
    /// A tensor of these values.
    pub fn into_tensor<const D: usize>(self, shape: [usize; D]) -> FlexTensor {
        assert_eq!(self.n_values, shape.iter().product::<usize>(), "values of {shape:?}");
        let n_bytes = self.n_values * size_of::<f32>();
        // SAFETY: that many bytes of the block are initialised.
        let bytes = unsafe { Bytes::from_controller(Box::new(self), n_bytes) };
        FlexTensor::from_data(TensorData::from_bytes(bytes, shape, DType::F32))
    }

    fn block(&self) -> &Block {
        self.block.as_ref().expect("a buffer has its block until it is dropped")
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: the block is at least that long, initialised, and this buffer's alone.
        unsafe { std::slice::from_raw_parts(self.block().start(), self.n_values) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.block().start(), self.n_values) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.home.blocks().push(block);
        }
    }
}

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        Block::ALIGNMENT
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let n_bytes = self.n_values * size_of::<f32>();
        // SAFETY: the block is at least that long and this buffer's alone.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.block().start().cast(), n_bytes) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let n_bytes = self.n_values * size_of::<f32>();
        // SAFETY: as above.
        Ok(unsafe { std::slice::from_raw_parts(self.block().start().cast(), n_bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(blocks: &[Block]) -> Vec<usize> {
        blocks.iter().map(Block::length).collect()
    }

    #[test]
    fn blocks_are_used_again_for_tensors_of_their_size() {
        let mut kept = vec![Block::new(9000), Block::new(5000), Block::new(9000)];
        let sizes = lengths(&kept);
        assert_eq!(take(&mut kept, 4900).map(|it| it.length()), Some(sizes[1]));
        assert_eq!(take(&mut kept, 9000).map(|it| it.length()), Some(sizes[0]));
        assert_eq!(lengths(&kept), [sizes[0]]);
    }

    #[test]
    fn the_smallest_block_that_fits_is_taken_and_of_equal_ones_the_last_used() {
        let mut kept = vec![Block::new(8000), Block::new(6000), Block::new(6000), Block::new(8000)];
        let starts = |kept: &[Block]| kept.iter().map(Block::start).collect::<Vec<_>>();
        let before = starts(&kept);
        for index in [2, 1, 3] {
            assert_eq!(take(&mut kept, 6000).map(|it| it.start()), Some(before[index]));
        }
        assert_eq!(starts(&kept), before[..1]);
    }

    #[test]
    fn what_does_not_fit_is_given_back_as_far_as_memory_is_missing() {
        let mut kept = vec![Block::new(9000), Block::new(9000), Block::new(9000)];
        assert!(take(&mut kept, 1000).is_none());
        assert_eq!(kept.len(), 2, "a block of 9000 would be wasted on 1000 values");
        assert!(take(&mut kept, 1 << 20).is_none());
        assert!(kept.is_empty());
    }

    #[test]
    fn a_tensor_has_the_memory_of_its_buffer_and_returns_it() {
        static OWN: Kept = Kept::new();
        let mut buffer = OWN.fresh(6000);
        buffer.fill(2.5);
        let start = buffer.as_ptr();
        let tensor = buffer.into_tensor([2, 3000]);
        assert_eq!(tensor.storage::<f32>().as_ptr(), start);
        let copy = tensor.clone();
        drop(tensor);
        assert_eq!(copy.storage::<f32>(), [2.5; 6000]);
        assert_eq!(lengths(&OWN.blocks()), [0; 0], "the copy needs it still");
        drop(copy);
        assert_eq!(lengths(&OWN.blocks()), [Block::new(6000).length()]);
        assert_eq!(OWN.fresh(5900).as_ptr(), start);
    }

    // No other test has blocks of this length.
    #[test]
    fn released_memory_is_not_kept() {
        let n_values = 7_654_321;
        drop(fresh(n_values));
        release_memory();
        assert!(!lengths(&KEPT.blocks()).contains(&Block::new(n_values).length()));
    }
}
