//! A loss of one's own: cross-entropy whose certain pixels do not count.
//!
//! `cargo run --release --example own_loss` prints its value and the slope of the first logit.

use burn::tensor::{Device, Int, Tensor};
use swath::{
    Error,
    label::IGNORE,
    loss::{Criterion, Loss, PixelLoss, Target, Weighted, sum_fixed},
};

/// Cross-entropy of the pixels whose label has a probability below a limit.
#[derive(Debug)]
struct Doubtful {
    limit: f64,
}

impl PixelLoss for Doubtful {
    fn sum(&self, logits: Tensor<4>, target: &Target) -> swath::Result<Weighted> {
        let Target::Classes { labels, .. } = target else {
            return Err(Error::config("loss", "doubtful", format!("has no meaning for {target}")));
        };
        // A pixel without a label has no place among the classes: any will do, it does not count.
        let is_unlabelled = labels.clone().equal_elem(IGNORE);
        let places = labels.clone().mask_fill(is_unlabelled.clone(), 0).unsqueeze_dim::<4>(1);
        let log_p = burn::tensor::activation::log_softmax(logits, 1).gather(1, places);
        let is_certain = log_p.clone().greater_elem(self.limit.ln());
        let is_out = is_certain.bool_or(is_unlabelled.unsqueeze_dim::<4>(1));
        let weight = sum_fixed(is_out.clone().bool_not().float());
        Ok(Weighted { sum: -sum_fixed(log_p.mask_fill(is_out, 0.0)), weight })
    }
}

fn main() -> swath::Result<()> {
    let device = Device::flex().autodiff();
    // One image with two classes and 1 x 4 pixels, all of class 0 but the last, which has no label.
    let logits = Tensor::<4>::from_data([[[[0.0, 1.0, 9.0, 2.0]], [[0.0; 4]]]], &device);
    let logits = logits.require_grad();
    let labels = Tensor::<3, Int>::from_data([[[0, 0, 0, i32::from(IGNORE)]]], &device);

    let criterion = Criterion::of("doubtful", Loss::pixels(Doubtful { limit: 0.9 }));
    let parts = criterion.parts(logits.clone(), &Target::classes(labels))?;
    let loss = criterion.value(&parts, 0).total;
    let gradients = loss.backward();
    let slope = logits.grad(&gradients).expect("the logits want a gradient");
    println!("loss {:.4}", loss.into_scalar::<f64>());
    println!("slope {:.4}", slope.slice([0..1, 0..1, 0..1, 0..1]).into_scalar::<f64>());
    Ok(())
}
