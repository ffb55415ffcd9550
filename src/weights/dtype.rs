//! The number types of weight files.

use super::Values;

/// Type of the numbers of a tensor in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dtype {
    /// Real, 64 bits.
    F64,
    /// Real, 32 bits.
    F32,
    /// Real, 16 bits, of IEEE 754.
    F16,
    /// Real: the upper half of 32 bits.
    BF16,
    /// Whole, 64 bits.
    I64,
    /// Whole, 32 bits.
    I32,
    /// Whole, 16 bits.
    I16,
    /// Whole, 8 bits.
    I8,
    /// Whole without sign, 8 bits.
    U8,
    /// 0 or 1, in a byte.
    Bool,
}

impl Dtype {
    const ALL: [Self; 10] = [
        Self::F64,
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::I64,
        Self::I32,
        Self::I16,
        Self::I8,
        Self::U8,
        Self::Bool,
    ];

    /// The name in the safetensors format.
    pub fn name(self) -> &'static str {
        match self {
            Self::F64 => "F64",
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::I64 => "I64",
            Self::I32 => "I32",
            Self::I16 => "I16",
            Self::I8 => "I8",
            Self::U8 => "U8",
            Self::Bool => "BOOL",
        }
    }

    /// The name of PyTorch's class of stored numbers.
    fn storage_name(self) -> &'static str {
        match self {
            Self::F64 => "DoubleStorage",
            Self::F32 => "FloatStorage",
            Self::F16 => "HalfStorage",
            Self::BF16 => "BFloat16Storage",
            Self::I64 => "LongStorage",
            Self::I32 => "IntStorage",
            Self::I16 => "ShortStorage",
            Self::I8 => "CharStorage",
            Self::U8 => "ByteStorage",
            Self::Bool => "BoolStorage",
        }
    }

    /// The type that the safetensors format calls `name`.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The type of the numbers in PyTorch's class `name`.
    pub(super) fn of_storage(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.storage_name() == name)
    }

    /// Bytes of one number.
    pub fn n_bytes(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Real numbers become `F32`, whole ones `I64`. All but `F64` keep their value; those are
    /// rounded to the nearest.
    ///
    /// # Errors
    ///
    /// The first number that is finite in `F64` and not in `F32`.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<Values, f64> {
        Ok(match self {
            Self::F64 => {
                let wide = numbers(bytes, f64::from_le_bytes);
                let is_lost = |it: &&f64| it.is_finite() && !(**it as f32).is_finite();
                if let Some(&lost) = wide.iter().find(is_lost) {
                    return Err(lost);
                }
                Values::F32(wide.into_iter().map(|it| it as f32).collect())
            }
            Self::F32 => Values::F32(numbers(bytes, f32::from_le_bytes)),
            Self::F16 => Values::F32(numbers(bytes, |it| of_half(u16::from_le_bytes(it)))),
            Self::BF16 => {
                Values::F32(numbers(bytes, |[low, high]| f32::from_le_bytes([0, 0, low, high])))
            }
            Self::I64 => Values::I64(numbers(bytes, i64::from_le_bytes)),
            Self::I32 => Values::I64(numbers(bytes, |it| i32::from_le_bytes(it).into())),
            Self::I16 => Values::I64(numbers(bytes, |it| i16::from_le_bytes(it).into())),
            Self::I8 => Values::I64(numbers(bytes, |it| i8::from_le_bytes(it).into())),
            Self::U8 => Values::I64(numbers(bytes, |[it]| it.into())),
            Self::Bool => Values::I64(numbers(bytes, |[it]| i64::from(it != 0))),
        })
    }
}

fn numbers<T, const N: usize>(bytes: &[u8], from_bytes: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|&it| from_bytes(it)).collect()
}

/// The value of a 16-bit real number: sign, 5 bits of exponent with bias 15, 10 bits of fraction.
fn of_half(bits: u16) -> f32 {
    let fraction = f32::from(bits & 0x3ff);
    let size = match bits >> 10 & 0x1f {
        0 => fraction * 2.0f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        exponent => (1024.0 + fraction) * 2.0f32.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dtype: Dtype, bytes: &[u8], want: Values) {
        assert_eq!(dtype.decode(bytes), Ok(want), "{dtype:?}");
    }

    // The bits are those of the formats' definitions.
    #[test]
    fn numbers_of_all_types_are_read() {
        check(Dtype::F64, &1.5f64.to_le_bytes(), Values::F32(vec![1.5]));
        check(Dtype::F64, &f64::INFINITY.to_le_bytes(), Values::F32(vec![f32::INFINITY]));
        check(Dtype::F32, &(-0.1f32).to_le_bytes(), Values::F32(vec![-0.1]));
        check(Dtype::BF16, &[0x80, 0xbf, 0x49, 0x40], Values::F32(vec![-1.0, 3.140625]));
        check(Dtype::I64, &i64::MIN.to_le_bytes(), Values::I64(vec![i64::MIN]));
        check(Dtype::I32, &[0xfe, 0xff, 0xff, 0xff], Values::I64(vec![-2]));
        check(Dtype::I16, &[0xfe, 0xff, 1, 2], Values::I64(vec![-2, 513]));
        check(Dtype::I8, &[0xff, 3], Values::I64(vec![-1, 3]));
        check(Dtype::U8, &[0xff, 3], Values::I64(vec![255, 3]));
        check(Dtype::Bool, &[0, 1], Values::I64(vec![0, 1]));
    }

    #[test]
    fn numbers_that_single_precision_cannot_hold_are_told() {
        assert_eq!(Dtype::F64.decode(&1e300f64.to_le_bytes()), Err(1e300));
    }

    // Examples of IEEE 754-2008: 1, -2, largest, smallest normal, smallest, 1/3 rounded.
    #[test]
    fn halves_keep_their_value() {
        for (bits, want) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(of_half(bits), want, "{bits:#x}");
        }
        assert!(of_half(0x7e00).is_nan() && of_half(0x8000).is_sign_negative());
    }

    #[test]
    fn names_lead_back_to_the_type() {
        for dtype in Dtype::ALL {
            assert_eq!(Dtype::of_name(dtype.name()), Some(dtype));
            assert_eq!(Dtype::of_storage(dtype.storage_name()), Some(dtype));
        }
        assert_eq!(Dtype::of_name("C64"), None);
    }
}
