//! The transforms of F(4×4, 3×3) along one axis, on vectors of channels.
//!
//! A row of four outputs of a three-tap kernel is `Aᵀ[(G·kernel) ⊙ (Bᵀ·input)]`. Its gradients are the
//! transposes of the same matrices. For the interpolation points 0, ±a, ±b and ∞:
//!
//! ```text
//! Bᵀ = | a²b²    0  -a²-b²      0   1   0 |      G = | 1/a²b²     0       0     |
//!      |    0 -ab²    -b²       a   1   0 |          |  c_a     a·c_a   a²·c_a |
//!      |    0  ab²    -b²      -a   1   0 |          |  c_a    -a·c_a   a²·c_a |
//!      |    0 -ba²    -a²       b   1   0 |          |  c_b     b·c_b   b²·c_b |
//!      |    0  ba²    -a²      -b   1   0 |          |  c_b    -b·c_b   b²·c_b |
//!      |    0 a²b²       0 -a²-b²   0   1 |          |    0       0       1    |
//!
//! Aᵀ = | 1   1    1   1    1  0 |      c_a = 1 / 2a²(a² - b²)
//!      | 0   a   -a   b   -b  0 |      c_b = 1 / 2b²(b² - a²)
//!      | 0  a²   a²  b²   b²  0 |
//!      | 0  a³  -a³  b³  -b³  1 |
//! ```
//!
//! The usual points are a = 1 and b = 2. With 5/8 and 3/2 the numbers in the matrices differ less in
//! size, those of A and B are exact in `f32`, and the rounding error is half as large.
//!
//! Sources: Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", section 4.3;
//! for other points, Barabasz et al. 2020, "Error Analysis and Improving the Accuracy of Winograd
//! Convolution for Deep Neural Networks".

use crate::simd::Vector;

/// The nearer points, and their powers.
const A1: f64 = 0.625;
const A2: f64 = A1 * A1;
const A3: f64 = A2 * A1;

/// The farther points, and their powers.
const B1: f64 = 1.5;
const B2: f64 = B1 * B1;
const B3: f64 = B2 * B1;

/// Scales of the weights of each point.
const OF_ZERO: f64 = 1.0 / (A2 * B2);
const OF_A: f64 = 1.0 / (2.0 * A2 * (A2 - B2));
const OF_B: f64 = 1.0 / (2.0 * B2 * (B2 - A2));

#[inline(always)]
fn splat<V: Vector>(value: f64) -> V {
    V::splat(value as f32)
}

/// `even + factor·odd` and `even - factor·odd`.
#[inline(always)]
fn pair<V: Vector>(even: V, odd: V, factor: f64) -> [V; 2] {
    let factor = splat(factor);
    [odd.mul_add(factor, even), odd.neg_mul_add(factor, even)]
}

/// `Bᵀ`: six inputs.
#[inline(always)]
pub(super) fn input<V: Vector>(d: [V; 6]) -> [V; 6] {
    let (a2, b2) = (splat::<V>(A2), splat::<V>(B2));
    let (outer, middle) = (splat::<V>(A2 * B2), splat::<V>(A2 + B2));
    let near = pair(d[2].neg_mul_add(b2, d[4]), d[1].neg_mul_add(b2, d[3]), A1);
    let far = pair(d[2].neg_mul_add(a2, d[4]), d[1].neg_mul_add(a2, d[3]), B1);
    [
        d[0].mul_add(outer, d[2].neg_mul_add(middle, d[4])),
        near[0],
        near[1],
        far[0],
        far[1],
        d[1].mul_add(outer, d[3].neg_mul_add(middle, d[5])),
    ]
}

/// `Aᵀ`: from six products to four outputs.
#[inline(always)]
pub(super) fn output<V: Vector>(m: [V; 6]) -> [V; 4] {
    let (sum, difference) = (m[1].add(m[2]), m[1].sub(m[2]));
    let (far_sum, far_difference) = (m[3].add(m[4]), m[3].sub(m[4]));
    [
        m[0].add(sum.add(far_sum)),
        far_difference.mul_add(splat(B1), difference.mul(splat(A1))),
        far_sum.mul_add(splat(B2), sum.mul(splat(A2))),
        far_difference.mul_add(splat(B3), difference.mul_add(splat(A3), m[5])),
    ]
}

/// `A`: from four output gradients to six.
#[inline(always)]
pub(super) fn gradient<V: Vector>(d: [V; 4]) -> [V; 6] {
    let (a2, b2) = (splat::<V>(A2), splat::<V>(B2));
    let near = pair(d[2].mul_add(a2, d[0]), d[3].mul_add(a2, d[1]), A1);
    let far = pair(d[2].mul_add(b2, d[0]), d[3].mul_add(b2, d[1]), B1);
    [d[0], near[0], near[1], far[0], far[1], d[3]]
}

/// `G`: from three weights to six.
#[inline(always)]
pub(super) fn weights<V: Vector>(w: [V; 3]) -> [V; 6] {
    let near = w[2].mul_add(splat(OF_A * A2), w[0].mul(splat(OF_A)));
    let near = pair(near, w[1], OF_A * A1);
    let far = w[2].mul_add(splat(OF_B * B2), w[0].mul(splat(OF_B)));
    let far = pair(far, w[1], OF_B * B1);
    [w[0].mul(splat(OF_ZERO)), near[0], near[1], far[0], far[1], w[2]]
}

/// `Gᵀ`: from six to three weight gradients.
#[inline(always)]
pub(super) fn weight_gradient<V: Vector>(u: [V; 6]) -> [V; 3] {
    let (sum, difference) = (u[1].add(u[2]), u[1].sub(u[2]));
    let (far_sum, far_difference) = (u[3].add(u[4]), u[3].sub(u[4]));
    let first = sum.mul_add(splat(OF_A), far_sum.mul(splat(OF_B)));
    let last = far_sum.mul_add(splat(OF_B * B2), u[5]);
    [
        u[0].mul_add(splat(OF_ZERO), first),
        difference.mul_add(splat(OF_A * A1), far_difference.mul(splat(OF_B * B1))),
        sum.mul_add(splat(OF_A * A2), last),
    ]
}

/// A transform along one axis.
pub(super) trait Transform<V: Vector, const FROM: usize, const TO: usize> {
    fn apply(from: [V; FROM]) -> [V; TO];
}

/// One type for each transform, so that [`both_axes`] is compiled for each.
macro_rules! transforms {
    ($($name:ident: $from:literal to $to:literal by $function:ident;)*) => {
        $(
            pub(super) struct $name;

            impl<V: Vector> Transform<V, $from, $to> for $name {
                #[inline(always)]
                fn apply(from: [V; $from]) -> [V; $to] {
                    $function(from)
                }
            }
        )*
    };
}

transforms! {
    Input: 6 to 6 by input;
    Output: 6 to 4 by output;
    Gradient: 4 to 6 by gradient;
    Weights: 3 to 6 by weights;
    WeightGradient: 6 to 3 by weight_gradient;
}

/// The transform of a square: columns, then rows. `load(row, col)` reads it.
#[inline(always)]
pub(super) fn both_axes<
    V: Vector,
    T: Transform<V, FROM, TO>,
    const FROM: usize,
    const TO: usize,
>(
    load: impl Fn(usize, usize) -> V,
) -> [[V; TO]; TO] {
    let mut half = [[V::zero(); FROM]; TO];
    for col in 0..FROM {
        let mut column = [V::zero(); FROM];
        for (row, value) in column.iter_mut().enumerate() {
            *value = load(row, col);
        }
        let column = T::apply(column);
        for row in 0..TO {
            half[row][col] = column[row];
        }
    }
    let mut whole = [[V::zero(); TO]; TO];
    for row in 0..TO {
        whole[row] = T::apply(half[row]);
    }
    whole
}
