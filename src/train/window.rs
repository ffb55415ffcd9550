//! Several batches forward and backward, as if they were one.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::{
    Batch, BatchGradient, batch_gradient,
    gradient::add_side_sums,
    slopes::{Branch, Slopes},
};
use crate::{
    chip::Chip,
    error::Result,
    loss::Criterion,
    model::{Outputs, Pass, Segmenter},
    optim::Gradients,
};

/// Loss and gradients of `network` for all `chips` together, computed `batch` chips at a time.
///
/// ```text
/// mean over pixels:  ∇ = Σ_b ∇ sum_b / Σ_b weight_b
/// any other loss f:  ∇ = Σ_b Σ_s (∂f/∂s)(Σ_b s_b) ∇ s_b         s: sums by term, image and class
/// ```
///
/// The first takes one pass over the batches. The second takes two, of which the first computes all
/// sums, without gradients: a step costs about a third more. Both are the gradients of the large batch,
/// up to rounding, for networks that look at each image by itself; batch norm looks at a batch of
/// `batch` chips.
///
/// # Errors
///
/// [`Error::Config`](crate::Error::Config) if the loss has no meaning for the labels.
pub fn window_gradient<M: Segmenter + Module>(
    network: &M,
    criterion: &Criterion,
    chips: &[Chip],
    batch: usize,
    device: &Device,
    epoch: u32,
    pass: Pass,
) -> Result<BatchGradient> {
    if chips.len() <= batch {
        return batch_gradient(network, criterion, Batch::new(chips, device), epoch, pass);
    }
    let batches: Vec<&[Chip]> = chips.chunks(batch).collect();
    let window = Window {
        network,
        criterion,
        n_images: batches.iter().map(|it| it.len()).collect(),
        batch: &|index| Batch::new(batches[index], device),
        epoch,
        pass,
    };
    let mut gradients = Gradients::default();
    let found = window.backward(|loss| gradients.add(Gradients::of(network, loss)))?;
    gradients.scale(found.factor);
    let WindowLoss { loss, weight, terms, .. } = found;
    Ok(BatchGradient { loss: loss as f32, weight: weight as f32, terms, gradients })
}

/// Batches of one step.
struct Window<'a, M> {
    network: &'a M,
    criterion: &'a Criterion,
    /// Images of each batch.
    n_images: Vec<usize>,
    batch: &'a dyn Fn(usize) -> Batch,
    epoch: u32,
    pass: Pass,
}

/// What a window says, but for the gradients.
struct WindowLoss {
    loss: f64,
    weight: f64,
    terms: Vec<f32>,
    /// Multiplies the sum of all gradients.
    factor: f64,
}

impl<M: Segmenter + Module> Window<'_, M> {
    /// Hands each batch's part of the loss, `[1]`, to `sink`, which adds up its gradients.
    fn backward(&self, sink: impl FnMut(Tensor<1>)) -> Result<WindowLoss> {
        if self.criterion.is_single_mean() { self.one_pass(sink) } else { self.two_passes(sink) }
    }

    fn one_pass(&self, mut sink: impl FnMut(Tensor<1>)) -> Result<WindowLoss> {
        let (mut sum, mut weight) = (0.0, 0.0);
        for index in 0..self.n_images.len() {
            let batch = (self.batch)(index);
            let target = batch.target();
            let Outputs { main, auxiliary } =
                self.network.forward_in(batch.images, self.part(index));
            let parts = self.criterion.parts(main, &target)?;
            let mean = self.criterion.single_mean(&parts).expect("it is a single mean").clone();
            drop(parts);
            let total = add_side_sums(mean.sum, auxiliary, self.criterion, &target)?;
            sum += total.clone().into_scalar::<f64>();
            weight += mean.weight.into_scalar::<f64>();
            sink(total);
        }
        let factor = if 0.0 < weight { 1.0 / weight } else { 1.0 };
        let loss = if 0.0 < weight { sum / weight } else { 0.0 };
        Ok(WindowLoss { loss, weight, terms: Vec::new(), factor })
    }

    fn two_passes(&self, mut sink: impl FnMut(Tensor<1>)) -> Result<WindowLoss> {
        // A copy, so that running statistics move once.
        let copy = self.network.clone();
        let mut joined: Option<Vec<Branch>> = None;
        for index in 0..self.n_images.len() {
            let branches = self.branches(&copy, index)?.into_iter();
            let branches: Vec<Branch> = branches.map(Branch::in_main_memory).collect();
            joined = Some(match joined {
                None => branches,
                Some(before) => before.into_iter().zip(branches).map(|(a, b)| a.join(b)).collect(),
            });
        }
        let joined = joined.expect("a window has a batch");
        drop(copy);
        let slopes = Slopes::of(joined, self.criterion, self.epoch);
        let mut n_before = 0;
        for index in 0..self.n_images.len() {
            let branches = self.branches(self.network, index)?;
            let n_images = self.n_images[index];
            sink(slopes.along(branches, n_before, n_images));
            n_before += n_images;
        }
        let Slopes { loss, terms, .. } = slopes;
        Ok(WindowLoss { loss, weight: 1.0, terms, factor: 1.0 })
    }

    fn part(&self, index: usize) -> Pass {
        match self.pass {
            Pass::Prediction => Pass::Prediction,
            Pass::Training { seed, step, drop_factor, .. } => {
                Pass::Training { seed, step, part: index as u64, drop_factor }
            }
        }
    }

    /// Main output and side branches of a batch.
    fn branches(&self, network: &M, index: usize) -> Result<Vec<Branch>> {
        let batch = (self.batch)(index);
        let target = batch.target();
        let outputs = network.forward_in(batch.images, self.part(index));
        Branch::of(outputs, self.criterion, &target)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::{
        module::{ModuleMapper, ModuleVisitor, Param},
        tensor::{DType, Gradients as Backward},
    };
    use rand::Rng;
    use serde_json::Value;

    use super::*;
    use crate::{
        label::{ClassCounts, IGNORE},
        loss::{LossConfig, LossKind},
        model::{Conv2d, Encoder, Features, ModelConfig, Network, NormKind, Path, SideOutput},
        optim::OptimizerConfig,
        random::{Purpose, generator},
        schedule::Rates,
        weights::{Values, load, state_dict},
    };

    impl Segmenter for Conv2d {
        fn forward_in(&self, images: Tensor<4>, _pass: Pass) -> Outputs {
            let main = self.forward(Features::from_images(images)).into_images();
            Outputs { main, auxiliary: Vec::new() }
        }
    }

    fn flat(value: &Value) -> Vec<f64> {
        match value {
            Value::Array(items) => items.iter().flat_map(flat).collect(),
            number => vec![number.as_f64().unwrap()],
        }
    }

    fn criterion(kind: LossKind) -> Criterion {
        let loss = LossConfig { kind, ..LossConfig::default() };
        loss.build(&ClassCounts::uniform(3)).unwrap()
    }

    /// Losses of every form, with their names; that of each image has slopes that differ by image.
    fn criteria() -> Vec<(String, Criterion)> {
        let by_image: LossConfig = toml::from_str("kind = 'dice'\nper_image = true").unwrap();
        let by_image = by_image.build(&ClassCounts::uniform(3)).unwrap();
        let all = KINDS.into_iter().map(|kind| (kind.name(), criterion(kind)));
        all.chain([("dice of each image".to_owned(), by_image)]).collect()
    }

    /// Gradients in double precision, in the order of the parameters' names.
    struct Collector {
        path: Path,
        all: Backward,
        sums: BTreeMap<String, Vec<f64>>,
    }

    impl ModuleVisitor for Collector {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.path.enter(name, container);
        }

        fn exit_module(&mut self, _name: &str, container: &str) {
            self.path.exit(container);
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let Some(gradient) = param.val().grad_remove(&mut self.all) else { return };
            let values: Vec<f64> = gradient.into_data().iter().collect();
            let sum = self.sums.entry(self.path.name()).or_insert_with(|| vec![0.0; values.len()]);
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
    }

    fn collect<M: Module>(network: &M, loss: Tensor<1>, sums: &mut BTreeMap<String, Vec<f64>>) {
        let (path, all) = (Path::default(), loss.backward());
        let mut collector = Collector { path, all, sums: std::mem::take(sums) };
        network.visit(&mut collector);
        *sums = collector.sums;
    }

    /// All numbers in double precision.
    struct Doubler;

    impl ModuleMapper for Doubler {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| {
                let is_trained = tensor.is_require_grad();
                let data = tensor.clone().into_data().convert_dtype(DType::F64);
                let place = (&tensor.device(), DType::F64);
                Tensor::from_data(data, place).set_require_grad(is_trained)
            })
        }
    }

    fn chips(n: usize, size_px: usize, n_bands: usize) -> Vec<Chip> {
        let n_pixels = size_px * size_px;
        let chip = |index| {
            let mut rng = generator(1, Purpose::Synthetic, index, 0);
            // Some chips are almost unlabelled, one is not labelled at all.
            let share = if index == 1 { 0.0 } else { rng.random::<f64>() };
            let labels = (0..n_pixels)
                .map(|_| if rng.random::<f64>() < share { rng.random_range(0..3) } else { IGNORE });
            let labels = labels.collect();
            let values = (0..n_bands * n_pixels).map(|_| rng.random::<f32>() - 0.5).collect();
            let mut chip = Chip {
                n_bands,
                size_px,
                values,
                labels,
                valid: vec![true; n_pixels],
                missing: Vec::new(),
                distances: None,
            };
            chip.measure_distances(3);
            chip
        };
        (0..n as u64).map(chip).collect()
    }

    fn model(auxiliary: &[f64]) -> ModelConfig {
        ModelConfig {
            encoder: Encoder::Resnet18,
            width: 8,
            norm: Some(NormKind::Group),
            encoder_norm: Some(NormKind::Group),
            auxiliary: auxiliary.to_vec(),
            ..Default::default()
        }
    }

    const KINDS: [LossKind; 8] = [
        LossKind::CrossEntropy,
        LossKind::Focal,
        LossKind::Dice,
        LossKind::FocalTversky,
        LossKind::GeneralisedDice,
        LossKind::DiceCe,
        LossKind::Boundary,
        LossKind::UnifiedFocal,
    ];

    /// `chips` in double precision.
    fn double_batch(chips: &[Chip]) -> Batch {
        let batch = Batch::new(chips, &Device::flex().autodiff());
        let images = batch.images.cast(DType::F64);
        let distances = batch.distances.map(|it| it.cast(DType::F64));
        Batch { images, distances, ..batch }
    }

    /// Loss and gradients in double precision, by name, of all chips in one batch: what the rest is
    /// measured by.
    fn at_once(network: &Network, criterion: &Criterion, chips: &[Chip]) -> (f64, Vec<f64>) {
        let network = network.clone().map(&mut Doubler);
        let batch = double_batch(chips);
        let target = batch.target();
        let outputs = network.forward_in(batch.images, Pass::training(1, 0));
        let loss_of = |logits| criterion.value(&criterion.parts(logits, &target).unwrap(), 3).total;
        let mut loss = loss_of(outputs.main);
        for SideOutput { weight, logits } in outputs.auxiliary {
            loss = loss + loss_of(logits) * weight;
        }
        let mut sums = BTreeMap::new();
        collect(&network, loss.clone(), &mut sums);
        (loss.into_scalar(), sums.into_values().flatten().collect())
    }

    /// The same, computed `batch` chips at a time.
    fn in_double(
        network: &Network,
        criterion: &Criterion,
        chips: &[Chip],
        batch: usize,
    ) -> (f64, Vec<f64>) {
        let network = network.clone().map(&mut Doubler);
        let batches: Vec<&[Chip]> = chips.chunks(batch).collect();
        let window = Window {
            network: &network,
            criterion,
            n_images: batches.iter().map(|it| it.len()).collect(),
            batch: &|index| double_batch(batches[index]),
            epoch: 3,
            pass: Pass::training(1, 0),
        };
        let mut sums = BTreeMap::new();
        let found = window.backward(|loss| collect(&network, loss, &mut sums)).unwrap();
        let values = sums.into_values().flatten().map(|it| it * found.factor);
        (found.loss, values.collect())
    }

    /// Relative error of gradients.
    fn error(found: &[f64], want: &[f64]) -> f64 {
        let norm =
            |values: &mut dyn Iterator<Item = f64>| values.map(|it| it * it).sum::<f64>().sqrt();
        let difference = norm(&mut found.iter().zip(want).map(|(a, b)| a - b));
        difference / norm(&mut want.iter().copied())
    }

    #[test]
    fn batches_give_the_gradients_of_the_large_batch() {
        let device = Device::flex().autodiff();
        let chips = chips(5, 32, 2);
        let pass = Pass::training(1, 0);
        for auxiliary in [&[][..], &[0.5, 0.25]] {
            let network = model(auxiliary).build(2, 3, 0, &device);
            for (kind, criterion) in criteria() {
                let gradients = |batch| {
                    window_gradient(&network, &criterion, &chips, batch, &device, 3, pass).unwrap()
                };
                let (whole, parts) = (gradients(5), gradients(2));
                let values = |found: &BatchGradient| -> Vec<f64> {
                    let mut names: Vec<String> =
                        state_dict(&network).entries.into_iter().map(|it| it.name).collect();
                    names.sort();
                    names
                        .iter()
                        .filter_map(|name| found.gradients.find(name))
                        .flat_map(|it| it.values.iter().map(move |v| f64::from(*v) * it.factor))
                        .collect()
                };
                let difference = error(&values(&parts), &values(&whole));
                assert!(difference < 1e-5, "{kind}: {difference}");
                // A ReLU whose input rounds to the other side of 0 shows in the thousandths.
                let (_, exact) = at_once(&network, &criterion, &chips);
                let own = error(&values(&whole), &exact);
                assert!(own < 0.02, "{kind}: {own}");
                assert!((parts.loss - whole.loss).abs() < 1e-5, "{kind}");
                assert_eq!(parts.weight, whole.weight, "{kind}");
                assert_eq!(parts.terms.len(), whole.terms.len());
            }
        }
    }

    #[test]
    fn in_double_precision_they_are_the_same_to_twelve_digits() {
        let device = Device::flex().autodiff();
        let chips = chips(5, 32, 2);
        let network = model(&[0.5]).build(2, 3, 0, &device);
        for (kind, criterion) in criteria() {
            let (whole_loss, whole) = at_once(&network, &criterion, &chips);
            let (loss, parts) = in_double(&network, &criterion, &chips, 2);
            let error = error(&parts, &whole);
            assert!(error < 1e-12, "{kind}: {error}");
            assert!((loss - whole_loss).abs() < 1e-12, "{kind}: {loss}, want {whole_loss}");
        }
    }

    #[track_caller]
    fn check_golden(name: &str, n_batches: usize) {
        let golden: Value =
            serde_json::from_str(include_str!("../../tests/golden/grad_accum.json")).unwrap();
        let device = Device::flex().autodiff();
        let (images, labels) = (flat(&golden["X"]), flat(&golden["T"]));
        let chip = |index: usize| Chip {
            n_bands: 2,
            size_px: 4,
            values: images[32 * index..][..32].iter().map(|it| *it as f32).collect(),
            labels: labels[16 * index..][..16].iter().map(|it| *it as u8).collect(),
            valid: vec![true; 16],
            missing: Vec::new(),
            distances: None,
        };
        let chips: Vec<Chip> = (0..10).map(chip).collect();
        let mut network = Conv2d::new([2, 3], 3, &device).with_bias();
        let mut state = state_dict(&network);
        for (name, key) in [("weight", "W0"), ("bias", "b0")] {
            let entry = state.entries.iter_mut().find(|it| it.name == name).unwrap();
            entry.values =
                Values::F32(flat(&golden[key]).into_iter().map(|it| it as f32).collect());
        }
        network = load(network, &state, "test").unwrap();
        let config = "kind = 'sgd'\nlr = 0.1";
        let config: OptimizerConfig = toml::from_str(config).unwrap();
        let mut optimizer = config.build().unwrap();
        let criterion = criterion(LossKind::CrossEntropy);
        let mut found = Vec::new();
        for chips in chips.chunks(3 * n_batches) {
            let pass = Pass::training(0, 0);
            let step = window_gradient(&network, &criterion, chips, 3, &device, 0, pass).unwrap();
            network = optimizer.step(network, &step.gradients, Rates::of(0.1));
            found.push(step.gradients.norm());
        }
        let want = &golden[name];
        assert_eq!(found.len() as u64, want["n_updates"].as_u64().unwrap());
        let state = state_dict(&network);
        for name in ["weight", "bias"] {
            let Values::F32(values) = &state.find(name).unwrap().values else { panic!() };
            for (got, want) in values.iter().zip(flat(&want[name])) {
                assert!((f64::from(*got) - want).abs() < 1e-6, "{name}: {got}, want {want}");
            }
        }
    }

    #[test]
    fn steps_equal_pytorchs_normalised_by_the_labelled_pixels_of_a_window() {
        check_golden("two_of_three", 2);
        check_golden("three_of_three", 3);
    }

    #[test]
    fn losses_that_rank_pixels_are_refused_by_name() {
        for kind in [LossKind::Lovasz, LossKind::TopK, LossKind::Ohem, LossKind::DiceTopK] {
            let error = criterion(kind).check_accumulation().unwrap_err().to_string();
            assert!(error.contains("train.accumulate") && error.contains("ranks"), "{error}");
        }
        KINDS.into_iter().for_each(|kind| criterion(kind).check_accumulation().unwrap());
    }
}
