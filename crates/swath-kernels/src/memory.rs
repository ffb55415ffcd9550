//! Memory of tensors and of large scratch buffers, used again.
//!
//! A fresh block of a large tensor costs a page fault for every 4 KiB that is written, which is a
//! good part of the time of a pass over it. So the blocks of dropped buffers are kept for the next
//! ones of their size. Tensors and scratch share them: what a deep layer needs for its transformed
//! weights holds activations a moment later.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Start of every block, in bytes: a cache line.
const ALIGNMENT: usize = 64;

/// A block is not used for buffers of less than this part of it.
const LEAST_USE: f64 = 0.5;

/// Blocks may take this much more memory than buffers ever did at one moment: without, a step whose
/// sizes do not fit each other gives back in each turn what it needs in the next.
const SLACK: f64 = 1.1;

/// Blocks of dropped buffers.
static KEPT: Kept = Kept::new();

/// `n_values` values for an operation to overwrite: whatever the last user left.
pub(crate) fn buffer(n_values: usize) -> Buffer {
    KEPT.buffer(n_values)
}

/// Gives back the memory that waits for the next tensors.
pub fn release_memory() {
    let waiting = {
        let mut store = KEPT.store();
        store.most_in_use = store.in_use;
        std::mem::take(&mut store.waiting)
    };
    drop(waiting); // Without the lock.
}

/// Blocks that wait for the next buffers.
pub(crate) struct Kept(Mutex<Store>);

/// Blocks, and how much of them is in use; lengths in values.
struct Store {
    /// Those that wait, the last one put back at the end.
    waiting: Vec<Block>,
    in_use: usize,
    most_in_use: usize,
}

/// A slice of values, aligned to a cache line, whose block goes home when it is dropped. It holds
/// whatever its last user left there.
pub(crate) struct Lent<H: Home> {
    block: Option<Block>,
    n_values: usize,
    home: H,
}

/// Where blocks wait for their next use.
pub(crate) trait Home {
    /// Takes a block back.
    fn put_back(&self, block: Block);
}

/// Values whose block all threads may use next.
pub(crate) type Buffer = Lent<&'static Kept>;

impl Kept {
    const fn new() -> Self {
        Self(Mutex::new(Store { waiting: Vec::new(), in_use: 0, most_in_use: 0 }))
    }

    fn buffer(&'static self, n_values: usize) -> Buffer {
        let (block, given_back) = self.store().take(n_values);
        // Memory is given back and made without the lock.
        drop(given_back);
        let block = block.unwrap_or_else(|| Block::new(n_values));
        self.store().begin_use(block.length());
        Lent::new(block, n_values, self)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Home for &Kept {
    fn put_back(&self, block: Block) {
        self.store().put_back(block);
    }
}

impl Store {
    /// The smallest block that fits, of equal ones the last used. If none does, as much as a new one
    /// takes beyond the limit is given back, the longest unused first: these are the others.
    fn take(&mut self, n_values: usize) -> (Option<Block>, Vec<Block>) {
        let most = (n_values as f64 / LEAST_USE) as usize + 1024;
        let fits = |block: &Block| (n_values..=most).contains(&block.length());
        let fitting = self.waiting.iter().enumerate().rev().filter(|(_, block)| fits(block));
        if let Some((index, _)) = fitting.min_by_key(|(_, block)| block.length()) {
            return (Some(self.waiting.remove(index)), Vec::new());
        }
        let in_use = self.in_use + n_values;
        let limit = (self.most_in_use.max(in_use) as f64 * SLACK) as usize;
        let mut waiting: usize = self.waiting.iter().map(Block::length).sum();
        let mut n_given_back = 0;
        while limit < in_use + waiting && n_given_back < self.waiting.len() {
            waiting -= self.waiting[n_given_back].length();
            n_given_back += 1;
        }
        (None, self.waiting.drain(..n_given_back).collect())
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

impl<H: Home> Lent<H> {
    /// The first `n_values` values of a block, which has as many.
    pub fn new(block: Block, n_values: usize, home: H) -> Self {
        assert!(n_values <= block.length(), "{n_values} values of {}", block.length());
        Self { block: Some(block), n_values, home }
    }

    /// The first value.
    fn start(&self) -> *mut f32 {
        self.block.as_ref().expect("a buffer has its block until it is dropped").start()
    }
}

impl<H: Home> Deref for Lent<H> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: the block is at least that long, initialised, and this buffer's alone.
        unsafe { std::slice::from_raw_parts(self.start(), self.n_values) }
    }
}

impl<H: Home> DerefMut for Lent<H> {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.start(), self.n_values) }
    }
}

impl<H: Home> Drop for Lent<H> {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.home.put_back(block);
        }
    }
}

/// Allocated numbers.
pub(crate) struct Block {
    start: NonNull<f32>,
    length: usize,
}

// SAFETY: a block owns its memory.
unsafe impl Send for Block {}
// SAFETY: it changes through `&mut` alone.
unsafe impl Sync for Block {}

impl Block {
    /// At least `length` numbers, all 0.
    pub fn new(length: usize) -> Block {
        // Steps of an eighth, so that calls of about the same size share blocks.
        let step = length.checked_next_power_of_two().map(|it| (it / 8).max(1024));
        let rounded = step.and_then(|it| length.max(1).checked_next_multiple_of(it));
        let length = rounded.unwrap_or(length);
        let layout = Block::layout(length);
        // SAFETY: the layout is not empty. All bits zero are valid numbers.
        let start = unsafe { alloc_zeroed(layout) }.cast::<f32>();
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Block { start, length }
    }

    /// The first number.
    pub fn start(&self) -> *mut f32 {
        self.start.as_ptr()
    }

    /// How many numbers it has.
    pub fn length(&self) -> usize {
        self.length
    }

    fn layout(length: usize) -> Layout {
        match Layout::array::<f32>(length).and_then(|it| it.align_to(ALIGNMENT)) {
            Ok(layout) => layout,
            Err(_) => panic!("a buffer of {length} numbers is larger than the address space"),
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout.
        unsafe { dealloc(self.start.as_ptr().cast(), Block::layout(self.length)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(store: &Store) -> Vec<usize> {
        store.waiting.iter().map(Block::length).collect()
    }

    /// A store in which blocks of these many values wait, and no buffer was ever.
    fn store(sizes: &[usize]) -> Store {
        let waiting = sizes.iter().map(|&it| Block::new(it)).collect();
        Store { waiting, in_use: 0, most_in_use: 0 }
    }

    #[test]
    fn blocks_are_used_again_for_buffers_of_their_size() {
        let mut kept = store(&[9000, 5000, 9000]);
        let sizes = lengths(&kept);
        assert_eq!(kept.take(4900).0.map(|it| it.length()), Some(sizes[1]));
        assert_eq!(kept.take(9000).0.map(|it| it.length()), Some(sizes[0]));
        assert_eq!(lengths(&kept), [sizes[0]]);
    }

    #[test]
    fn the_smallest_block_that_fits_is_taken_and_of_equal_ones_the_last_used() {
        let mut kept = store(&[8000, 6000, 6000, 8000]);
        let starts = |kept: &Store| kept.waiting.iter().map(Block::start).collect::<Vec<_>>();
        let before = starts(&kept);
        for index in [2, 1, 3] {
            assert_eq!(kept.take(6000).0.map(|it| it.start()), Some(before[index]));
        }
        assert_eq!(starts(&kept), before[..1]);
    }

    #[test]
    fn what_does_not_fit_is_given_back_as_far_as_memory_is_missing() {
        let mut kept = store(&[90_000; 3]);
        kept.most_in_use = lengths(&kept).iter().sum();
        // A block of 90,000 would be wasted on 1000 values, and there is room for them.
        assert!(kept.take(1000).0.is_none());
        assert_eq!(kept.waiting.len(), 3);
        assert!(kept.take(40_000).0.is_none());
        assert_eq!(kept.waiting.len(), 2);
        assert!(kept.take(270_000).0.is_none());
        assert!(kept.waiting.is_empty());
    }

    #[test]
    fn sizes_beyond_the_address_space_are_refused() {
        for length in [usize::MAX, 1 << 62, usize::MAX / 4] {
            let made = std::panic::catch_unwind(|| Block::new(length).length());
            let panic = made.expect_err("there is not so much memory");
            let text = panic.downcast_ref::<String>().expect("the panic has a text");
            assert!(text.contains("larger than the address space"), "{text}");
        }
        assert_eq!([0, 1, 1025].map(|it| Block::new(it).length()), [1024, 1024, 2048]);
    }

    #[test]
    fn a_dropped_buffer_returns_its_block() {
        static OWN: Kept = Kept::new();
        let buffer = OWN.buffer(6000);
        let start = buffer.as_ptr();
        assert_eq!((start as usize % ALIGNMENT, buffer.len()), (0, 6000));
        assert_ne!(OWN.buffer(6000).as_ptr(), start, "it is in use");
        drop(buffer);
        assert_eq!(OWN.buffer(5900).as_ptr(), start);
    }

    // No other test has blocks of this length.
    #[test]
    fn released_memory_is_not_kept() {
        let n_values = 7_654_321;
        drop(buffer(n_values));
        release_memory();
        assert!(!lengths(&KEPT.store()).contains(&Block::new(n_values).length()));
    }
}
