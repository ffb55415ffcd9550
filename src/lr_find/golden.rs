//! Range tests and suggestions against those of other programs.

use serde_json::Value;

use super::{
    LossCurve, Rule, Smoother, Smoothing, Spacing, Stopping, Sweep, SweepRates, Verdict, Watch,
    cycle_range, suggest, valley::valley,
};

const GOLDEN: &str = include_str!("../../tests/golden/lr_finder.json");

const N_INPUTS: usize = 3;

fn golden() -> Value {
    serde_json::from_str(GOLDEN).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[track_caller]
fn check_close(what: &str, found: f64, wanted: f64) {
    assert!((found - wanted).abs() <= 1e-12 * wanted.abs(), "{what}: {found}, want {wanted}");
}

/// Rows of inputs with a label of 0 or 1.
type Rows = [([f64; N_INPUTS], f64)];

/// `logit = weights . x + bias`, from zeros.
#[derive(Default)]
struct LogisticRegression {
    weights: [f64; N_INPUTS],
    bias: f64,
}

impl LogisticRegression {
    /// A step of gradient descent on all rows, in `n_parts` with a mean each. Returns the mean of
    /// `max(z, 0) - z y + ln(1 + exp(-|z|))` before the step.
    fn train(&mut self, rows: &Rows, n_parts: usize, lr: f64) -> f64 {
        let (mut loss, mut d_weights, mut d_bias) = (0.0, [0.0; N_INPUTS], 0.0);
        for part in rows.chunks(rows.len() / n_parts) {
            let share = 1.0 / (part.len() * n_parts) as f64;
            for (x, y) in part {
                let logit = self.bias + x.iter().zip(self.weights).map(|(x, w)| x * w).sum::<f64>();
                loss += share * (logit.max(0.0) - logit * y + (-logit.abs()).exp().ln_1p());
                let d_logit = share * (1.0 / (1.0 + (-logit).exp()) - y);
                for (d_weight, x) in d_weights.iter_mut().zip(x) {
                    *d_weight += d_logit * x;
                }
                d_bias += d_logit;
            }
        }
        for (weight, d_weight) in self.weights.iter_mut().zip(d_weights) {
            *weight -= lr * d_weight;
        }
        self.bias -= lr * d_bias;
        loss
    }
}

#[track_caller]
fn check_range_test(name: &str, rates: &SweepRates, smoothing: Smoothing, n_parts: usize) {
    let golden = golden();
    let inputs: Vec<[f64; N_INPUTS]> = serde_json::from_value(golden["data"]["X"].clone()).unwrap();
    let rows: Vec<_> = inputs.into_iter().zip(numbers(&golden["data"]["y"])).collect();
    let case = &golden["range_tests"][name];
    let (lr, loss) = (numbers(&case["lr"]), numbers(&case["loss"]));
    assert_eq!((lr.len(), loss.len()), (rates.n_iterations, rates.n_iterations));

    let mut model = LogisticRegression::default();
    let mut watch = Watch::new(smoothing, Stopping::PytorchLrFinder);
    for iteration in 0..rates.n_iterations {
        let what = format!("{name} {iteration}");
        check_close(&what, rates.lr(iteration), lr[iteration]);
        let reading = watch.push(model.train(&rows, n_parts, rates.lr(iteration)));
        check_close(&what, reading.smoothed_loss, loss[iteration]);
        assert_eq!(reading.verdict, Verdict::GoOn, "{what}");
    }
}

#[test]
fn range_tests_agree_with_torch_lr_finder() {
    let exponential = SweepRates {
        sweep: Sweep::Exponential,
        spacing: Spacing::PytorchLrFinder,
        start_lr: 0.001,
        end_lr: 100.0,
        n_iterations: 60,
    };
    let linear = SweepRates { sweep: Sweep::Linear, end_lr: 30.0, ..exponential.clone() };
    check_range_test("exp_smooth05", &exponential, Smoothing::PytorchLrFinder, 1);
    check_range_test("exp_accum2_bs16", &exponential, Smoothing::PytorchLrFinder, 2);
    check_range_test("exp_nosmooth", &exponential, Smoothing::None, 1);
    check_range_test("exp_diverge1p5", &exponential, Smoothing::None, 1);
    check_range_test("linear", &linear, Smoothing::PytorchLrFinder, 1);
}

#[test]
fn rates_and_smoothing_agree_with_fastai() {
    let golden = &golden()["suggestions"];
    let rates = SweepRates {
        sweep: Sweep::Exponential,
        spacing: Spacing::Fastai,
        start_lr: 1e-7,
        end_lr: 10.0,
        n_iterations: 100,
    };
    for (iteration, lr) in numbers(&golden["lrs"]).into_iter().enumerate() {
        check_close(&iteration.to_string(), rates.lr(iteration), lr);
    }
    let mut smoother = Smoother::new(Smoothing::Fastai);
    let raw = numbers(&golden["raw_loss"]);
    for (raw, wanted) in raw.into_iter().zip(numbers(&golden["fastai_smoothed_loss"])) {
        check_close(&raw.to_string(), smoother.push(raw), wanted);
    }
}

fn curve(loss_name: &str) -> LossCurve {
    let golden = &golden()["suggestions"];
    LossCurve::new(numbers(&golden["lrs"]), numbers(&golden[loss_name]), 100).unwrap()
}

#[track_caller]
fn check_suggestions(loss_name: &str, expected_name: &str) {
    let expected = &golden()["suggestions"]["expected"][expected_name];
    let cases = [
        (Rule::Steepest, "torch_lr_finder", 10),
        (Rule::Steep, "fastai_steep", 10),
        (Rule::Valley, "fastai_valley", 10),
        (Rule::Slide, "fastai_slide", 10),
        (Rule::MinimumTenth, "fastai_minimum", 10),
        (Rule::Arcgis, "arcgis_learn", 5),
    ];
    for (rule, name, n_trimmed) in cases {
        let found = suggest(rule, &curve(loss_name)).unwrap();
        let wanted = &expected[name];
        let wanted_lr = wanted.as_f64().or(wanted["lr"].as_f64()).unwrap();
        assert_eq!(found.lr, wanted_lr, "{loss_name} {name}");
        if let Some(index) = wanted["idx_in_trimmed"].as_u64() {
            let index = usize::try_from(index).unwrap();
            assert_eq!(found.index, n_trimmed + index, "{loss_name} {name}");
        }
    }
}

#[test]
fn suggestions_agree_with_the_libraries() {
    check_suggestions("raw_loss", "raw");
    check_suggestions("fastai_smoothed_loss", "smoothed");
}

#[test]
fn valleys_without_a_bottom_agree_with_fastai() {
    let golden = &golden()["suggestions"];
    let lr = numbers(&golden["lrs"]);
    let increasing: Vec<f64> = (0..100).map(f64::from).collect();
    let cases = [
        ("monotone_decreasing", numbers(&golden["edge_cases"]["monotone_decreasing"]["loss"])),
        ("flat", numbers(&golden["edge_cases"]["flat"]["loss"])),
        ("increasing", increasing),
    ];
    for (name, loss) in cases {
        let wanted = &golden["edge_cases"][name]["valley"];
        assert_eq!(Some(valley(&loss) as u64), wanted[1].as_u64(), "{name}");
        assert_eq!(Some(lr[valley(&loss)]), wanted[0].as_f64(), "{name}");
    }
}

// By numpy: max = lr at the lowest loss of points 10 to 94, divided by 10. The fall begins at
// 7.6e-5 or 2.3e-4, which is below a thirtieth of it.
#[test]
fn the_range_of_the_curves_is_the_widest() {
    let check = |loss_name: &str, base_lr: f64, max_lr: f64| {
        let found = cycle_range(&curve(loss_name)).unwrap();
        check_close(loss_name, found.base_lr, base_lr);
        check_close(loss_name, found.max_lr, max_lr);
    };
    check("raw_loss", 0.000_230_610_323_639_645_43, 0.006_918_309_709_189_363);
    check("fastai_smoothed_loss", 0.001_006_650_573_467_339_6, 0.030_199_517_204_020_19);
}
