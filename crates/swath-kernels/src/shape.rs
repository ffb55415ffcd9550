//! Numbers of shapes. Slices are checked against them once, at the entry of each kernel, and are read
//! without checks behind it: so nothing here may wrap.

use std::fmt::Debug;

/// Most bytes of a slice.
const MOST: usize = isize::MAX as usize;

/// How many values a tensor of these dimensions has.
///
/// # Panics
/// If they take more bytes than the address space.
#[track_caller]
pub(crate) fn count<const N: usize>(shape: [usize; N]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    let n_values = shape.iter().try_fold(1, |all: usize, &length| all.checked_mul(length));
    let fits = n_values.filter(|&it| it <= MOST / size_of::<f32>());
    fits.unwrap_or_else(|| panic!("{shape:?} values are larger than the address space"))
}

/// Rows or columns that a kernel spans, of at least one element.
///
/// # Panics
/// As [`count`].
#[track_caller]
pub(crate) fn span(kernel: usize, dilation: usize) -> usize {
    count([kernel - 1, dilation]) + 1
}

/// Rows or columns of an image with its padding.
///
/// # Panics
/// As [`count`].
#[track_caller]
pub(crate) fn padded(size: usize, padding: usize) -> usize {
    let all = count([padding, 2]).checked_add(size).filter(|&it| it <= MOST);
    all.unwrap_or_else(|| {
        panic!("{size} and {padding} around it are larger than the address space")
    })
}

/// Checks that the slice of this name has the length that `shape` says.
///
/// # Panics
/// If it has not.
#[track_caller]
pub(crate) fn check_length(shape: &impl Debug, name: &str, slice: &[f32], expected: usize) {
    assert_eq!(slice.len(), expected, "numbers in the {name} and in its shape, for {shape:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::*;

    /// A quarter of the numbers that a `usize` can count, and one: four times this is 4.
    const WRAPS: usize = usize::MAX / 4 + 2;

    const CONV: Conv = Conv {
        batch: 1,
        channels: [1, 1],
        size: [1, 1],
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
    };

    #[track_caller]
    fn assert_refused(run: impl FnOnce() + std::panic::UnwindSafe) {
        let panic = std::panic::catch_unwind(run).expect_err("its lengths wrap");
        let text = panic.downcast_ref::<String>().map_or("", String::as_str);
        assert!(text.contains("larger than the address space"), "{text}");
    }

    #[test]
    fn counts_that_fit_are_products() {
        assert_eq!(count([2, 3, 5]), 30);
        assert_eq!(count([usize::MAX, 0, usize::MAX]), 0);
        assert_eq!((span(3, 36), span(1, 7), padded(5, 2)), (73, 1, 9));
        assert_eq!(count([MOST / 4]), MOST / 4);
    }

    #[test]
    fn lengths_that_wrap_are_refused() {
        assert_refused(|| _ = count([MOST / 4 + 1]));
        assert_refused(|| _ = padded(usize::MAX, 1));
        let (one, four) = ([0.0; 1], [0.0; 4]);
        // Each of these has as many numbers as the slices if its product wraps.
        for conv in [
            Conv { batch: 4, size: [WRAPS, 1], ..CONV },
            Conv { channels: [WRAPS, 4], ..CONV },
            Conv { padding: [usize::MAX / 2 + 1, 0], ..CONV },
            Conv { kernel: [WRAPS, 4], size: [WRAPS, 4], ..CONV },
            Conv { kernel: [3, 1], dilation: [usize::MAX / 2 + 1, 1], ..CONV },
        ] {
            let run = |images: &[f32], weights: &[f32], out: &mut [f32]| {
                conv.forward(images, weights, Epilogue::default(), out);
            };
            assert_refused(|| run(&four, &four, &mut [0.0; 4]));
            assert_refused(|| run(&one, &one, &mut [0.0; 1]));
        }
        let transposed = TransposedConv {
            batch: 1,
            channels: [1, 1],
            size: [1, WRAPS],
            kernel: [1, 1],
            stride: [1, 4],
            padding: [0, 0],
            output_padding: [0, 0],
            dilation: [1, 1],
        };
        assert_refused(|| _ = transposed.output_size());
        let window = Window {
            batch: 4,
            size: [WRAPS, 1],
            channels: 1,
            kernel: [1, 1],
            stride: [1, 1],
            padding: [0, 0],
        };
        assert_refused(|| MaxPool(window).forward(&four, &mut [0.0; 4], None));
        assert_refused(|| transpose([WRAPS, 4], &four, &mut [0.0; 4]));
        assert_refused(|| global_average(WRAPS, 4, &four, &mut [0.0; 4]));
        let of = Upsample {
            batch: 4,
            size: [WRAPS, 1],
            channels: 1,
            output_size: [WRAPS, 1],
            interpolation: Interpolation::Nearest,
        };
        assert_refused(|| of.forward(&four, &mut [0.0; 4]));
    }
}
