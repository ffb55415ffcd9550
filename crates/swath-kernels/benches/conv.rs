//! Every convolution of a U-Net on ResNet-34 with 4 bands and 5 classes: forward and both gradients.
//!
//! `cargo bench -p swath-kernels --bench conv [-- THREADS [LAYER]]` prints the least time of each, its
//! effective speed (multiplications and additions of the plain sum), its real speed and the part of
//! the measured peak that this is. Winograd's algorithm (marked W) makes fewer of them; those of its
//! transforms are not counted, though they take time.

use std::time::Instant;
use swath_kernels::{Conv, Epilogue, Isa, peak_gflops};

/// Channels in and out, part of the image's side, kernel, stride, how often.
const LAYERS: [(usize, usize, usize, usize, usize, usize); 19] = [
    (4, 64, 1, 7, 2, 1),
    (64, 64, 4, 3, 1, 7),
    (64, 128, 4, 3, 2, 1),
    (128, 128, 8, 3, 1, 8),
    (64, 128, 4, 1, 2, 1),
    (128, 256, 8, 3, 2, 1),
    (256, 256, 16, 3, 1, 12),
    (128, 256, 8, 1, 2, 1),
    (256, 512, 16, 3, 2, 1),
    (512, 512, 32, 3, 1, 5),
    (256, 512, 16, 1, 2, 1),
    (768, 256, 16, 3, 1, 1),
    (384, 128, 8, 3, 1, 1),
    (192, 64, 4, 3, 1, 1),
    (128, 32, 2, 3, 1, 1),
    (32, 32, 2, 3, 1, 1),
    (32, 16, 1, 3, 1, 1),
    (16, 16, 1, 3, 1, 1),
    (16, 5, 1, 3, 1, 1),
];

fn main() {
    let numbers: Vec<usize> =
        std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let threads = numbers.first().copied().unwrap_or(0);
    let layers = numbers.get(1).map_or(0..LAYERS.len(), |&layer| layer..layer + 1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
    pool.install(|| {
        for (batch, side) in [(8, 128), (4, 256)] {
            table(batch, side, layers.clone());
        }
    });
}

/// One layer's name, how often it is there, operations of the plain sum and real ones, and seconds.
struct Row {
    name: String,
    count: usize,
    work: [f64; 2],
    seconds: [f64; 3],
}

fn table(batch: usize, side: usize, layers: std::ops::Range<usize>) {
    let mut rows = Vec::new();
    // The peak is measured beside every layer: on a shared machine it is the best that shows the limit.
    let mut peak: f64 = 0.0;
    for &(inner, outer, part, kernel, stride, count) in &LAYERS[layers] {
        let conv = Conv {
            batch,
            channels: [inner, outer],
            size: [side / part; 2],
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [kernel / 2; 2],
            dilation: [1, 1],
        };
        let name = format!("{count}× {inner}→{outer} {kernel}×{kernel}/{stride} @{}", side / part);
        let name = if conv.is_winograd() { format!("W {name}") } else { name };
        rows.push(Row { name, count, work: work(&conv), seconds: measure(&conv) });
        peak = peak.max(peak_gflops());
    }
    let (isa, threads) = (Isa::current().name(), rayon::current_num_threads());
    println!(
        "\nbatch {batch} of {side}², {isa}, {threads} threads, peak {peak:.0} GFLOP/s\n\
         ms (effective GFLOP/s, real GFLOP/s, real part of the peak)"
    );
    println!(
        "{:>24} {:>24} {:>24} {:>24}",
        "layer", "forward", "image gradient", "weight gradient"
    );
    let cell = |seconds: f64, work: [f64; 2]| {
        let [effective, real] = work.map(|it| it / seconds / 1e9);
        let part = 100.0 * real / peak;
        format!("{:.2} ({effective:.0}, {real:.0}, {part:.0} %)", seconds * 1e3)
    };
    for row in &rows {
        let cells = row.seconds.map(|seconds| cell(seconds, row.work));
        println!("{:>24} {:>24} {:>24} {:>24}", row.name, cells[0], cells[1], cells[2]);
    }
    let work = [0, 1].map(|i| rows.iter().map(|row| row.work[i] * row.count as f64).sum());
    let sums =
        [0, 1, 2].map(|i| rows.iter().map(|row| row.seconds[i] * row.count as f64).sum::<f64>());
    let cells = sums.map(|seconds| cell(seconds, work));
    println!("{:>24} {:>24} {:>24} {:>24}", "all layers", cells[0], cells[1], cells[2]);
    println!("{:>24} {:>24}", "all directions", cell(sums.iter().sum(), work.map(|it| 3.0 * it)));
}

/// Multiplications and additions of one direction: those of the plain sum, and those that are made.
fn work(conv: &Conv) -> [f64; 2] {
    let [rows, cols] = conv.output_size();
    let pairs = 2.0 * (conv.batch * conv.channels[0] * conv.channels[1]) as f64;
    let plain = pairs * (rows * cols * conv.kernel[0] * conv.kernel[1]) as f64;
    let tiles = (rows.div_ceil(4) * cols.div_ceil(4)) as f64;
    [plain, if conv.is_winograd() { pairs * tiles * 36.0 } else { plain }]
}

/// Least seconds of forward, image gradient and weight gradient.
fn measure(conv: &Conv) -> [f64; 3] {
    let fill = |length: usize| {
        (0..length).map(|i| (i * 7919 % 2048) as f32 / 1024.0 - 1.0).collect::<Vec<f32>>()
    };
    let (images, weights) = (fill(conv.images_len()), fill(conv.weights_len()));
    let gradient = fill(conv.output_len());
    let mut out = [gradient.clone(), images.clone(), weights.clone()];
    [
        least(|| conv.forward(&images, &weights, Epilogue::default(), &mut out[0])),
        least(|| conv.image_gradient(&gradient, &weights, &mut out[1])),
        least(|| conv.weight_gradient(&images, &gradient, &mut out[2])),
    ]
}

/// The least of many: what else runs on the machine only adds.
fn least(mut run: impl FnMut()) -> f64 {
    run();
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 7 || (times.len() < 101 && start.elapsed().as_secs_f64() < 0.3) {
        let start = Instant::now();
        run();
        times.push(start.elapsed().as_secs_f64());
    }
    times.into_iter().fold(f64::INFINITY, f64::min)
}
