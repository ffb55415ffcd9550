//! The innermost loop of the direct convolution: some pixels beside one panel of output channels.

use super::panel::Panel;
use super::reach::Run;
use super::sized::{balance, most_rows, sized};
use super::{Epilogue, chunk::Chunk, reach::Reach};
use crate::simd::{Kernel, Vector};

/// Where the results of one chunk are read from and written to.
pub(super) struct Site<'a> {
    /// The first number that the chunk's first result reads.
    pub source: *const f32,
    /// Numbers of the source from one result's column to the next, row to row, image to image.
    pub source_steps: [usize; 3],
    pub runs: &'a [Run],
    pub out: *mut f32,
    /// Place of the chunk's first result in `out`.
    pub place: usize,
    /// Numbers of `out` from one result's column to the next, row to row, image to image.
    pub place_steps: [usize; 3],
    /// Results in a row, rows in an image.
    pub points: [usize; 2],
    pub epilogue: Epilogue<'a>,
}

/// Walks over the results of a chunk: columns, then rows, then images.
#[derive(Clone, Copy)]
struct Cursor {
    index: [usize; 3],
    /// Offset in the source and place in the output.
    at: [usize; 2],
}

impl Site<'_> {
    #[inline(always)]
    fn advance(&self, cursor: &mut Cursor) {
        cursor.index[0] += 1;
        if cursor.index[0] < self.points[0] {
            cursor.at[0] += self.source_steps[0];
            cursor.at[1] += self.place_steps[0];
            return;
        }
        cursor.index[0] = 0;
        cursor.index[1] += 1;
        if cursor.index[1] == self.points[1] {
            cursor.index[1] = 0;
            cursor.index[2] += 1;
        }
        let [_, row, image] = cursor.index;
        cursor.at[0] = image * self.source_steps[2] + row * self.source_steps[1];
        cursor.at[1] = self.place + image * self.place_steps[2] + row * self.place_steps[1];
    }

    /// All results of `chunk` for one panel, whose packed weights are `weights`.
    ///
    /// # Safety
    /// The site's pointers are valid for the chunk; no other task writes its results.
    #[inline(always)]
    pub(super) unsafe fn run<V: Vector>(
        &self,
        chunk: &Chunk,
        reach: &Reach,
        panel: Panel,
        weights: &[f32],
    ) {
        let mut cursor = Cursor { index: [0; 3], at: [0, self.place] };
        for (blocks, rows) in balance(chunk.points(reach), most_rows::<V>(panel.vectors)) {
            if blocks > 0 {
                let work = (self, &mut cursor, blocks, panel, weights.as_ptr());
                sized!(V, panel.vectors, rows, blocks_of(work));
            }
        }
    }
}

type Work<'a> = (&'a Site<'a>, &'a mut Cursor, usize, Panel, *const f32);

fn blocks_of<V: Vector, const ROWS: usize, const VECTORS: usize>(work: Work<'_>) {
    let (site, cursor, blocks, panel, weights) = work;
    V::call(Blocks::<ROWS, VECTORS> { site, cursor, blocks, panel, weights });
}

/// `blocks` blocks of `ROWS` results each.
struct Blocks<'a, const ROWS: usize, const VECTORS: usize> {
    site: &'a Site<'a>,
    cursor: &'a mut Cursor,
    blocks: usize,
    panel: Panel,
    weights: *const f32,
}

impl<const ROWS: usize, const VECTORS: usize> Kernel for Blocks<'_, ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Blocks { site, cursor, blocks, panel, weights } = self;
        for _ in 0..blocks {
            let mut sources = [site.source; ROWS];
            let mut places = [0; ROWS];
            for row in 0..ROWS {
                sources[row] = site.source.wrapping_add(cursor.at[0]);
                places[row] = cursor.at[1] + panel.start;
                site.advance(cursor);
            }
            // SAFETY: the site is valid for all its results; the weights hold all runs.
            unsafe {
                let sums = multiply::<V, ROWS, VECTORS>(sources, site.runs, weights);
                for row in 0..ROWS {
                    store::<V, VECTORS>(sums[row], site.out.add(places[row]), panel);
                }
                if !site.epilogue.is_empty() {
                    for place in places {
                        site.epilogue.apply::<V>(site.out, place, panel.start, panel.count);
                    }
                }
            }
        }
    }
}

/// The sums over all runs.
///
/// # Safety
/// Every source is readable at every run; `weights` holds a row of `VECTORS` vectors for each number.
#[inline(always)]
unsafe fn multiply<V: Vector, const ROWS: usize, const VECTORS: usize>(
    sources: [*const f32; ROWS],
    runs: &[Run],
    mut weights: *const f32,
) -> [[V; VECTORS]; ROWS] {
    let mut sums = [[V::zero(); VECTORS]; ROWS];
    for run in runs {
        // SAFETY: the caller's.
        unsafe {
            let mut from = sources;
            for source in &mut from {
                *source = source.add(run.offset);
            }
            for i in 0..run.length {
                let mut row = [V::zero(); VECTORS];
                for vector in 0..VECTORS {
                    row[vector] = V::load(weights.add(vector * V::LANES));
                }
                weights = weights.add(VECTORS * V::LANES);
                for (sums, source) in sums.iter_mut().zip(&from) {
                    let value = V::splat(*source.add(i));
                    for vector in 0..VECTORS {
                        sums[vector] = value.mul_add(row[vector], sums[vector]);
                    }
                }
            }
        }
    }
    sums
}

/// Writes one row of a block.
///
/// # Safety
/// `to` is writable for the panel's channels.
#[inline(always)]
unsafe fn store<V: Vector, const VECTORS: usize>(sums: [V; VECTORS], to: *mut f32, panel: Panel) {
    let last = panel.last::<V>();
    for vector in 0..VECTORS {
        // SAFETY: the caller's.
        unsafe {
            let to = to.add(vector * V::LANES);
            if vector + 1 == VECTORS && last < V::LANES {
                sums[vector].store_first(to, last);
            } else {
                sums[vector].store(to);
            }
        }
    }
}
