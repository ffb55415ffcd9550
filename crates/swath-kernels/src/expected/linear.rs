//! Linear maps as lists of their entries, and derivatives by differences.

/// Entries of a linear map: `(output, input, factor)`.
///
/// One list is the reference of an operation and of its gradient, which is the transposed map.
pub struct Linear(pub Vec<(usize, usize, f64)>);

impl Linear {
    /// `output[o] = sum factor * input[i]`
    pub fn forward(&self, input: &[f32], n_output: usize) -> Vec<f64> {
        let mut output = vec![0.0; n_output];
        for &(to, from, factor) in &self.0 {
            output[to] += factor * f64::from(input[from]);
        }
        output
    }

    /// `input[i] = sum factor * output[o]`
    pub fn backward(&self, output: &[f32], n_input: usize) -> Vec<f64> {
        let mut input = vec![0.0; n_input];
        for &(to, from, factor) in &self.0 {
            input[from] += factor * f64::from(output[to]);
        }
        input
    }
}

/// The derivative of `function` at `values`, by central differences.
pub fn derivative(values: &[f64], function: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-5;
    let mut values = values.to_vec();
    (0..values.len())
        .map(|index| {
            let value = values[index];
            values[index] = value + step;
            let above = function(&values);
            values[index] = value - step;
            let below = function(&values);
            values[index] = value;
            (above - below) / (2.0 * step)
        })
        .collect()
}
