//! Buffers of a thread that are used again instead of being allocated for each task.
//!
//! A buffer is taken out of the thread's store and goes back when dropped; no borrow is held between.
//! So tasks may run inside one another on one thread.

use std::cell::RefCell;

use crate::memory::{Block, Home, Lent};

/// Most that one thread keeps for itself, in numbers (16 MiB) and in buffers.
const LIMIT: Limit = Limit { numbers: 4 << 20, buffers: 8 };

thread_local! {
    static STORE: RefCell<Store> = const { RefCell::new(Store::new()) };
}

/// `length` numbers of any value, for this thread's task.
pub(crate) fn local(length: usize) -> Scratch {
    let kept = STORE.with_borrow_mut(|store| store.take(length));
    Lent::new(kept.unwrap_or_else(|| Block::new(length)), length, Thread)
}

/// Numbers whose block the same thread may use next.
pub(crate) type Scratch = Lent<Thread>;

/// The store of the thread that asks.
pub(crate) struct Thread;

impl Home for Thread {
    fn put_back(&self, block: Block) {
        // At the end of a thread its store may be gone already; the block is freed then.
        let _ = STORE.try_with(|store| store.borrow_mut().put(block, LIMIT));
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
        let fitting = self.0.iter().enumerate().rev().filter(|(_, block)| block.length() >= length);
        let (index, _) = fitting.min_by_key(|(_, block)| block.length())?;
        Some(self.0.remove(index))
    }

    /// Keeps `block`; the longest unused ones go while the store is over its limit.
    fn put(&mut self, block: Block, limit: Limit) {
        self.0.push(block);
        let mut numbers: usize = self.0.iter().map(|block| block.length()).sum();
        while self.0.len() > limit.buffers || numbers > limit.numbers {
            numbers -= self.0.remove(0).length();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_used_again() {
        let first = local(5000);
        let start = first.as_ptr();
        assert_eq!(first.len(), 5000);
        drop(first);
        assert_eq!(local(4990).as_ptr(), start);
    }

    #[test]
    fn buffers_in_use_are_not_handed_out() {
        let (mut first, mut second) = (local(100), local(100));
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
        let lengths: Vec<usize> = store.0.iter().map(|block| block.length()).collect();
        assert_eq!(lengths, [1024, 3072]);
        store.put(Block::new(5000), limit());
        assert!(store.0.is_empty());
    }
}
