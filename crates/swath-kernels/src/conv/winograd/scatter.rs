//! From images and output gradients to planes.

use super::planes::{Planes, Tiles};
use super::transform::{Gradient, Input, Transform, both_axes};
use crate::scratch;
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Maps that tiles are cut from: `[batch, row, col, channel]`.
#[derive(Clone, Copy)]
pub(super) struct Maps<'a> {
    pub values: &'a [f32],
    pub size: [usize; 2],
    pub channels: usize,
    /// Rows and columns that a tile's window starts before the tile.
    pub before: [usize; 2],
}

/// Writes the transformed windows of some tiles: row `tile - first` of the planes at `to`.
///
/// Channel `c` goes to column `c % panel` of a part `c / panel`; parts lie `part` numbers apart.
pub(super) struct Scatter<'a> {
    pub maps: Maps<'a>,
    pub tiles: Tiles,
    pub range: Range<usize>,
    pub first: usize,
    pub to: *mut f32,
    pub planes: Planes,
    pub part: usize,
}

/// Windows of 6×6 inputs.
pub(super) struct Inputs<'a>(pub Scatter<'a>);

/// Tiles of 4×4 output gradients.
pub(super) struct Gradients<'a>(pub Scatter<'a>);

impl Kernel for Inputs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        self.0.run::<V, Input, 6>();
    }
}

impl Kernel for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        self.0.run::<V, Gradient, 4>();
    }
}

impl Scatter<'_> {
    #[inline(always)]
    fn run<V: Vector, T: Transform<V, FROM, 6>, const FROM: usize>(&self) {
        let channels = self.maps.channels;
        let mut zeros = scratch::local(channels);
        zeros.fill(0.0);
        let [rows, cols] = self.maps.size;
        for tile in self.range.clone() {
            // SAFETY: the planes have this row.
            let to = unsafe { self.to.add((tile - self.first) * self.planes.width) };
            let place = self.tiles.get(tile);
            let (top, left) = (
                place.row as isize - self.maps.before[0] as isize,
                place.col as isize - self.maps.before[1] as isize,
            );
            let inside = top >= 0
                && left >= 0
                && top as usize + FROM <= rows
                && left as usize + FROM <= cols;
            if inside {
                let first = ((place.image * rows + top as usize) * cols + left as usize) * channels;
                let start = self.maps.values[first..].as_ptr();
                // SAFETY: the window lies inside the map.
                unsafe {
                    self.tile::<V, T, FROM>(
                        #[inline(always)]
                        |row, col| start.add((row * cols + col) * channels),
                        to,
                    )
                };
            } else {
                let pixels = self.window::<FROM>(place.image, top, left, zeros.as_ptr());
                // SAFETY: the pixels lie inside the map or are zeros.
                unsafe {
                    self.tile::<V, T, FROM>(
                        #[inline(always)]
                        |row, col| pixels[row][col],
                        to,
                    )
                };
            }
        }
    }

    /// Transforms one window, whose pixels `pixel(row, col)` finds.
    ///
    /// # Safety
    /// The pixels hold all channels; `to` points at a row of the planes.
    #[inline(always)]
    unsafe fn tile<V: Vector, T: Transform<V, FROM, 6>, const FROM: usize>(
        &self,
        pixel: impl Fn(usize, usize) -> *const f32,
        to: *mut f32,
    ) {
        let channels = self.maps.channels;
        let (mut channel, mut col, mut part) = (0, 0, 0);
        while channel < channels {
            // SAFETY: the caller's; rows of the planes are whole vectors.
            unsafe {
                let to = to.add(part + col);
                if channel + V::LANES <= channels {
                    let square = both_axes::<V, T, FROM, 6>(
                        #[inline(always)]
                        |row, col| V::load(pixel(row, col).add(channel)),
                    );
                    self.write(square, to);
                } else {
                    let count = channels - channel;
                    let square = both_axes::<V, T, FROM, 6>(
                        #[inline(always)]
                        |row, col| V::load_first(pixel(row, col).add(channel), count),
                    );
                    self.write(square, to);
                }
            }
            channel += V::LANES;
            col += V::LANES;
            if col == self.planes.width {
                (col, part) = (0, part + self.part);
            }
        }
    }

    /// # Safety
    /// `to` points at a vector of the first plane.
    #[inline(always)]
    unsafe fn write<V: Vector>(&self, square: [[V; 6]; 6], to: *mut f32) {
        for (row, values) in square.into_iter().enumerate() {
            for (col, value) in values.into_iter().enumerate() {
                // SAFETY: the caller's, for all 36 planes.
                unsafe { value.store(to.add((row * 6 + col) * self.planes.stride)) };
            }
        }
    }

    /// The pixels of a window at the edge of an image; `zeros` outside.
    #[inline(always)]
    fn window<const FROM: usize>(
        &self,
        image: usize,
        top: isize,
        left: isize,
        zeros: *const f32,
    ) -> [[*const f32; FROM]; FROM] {
        let Maps { values, size: [rows, cols], channels, .. } = self.maps;
        let start = values.as_ptr().wrapping_add(image * rows * cols * channels);
        let mut pixels = [[zeros; FROM]; FROM];
        for (r, pixels) in pixels.iter_mut().enumerate() {
            let row = top + r as isize;
            if row < 0 || row >= rows as isize {
                continue;
            }
            for (c, pixel) in pixels.iter_mut().enumerate() {
                let col = left + c as isize;
                if 0 <= col && col < cols as isize {
                    *pixel = start.wrapping_add((row as usize * cols + col as usize) * channels);
                }
            }
        }
        pixels
    }
}
