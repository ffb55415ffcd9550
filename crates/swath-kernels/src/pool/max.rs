//! Maximum pooling.

use super::window::{Axis, Window};
use crate::{
    parallel,
    simd::{Kernel, Vector, dispatch},
    sweep::{All, First, Lanes},
};

/// The largest value of each window.
///
/// Equal to PyTorch's `max_pool2d` (the first of equal values counts), but for values that are not
/// numbers: they win at the first tap of a window and are passed over elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool(pub Window);

impl MaxPool {
    /// The output and, for the gradient, at which tap of the window it was found.
    ///
    /// # Shapes
    ///
    /// - `images`: `[batch, row, col, channel]`
    /// - `out`: `[batch, output row, output col, channel]`
    /// - `taps`: as `out`; the tap is `row * kernel columns + col` in the window
    ///
    /// # Panics
    /// If a shape differs, or windows have more than 256 taps.
    pub fn forward(&self, images: &[f32], out: &mut [f32], taps: Option<&mut [u8]>) {
        let window = &self.0;
        window.check_images("images", images.len());
        window.check_outputs("out", out.len());
        let n_taps = window.kernel[0] * window.kernel[1];
        assert!(n_taps <= 256, "windows have {n_taps} taps, but the index of a tap has 8 bits");
        let taps = taps.map(|taps| {
            window.check_outputs("taps", taps.len());
            SharedTaps(taps.as_mut_ptr())
        });
        if out.is_empty() {
            return;
        }
        let [rows, cols] = window.axes();
        let n_line = cols.output * window.channels;
        parallel::parts(out, n_line, |line, out| {
            let (image, row) = (line / rows.output, line % rows.output);
            let n_image = rows.input * cols.input * window.channels;
            let images = &images[image * n_image..(image + 1) * n_image];
            // SAFETY: the taps are as long as the output, and the line is this task's.
            let taps = taps.map(|taps| unsafe { taps.at(line * n_line) });
            dispatch(Line { images, rows, cols, channels: window.channels, row, out, taps });
        });
    }

    /// The gradient of the images, for the `gradient` of the output and its `taps`.
    ///
    /// # Panics
    /// If a shape differs.
    pub fn image_gradient(&self, gradient: &[f32], taps: &[u8], out: &mut [f32]) {
        let window = &self.0;
        window.check_outputs("gradient", gradient.len());
        window.check_outputs("taps", taps.len());
        window.check_images("out", out.len());
        if out.is_empty() {
            return;
        }
        let [rows, cols] = window.axes();
        parallel::parts(out, cols.input * window.channels, |line, out| {
            let (image, row) = (line / rows.input, line % rows.input);
            let n_image = rows.output * cols.output * window.channels;
            let image = image * n_image..(image + 1) * n_image;
            let (gradient, taps) = (&gradient[image.clone()], &taps[image]);
            let channels = window.channels;
            dispatch(GradientLine { gradient, taps, rows, cols, channels, row, out });
        });
    }
}

/// Taps that several tasks write, each its own part.
#[derive(Clone, Copy)]
struct SharedTaps(*mut u8);

// SAFETY: no two tasks write the same tap.
unsafe impl Send for SharedTaps {}
// SAFETY: as above.
unsafe impl Sync for SharedTaps {}

impl SharedTaps {
    /// # Safety
    /// `offset` is at most the length.
    unsafe fn at(self, offset: usize) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { self.0.add(offset) }
    }
}

/// One row of the output.
struct Line<'a> {
    /// One image.
    images: &'a [f32],
    rows: Axis,
    cols: Axis,
    channels: usize,
    row: usize,
    out: &'a mut [f32],
    taps: Option<*mut u8>,
}

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        for col in 0..self.cols.output {
            let mut channel = 0;
            // SAFETY: the channels are within the pixel.
            unsafe {
                while channel + 4 * V::LANES <= self.channels {
                    self.largest::<V, 4, _>(col, channel, V::LANES, All);
                    channel += 4 * V::LANES;
                }
                while channel + V::LANES <= self.channels {
                    self.largest::<V, 1, _>(col, channel, V::LANES, All);
                    channel += V::LANES;
                }
                let rest = self.channels - channel;
                if 0 < rest {
                    self.largest::<V, 1, _>(col, channel, rest, First(rest));
                }
            }
        }
    }
}

impl Line<'_> {
    /// # Safety
    /// `N` vectors from `channel` on are within the pixel, as far as the lanes are in memory: `n_lanes`.
    #[inline(always)]
    unsafe fn largest<V: Vector, const N: usize, L: Lanes>(
        &mut self,
        col: usize,
        channel: usize,
        n_lanes: usize,
        lanes: L,
    ) {
        let Line { rows, cols, channels, row, .. } = *self;
        let (mut largest, mut found) = ([V::zero(); N], [V::zero(); N]);
        let (of_rows, of_cols) = (rows.taps(row), cols.taps(col));
        let first = (of_rows.start, of_cols.start);
        for row_tap in of_rows {
            for col_tap in of_cols.clone() {
                let pixel = rows.input(row, row_tap) * cols.input + cols.input(col, col_tap);
                let tap = V::splat((row_tap * cols.kernel + col_tap) as f32);
                let is_first = (row_tap, col_tap) == first;
                for n in 0..N {
                    // SAFETY: the taps are on the image.
                    let value: V = unsafe {
                        let at = pixel * channels + channel + n * V::LANES;
                        lanes.load(self.images.as_ptr().add(at))
                    };
                    if is_first {
                        (largest[n], found[n]) = (value, tap);
                    } else {
                        let larger = largest[n].less(value);
                        largest[n] = V::select(larger, value, largest[n]);
                        found[n] = V::select(larger, tap, found[n]);
                    }
                }
            }
        }
        for n in 0..N {
            let to = col * channels + channel + n * V::LANES;
            // SAFETY: output and taps hold the line; taps are whole numbers below 256.
            unsafe {
                lanes.store(self.out.as_mut_ptr().add(to), largest[n]);
                if let Some(taps) = self.taps {
                    let found = found[n].lanes();
                    let found = found.map(|tap| tap.to_int_unchecked::<i32>() as u8);
                    std::ptr::copy_nonoverlapping(found.as_ptr(), taps.add(to), n_lanes);
                }
            }
        }
    }
}

/// One row of the gradient of the images.
struct GradientLine<'a> {
    /// Gradient and taps of one image.
    gradient: &'a [f32],
    taps: &'a [u8],
    rows: Axis,
    cols: Axis,
    channels: usize,
    row: usize,
    out: &'a mut [f32],
}

impl Kernel for GradientLine<'_> {
    type Output = ();

    // Each pixel collects from the windows that it is in: in a fixed order, without another thread.
    #[inline(always)]
    fn run<V: Vector>(self) {
        let GradientLine { rows, cols, channels, row, .. } = self;
        for (col, out) in self.out.chunks_exact_mut(channels).enumerate() {
            out.fill(0.0);
            for output_row in rows.outputs(row) {
                let row_tap = rows.tap(output_row, row);
                for output_col in cols.outputs(col) {
                    let tap = (row_tap * cols.kernel + cols.tap(output_col, col)) as u8;
                    let pixel = (output_row * cols.output + output_col) * channels;
                    let gradient = &self.gradient[pixel..pixel + channels];
                    let taps = &self.taps[pixel..pixel + channels];
                    for ((out, &gradient), &found) in out.iter_mut().zip(gradient).zip(taps) {
                        *out += if found == tap { gradient } else { 0.0 };
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{Linear, Random, assert_close, assert_same_bits_on_any_threads, windows};

    /// Which value is the largest, by plain loops.
    fn expected(window: &Window, images: &[f32]) -> Linear {
        let mut entries: Vec<(usize, usize, f64)> = Vec::new();
        for (output, input, _) in crate::expected::window_taps(window) {
            match entries.last_mut() {
                Some(last) if last.0 == output => {
                    if images[last.1] < images[input] {
                        last.1 = input;
                    }
                }
                _ => entries.push((output, input, 1.0)),
            }
        }
        Linear(entries)
    }

    fn run(window: Window, images: &[f32], gradient: &[f32]) -> [Vec<f32>; 2] {
        let mut out = vec![f32::NAN; gradient.len()];
        let mut taps = vec![99; gradient.len()];
        MaxPool(window).forward(images, &mut out, Some(&mut taps));
        let mut image_gradient = vec![f32::NAN; images.len()];
        MaxPool(window).image_gradient(gradient, &taps, &mut image_gradient);
        [out, image_gradient]
    }

    #[test]
    fn values_and_gradients_are_right() {
        let mut random = Random::new(1);
        for window in windows(&mut random) {
            let [rows, cols] = window.output_size();
            let n_output = window.batch * rows * cols * window.channels;
            let n_input = window.batch * window.size[0] * window.size[1] * window.channels;
            // Few different values, so that many are equal.
            let images: Vec<f32> = (0..n_input).map(|_| random.below(9) as f32 - 6.0).collect();
            let gradient = random.values(n_output);
            let [out, image_gradient] = run(window, &images, &gradient);
            let expected = expected(&window, &images);
            let what = format!("{window:?}");
            assert_close(&what, &out, &expected.forward(&images, n_output), 0.0);
            let want = expected.backward(&gradient, n_input);
            assert_close(&what, &image_gradient, &want, 1e-6);
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let window = Window {
            batch: 2,
            size: [33, 31],
            channels: 20,
            kernel: [3, 3],
            stride: [2, 2],
            padding: [1, 1],
        };
        let mut random = Random::new(2);
        let images = random.values(2 * 33 * 31 * 20);
        let gradient = random.values(2 * 17 * 16 * 20);
        assert_same_bits_on_any_threads("max pool", || run(window, &images, &gradient).concat());
    }
}
