//! The product of one plane of tiles and one of weights.

use super::super::sized::{balance, most_rows, sized};
use crate::simd::{Kernel, Vector};

/// `out[row][channel] (+)= Σ from[row][i] · weights[i][channel]` for one panel of channels.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub from: *const f32,
    /// Numbers from one row of `from` to the next.
    pub stride: usize,
    pub rows: usize,
    /// Summed numbers.
    pub inner: usize,
    /// `[inner, panel width]`, packed.
    pub weights: *const f32,
    /// Vectors in a panel.
    pub vectors: usize,
    /// `[row, panel width]`, packed.
    pub out: *mut f32,
    /// Whether to add to what is there.
    pub add: bool,
}

impl Product {
    /// # Safety
    /// The pointers are valid for what the fields say; no other task writes `out`.
    #[inline(always)]
    pub(super) unsafe fn run<V: Vector>(mut self) {
        for (blocks, rows) in balance(self.rows, most_rows::<V>(self.vectors)) {
            if blocks > 0 {
                sized!(V, self.vectors, rows, call(self, blocks));
                self.from = self.from.wrapping_add(blocks * rows * self.stride);
                self.out = self.out.wrapping_add(blocks * rows * self.vectors * V::LANES);
            }
        }
    }
}

fn call<V: Vector, const ROWS: usize, const VECTORS: usize>(product: Product, blocks: usize) {
    V::call(Sized::<ROWS, VECTORS> { product, blocks });
}

struct Sized<const ROWS: usize, const VECTORS: usize> {
    product: Product,
    blocks: usize,
}

impl<const ROWS: usize, const VECTORS: usize> Kernel for Sized<ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Product { mut from, stride, inner, weights, mut out, add, .. } = self.product;
        for _ in 0..self.blocks {
            // SAFETY: promised to `Product::run`, which alone makes this kernel.
            unsafe {
                let mut sums = [[V::zero(); VECTORS]; ROWS];
                let mut rows = [from; ROWS];
                for row in 0..ROWS {
                    rows[row] = from.add(row * stride);
                }
                let mut weights = weights;
                for i in 0..inner {
                    let mut factors = [V::zero(); VECTORS];
                    for vector in 0..VECTORS {
                        factors[vector] = V::load(weights.add(vector * V::LANES));
                    }
                    weights = weights.add(VECTORS * V::LANES);
                    for row in 0..ROWS {
                        let value = V::splat(*rows[row].add(i));
                        for vector in 0..VECTORS {
                            sums[row][vector] = value.mul_add(factors[vector], sums[row][vector]);
                        }
                    }
                }
                for (at, sum) in sums.as_flattened().iter().enumerate() {
                    let to = out.add(at * V::LANES);
                    let sum = if add { sum.add(V::load(to)) } else { *sum };
                    sum.store(to);
                }
                from = from.wrapping_add(ROWS * stride);
                out = out.add(ROWS * VECTORS * V::LANES);
            }
        }
    }
}
