//! The two inner loops: everything else is copying.

use pulp::{Arch, Simd, WithSimd};

/// Numbers in a register.
pub(crate) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        fn with_simd<S: Simd>(self, _simd: S) -> usize {
            S::F32_LANES
        }
    }
    dispatch(Lanes)
}

/// Runs `operation` with the widest registers that the machine has.
pub(crate) fn dispatch<O: WithSimd>(operation: O) -> O::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(avx512) = pulp::x86::V4::try_new() {
            return Simd::vectorize(avx512, operation);
        }
        if let Some(avx2) = pulp::x86::V3::try_new() {
            return Simd::vectorize(avx2, operation);
        }
    }
    Arch::new().dispatch(operation)
}

/// Pixels that [`Correlate`] computes together: 24 sums in 32 registers, or 12 in 16.
const PIXELS: usize = 12;
const PIXELS_FEW_REGISTERS: usize = 6;

/// Channels of the output gradient that [`Outer`] computes together.
pub(crate) const CHANNELS: usize = 8;
const CHANNELS_FEW_REGISTERS: usize = 4;

/// Registers along the lanes of [`Outer`].
pub(crate) const OUTER_REGISTERS: usize = 3;

/// Pixels whose values stay in the cache while all panels pass over them.
const PIXELS_IN_CACHE: usize = 64;

/// AVX2 has 16 registers; AVX-512 and NEON have 32.
const LANES_OF_FEW_REGISTERS: usize = 8;

/// Sums of products of image patches and a panel of weights.
///
/// ```text
/// out[pixel][lane] = sum_line sum_j values[windows[pixel] + line * line_step + j] * panel[line][j][lane]
/// ```
pub(crate) struct Correlate<'a> {
    pub values: &'a [f32],
    /// Where the patch of each pixel begins.
    pub windows: &'a [usize],
    /// Lines of a patch.
    pub n_lines: usize,
    /// Values of a line of a patch.
    pub n_line: usize,
    /// Values from one line to the next.
    pub line_step: usize,
    /// `[line, j, lane]`
    pub panel: &'a [f32],
    /// 1 or 2 registers of lanes.
    pub registers: usize,
    /// `[pixel, lane]`
    pub out: &'a mut [f32],
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (self.registers, S::F32_LANES == LANES_OF_FEW_REGISTERS) {
            (1, false) => self.run::<S, PIXELS, 1>(simd),
            (1, true) => self.run::<S, PIXELS_FEW_REGISTERS, 1>(simd),
            (_, false) => self.run::<S, PIXELS, 2>(simd),
            (_, true) => self.run::<S, PIXELS_FEW_REGISTERS, 2>(simd),
        }
    }
}

impl Correlate<'_> {
    #[inline(always)]
    fn run<S: Simd, const P: usize, const R: usize>(self, simd: S) {
        let (panel, _) = S::as_simd_f32s(self.panel).0.as_chunks::<R>();
        let (out, _) = S::as_mut_simd_f32s(self.out).0.as_chunks_mut::<R>();
        for (windows, out) in self.windows.chunks(P).zip(out.chunks_mut(P)) {
            // The last patch stands in for those beyond the end.
            let windows: [usize; P] = std::array::from_fn(|i| windows[i.min(windows.len() - 1)]);
            let mut sums = [[simd.splat_f32s(0.0); R]; P];
            for (line, weights) in panel.chunks_exact(self.n_line).enumerate() {
                let begin = line * self.line_step;
                let patches: [&[f32]; P] =
                    std::array::from_fn(|i| &self.values[windows[i] + begin..][..weights.len()]);
                for (j, weights) in weights.iter().enumerate() {
                    for i in 0..P {
                        let value = simd.splat_f32s(patches[i][j]);
                        for r in 0..R {
                            sums[i][r] = simd.mul_add_e_f32s(value, weights[r], sums[i][r]);
                        }
                    }
                }
            }
            for (out, sums) in out.iter_mut().zip(sums) {
                *out = sums;
            }
        }
        debug_assert_eq!(panel.len(), self.n_lines * self.n_line);
    }
}

/// Sums over pixels of the products of channels and image patches.
///
/// ```text
/// out[panel][channel][lane] = sum_pixel gradient[pixel * gradient_step + channel]
///                             * values[windows[pixel] + offset + panel * lanes + lane]
/// ```
pub(crate) struct Outer<'a> {
    /// Begins at the first of the [`CHANNELS`] channels of the first pixel.
    pub gradient: &'a [f32],
    /// Values from one pixel to the next.
    pub gradient_step: usize,
    pub values: &'a [f32],
    pub windows: &'a [usize],
    pub offset: usize,
    /// `[panel, channel, lane]`, with [`OUTER_REGISTERS`] registers of lanes; zeros before.
    pub out: &'a mut [f32],
}

impl WithSimd for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::F32_LANES == LANES_OF_FEW_REGISTERS {
            self.run::<S, CHANNELS_FEW_REGISTERS>(simd);
        } else {
            self.run::<S, CHANNELS>(simd);
        }
    }
}

impl Outer<'_> {
    #[inline(always)]
    fn run<S: Simd, const C: usize>(self, simd: S) {
        const R: usize = OUTER_REGISTERS;
        let (out, _) = S::as_mut_simd_f32s(self.out).0.as_chunks_mut::<R>();
        let gradients = self.gradient.chunks(self.gradient_step * PIXELS_IN_CACHE);
        for (gradient, windows) in gradients.zip(self.windows.chunks(PIXELS_IN_CACHE)) {
            for (block, out) in out.chunks_exact_mut(C).enumerate() {
                let (panel, block) = (block / (CHANNELS / C), block % (CHANNELS / C));
                let offset = self.offset + panel * R * S::F32_LANES;
                let mut sums: [[S::f32s; R]; C] = std::array::from_fn(|c| out[c]);
                for (gradient, window) in gradient.chunks(self.gradient_step).zip(windows) {
                    let (gradient, _) =
                        gradient[block * C..].split_first_chunk::<C>().expect("a block");
                    let values = &self.values[window + offset..][..R * S::F32_LANES];
                    let (values, _) = S::as_simd_f32s(values);
                    let values: [S::f32s; R] = std::array::from_fn(|r| values[r]);
                    for c in 0..C {
                        let gradient = simd.splat_f32s(gradient[c]);
                        for r in 0..R {
                            sums[c][r] = simd.mul_add_e_f32s(gradient, values[r], sums[c][r]);
                        }
                    }
                }
                out.copy_from_slice(&sums);
            }
        }
    }
}
