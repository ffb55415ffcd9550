//! Cross-entropy against values of PyTorch 2.15, `cross_entropy` in float64.

use super::CrossEntropy;

/// `[pixel, class]`
const LOGITS: [[f32; 3]; 32] = [
    [2.54, 0.83, -2.48],
    [-0.7, 0.19, 0.8],
    [0.05, 0.41, -3.1],
    [0.61, -2.29, -0.99],
    [-1.18, 2.48, -1.81],
    [0.0, 0.23, 2.19],
    [-0.0, -0.58, 2.65],
    [-2.63, 3.04, -0.49],
    [1.53, -0.07, 1.26],
    [0.9, -2.18, -0.27],
    [-0.94, -0.61, 0.85],
    [-0.26, -3.43, -1.13],
    [0.76, 1.57, -2.56],
    [-0.39, -0.62, -2.7],
    [-0.36, -1.11, 0.57],
    [-2.18, 1.61, 3.37],
    [0.4, -0.58, 0.98],
    [-0.79, -1.33, 1.34],
    [2.87, -1.79, 0.62],
    [0.36, -1.58, -1.39],
    [0.15, -0.45, -0.29],
    [0.38, -1.77, -0.89],
    [-0.2, 2.25, -0.45],
    [-0.46, -0.42, 1.95],
    [-2.15, 0.16, 2.29],
    [0.75, 2.16, 1.0],
    [-0.14, 2.25, 0.82],
    [1.79, -0.32, 1.01],
    [-0.55, 0.5, -0.02],
    [-2.86, 1.1, -0.11],
    [-0.15, -0.29, -1.01],
    [2.55, -2.67, -0.08],
];

const LABELS: [u8; 32] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 1, 1, 2, 0, 2, 0, 2, 2, 1, 1, 1, 1, 1, 2, 0, 0, 1, 1, 2, 1,
];

const WITH_IGNORED: [u8; 32] = [
    255, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 1, 1, 2, 0, 2, 0, 2, 2, 1, 1, 1, 1, 1, 2, 0, 0, 1, 255,
    255, 1,
];

struct Case {
    weights: [f32; 3],
    smoothing: f64,
    labels: &'static [u8],
    mean: f64,
    /// Of the mean, for the first pixel.
    gradient: [f64; 3],
    /// Root of the sum of all squared gradients.
    norm: f64,
}

const CASES: [Case; 6] = [
    Case {
        weights: [1.0, 1.0, 1.0],
        smoothing: 0.0,
        labels: &LABELS,
        mean: 1.8763329377232294,
        gradient: [-0.004933552766417111, 0.004759745087768639, 0.000173807678648472],
        norm: 0.17583846346986046,
    },
    Case {
        weights: [0.5, 1.0, 2.0],
        smoothing: 0.0,
        labels: &LABELS,
        mean: 1.6948573095099764,
        gradient: [-0.0024667763832085556, 0.0023798725438843194, 8.6903839324236e-05],
        norm: 0.19701656409863297,
    },
    Case {
        weights: [0.5, 1.0, 2.0],
        smoothing: 0.1,
        labels: &LABELS,
        mean: 1.7312822962933554,
        gradient: [0.0003293200990303031, 0.0016555222164022286, -0.0019848423154325326],
        norm: 0.1837014151534717,
    },
    Case {
        weights: [1.0, 1.0, 1.0],
        smoothing: 0.0,
        labels: &WITH_IGNORED,
        mean: 1.996745615049494,
        gradient: [0.0, 0.0, 0.0],
        norm: 0.19045170714975898,
    },
    Case {
        weights: [0.5, 1.0, 2.0],
        smoothing: 0.0,
        labels: &WITH_IGNORED,
        mean: 1.7717425816488974,
        gradient: [0.0, 0.0, 0.0],
        norm: 0.2094407105036025,
    },
    Case {
        weights: [1.0, 1.0, 1.0],
        smoothing: 0.1,
        labels: &WITH_IGNORED,
        mean: 1.9749180288425974,
        gradient: [0.0, 0.0, 0.0],
        norm: 0.17763218411002618,
    },
];

#[test]
fn means_and_gradients_are_those_of_pytorch() {
    for case in &CASES {
        let of = CrossEntropy {
            class_weights: &case.weights,
            label_smoothing: case.smoothing,
            ignore: 255,
        };
        let logits = LOGITS.as_flattened();
        let loss = of.forward(logits, case.labels);
        let mean = loss.sum / loss.weight;
        assert!((mean - case.mean).abs() < 1e-6, "mean {mean}, want {}", case.mean);
        let mut out = vec![f32::NAN; logits.len()];
        of.gradient(logits, case.labels, 1.0 / loss.weight, &mut out);
        for (&got, want) in out.iter().zip(case.gradient) {
            assert!((f64::from(got) - want).abs() < 1e-8, "gradient {got}, want {want}");
        }
        let norm = out.iter().map(|&it| f64::from(it).powi(2)).sum::<f64>().sqrt();
        assert!((norm - case.norm).abs() < 1e-7, "norm {norm}, want {}", case.norm);
    }
}
