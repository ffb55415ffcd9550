//! Percentiles of many values in little memory.

/// Values between two bounds, counted in bins.
pub(super) struct Histogram {
    min: f64,
    max: f64,
    counts: Vec<u64>,
}

impl Histogram {
    /// With the bounds at the centres of the outer bins, whole numbers of a range of 255 or 65535
    /// lie on centres, too.
    const N_BINS: usize = 65_536;

    pub(super) fn new(min: f64, max: f64) -> Self {
        Self { min, max, counts: vec![0; Self::N_BINS] }
    }

    /// Counts a value between the bounds.
    pub(super) fn add(&mut self, value: f64) {
        let place = (value - self.min) / (self.max - self.min) * (Self::N_BINS - 1) as f64;
        // A range of 0 gives a place that is not a number, which becomes bin 0.
        self.counts[(place.round() as usize).min(Self::N_BINS - 1)] += 1;
    }

    /// The smallest bin centre that at least `fraction` of the values do not exceed.
    pub(super) fn percentile(&self, fraction: f64) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let rank = ((total as f64 * fraction).ceil() as u64).max(1);
        let mut n_below = 0;
        let bin = self.counts.iter().position(|count| {
            n_below += count;
            rank <= n_below
        });
        let place = bin.unwrap_or(0) as f64 / (Self::N_BINS - 1) as f64;
        self.min + place * (self.max - self.min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], fraction: f64, want: f64) {
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut histogram = Histogram::new(min, max);
        values.iter().for_each(|&value| histogram.add(value));
        let bin = (max - min) / 65_535.0;
        let got = histogram.percentile(fraction);
        assert!((got - want).abs() <= 0.5 * bin + 1e-12, "got {got}, want {want}");
    }

    // Nearest rank: of 100 values, 2 % is the 2nd and 98 % the 98th.
    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let values: Vec<f64> = (0..100).rev().map(|value| f64::from(value * value)).collect();
        check(&values, 0.02, 1.0);
        check(&values, 0.98, 97.0 * 97.0);
        check(&values, 1.0, 99.0 * 99.0);
        check(&values, 0.0, 0.0);
        check(&[7.0; 3], 0.5, 7.0);
        check(&[0.0, 255.0, 3.0, 3.0, 3.0], 0.5, 3.0);
    }
}
