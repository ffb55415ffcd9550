//! Operations with a gradient of their own.

use std::fmt::Debug;

use burn::backend::Autodiff;
use burn::backend::{
    Flex,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};
use burn_flex::FlexTensor;

use super::tensors::in_order;

/// The gradients of `N` inputs, each if it is wanted, from what the operation remembered and the
/// gradient of its output.
type Gradient<S, const N: usize> = fn(S, FlexTensor, [bool; N]) -> [Option<FlexTensor>; N];

/// Runs `forward` on the values of `inputs`; it returns the output and what `backward` needs.
///
/// All values lie in the order of their axes. What was remembered is dropped with `backward`.
pub(super) fn differentiable<C: CheckpointStrategy, S, const N: usize>(
    inputs: [FloatTensor<Autodiff<Flex, C>>; N],
    forward: impl FnOnce([FlexTensor; N]) -> (FlexTensor, S),
    backward: Gradient<S, N>,
) -> FloatTensor<Autodiff<Flex, C>>
where
    S: Clone + Send + Debug + 'static,
{
    let nodes = inputs.each_ref().map(|it| it.node());
    let inputs = inputs.map(|it| in_order(it.into_primitive()));
    match (Step { backward }).prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (output, state) = forward(inputs);
            prep.finish(state, output)
        }
        OpsKind::UnTracked(prep) => prep.finish(forward(inputs).0),
    }
}

#[derive(Debug)]
struct Step<S, const N: usize> {
    backward: Gradient<S, N>,
}

impl<S: Clone + Send + Debug + 'static, const N: usize> Backward<Flex, N> for Step<S, N> {
    type State = S;

    fn backward(self, ops: Ops<S, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = in_order(gradients.consume::<Flex>(&ops.node));
        let is_wanted = ops.parents.each_ref().map(Option::is_some);
        let found = (self.backward)(ops.state, gradient, is_wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                gradients.register::<Flex>(node.id, gradient);
            }
        }
    }
}
