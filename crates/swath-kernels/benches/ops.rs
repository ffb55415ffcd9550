//! Speed of the kernels that are limited by memory, in GB/s: `cargo bench -p swath-kernels --bench ops`.
//!
//! Counted are the bytes that a kernel has to read and to write, each tensor once; a kernel with two
//! passes over its input counts it twice. `copy` shows what the memory can do, in the same run.

use std::{hint::black_box, time::Instant};

use rayon::prelude::*;
use swath_kernels::*;

/// Prints the median and the best of many runs, if the name contains the first argument.
fn time(what: &str, n_values: f64, mut run: impl FnMut()) {
    let wanted = std::env::args().skip(1).find(|it| !it.starts_with('-'));
    if wanted.is_some_and(|it| !what.contains(&it)) {
        return;
    }
    run();
    let mut seconds: Vec<f64> = (0..31)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let speed = |seconds: f64| n_values * 4.0 / seconds / 1e9;
    let (median, best) = (seconds[seconds.len() / 2], seconds[0]);
    println!(
        "{what:44} {:8.3} ms  {:6.1} GB/s  best {:6.1} GB/s",
        median * 1e3,
        speed(median),
        speed(best)
    );
}

fn values(n: usize) -> Vec<f32> {
    (0..n).map(|it| (it as f32 * 0.37).sin()).collect()
}

fn norm(pixels: usize, channels: usize) {
    let n = pixels * channels;
    let (x, dy, residual) = (values(n), values(n), values(n));
    let (weight, bias) = (vec![1.0; channels], vec![0.1; channels]);
    let (mut y, mut dx, mut dr) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let size = n as f64;
    let shape = format!("{pixels} x {channels}");
    time(&format!("copy {shape}"), 2.0 * size, || {
        y.par_chunks_mut(16384)
            .zip(x.par_chunks(16384))
            .for_each(|(to, from)| to.copy_from_slice(from));
    });
    let of = |activation| BatchNorm { pixels, channels, epsilon: 1e-5, activation };
    let relu = of(Activation::Relu);
    time(&format!("norm statistics {shape}"), size, || {
        black_box(relu.statistics(&x));
    });
    let statistics = relu.statistics(&x);
    let of_x = Normed { images: &x, statistics: &statistics, weight: &weight, bias: &bias };
    for (name, activation) in [("relu", Activation::Relu), ("silu", Activation::Silu)] {
        time(&format!("norm + {name} {shape}"), 2.0 * size, || {
            of(activation).forward(&of_x, None, &mut y);
        });
        time(&format!("norm + {name} gradient {shape}"), 5.0 * size, || {
            let to = InputGradient { images: &mut dx, residual: None };
            of(activation).gradient(&of_x, Before::Images, &dy, to);
        });
    }
    time(&format!("norm + residual + relu {shape}"), 3.0 * size, || {
        relu.forward(&of_x, Some(&residual), &mut y);
    });
    time(&format!("norm + residual + relu gradient {shape}"), 7.0 * size, || {
        let to = InputGradient { images: &mut dx, residual: Some(&mut dr) };
        relu.gradient(&of_x, Before::Output(&y), &dy, to);
    });
    time(&format!("residual add + relu {shape}"), 3.0 * size, || {
        activate_add(Activation::Relu, &mut dx, &residual);
    });
}

fn pool() {
    let (batch, size, channels) = (8, [64, 64], 64);
    for (kernel, padding) in [([3, 3], [1, 1]), ([2, 2], [0, 0])] {
        let window = Window { batch, size, channels, kernel, stride: [2, 2], padding };
        let n = batch * size[0] * size[1] * channels;
        let (x, mut dx) = (values(n), vec![0.0; n]);
        let (mut y, mut taps) = (vec![0.0; n / 4], vec![0; n / 4]);
        let what = format!("max pool {kernel:?} / 2");
        time(&what, n as f64 * (1.0 + 0.25 + 0.0625), || {
            MaxPool(window).forward(&x, &mut y, Some(&mut taps));
        });
        time(&format!("{what} gradient"), n as f64 * (1.0 + 0.25 + 0.0625), || {
            MaxPool(window).image_gradient(&y, &taps, &mut dx);
        });
    }
}

fn resample() {
    for (size, channels) in [([32, 32], [64, 64]), ([64, 64], [32, 64])] {
        let output_size = size.map(|it| 2 * it);
        let of = UpsampleConcat { batch: 8, size, output_size, channels };
        let n = |[rows, cols]: [usize; 2], channels: usize| 8 * rows * cols * channels;
        let (own, beside) = (n(size, channels[0]), n(output_size, channels[1]));
        let all = n(output_size, channels[0] + channels[1]);
        let (mut a, mut b, mut out) = (values(own), values(beside), values(all));
        let moved = (own + beside + all) as f64;
        let what = format!("upsample + concat {size:?} {channels:?}");
        time(&what, moved, || of.forward(&a, &b, &mut out));
        time(&format!("{what} gradient"), moved, || of.gradient(&out, &mut a, &mut b));
    }
    for (interpolation, channels) in [
        (Interpolation::Nearest, 64),
        (Interpolation::Bilinear, 64),
        (Interpolation::BilinearCorners, 256),
        (Interpolation::Bilinear, 5),
    ] {
        let (size, output_size) = ([32, 32], [64, 64]);
        let of = Upsample { batch: 8, size, channels, output_size, interpolation };
        let n = 8 * 32 * 32 * channels;
        let (mut x, mut y) = (values(n), values(4 * n));
        let what = format!("{interpolation:?} x2 of {channels} channels");
        time(&what, 5.0 * n as f64, || of.forward(&x, &mut y));
        time(&format!("{what} gradient"), 5.0 * n as f64, || of.image_gradient(&y, &mut x));
    }
}

fn classes() {
    for classes in [2, 5, 16, 32] {
        let pixels = 8 * 128 * 128;
        let logits = values(pixels * classes);
        let labels: Vec<u8> = (0..pixels).map(|it| (it * 7 % classes) as u8).collect();
        let weights = vec![1.0; classes];
        let of = CrossEntropy { class_weights: &weights, label_smoothing: 0.0, ignore: 255 };
        let mut out = values(logits.len());
        let n = logits.len() as f64;
        time(&format!("cross-entropy of {classes} classes"), n, || {
            black_box(of.forward(&logits, &labels));
        });
        time(&format!("cross-entropy of {classes} classes gradient"), 2.0 * n, || {
            of.gradient(&logits, &labels, 1.0, &mut out);
        });
        time(&format!("softmax of {classes} classes"), 2.0 * n, || {
            softmax(classes, &logits, &mut out);
        });
        let mut found = vec![0u8; pixels];
        time(&format!("argmax of {classes} classes"), n, || argmax(classes, &logits, &mut found));
    }
}

fn convolutions() {
    for (channels, size, kernel, stride) in
        [(64, 64, 3, 1), (64, 64, 3, 2), (240, 32, 5, 1), (240, 32, 5, 2), (672, 16, 5, 1)]
    {
        let conv = DepthwiseConv {
            batch: 8,
            channels,
            size: [size; 2],
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [kernel / 2; 2],
            dilation: [1; 2],
        };
        let (mut images, mut weights) = (values(conv.images_len()), values(conv.weights_len()));
        let mut out = values(conv.output_len());
        let moved = (images.len() + out.len()) as f64;
        let what = format!("depthwise {kernel} x {kernel} / {stride} of {size}² x {channels}");
        time(&what, moved, || conv.forward(&images, &weights, Epilogue::default(), &mut out));
        time(&format!("{what} image"), moved, || {
            conv.image_gradient(&out, &weights, &mut images);
        });
        time(&format!("{what} weight"), moved, || {
            conv.weight_gradient(&images, &out, &mut weights);
        });
    }
    let conv = TransposedConv {
        batch: 8,
        channels: [128, 64],
        size: [32; 2],
        kernel: [2; 2],
        stride: [2; 2],
        padding: [0; 2],
        output_padding: [0; 2],
        dilation: [1; 2],
    };
    let (mut images, mut weights) = (values(conv.images_len()), values(conv.weights_len()));
    let mut out = values(conv.output_len());
    let moved = (images.len() + out.len()) as f64;
    time("transposed 2 x 2 / 2", moved, || {
        conv.forward(&images, &weights, Epilogue::default(), &mut out);
    });
    time("transposed 2 x 2 / 2 image", moved, || {
        conv.image_gradient(&out, &weights, &mut images);
    });
    time("transposed 2 x 2 / 2 weight", moved, || {
        conv.weight_gradient(&images, &out, &mut weights);
    });
    let conv = Conv {
        batch: 8,
        channels: [128; 2],
        size: [32; 2],
        kernel: [3; 2],
        stride: [1; 2],
        padding: [1; 2],
        dilation: [1; 2],
    };
    let conv = GroupedConv { conv, groups: 32 };
    let (images, weights) = (values(conv.conv.images_len()), values(conv.weights_len()));
    let mut out = values(conv.conv.output_len());
    time("grouped 3 x 3, 32 groups of 4", moved, || {
        conv.forward(&images, &weights, Epilogue::default(), &mut out);
    });
}

/// About the tensors of Unet-resnet34: 24 million parameters.
fn optimizer() {
    let lengths: Vec<usize> = (0..120)
        .map(|it| match it % 3 {
            0 => [36_864, 147_456, 589_824, 2_359_296][it / 3 % 4] * 3 / 4,
            _ => 256,
        })
        .collect();
    let n: usize = lengths.iter().sum();
    let all = || lengths.iter().map(|&n| values(n)).collect::<Vec<_>>();
    let (mut parameters, gradients, mut means, mut squares) = (all(), all(), all(), all());
    squares.iter_mut().flatten().for_each(|it| *it = it.abs());
    let slices: Vec<&[f32]> = gradients.iter().map(|it| &it[..]).collect();
    time(&format!("gradient norm of {n}"), n as f64, || {
        black_box(gradient_norm(&slices));
    });
    let rates = AdamwRates {
        lr: 1e-3,
        weight_decay: 1e-2,
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        gradient_scale: 1.0,
    };
    time(&format!("AdamW of {n}"), 7.0 * n as f64, || {
        let states = means.iter_mut().zip(&mut squares);
        let tensors = parameters.iter_mut().zip(&gradients).zip(states);
        let tensors = tensors.map(|((parameters, gradient), (mean, square))| AdamwTensor {
            parameters,
            gradient,
            mean,
            square,
            step: 10,
        });
        adamw_step(&mut tensors.collect::<Vec<_>>(), &rates);
    });
}

fn main() {
    println!("{} on {} threads", Isa::current().name(), rayon::current_num_threads());
    norm(8 * 64 * 64, 64);
    norm(8 * 128 * 128, 16);
    norm(8 * 8 * 8, 256);
    pool();
    resample();
    classes();
    optimizer();
    convolutions();
}
