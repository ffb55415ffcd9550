//! Buffers that are used again instead of being allocated for each call.
//!
//! A buffer is taken out of its store and goes back when dropped; no lock or borrow is held between. So
//! calls may run at the same time, or inside one another on one thread.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

/// Start of every buffer, in bytes: a cache line.
const ALIGNMENT: usize = 64;

/// Most that one thread keeps for itself, in numbers (16 MiB) and in buffers.
const LOCAL: Limit = Limit { numbers: 4 << 20, buffers: 8 };

/// Most that all threads keep together for large buffers, in numbers (128 MiB) and in buffers.
const SHARED: Limit = Limit { numbers: 32 << 20, buffers: 8 };

thread_local! {
    static LOCAL_STORE: RefCell<Store> = const { RefCell::new(Store::new()) };
}

static SHARED_STORE: Mutex<Store> = Mutex::new(Store::new());

/// `length` numbers of any value, for this thread's task.
pub(crate) fn local(length: usize) -> Scratch {
    let kept = LOCAL_STORE.with_borrow_mut(|store| store.take(length));
    Scratch::new(kept, length, Home::Thread)
}

/// `length` numbers of any value, for all tasks of a call.
pub(crate) fn shared(length: usize) -> Scratch {
    let kept = SHARED_STORE.lock().unwrap_or_else(PoisonError::into_inner).take(length);
    Scratch::new(kept, length, Home::Process)
}

/// A slice of numbers, aligned to a cache line. It holds whatever its last user left there.
pub(crate) struct Scratch {
    block: Option<Block>,
    length: usize,
    home: Home,
}

enum Home {
    Thread,
    Process,
}

impl Scratch {
    fn new(kept: Option<Block>, length: usize, home: Home) -> Scratch {
        Scratch { block: Some(kept.unwrap_or_else(|| Block::new(length))), length, home }
    }

    fn start(&self) -> *mut f32 {
        self.block.as_ref().map_or(NonNull::dangling(), |block| block.start).as_ptr()
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: the block is at least `length` long, initialised, and this buffer's alone.
        unsafe { std::slice::from_raw_parts(self.start(), self.length) }
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.start(), self.length) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(block) = self.block.take() else { return };
        match self.home {
            // At the end of a thread its store may be gone already; the block is freed then.
            Home::Thread => {
                let _ = LOCAL_STORE.try_with(|store| store.borrow_mut().put(block, LOCAL));
            }
            Home::Process => {
                SHARED_STORE.lock().unwrap_or_else(PoisonError::into_inner).put(block, SHARED);
            }
        }
    }
}

struct Limit {
    numbers: usize,
    buffers: usize,
}

/// Blocks that wait for their next use, the last one put back at the end.
struct Store(Vec<Block>);

impl Store {
    const fn new() -> Store {
        Store(Vec::new())
    }

    /// The smallest block of at least `length` numbers; of equal ones the last used.
    fn take(&mut self, length: usize) -> Option<Block> {
        let fitting = self.0.iter().enumerate().rev().filter(|(_, block)| block.length >= length);
        let (index, _) = fitting.min_by_key(|(_, block)| block.length)?;
        Some(self.0.remove(index))
    }

    /// Keeps `block`; the longest unused ones go while the store is over its limit.
    fn put(&mut self, block: Block, limit: Limit) {
        self.0.push(block);
        let mut numbers: usize = self.0.iter().map(|block| block.length).sum();
        while self.0.len() > limit.buffers || numbers > limit.numbers {
            numbers -= self.0.remove(0).length;
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
    /// Where blocks begin, in bytes.
    #[cfg(feature = "burn")]
    pub(crate) const ALIGNMENT: usize = ALIGNMENT;

    /// At least `length` numbers, all 0.
    pub(crate) fn new(length: usize) -> Block {
        // Steps of an eighth, so that calls of about the same size share blocks.
        let step = (length.next_power_of_two() / 8).max(1024);
        let length = length.next_multiple_of(step).max(step);
        let layout = Block::layout(length);
        // SAFETY: the layout is not empty. All bits zero are valid numbers.
        let start = unsafe { alloc_zeroed(layout) }.cast::<f32>();
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Block { start, length }
    }

    /// The first number.
    #[cfg(feature = "burn")]
    pub(crate) fn start(&self) -> *mut f32 {
        self.start.as_ptr()
    }

    /// How many numbers it has.
    #[cfg(feature = "burn")]
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    fn layout(length: usize) -> Layout {
        match Layout::from_size_align(length * size_of::<f32>(), ALIGNMENT) {
            Ok(layout) => layout,
            Err(_) => {
                panic!("a scratch buffer of {length} numbers is larger than the address space")
            }
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

    #[test]
    fn buffers_are_aligned_and_used_again() {
        let first = local(5000);
        let start = first.as_ptr();
        assert_eq!((start as usize % ALIGNMENT, first.len()), (0, 5000));
        drop(first);
        assert_eq!(local(4990).as_ptr(), start);
    }

    #[test]
    fn buffers_in_use_are_not_handed_out() {
        let (mut first, mut second) = (shared(100), shared(100));
        first.fill(1.0);
        second.fill(2.0);
        assert!(first.iter().all(|&x| x == 1.0));
    }

    #[test]
    fn a_store_forgets_the_oldest_over_its_limit() {
        let limit = || Limit { numbers: 4096, buffers: 3 };
        let mut store = Store::new();
        for _ in 0..3 {
            store.put(Block::new(1000), limit());
        }
        assert_eq!(store.0.len(), 3);
        store.put(Block::new(3000), limit());
        let lengths: Vec<usize> = store.0.iter().map(|block| block.length).collect();
        assert_eq!(lengths, [1024, 3072]);
        store.put(Block::new(5000), limit());
        assert!(store.0.is_empty());
    }
}
