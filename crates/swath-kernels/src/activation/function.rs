//! Activations as functions of vectors.

use super::Activation;
use crate::{
    math::{exp, normal_share, sigmoid},
    simd::Vector,
};

/// An activation that is known when the code is compiled.
pub(crate) trait Function: Copy + Send + Sync {
    /// The activation of `before`.
    fn value<V: Vector>(self, before: V) -> V;

    /// The gradient of `before`, for the `gradient` of the value.
    ///
    /// Some need `before` itself; to the others the value says the same
    /// ([`Activation::gradient_follows_from_output`]).
    fn gradient<V: Vector>(self, before: V, gradient: V) -> V;
}

/// What can be done with any [`Function`].
pub(crate) trait WithFunction {
    type Output;

    fn with(self, function: impl Function) -> Self::Output;
}

impl Activation {
    /// The activation of `before`.
    #[inline(always)]
    pub(crate) fn value<V: Vector>(self, before: V) -> V {
        match self {
            Self::None => before,
            Self::Relu => Relu.value(before),
            Self::Relu6 => Relu6.value(before),
            Self::LeakyRelu(slope) => LeakyRelu(slope).value(before),
            Self::Silu => Silu.value(before),
            Self::Elu => Elu.value(before),
            Self::Gelu => Gelu.value(before),
        }
    }

    /// Runs `what` with the function of this activation.
    ///
    /// # Panics
    /// If the slope of a leaky ReLU is below 0.
    pub(crate) fn choose<W: WithFunction>(self, what: W) -> W::Output {
        match self {
            Activation::None => what.with(Identity),
            Activation::Relu => what.with(Relu),
            Activation::Relu6 => what.with(Relu6),
            Activation::LeakyRelu(slope) => {
                assert!(
                    0.0 <= slope,
                    "the slope of a leaky ReLU is {slope}, but must be 0 or more"
                );
                what.with(LeakyRelu(slope))
            }
            Activation::Silu => what.with(Silu),
            Activation::Elu => what.with(Elu),
            Activation::Gelu => what.with(Gelu),
        }
    }
}

#[derive(Clone, Copy)]
struct Identity;

impl Function for Identity {
    #[inline(always)]
    fn value<V: Vector>(self, before: V) -> V {
        before
    }

    #[inline(always)]
    fn gradient<V: Vector>(self, _: V, gradient: V) -> V {
        gradient
    }
}

#[derive(Clone, Copy)]
struct Relu;

impl Function for Relu {
    #[inline(always)]
    fn value<V: Vector>(self, before: V) -> V {
        // In this order what is not a number stays.
        V::zero().max(before)
    }

    #[inline(always)]
    fn gradient<V: Vector>(self, before: V, gradient: V) -> V {
        V::select(V::zero().less(before), gradient, V::zero())
    }
}

#[derive(Clone, Copy)]
struct Relu6;

impl Function for Relu6 {
    #[inline(always)]
    fn value<V: Vector>(self, before: V) -> V {
        V::splat(6.0).min(V::zero().max(before))
    }

    #[inline(always)]
    fn gradient<V: Vector>(self, before: V, gradient: V) -> V {
        let below = V::select(before.less(V::splat(6.0)), gradient, V::zero());
        V::select(V::zero().less(before), below, V::zero())
    }
}

#[derive(Clone, Copy)]
struct LeakyRelu(f32);

impl Function for LeakyRelu {
    #[inline(always)]
    fn value<V: Vector>(self, before: V) -> V {
        V::select(V::zero().less(before), before, before.mul(V::splat(self.0)))
    }

    #[inline(always)]
    fn gradient<V: Vector>(self, before: V, gradient: V) -> V {
        V::select(V::zero().less(before), gradient, gradient.mul(V::splat(self.0)))
    }
}

#[derive(Clone, Copy)]
struct Silu;

impl Function for Silu {
    #[inline(always)]
    fn value<V: Vector>(self, before: V) -> V {
        before.mul(sigmoid(before))
    }

    // The derivative is s + x s (1 - s), with s the sigmoid of x.
    #[inline(always)]
    fn gradient<V: Vector>(self, before: V, gradient: V) -> V {
        let sigmoid = sigmoid(before);
        let rest = before.mul(V::splat(1.0).sub(sigmoid));
        gradient.mul(sigmoid.mul_add(rest, sigmoid))
    }
}

#[derive(Clone, Copy)]
struct Elu;

impl Function for Elu {
    #[inline(always)]
    fn value<V: Vector>(self, before: V) -> V {
        V::select(V::zero().less(before), before, exp(before).sub(V::splat(1.0)))
    }

    #[inline(always)]
    fn gradient<V: Vector>(self, before: V, gradient: V) -> V {
        V::select(V::zero().less(before), gradient, gradient.mul(exp(before)))
    }
}

#[derive(Clone, Copy)]
struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn value<V: Vector>(self, before: V) -> V {
        before.mul(normal_share(before))
    }

    // The derivative is the share plus x times the density.
    #[inline(always)]
    fn gradient<V: Vector>(self, before: V, gradient: V) -> V {
        const INVERSE_SQRT_TAU: f32 = 0.398_942_3;
        let density = exp(before.mul(before).mul(V::splat(-0.5))).mul(V::splat(INVERSE_SQRT_TAU));
        gradient.mul(before.mul_add(density, normal_share(before)))
    }
}
