//! Convolution and its gradients.

use rayon::prelude::*;

use crate::{
    images::{Images, Layout},
    multiply::{CHANNELS, Correlate, OUTER_REGISTERS, Outer, dispatch, lanes},
};

/// Output pixels of one task.
const CHUNK: usize = 96;

/// A convolution with a square kernel of odd size and zeros around the image, as much as half the
/// kernel.
///
/// Images are `[batch, channel, row, col]`, weights `[channel out, channel in, row, col]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Images in the batch.
    pub batch: usize,
    /// Channels of the input and the output.
    pub channels: [usize; 2],
    /// Rows and columns of the input.
    pub size: [usize; 2],
    /// Rows (and columns) of the kernel; odd.
    pub kernel: usize,
    /// Rows (and columns) from one output pixel to the next.
    pub stride: usize,
}

impl Conv {
    /// Rows and columns of the output.
    pub fn output_size(&self) -> [usize; 2] {
        self.size.map(|length| (length - 1) / self.stride + 1)
    }

    /// The output for `images`.
    pub fn forward(&self, images: &[f32], weights: &[f32]) -> Vec<f32> {
        let [input, output] = self.channels;
        let area = self.kernel * self.kernel;
        let images = self.padded(images);
        let weight = |to, tap, from| weights[(to * input + from) * area + tap];
        self.correlate(&images, self.output_size(), self.stride, output, input, weight)
    }

    /// The gradient of the images, for the `gradient` of the output.
    ///
    /// It is the convolution of the gradient, its pixels set `stride` apart, with the kernel turned
    /// by half a circle.
    pub fn image_gradient(&self, gradient: &[f32], weights: &[f32]) -> Vec<f32> {
        let [input, output] = self.channels;
        let area = self.kernel * self.kernel;
        let layout = Layout {
            channels: output,
            multiple_of: 1,
            size: self.output_size(),
            spread: self.size,
            step: self.stride,
            around: self.kernel / 2,
        };
        let images = layout.images(gradient);
        let weight = |to, tap, from| weights[(from * input + to) * area + area - 1 - tap];
        self.correlate(&images, self.size, 1, input, output, weight)
    }

    /// The gradient of the weights, for the `gradient` of the output for `images`.
    pub fn weight_gradient(&self, images: &[f32], gradient: &[f32]) -> Vec<f32> {
        let [input, output] = self.channels;
        let size = self.output_size();
        let images = self.padded(images);
        let windows = images.windows(self.batch, size, self.stride);
        let layout = Layout {
            channels: output,
            multiple_of: CHANNELS,
            size,
            spread: size,
            step: 1,
            around: 0,
        };
        let gradient = layout.images(gradient);

        // One task for every kernel row and block of output channels.
        let n_blocks = gradient.channels / CHANNELS;
        let panel = OUTER_REGISTERS * lanes();
        let n_line = self.kernel * input;
        let n_panels = n_line.div_ceil(panel);
        let mut sums = vec![0.0; self.kernel * n_blocks * n_panels * CHANNELS * panel];
        sums.par_chunks_mut(n_panels * CHANNELS * panel).enumerate().for_each(|(task, out)| {
            let (row, block) = (task / n_blocks, task % n_blocks);
            dispatch(Outer {
                gradient: &gradient.values[block * CHANNELS..],
                gradient_step: gradient.channels,
                values: &images.values,
                windows: &windows,
                offset: row * images.line(),
                out,
            });
        });

        let (kernel, area) = (self.kernel, self.kernel * self.kernel);
        let mut weights = vec![0.0; output * input * area];
        weights.par_chunks_mut(input * area).enumerate().for_each(|(to, weights)| {
            let (block, channel) = (to / CHANNELS, to % CHANNELS);
            for row in 0..kernel {
                let task = (row * n_blocks + block) * n_panels;
                for lane in 0..n_line {
                    let (col, from) = (lane / input, lane % input);
                    let sum = ((task + lane / panel) * CHANNELS + channel) * panel + lane % panel;
                    weights[from * area + row * kernel + col] = sums[sum];
                }
            }
        });
        weights
    }

    fn padded(&self, images: &[f32]) -> Images {
        let layout = Layout {
            channels: self.channels[0],
            multiple_of: 1,
            size: self.size,
            spread: self.size,
            step: 1,
            around: self.kernel / 2,
        };
        layout.images(images)
    }

    /// Slides the kernel of `weight(channel out, tap, channel in)` over `images`, and returns
    /// `[batch, channel, row, col]`.
    fn correlate(
        &self,
        images: &Images,
        size: [usize; 2],
        stride: usize,
        output: usize,
        input: usize,
        weight: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Vec<f32> {
        let registers = if output <= lanes() { 1 } else { 2 };
        let panel = registers * lanes();
        let n_panels = output.div_ceil(panel);
        let n_line = self.kernel * input;
        let area = self.kernel * self.kernel;
        let mut panels = vec![0.0; n_panels * area * input * panel];
        panels.par_chunks_mut(area * input * panel).enumerate().for_each(|(index, lanes)| {
            let first = index * panel;
            for from in 0..input {
                for to in first..output.min(first + panel) {
                    for tap in 0..area {
                        lanes[(tap * input + from) * panel + to - first] = weight(to, tap, from);
                    }
                }
            }
        });

        let windows = images.windows(self.batch, size, stride);
        let n_chunks = windows.len().div_ceil(CHUNK);
        let mut pixels = vec![0.0; n_panels * n_chunks * CHUNK * panel];
        pixels.par_chunks_mut(CHUNK * panel).enumerate().for_each(|(task, out)| {
            let (chunk, index) = (task % n_chunks, task / n_chunks);
            let windows = &windows[chunk * CHUNK..];
            let n_panel = self.kernel * n_line * panel;
            dispatch(Correlate {
                values: &images.values,
                windows: &windows[..windows.len().min(CHUNK)],
                n_lines: self.kernel,
                n_line,
                line_step: images.line(),
                panel: &panels[index * n_panel..][..n_panel],
                registers,
                out,
            });
        });
        self.planes(&pixels, n_chunks * CHUNK, panel, output, size[0] * size[1])
    }

    /// `[panel, pixel, lane]` to `[batch, channel, row, col]`.
    fn planes(
        &self,
        pixels: &[f32],
        n_pixels: usize,
        panel: usize,
        channels: usize,
        n_plane: usize,
    ) -> Vec<f32> {
        const BLOCK: usize = 16;
        let mut planes = vec![0.0; self.batch * channels * n_plane];
        planes.par_chunks_mut(channels * n_plane).enumerate().for_each(|(image, planes)| {
            planes.par_chunks_mut(panel * n_plane).enumerate().for_each(|(index, planes)| {
                let begin = (index * n_pixels + image * n_plane) * panel;
                let pixels = &pixels[begin..begin + n_plane * panel];
                for (block, pixels) in pixels.chunks(BLOCK * panel).enumerate() {
                    for (lane, plane) in planes.chunks_mut(n_plane).enumerate() {
                        let plane = plane[block * BLOCK..].iter_mut();
                        let pixels = pixels[lane..].iter().step_by(panel);
                        plane.zip(pixels).for_each(|(to, &from)| *to = from);
                    }
                }
            });
        });
        planes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize, phase: f32) -> Vec<f32> {
        (0..n).map(|k| (k as f32 * 0.731 + phase).sin()).collect()
    }

    /// Calls `visit(output index, image index, weight index)` for every product of the convolution.
    fn products(conv: &Conv, mut visit: impl FnMut(usize, usize, usize)) {
        let ([input, output], [rows, cols]) = (conv.channels, conv.size);
        let [out_rows, out_cols] = conv.output_size();
        let k = conv.kernel;
        for n in 0..conv.batch {
            for to in 0..output {
                for row in 0..out_rows {
                    for col in 0..out_cols {
                        for from in 0..input {
                            for tap in 0..k * k {
                                let at = (row * conv.stride + tap / k).wrapping_sub(k / 2);
                                let left = (col * conv.stride + tap % k).wrapping_sub(k / 2);
                                if at < rows && left < cols {
                                    visit(
                                        ((n * output + to) * out_rows + row) * out_cols + col,
                                        ((n * input + from) * rows + at) * cols + left,
                                        (to * input + from) * k * k + tap,
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    #[track_caller]
    fn check(what: &str, conv: &Conv, got: &[f32], want: &[f64]) {
        assert_eq!(got.len(), want.len(), "{what} of {conv:?}");
        let scale = want.iter().fold(1.0f64, |a, b| a.max(b.abs()));
        for (index, (&got, want)) in got.iter().zip(want).enumerate() {
            let error = (f64::from(got) - want).abs() / scale;
            assert!(error < 3e-6, "{what} of {conv:?} at {index}: got {got}, want {want}");
        }
    }

    #[test]
    fn results_are_those_of_the_definition() {
        let sizes = [[1, 1], [2, 3], [5, 4], [9, 16], [33, 7]];
        let channels = [[1, 1], [3, 16], [6, 17], [19, 5], [16, 48]];
        for (kernel, stride) in [(3, 1), (3, 2), (1, 1), (1, 2), (7, 2)] {
            for (size, channels) in sizes.into_iter().zip(channels) {
                let conv = Conv { batch: 2, channels, size, kernel, stride };
                let [out_rows, out_cols] = conv.output_size();
                let x = values(2 * channels[0] * size[0] * size[1], 0.1);
                let w = values(channels[0] * channels[1] * kernel * kernel, 0.2);
                let dy = values(2 * channels[1] * out_rows * out_cols, 0.3);
                let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
                let mut dw = vec![0.0; w.len()];
                products(&conv, |o, i, t| {
                    y[o] += f64::from(x[i]) * f64::from(w[t]);
                    dx[i] += f64::from(dy[o]) * f64::from(w[t]);
                    dw[t] += f64::from(dy[o]) * f64::from(x[i]);
                });
                check("output", &conv, &conv.forward(&x, &w), &y);
                check("image gradient", &conv, &conv.image_gradient(&dy, &w), &dx);
                check("weight gradient", &conv, &conv.weight_gradient(&x, &dy), &dw);
            }
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let conv = Conv { batch: 3, channels: [20, 40], size: [37, 21], kernel: 3, stride: 2 };
        let [out_rows, out_cols] = conv.output_size();
        let x = values(3 * 20 * 37 * 21, 0.1);
        let w = values(20 * 40 * 9, 0.2);
        let dy = values(3 * 40 * out_rows * out_cols, 0.3);
        let run = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| {
                [conv.forward(&x, &w), conv.image_gradient(&dy, &w), conv.weight_gradient(&x, &dy)]
                    .map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
            })
        };
        let one = run(1);
        assert_eq!(run(2), one);
        assert_eq!(run(7), one);
    }
}
