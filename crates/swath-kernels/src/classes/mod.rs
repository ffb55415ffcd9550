//! Logits of classes, `[pixel, class]`: probabilities, the most probable class, and cross-entropy.

mod tile;

mod softmax;

mod cross_entropy;

mod per_pixel;

mod sums;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod pytorch;

pub use cross_entropy::{CrossEntropy, WeightedLoss};
pub use per_pixel::per_pixel;
pub use softmax::{argmax, softmax};
pub use sums::{class_sums, class_sums_gradient, softmax_gradient};

/// A type that holds the index of a class, or a value that stands for no class.
pub trait ClassIndex: Copy + Send + Sync {
    /// The index as a number.
    fn number(self) -> i64;

    /// The index of a class.
    ///
    /// # Panics
    /// If the type is too small for it.
    fn of(class: usize) -> Self;
}

macro_rules! class_index {
    ($($number:ty),*) => {$(
        impl ClassIndex for $number {
            #[inline(always)]
            fn number(self) -> i64 {
                i64::from(self)
            }

            #[inline(always)]
            fn of(class: usize) -> Self {
                match <$number>::try_from(class) {
                    Ok(index) => index,
                    Err(_) => panic!("class {class} does not fit into {}", stringify!($number)),
                }
            }
        }
    )*};
}

class_index!(u8, i32, i64);
