//! Channels of several images side by side.

use crate::{
    parallel::{self, SharedMut},
    shape::count,
    simd::{Kernel, Vector, dispatch},
    sweep::CHUNK,
};

/// Puts the channels of `inputs` side by side: `out`, `[pixel, all channels]`.
///
/// Every input is given with the number of its channels, as `[pixel, channel]`, where `pixel` counts
/// batch, row and col.
///
/// # Panics
/// If the numbers of pixels differ.
pub fn concatenate(inputs: &[(&[f32], usize)], out: &mut [f32]) {
    let all: usize = inputs.iter().map(|(_, channels)| channels).sum();
    let pixels = pixels(out.len(), all);
    for &(input, channels) in inputs {
        assert_eq!(input.len(), count([pixels, channels]), "an input has not {pixels} pixels");
    }
    let n_task = (CHUNK / all.max(1)).max(1);
    parallel::parts(out, n_task * all.max(1), |task, out| {
        let (start, n_pixels) = (task * n_task, out.len() / all);
        let mut to = out.as_mut_ptr();
        for &(input, channels) in inputs {
            let from = input[start * channels..].as_ptr();
            let steps = [channels, all];
            dispatch(Copy { from, to, n_pixels, channels, steps });
            // SAFETY: the channels of all inputs are those of the output.
            to = unsafe { to.add(channels) };
        }
    });
}

/// Takes the channels of `values`, `[pixel, all channels]`, apart: the gradient of [`concatenate`].
///
/// # Panics
/// As [`concatenate`].
pub fn split(values: &[f32], outs: &mut [(&mut [f32], usize)]) {
    let all: usize = outs.iter().map(|(_, channels)| channels).sum();
    let pixels = pixels(values.len(), all);
    for (out, channels) in outs.iter() {
        assert_eq!(out.len(), count([pixels, *channels]), "an output has not {pixels} pixels");
    }
    let outs: Vec<(SharedMut, usize)> =
        outs.iter_mut().map(|(out, channels)| (SharedMut::new(out), *channels)).collect();
    let n_task = (CHUNK / all.max(1)).max(1);
    parallel::tasks(pixels.div_ceil(n_task), |task| {
        let start = task * n_task;
        let n_pixels = n_task.min(pixels - start);
        let mut from = values[start * all..].as_ptr();
        for &(out, channels) in &outs {
            // SAFETY: the pixels of the task are within the output, and no other task's.
            let to = unsafe { out.at(start * channels) };
            dispatch(Copy { from, to, n_pixels, channels, steps: [all, channels] });
            // SAFETY: the channels of all outputs are those of the values.
            from = unsafe { from.add(channels) };
        }
    });
}

fn pixels(n_values: usize, channels: usize) -> usize {
    let pixels = n_values / channels.max(1);
    assert_eq!(n_values, pixels * channels, "the values are no multiple of all channels");
    pixels
}

/// Copies `channels` channels of all pixels: of `from`, from one channel on, to `to`, from another on.
/// Pixels lie `steps` apart.
///
/// # Panics
/// If the channels are beyond those of a pixel.
pub(crate) fn copy_channels(
    [from, to]: [usize; 2],
    channels: usize,
    steps: [usize; 2],
    values: &[f32],
    out: &mut [f32],
) {
    assert!(from + channels <= steps[0] && to + channels <= steps[1], "channels beyond a pixel");
    let pixels = pixels(values.len(), steps[0]);
    assert_eq!(out.len(), pixels * steps[1], "the output has not {pixels} pixels");
    let n_task = (CHUNK / channels.max(1)).max(1);
    parallel::parts(out, n_task * steps[1], |task, out| {
        let n_pixels = out.len() / steps[1];
        let from = values[task * n_task * steps[0] + from..].as_ptr();
        let to = out[to..].as_mut_ptr();
        dispatch(Copy { from, to, n_pixels, channels, steps });
    });
}

/// Copies the channels of pixels that lie `steps` apart in source and destination.
struct Copy {
    from: *const f32,
    to: *mut f32,
    n_pixels: usize,
    channels: usize,
    steps: [usize; 2],
}

impl Kernel for Copy {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        for pixel in 0..self.n_pixels {
            // SAFETY: whoever made the struct checked the lengths.
            unsafe {
                let from = self.from.add(pixel * self.steps[0]);
                copy::<V>(from, self.to.add(pixel * self.steps[1]), self.channels);
            }
        }
    }
}

/// Copies `n` values.
///
/// # Safety
/// They are readable and writable.
#[inline(always)]
pub(super) unsafe fn copy<V: Vector>(from: *const f32, to: *mut f32, n: usize) {
    let mut at = 0;
    // SAFETY: the caller's.
    unsafe {
        while at + V::LANES <= n {
            V::load(from.add(at)).store(to.add(at));
            at += V::LANES;
        }
        if at < n {
            V::load_first(from.add(at), n - at).store_first(to.add(at), n - at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::Random;

    #[test]
    fn channels_are_side_by_side_and_come_apart() {
        for (pixels, channels) in [
            (1, vec![1]),
            (7, vec![3, 2]),
            (5000, vec![16, 5, 40]),
            (90, vec![300, 1]),
            (0, vec![2, 3]),
        ] {
            let mut random = Random::new(pixels as u64);
            let inputs: Vec<Vec<f32>> =
                channels.iter().map(|n| random.values(pixels * n)).collect();
            let mut want: Vec<f32> = Vec::new();
            for pixel in 0..pixels {
                for (input, n) in inputs.iter().zip(&channels) {
                    want.extend(&input[pixel * n..(pixel + 1) * n]);
                }
            }
            let given: Vec<(&[f32], usize)> =
                inputs.iter().zip(&channels).map(|(input, &n)| (&input[..], n)).collect();
            let mut out = vec![f32::NAN; want.len()];
            concatenate(&given, &mut out);
            assert!(out == want, "{channels:?}");

            let mut parts: Vec<Vec<f32>> =
                inputs.iter().map(|it| vec![f32::NAN; it.len()]).collect();
            let mut outs: Vec<(&mut [f32], usize)> =
                parts.iter_mut().zip(&channels).map(|(part, &n)| (&mut part[..], n)).collect();
            split(&out, &mut outs);
            assert!(parts == inputs, "{channels:?}");
        }
    }

    #[test]
    #[should_panic(expected = "an input has not 3 pixels")]
    fn inputs_of_other_length_are_refused() {
        concatenate(&[(&[0.0; 3], 1), (&[0.0; 4], 2)], &mut [0.0; 9]);
    }
}
