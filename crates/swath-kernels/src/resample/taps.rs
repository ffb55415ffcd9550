//! Weighted sums along rows or columns.

/// For each output, the inputs that it is a sum of, and their factors.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Taps {
    /// Where the taps of an output begin; one more than there are outputs.
    starts: Vec<usize>,
    taps: Vec<(usize, f32)>,
}

impl Taps {
    /// The taps of one output after the other.
    pub fn new<I: IntoIterator<Item = (usize, f32)>>(outputs: impl Iterator<Item = I>) -> Self {
        let mut starts = vec![0];
        let mut taps = Vec::new();
        for output in outputs {
            taps.extend(output);
            starts.push(taps.len());
        }
        Self { starts, taps }
    }

    /// The taps of the gradient of `n_inputs` inputs: outputs and inputs swapped.
    pub fn transposed(&self, n_inputs: usize) -> Self {
        let mut inputs = vec![Vec::new(); n_inputs];
        for output in 0..self.len() {
            for &(input, factor) in self.of(output) {
                inputs[input].push((output, factor));
            }
        }
        Self::new(inputs.into_iter())
    }

    /// The number of outputs.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The taps of one output.
    #[inline(always)]
    pub fn of(&self, output: usize) -> &[(usize, f32)] {
        &self.taps[self.starts[output]..self.starts[output + 1]]
    }
}
