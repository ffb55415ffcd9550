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

/// Blocks may take this much more memory than tensors ever did at one moment: without, a step whose
/// sizes do not fit each other gives back in each turn what it needs in the next.
const SLACK: f64 = 1.03;

/// Blocks of dropped tensors.
static KEPT: Kept = Kept::new();

/// Blocks that wait for the next tensors.
struct Kept(Mutex<Store>);

/// Blocks, and how much of them is in use; lengths in values.
struct Store {
    /// Those that wait, the last one put back at the end.
    waiting: Vec<Block>,
    in_use: usize,
    most_in_use: usize,
}

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
    let mut store = KEPT.store();
    store.waiting.clear();
    store.most_in_use = store.in_use;
}

impl Kept {
    const fn new() -> Self {
        Self(Mutex::new(Store { waiting: Vec::new(), in_use: 0, most_in_use: 0 }))
    }

    fn fresh(&'static self, n_values: usize) -> Buffer {
        let block = self.store().take(n_values);
        // New memory is made without the lock.
        let block = block.unwrap_or_else(|| Block::new(n_values));
        self.store().begin_use(block.length());
        Buffer { block: Some(block), n_values, home: self }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// The smallest block that fits, of equal ones the last used. If none does, as much as a new one
    /// takes beyond the limit is given back, the longest unused first.
    fn take(&mut self, n_values: usize) -> Option<Block> {
        let most = (n_values as f64 / LEAST_USE) as usize + 1024;
        let fits = |block: &Block| (n_values..=most).contains(&block.length());
        let fitting = self.waiting.iter().enumerate().rev().filter(|(_, block)| fits(block));
        if let Some((index, _)) = fitting.min_by_key(|(_, block)| block.length()) {
            return Some(self.waiting.remove(index));
        }
        let in_use = self.in_use + n_values;
        let limit = (self.most_in_use.max(in_use) as f64 * SLACK) as usize;
        let mut waiting: usize = self.waiting.iter().map(Block::length).sum();
        while limit < in_use + waiting && !self.waiting.is_empty() {
            waiting -= self.waiting.remove(0).length();
        }
        None
    }

    fn begin_use(&mut self, length: usize) {
        self.in_use += length;
        self.most_in_use = self.most_in_use.max(self.in_use);
    }

    fn put_back(&mut self, block: Block) {
        self.in_use -= block.length();
        self.waiting.push(block);
    }
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
            self.home.store().put_back(block);
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

    fn lengths(store: &Store) -> Vec<usize> {
        store.waiting.iter().map(Block::length).collect()
    }

    /// A store in which blocks of these many values wait, and no tensor was ever.
    fn store(sizes: &[usize]) -> Store {
        let waiting = sizes.iter().map(|&it| Block::new(it)).collect();
        Store { waiting, in_use: 0, most_in_use: 0 }
    }

    #[test]
    fn blocks_are_used_again_for_tensors_of_their_size() {
        let mut kept = store(&[9000, 5000, 9000]);
        let sizes = lengths(&kept);
        assert_eq!(kept.take(4900).map(|it| it.length()), Some(sizes[1]));
        assert_eq!(kept.take(9000).map(|it| it.length()), Some(sizes[0]));
        assert_eq!(lengths(&kept), [sizes[0]]);
    }

    #[test]
    fn the_smallest_block_that_fits_is_taken_and_of_equal_ones_the_last_used() {
        let mut kept = store(&[8000, 6000, 6000, 8000]);
        let starts = |kept: &Store| kept.waiting.iter().map(Block::start).collect::<Vec<_>>();
        let before = starts(&kept);
        for index in [2, 1, 3] {
            assert_eq!(kept.take(6000).map(|it| it.start()), Some(before[index]));
        }
        assert_eq!(starts(&kept), before[..1]);
    }

    #[test]
    fn what_does_not_fit_is_given_back_as_far_as_memory_is_missing() {
        let mut kept = store(&[90_000; 3]);
        kept.most_in_use = lengths(&kept).iter().sum();
        // A block of 90,000 would be wasted on 1000 values, and there is room for them.
        assert!(kept.take(1000).is_none());
        assert_eq!(kept.waiting.len(), 3);
        assert!(kept.take(60_000).is_none());
        assert_eq!(kept.waiting.len(), 2);
        assert!(kept.take(270_000).is_none());
        assert!(kept.waiting.is_empty());
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
        assert_eq!(lengths(&OWN.store()), [0; 0], "the copy needs it still");
        drop(copy);
        assert_eq!(lengths(&OWN.store()), [Block::new(6000).length()]);
        assert_eq!(OWN.fresh(5900).as_ptr(), start);
    }

    // No other test has blocks of this length.
    #[test]
    fn released_memory_is_not_kept() {
        let n_values = 7_654_321;
        drop(fresh(n_values));
        release_memory();
        assert!(!lengths(&KEPT.store()).contains(&Block::new(n_values).length()));
    }
}
