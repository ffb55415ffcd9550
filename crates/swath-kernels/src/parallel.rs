//! Tasks on the current rayon pool.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Runs `run(0)`, …, `run(count - 1)` on the threads of the current pool, in any order, each once, and
/// returns when all are done.
///
/// Threads draw the next task from a counter: a thread that comes late or never costs nothing. While a
/// thread waits for the others it may run other work of the pool.
pub(crate) fn tasks(count: usize, run: impl Fn(usize) + Sync) {
    let threads = rayon::current_num_threads().min(count);
    if threads <= 1 {
        return (0..count).for_each(run);
    }
    let next = AtomicUsize::new(0);
    spread(threads, &|| {
        loop {
            let task = next.fetch_add(1, Relaxed);
            if task >= count {
                return;
            }
            run(task);
        }
    });
}

/// Offers `work` to `threads` threads.
fn spread(threads: usize, work: &(impl Fn() + Sync)) {
    if threads == 1 {
        return work();
    }
    rayon::join(|| spread(threads / 2, work), || spread(threads - threads / 2, work));
}

/// Runs `run(i, part)` for each part of `length` numbers of `values`; the last may be shorter.
pub(crate) fn parts(values: &mut [f32], length: usize, run: impl Fn(usize, &mut [f32]) + Sync) {
    let total = values.len();
    if total == 0 {
        return; // The length of its parts may be 0, too.
    }
    let values = SharedMut::new(values);
    tasks(total.div_ceil(length), |i| {
        let start = i * length;
        // SAFETY: the parts lie within `values` and do not overlap.
        run(i, unsafe { values.slice(start, length.min(total - start)) });
    });
}

/// Numbers that several tasks write at once, each its own part.
#[derive(Clone, Copy)]
pub(crate) struct SharedMut(*mut f32);

// SAFETY: those who use the pointer promise that no two tasks touch the same number.
unsafe impl Send for SharedMut {}
// SAFETY: as above.
unsafe impl Sync for SharedMut {}

impl SharedMut {
    /// Shares `values`, whose borrow must outlive the tasks.
    pub(crate) fn new(values: &mut [f32]) -> SharedMut {
        SharedMut(values.as_mut_ptr())
    }

    /// A pointer to the number at `offset`.
    ///
    /// # Safety
    /// `offset` is at most the length.
    #[inline(always)]
    pub(crate) unsafe fn at(self, offset: usize) -> *mut f32 {
        // SAFETY: the caller's.
        unsafe { self.0.add(offset) }
    }

    /// The `length` numbers from `start`.
    ///
    /// # Safety
    /// They lie within the shared numbers, and no other task touches them meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn slice<'a>(self, start: usize, length: usize) -> &'a mut [f32] {
        // SAFETY: the caller's.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), length) }
    }
}

/// Start and end of part `i` of `0..total`, cut into `parts` parts whose lengths differ by at most 1.
#[inline(always)]
pub(crate) fn share(total: usize, parts: usize, i: usize) -> (usize, usize) {
    (i * total / parts, (i + 1) * total / parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool")
    }

    #[test]
    fn every_task_runs_once() {
        for threads in [1, 2, 7] {
            for count in [0, 1, 2, 5, 100] {
                let runs: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                pool(threads).install(|| {
                    tasks(count, |i| {
                        runs[i].fetch_add(1, Relaxed);
                    })
                });
                assert!(runs.iter().all(|n| n.load(Relaxed) == 1));
            }
        }
    }

    #[test]
    fn parts_cover_all_numbers() {
        let mut values = vec![0.0; 23];
        pool(3).install(|| parts(&mut values, 5, |i, part| part.fill(i as f32)));
        assert!(values.iter().enumerate().all(|(i, &x)| x == (i / 5) as f32));
    }

    #[test]
    fn shares_differ_by_one_at_most() {
        let lengths: Vec<usize> = (0..4).map(|i| share(10, 4, i)).map(|(a, b)| b - a).collect();
        assert_eq!(lengths, [2, 3, 2, 3]);
    }
}
