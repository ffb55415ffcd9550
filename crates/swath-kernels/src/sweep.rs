//! Operations on each value on its own, over long slices.

use std::ops::Range;

use crate::{
    parallel::{self, SharedMut},
    simd::{Kernel, MAX_LANES, Vector, dispatch},
};

/// Values of one task: small enough for the second-level cache.
pub(crate) const CHUNK: usize = 16384;

/// Numbers that several threads read.
#[derive(Clone, Copy)]
pub(crate) struct Source(*const f32);

// SAFETY: the numbers are only read, but for those that the reading thread writes itself.
unsafe impl Send for Source {}
// SAFETY: as above.
unsafe impl Sync for Source {}

impl Source {
    /// Shares `values`, whose borrow must outlive the tasks.
    pub(crate) fn new(values: &[f32]) -> Source {
        Source(values.as_ptr())
    }

    /// The values that are written, to be read before.
    pub(crate) fn of(values: SharedMut) -> Source {
        // SAFETY: 0 is no more than any length.
        Source(unsafe { values.at(0) })
    }

    /// A pointer to the number at `offset`.
    ///
    /// # Safety
    /// `offset` is at most the length.
    #[inline(always)]
    pub(crate) unsafe fn at(self, offset: usize) -> *const f32 {
        // SAFETY: the caller's.
        unsafe { self.0.add(offset) }
    }
}

/// Which values of a vector are in memory.
pub(crate) trait Lanes: Copy {
    /// The values at `from`.
    ///
    /// # Safety
    /// They are readable.
    unsafe fn load<V: Vector>(self, from: *const f32) -> V;

    /// Writes the values to `to`.
    ///
    /// # Safety
    /// They are writable.
    unsafe fn store<V: Vector>(self, to: *mut f32, values: V);
}

/// All of them.
#[derive(Clone, Copy)]
pub(crate) struct All;

impl Lanes for All {
    #[inline(always)]
    unsafe fn load<V: Vector>(self, from: *const f32) -> V {
        // SAFETY: the caller's.
        unsafe { V::load(from) }
    }

    #[inline(always)]
    unsafe fn store<V: Vector>(self, to: *mut f32, values: V) {
        // SAFETY: the caller's.
        unsafe { values.store(to) }
    }
}

/// The first few.
#[derive(Clone, Copy)]
pub(crate) struct First(pub usize);

impl Lanes for First {
    #[inline(always)]
    unsafe fn load<V: Vector>(self, from: *const f32) -> V {
        // SAFETY: the caller's.
        unsafe { V::load_first(from, self.0) }
    }

    #[inline(always)]
    unsafe fn store<V: Vector>(self, to: *mut f32, values: V) {
        // SAFETY: the caller's.
        unsafe { values.store_first(to, self.0) }
    }
}

/// What happens to each vector of a slice.
pub(crate) trait Sweep: Copy + Send + Sync {
    /// Handles the values from `index` on, which are columns from `column` on.
    ///
    /// # Safety
    /// The `lanes` of all slices are in memory from `index` on, and no other thread touches them.
    unsafe fn step<V: Vector, L: Lanes>(self, index: usize, column: usize, lanes: L);
}

/// Runs `of` over `n_values` values that are rows of `width` columns, of which the last may be
/// incomplete. The width is a multiple of [`MAX_LANES`].
///
/// # Safety
/// `of` may touch the values `0..n_values`.
pub(crate) unsafe fn sweep(n_values: usize, width: usize, of: impl Sweep) {
    debug_assert_eq!(width % MAX_LANES, 0);
    let chunk = CHUNK.div_ceil(width) * width;
    let n_chunks = n_values.div_ceil(chunk);
    parallel::tasks(n_chunks, |task| {
        // The last first: a pass before this one ended there, so they are still in the cache.
        let first = (n_chunks - 1 - task) * chunk;
        let end = n_values.min(first + chunk);
        dispatch(Chunk { first, end, width, of });
    });
}

/// Runs `of` over the values of `range` on this thread.
///
/// # Safety
/// `of` may touch these values.
pub(crate) unsafe fn sweep_part(range: Range<usize>, of: impl Sweep) {
    dispatch(Chunk { first: range.start, end: range.end, width: MAX_LANES, of });
}

struct Chunk<S> {
    first: usize,
    end: usize,
    width: usize,
    of: S,
}

impl<S: Sweep> Kernel for Chunk<S> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let mut index = self.first;
        // SAFETY: who called `sweep` allows the values up to `end`; chunks do not overlap.
        unsafe {
            while index + self.width <= self.end {
                let mut column = 0;
                while column < self.width {
                    self.of.step::<V, _>(index + column, column, All);
                    column += V::LANES;
                }
                index += self.width;
            }
            let mut column = 0;
            while index + V::LANES <= self.end {
                self.of.step::<V, _>(index, column, All);
                (index, column) = (index + V::LANES, column + V::LANES);
            }
            if index < self.end {
                self.of.step::<V, _>(index, column, First(self.end - index));
            }
        }
    }
}
