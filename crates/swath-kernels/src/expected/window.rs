//! Windows over images, one tap after the other.

use super::Random;
use crate::Window;

/// Every output, input and number of the taps on the image, by output.
pub fn window_taps(window: &Window) -> Vec<(usize, usize, usize)> {
    let Window { batch, size, channels, kernel, stride, padding } = *window;
    let output = window.output_size();
    let mut entries = Vec::new();
    for index in 0..batch * output[0] * output[1] * channels {
        let (pixel, channel) = (index / channels, index % channels);
        let (line, col) = (pixel / output[1], pixel % output[1]);
        let (image, row) = (line / output[0], line % output[0]);
        let mut inputs = Vec::new();
        for tap in 0..kernel[0] * kernel[1] {
            let row = (row * stride[0] + tap / kernel[1]).wrapping_sub(padding[0]);
            let col = (col * stride[1] + tap % kernel[1]).wrapping_sub(padding[1]);
            if row < size[0] && col < size[1] {
                inputs.push(((image * size[0] + row) * size[1] + col) * channels + channel);
            }
        }
        let n = inputs.len();
        entries.extend(inputs.into_iter().map(|input| (index, input, n)));
    }
    entries
}

/// Windows of all kinds.
pub fn windows(random: &mut Random) -> Vec<Window> {
    let mut windows: Vec<Window> = (0..60)
        .map(|_| {
            let kernel = [random.between(1, 4), random.between(1, 4)];
            Window {
                batch: random.between(1, 3),
                size: [random.between(4, 13), random.between(4, 13)],
                channels: [1, 3, 8, 16, 20, 37][random.below(6)],
                kernel,
                stride: [random.between(1, 3), random.between(1, 3)],
                padding: kernel.map(|length| random.between(0, length / 2)),
            }
        })
        .collect();
    let resnet = Window {
        batch: 2,
        size: [16, 14],
        channels: 64,
        kernel: [3, 3],
        stride: [2, 2],
        padding: [1, 1],
    };
    windows.push(resnet);
    windows.push(Window { kernel: [2, 2], padding: [0, 0], ..resnet });
    windows.push(Window { batch: 0, ..resnet });
    windows.push(Window { channels: 300, size: [5, 7], ..resnet });
    windows
}
