//! Axes: from values to positions, with ticks at round numbers.

/// A straight axis from a range of values to a range of positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Lowest and highest value.
    pub(super) values: [f64; 2],
    /// Their positions on the drawing.
    pub(super) positions: [f64; 2],
}

impl Axis {
    /// Position of `value`; values beyond the ends are put at the ends.
    pub(super) fn at(&self, value: f64) -> f64 {
        let ([low, high], [start, end]) = (self.values, self.positions);
        let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
        start + share * (end - start)
    }

    /// Round values of the axis, about `n` of them, with their labels.
    pub(super) fn ticks(&self, n: usize) -> Vec<(f64, String)> {
        let [low, high] = self.values;
        let step = round_step((high - low) / n as f64);
        let (first, last) =
            ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
        (first..=last).map(|k| k as f64 * step).map(|value| (value, label(value, step))).collect()
    }

    /// As [`Self::ticks`], whole numbers only.
    pub(super) fn whole_ticks(&self, n: usize) -> Vec<(f64, String)> {
        let whole = |(value, _): &(f64, String)| value.fract() == 0.0;
        let ticks = self.ticks(n).into_iter().filter(whole);
        ticks.map(|(value, _)| (value, format!("{value}"))).collect()
    }
}

/// The next of 1, 2, 5 times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| step <= factor * power * (1.0 + 1e-9));
    factor.unwrap_or(10.0) * power
}

fn label(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-3..1e6).contains(&step) {
        return format!("{value:.1e}").replace(".0e", "e");
    }
    let n_decimals = (-step.log10().floor()).max(0.0) as usize;
    format!("{value:.n_decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: [f64; 2], n: usize, wanted: &[&str]) {
        let axis = Axis { values, positions: [0.0, 1.0] };
        let labels: Vec<_> = axis.ticks(n).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, wanted);
    }

    #[test]
    fn ticks_are_round_numbers() {
        check([0.0, 1.0], 5, &["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check([0.0, 1e-3], 4, &["0", "5e-4", "1e-3"]);
        check([3.0, 27.0], 4, &["10", "20"]);
        check([0.0, 0.034], 4, &["0", "0.01", "0.02", "0.03"]);
    }

    #[test]
    fn whole_ticks_have_no_fraction() {
        let axis = Axis { values: [0.0, 2.0], positions: [0.0, 100.0] };
        let labels: Vec<_> = axis.whole_ticks(8).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0", "1", "2"]);
    }

    #[test]
    fn values_beyond_the_ends_stay_inside() {
        let axis = Axis { values: [0.0, 2.0], positions: [100.0, 0.0] };
        assert_eq!([-1.0, 0.0, 0.5, 9.0].map(|it| axis.at(it)), [100.0, 100.0, 75.0, 0.0]);
    }
}
