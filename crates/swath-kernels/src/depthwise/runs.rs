//! Which pixels meet which elements of the kernel, along rows or columns.

/// A convolution along one axis.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub input: usize,
    pub output: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub dilation: usize,
}

/// For each target, the sources that it is a sum of.
pub(super) struct Taps {
    pub targets: usize,
    pub sources: usize,
    /// Elements of the kernel.
    pub kernel: usize,
    /// For each target its taps: element of the kernel, and source.
    taps: Vec<Vec<(usize, usize)>>,
    /// All targets.
    pub runs: Vec<Run>,
}

/// Targets at equal distance whose taps are of the same elements of the kernel.
pub(super) struct Run {
    pub first: usize,
    /// From one target to the next.
    pub step: usize,
    pub count: usize,
    /// The taps of the first target.
    pub taps: Vec<(usize, usize)>,
    /// From the source of one target to that of the next, for each tap.
    pub source_step: usize,
}

impl Axis {
    /// Outputs as sums of inputs.
    pub fn forward(self) -> Taps {
        let of = |output: usize, element: usize| {
            let input =
                (output * self.stride + element * self.dilation).checked_sub(self.padding)?;
            (input < self.input).then_some(input)
        };
        Taps::new([self.output, self.input], self.kernel, of, [1, self.stride])
    }

    /// Gradients of inputs as sums of gradients of outputs.
    pub fn gradient(self) -> Taps {
        let of = |input: usize, element: usize| {
            let distance = (input + self.padding).checked_sub(element * self.dilation)?;
            let output = distance / self.stride;
            (distance.is_multiple_of(self.stride) && output < self.output).then_some(output)
        };
        Taps::new([self.input, self.output], self.kernel, of, [self.stride, 1])
    }
}

impl Taps {
    fn new(
        [targets, sources]: [usize; 2],
        kernel: usize,
        source: impl Fn(usize, usize) -> Option<usize>,
        [step, source_step]: [usize; 2],
    ) -> Self {
        let taps = (0..targets).map(|target| {
            let taps = (0..kernel).filter_map(|element| Some((element, source(target, element)?)));
            taps.collect()
        });
        let taps: Vec<Vec<(usize, usize)>> = taps.collect();
        let mut runs: Vec<Run> = Vec::new();
        for phase in 0..step.min(targets) {
            let mut is_new = true;
            for first in (phase..targets).step_by(step) {
                let elements =
                    |taps: &[(usize, usize)]| taps.iter().map(|it| it.0).collect::<Vec<_>>();
                match runs.last_mut() {
                    Some(run) if !is_new && elements(&run.taps) == elements(&taps[first]) => {
                        run.count += 1;
                    }
                    _ => {
                        let taps = taps[first].clone();
                        runs.push(Run { first, step, count: 1, taps, source_step });
                    }
                }
                is_new = false;
            }
        }
        Self { targets, sources, kernel, taps, runs }
    }

    pub fn of(&self, target: usize) -> &[(usize, usize)] {
        &self.taps[target]
    }
}
