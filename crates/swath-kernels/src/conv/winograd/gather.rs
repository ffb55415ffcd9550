//! From planes of products back to outputs.

use super::planes::{Planes, Tiles};
use super::transform::{Output, both_axes};
use crate::conv::Epilogue;
use crate::conv::panel::Panel;
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Writes the outputs of some tiles for one panel of channels; row 0 of the planes is the first tile.
pub(super) struct Gather<'a> {
    pub from: *const f32,
    pub planes: Planes,
    pub tiles: Tiles,
    pub range: Range<usize>,
    /// `[batch, row, col, channel]`.
    pub out: *mut f32,
    pub size: [usize; 2],
    pub channels: usize,
    pub panel: Panel,
    pub epilogue: Epilogue<'a>,
}

impl Kernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let [rows, cols] = self.size;
        let (stride, channels, panel) = (self.planes.stride, self.channels, self.panel);
        for (index, tile) in self.range.clone().enumerate() {
            let tile = self.tiles.get(tile);
            let place = ((tile.image * rows + tile.row) * cols + tile.col) * channels + panel.start;
            // SAFETY: the planes hold the tile; its outputs are this task's alone.
            unsafe {
                for vector in 0..panel.vectors {
                    let from = self.from.add(index * self.planes.width + vector * V::LANES);
                    let square = both_axes::<V, Output, 6, 4>(
                        #[inline(always)]
                        |row, col| V::load(from.add((row * 6 + col) * stride)),
                    );
                    let to = self.out.add(place + vector * V::LANES);
                    let count =
                        if vector + 1 == panel.vectors { panel.last::<V>() } else { V::LANES };
                    let step = [cols * channels, channels];
                    if count < V::LANES {
                        write(
                            square,
                            to,
                            step,
                            [tile.rows, tile.cols],
                            #[inline(always)]
                            |value: V, to| value.store_first(to, count),
                        );
                    } else if tile.rows == 4 && tile.cols == 4 {
                        write(
                            square,
                            to,
                            step,
                            [4, 4],
                            #[inline(always)]
                            |value: V, to| value.store(to),
                        );
                    } else {
                        write(
                            square,
                            to,
                            step,
                            [tile.rows, tile.cols],
                            #[inline(always)]
                            |value: V, to| value.store(to),
                        );
                    }
                }
                if !self.epilogue.is_empty() {
                    for pixel in 0..tile.rows * tile.cols {
                        let at = place + (pixel / tile.cols * cols + pixel % tile.cols) * channels;
                        self.epilogue.apply::<V>(self.out, at, panel.start, panel.count);
                    }
                }
            }
        }
    }
}

/// Writes the part of a square that lies inside the output.
///
/// # Safety
/// `store` may write there.
#[inline(always)]
unsafe fn write<V: Vector>(
    square: [[V; 4]; 4],
    to: *mut f32,
    step: [usize; 2],
    inside: [usize; 2],
    store: impl Fn(V, *mut f32),
) {
    for row in 0..4 {
        for col in 0..4 {
            if row < inside[0] && col < inside[1] {
                // SAFETY: the caller's.
                store(square[row][col], unsafe { to.add(row * step[0] + col * step[1]) });
            }
        }
    }
}
