//! The transforms of F(4×4, 3×3) along one axis, on vectors of channels.
//!
//! With the interpolation points 0, ±1, ±2 and ∞: a row of four outputs of a three-tap kernel is
//! `Aᵀ[(G·kernel) ⊙ (Bᵀ·input)]`. Its gradients are the transposes of the same matrices.
//!
//! Source: Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", section 4.3.

use crate::simd::Vector;

/// `Bᵀ`: six inputs.
#[inline(always)]
pub(super) fn input<V: Vector>(d: [V; 6]) -> [V; 6] {
    let (four, five) = (V::splat(4.0), V::splat(5.0));
    let even = d[2].neg_mul_add(four, d[4]);
    let odd = d[1].neg_mul_add(four, d[3]);
    let outer = d[4].sub(d[2]);
    let inner = d[3].sub(d[1]);
    let inner = inner.add(inner);
    [
        d[0].mul_add(four, d[2].neg_mul_add(five, d[4])),
        even.add(odd),
        even.sub(odd),
        outer.add(inner),
        outer.sub(inner),
        d[1].mul_add(four, d[3].neg_mul_add(five, d[5])),
    ]
}

/// `Aᵀ`: from six products to four outputs.
#[inline(always)]
pub(super) fn output<V: Vector>(m: [V; 6]) -> [V; 4] {
    let (sum, difference) = (m[1].add(m[2]), m[1].sub(m[2]));
    let (far_sum, far_difference) = (m[3].add(m[4]), m[3].sub(m[4]));
    [
        m[0].add(sum.add(far_sum)),
        far_difference.mul_add(V::splat(2.0), difference),
        far_sum.mul_add(V::splat(4.0), sum),
        m[5].add(far_difference.mul_add(V::splat(8.0), difference)),
    ]
}

/// `A`: from four output gradients to six.
#[inline(always)]
pub(super) fn gradient<V: Vector>(d: [V; 4]) -> [V; 6] {
    let (even, odd) = (d[0].add(d[2]), d[1].add(d[3]));
    let far_even = d[2].mul_add(V::splat(4.0), d[0]);
    let far_odd = d[3].mul_add(V::splat(8.0), d[1].add(d[1]));
    [d[0], even.add(odd), even.sub(odd), far_even.add(far_odd), far_even.sub(far_odd), d[3]]
}

/// `G`: from three weights to six.
#[inline(always)]
pub(super) fn weights<V: Vector>(w: [V; 3]) -> [V; 6] {
    let sixth = V::splat(-1.0 / 6.0);
    let even = w[0].add(w[2]).mul(sixth);
    let odd = w[1].mul(sixth);
    let far_even = w[2].mul_add(V::splat(1.0 / 6.0), w[0].mul(V::splat(1.0 / 24.0)));
    let far_odd = w[1].mul(V::splat(1.0 / 12.0));
    [
        w[0].mul(V::splat(0.25)),
        even.add(odd),
        even.sub(odd),
        far_even.add(far_odd),
        far_even.sub(far_odd),
        w[2],
    ]
}

/// `Gᵀ`: from six to three weight gradients.
#[inline(always)]
pub(super) fn weight_gradient<V: Vector>(u: [V; 6]) -> [V; 3] {
    let sixth = V::splat(-1.0 / 6.0);
    let (sum, difference) = (u[1].add(u[2]), u[1].sub(u[2]));
    let (far_sum, far_difference) = (u[3].add(u[4]), u[3].sub(u[4]));
    let first = sum.mul_add(sixth, far_sum.mul(V::splat(1.0 / 24.0)));
    [
        u[0].mul_add(V::splat(0.25), first),
        difference.mul_add(sixth, far_difference.mul(V::splat(1.0 / 12.0))),
        sum.mul_add(sixth, far_sum.mul_add(V::splat(1.0 / 6.0), u[5])),
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
