//! An optimizer and what it remembers of each parameter.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Tensor, TensorData},
};

use super::{Gradient, Gradients, OptimizerConfig, OptimizerKind, adam, adamw, lion, rmsprop, sgd};
use crate::{
    error::{Error, Result},
    model::Path,
    schedule::Rates,
    weights::{Entry, StateDict, Values, state_dict},
};

/// Changes parameters against their gradients.
///
/// What it remembers is keyed by the name of the parameter, so it can be saved and goes on with
/// another copy of the model. Learning rate and momentum come with each step.
#[derive(Clone, Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    memory: BTreeMap<String, Memory>,
}

/// What is remembered of one parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Memory {
    /// Steps taken.
    pub step: u64,
    /// Running averages, in the order of [`OptimizerKind::slots`]; empty if they are not used.
    pub slots: [Vec<f32>; 3],
}

/// The numbers of the step of one parameter.
#[derive(Clone, Copy, Debug)]
pub(super) struct StepRates {
    /// Learning rate.
    pub lr: f64,
    /// Momentum, or the first beta, if the schedule sets it.
    pub momentum: Option<f64>,
    /// Weight decay.
    pub weight_decay: f64,
}

impl Optimizer {
    pub(super) fn new(config: OptimizerConfig) -> Self {
        Self { config, memory: BTreeMap::new() }
    }

    /// The model after one step.
    ///
    /// Parameters without a gradient stay as they are, without weight decay.
    pub fn step<M: Module>(&mut self, model: M, gradients: &Gradients, rates: Rates) -> M {
        let path = Path::default();
        model.map(&mut Stepper { optimizer: self, gradients, rates, path })
    }

    /// What is remembered, sorted by name: `{parameter}.{slot}`.
    ///
    /// Slots have PyTorch's names: `step`, `exp_avg` and `exp_avg_sq` for Adam and AdamW,
    /// `momentum_buffer` for SGD, `square_avg`, `momentum_buffer` and `grad_avg` for RMSprop;
    /// `exp_avg` for Lion.
    pub fn state(&self) -> StateDict {
        let mut state = StateDict::default();
        for (name, memory) in &self.memory {
            if self.config.kind.counts_steps() {
                let step = i64::try_from(memory.step).expect("nobody takes 2^63 steps");
                state.entries.push(Entry {
                    name: format!("{name}.{STEP}"),
                    shape: Vec::new(),
                    values: Values::I64(vec![step]),
                });
            }
            for (slot, values) in self.config.kind.slots().iter().zip(&memory.slots) {
                if !values.is_empty() {
                    state.entries.push(Entry {
                        name: format!("{name}.{slot}"),
                        shape: vec![values.len()],
                        values: Values::F32(values.clone()),
                    });
                }
            }
        }
        state
    }

    /// Takes over what [`state`](Self::state) returned after `n_steps` steps of the same kind of
    /// optimizer and model.
    ///
    /// `what` names the state in the error message.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if an entry does not belong to a parameter of `model`, has another size, or
    /// lacks its companions, or if there is none although the optimizer remembers something from
    /// its first step on.
    pub fn load<M: Module>(
        &mut self,
        model: &M,
        state: &StateDict,
        n_steps: u64,
        what: &str,
    ) -> Result<()> {
        // SGD without momentum has nothing to remember.
        let remembers = self.config.kind != OptimizerKind::Sgd && 0 < n_steps;
        if remembers && state.entries.is_empty() {
            let wanted = format!("what {} remembers of {n_steps} steps", self.config.kind.name());
            return Err(Error::data(what, "nothing", wanted));
        }
        let mut memory = BTreeMap::new();
        for parameter in &state_dict(model).entries {
            if let Some(loaded) = self.memory_of(parameter, state) {
                memory.insert(parameter.name.clone(), loaded);
            }
        }
        let loaded = Self { config: self.config.clone(), memory };
        state.check_against(&loaded.state().layouts(), what)?;
        *self = loaded;
        Ok(())
    }

    /// What `state` holds of `parameter`. What does not fit is left out, and noticed by the caller.
    fn memory_of(&self, parameter: &Entry, state: &StateDict) -> Option<Memory> {
        let find = |slot: &str| {
            let entry = state.find(&format!("{}.{slot}", parameter.name))?;
            match &entry.values {
                Values::F32(values) if values.len() == parameter.values.len() => {
                    Some(values.clone())
                }
                Values::F32(_) | Values::I64(_) => None,
            }
        };
        let kind = self.config.kind;
        let mut memory = Memory::default();
        if kind.counts_steps() {
            let entry = state.find(&format!("{}.{STEP}", parameter.name))?;
            let Values::I64(step) = &entry.values else { return None };
            memory.step = u64::try_from(*step.first()?).ok()?;
        }
        for (index, slot) in kind.slots().iter().enumerate() {
            match find(slot) {
                Some(values) => memory.slots[index] = values,
                None if kind.needs(index) => return None,
                None => {}
            }
        }
        Some(memory)
    }

    fn update(
        &mut self,
        name: &str,
        n_axes: usize,
        parameters: &mut [f32],
        gradient: Gradient<'_>,
        rates: Rates,
    ) {
        let config = &self.config;
        let rates = StepRates {
            lr: rates.lr * config.lr_factor(name),
            momentum: rates.momentum,
            weight_decay: rates.weight_decay_factor * config.weight_decay_of(name, n_axes),
        };
        let memory = self.memory.entry(name.to_owned()).or_default();
        match config.kind {
            OptimizerKind::Adamw => adamw::step(config, rates, parameters, gradient, memory),
            OptimizerKind::Adam => adam::step(config, rates, parameters, gradient, memory),
            OptimizerKind::Sgd => sgd::step(config, rates, parameters, gradient, memory),
            OptimizerKind::Rmsprop => rmsprop::step(config, rates, parameters, gradient, memory),
            OptimizerKind::Lion => lion::step(config, rates, parameters, gradient, memory),
        }
    }
}

const STEP: &str = "step";

impl OptimizerKind {
    /// Whether the number of steps taken matters, and is kept.
    fn counts_steps(self) -> bool {
        match self {
            Self::Adamw | Self::Adam => true,
            Self::Sgd | Self::Rmsprop | Self::Lion => false,
        }
    }

    /// Names of what is kept of each parameter.
    fn slots(self) -> &'static [&'static str] {
        match self {
            Self::Adamw | Self::Adam => &["exp_avg", "exp_avg_sq"],
            Self::Sgd => &["momentum_buffer"],
            Self::Rmsprop => &["square_avg", "momentum_buffer", "grad_avg"],
            Self::Lion => &["exp_avg"],
        }
    }

    /// Whether slot `index` is there after the first step, whatever the settings.
    fn needs(self, index: usize) -> bool {
        match self {
            Self::Adamw | Self::Adam | Self::Sgd | Self::Lion => true,
            Self::Rmsprop => index == 0,
        }
    }
}

struct Stepper<'a> {
    optimizer: &'a mut Optimizer,
    gradients: &'a Gradients,
    rates: Rates,
    path: Path,
}

impl ModuleMapper for Stepper<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let Some(gradient) = self.gradients.find(&name) else { return param };
        param.map(|tensor| {
            let (shape, device) = (tensor.shape(), tensor.device());
            let is_trained = tensor.is_require_grad();
            let mut values: Vec<f32> =
                tensor.into_data_as::<f32>().try_into_vec().expect("it was read as f32");
            assert_eq!(
                values.len(),
                gradient.values.len(),
                "the gradient of {name} has another size"
            );
            self.optimizer.update(&name, D, &mut values, gradient, self.rates);
            Tensor::from_data(TensorData::new(values, shape), &device).set_require_grad(is_trained)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, f64::consts::PI, ops::Range};

    use burn::tensor::{Device, Int};
    use serde::Deserialize;
    use serde_json::Value;
    use swath_kernels::Activation;

    use super::*;
    use crate::{
        label::ClassCounts,
        loss::{LossConfig, Target},
        model::{BatchNorm, Conv2d, Encoder, Features, ModelConfig, Segmenter, freeze},
        optim::ParameterGroup,
        weights::load,
    };

    #[derive(Deserialize)]
    struct Golden {
        #[serde(rename = "XL")]
        images: Value,
        #[serde(rename = "TL")]
        labels: Value,
        supervised: BTreeMap<String, Trajectory>,
        freeze: Freeze,
    }

    #[derive(Deserialize)]
    struct Freeze {
        frozen_encoder_bn_eval: Kept,
        frozen_encoder_bn_train: Kept,
        discriminative_lr: Kept,
    }

    #[derive(Deserialize)]
    struct Kept {
        loss: Vec<f64>,
        running_mean: Vec<f64>,
        running_var: Vec<f64>,
        num_batches_tracked: f64,
        final_head: Value,
    }

    #[derive(Deserialize)]
    struct Trajectory {
        loss: Vec<f64>,
        lr: Vec<f64>,
        momentum: Vec<f64>,
        #[serde(rename = "final")]
        last: BTreeMap<String, Value>,
    }

    /// All numbers of nested lists.
    fn flat(value: &Value) -> Vec<f64> {
        match value {
            Value::Array(values) => values.iter().flat_map(flat).collect(),
            other => vec![other.as_f64().unwrap()],
        }
    }

    /// The golden file's network; the second place from the end stands for the activation.
    type Net = (Conv2d, BatchNorm, Option<Conv2d>, Conv2d);

    fn net() -> Net {
        let device = Device::flex().autodiff();
        let conv = Conv2d::new([2, 4], 3, &device).with_bias();
        let head = Conv2d::new([4, 3], 1, &device).with_bias();
        let net = (conv, BatchNorm::new(4, &device), None, head);
        let mut state = state_dict(&net);
        let parameters = ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"];
        for (index, name) in
            parameters.into_iter().enumerate().filter(|(_, it)| !it.starts_with('1'))
        {
            let entry = state.entries.iter_mut().find(|it| it.name == name).unwrap();
            let fan_in: usize = entry.shape[1..].iter().product();
            let Values::F32(values) = &mut entry.values else { panic!() };
            for (k, value) in values.iter_mut().enumerate() {
                let angle = |frequency: f64| frequency * k as f64 + index as f64;
                *value = match entry.shape.len() {
                    1 => 0.05 * angle(0.9).sin(),
                    _ => angle(0.6).sin() * (1.5 / fan_in as f64).sqrt(),
                } as f32;
            }
        }
        load(net, &state, "test").unwrap()
    }

    fn golden() -> Golden {
        serde_json::from_str(include_str!("../../tests/golden/train_trajectories.json")).unwrap()
    }

    struct Run {
        net: Net,
        optimizer: Optimizer,
        loss: LossConfig,
        images: Tensor<4>,
        labels: Tensor<3, Int>,
    }

    impl Run {
        fn new(config: &OptimizerConfig) -> Self {
            let device = Device::flex().autodiff();
            let golden = golden();
            let images: Vec<f32> = flat(&golden.images).into_iter().map(|it| it as f32).collect();
            let labels: Vec<i64> = flat(&golden.labels).into_iter().map(|it| it as i64).collect();
            Self {
                net: net(),
                optimizer: config.build().unwrap(),
                loss: LossConfig::default(),
                images: Tensor::from_data(TensorData::new(images, [4, 2, 8, 8]), &device),
                labels: Tensor::from_data(TensorData::new(labels, [4, 8, 8]), &device),
            }
        }

        /// The loss before the step.
        fn step(&mut self, rates: Rates) -> f64 {
            let (conv, norm, _, head) = &self.net;
            let images = Features::from_images(self.images.clone());
            let activation = Activation::LeakyRelu(0.1);
            let hidden = norm.forward(conv.forward(images), None, activation);
            let logits = head.forward(hidden).into_images();
            let criterion = self.loss.build(&ClassCounts::uniform(3)).unwrap();
            let parts = criterion.parts(logits, &Target::classes(self.labels.clone())).unwrap();
            let total = criterion.value(&parts, 0).total;
            drop(parts);
            let value: f64 = total.clone().into_scalar();
            let gradients = Gradients::of(&self.net, total);
            self.net = self.optimizer.step(self.net.clone(), &gradients, rates);
            value
        }
    }

    #[track_caller]
    fn check(name: &str, config: &OptimizerConfig, unknown: &[&str]) {
        check_run(name, Run::new(config), unknown);
    }

    #[track_caller]
    fn check_run(name: &str, mut run: Run, unknown: &[&str]) {
        let want = &golden().supervised[name];
        for (step, &loss) in want.loss.iter().enumerate() {
            let momentum = (want.momentum[step] != 0.0).then_some(want.momentum[step]);
            let got = run.step(Rates { momentum, ..Rates::of(want.lr[step]) });
            assert!((got - loss).abs() < 2e-6, "step {step}: loss is {got}, want {loss}");
        }
        for entry in state_dict(&run.net).entries {
            if unknown.contains(&entry.name.as_str()) {
                continue;
            }
            let got: Vec<f64> = match &entry.values {
                Values::F32(values) => values.iter().map(|&it| f64::from(it)).collect(),
                Values::I64(values) => values.iter().map(|&it| it as f64).collect(),
            };
            for (got, want) in got.into_iter().zip(flat(&want.last[&entry.name])) {
                assert!((got - want).abs() < 1e-5, "{}: {got}, want {want}", entry.name);
            }
        }
    }

    fn sgd() -> OptimizerConfig {
        OptimizerConfig { kind: OptimizerKind::Sgd, lr: 0.1.into(), ..Default::default() }
    }

    #[test]
    fn sgd_walks_as_pytorch_does() {
        check("sgd_lr.1", &sgd(), &[]);
        let momentum = OptimizerConfig { momentum: 0.9, ..sgd() };
        let decay = OptimizerConfig { weight_decay: Some(1e-2), ..momentum.clone() };
        check("sgd_mom.9_wd1e-2", &decay, &[]);
        check("sgd_nesterov", &OptimizerConfig { nesterov: true, ..momentum.clone() }, &[]);
        check("onecycle_sgd_max.5_20", &momentum, &[]);
    }

    // The norm cancels the first bias, whose gradient is rounding noise, which AdamW blows up.
    #[test]
    fn adamw_walks_as_pytorch_does() {
        let config =
            OptimizerConfig { lr: 1e-2.into(), weight_decay: Some(0.1), ..Default::default() };
        check("adamw_1e-2_wd.1", &config, &["0.bias", "1.running_mean"]);
    }

    #[test]
    fn adam_and_rmsprop_walk_as_pytorch_does() {
        let kind = |kind, lr: f64| OptimizerConfig { kind, lr: lr.into(), ..Default::default() };
        let noise = ["0.bias", "1.running_mean"];
        check("adam_1e-2", &kind(OptimizerKind::Adam, 1e-2), &noise);
        check("rmsprop", &kind(OptimizerKind::Rmsprop, 1e-2), &noise);
    }

    #[test]
    fn losses_of_regions_walk_as_in_pytorch() {
        let config =
            || OptimizerConfig { kind: OptimizerKind::Adam, lr: 1e-2.into(), ..Default::default() };
        for (name, loss) in [
            ("adam_dice", "kind = 'dice'"),
            (
                "adam_ce+dice",
                "kind = 'compound'\n[[term]]\nkind = 'cross-entropy'\n[[term]]\nkind = 'dice'",
            ),
        ] {
            let run = Run { loss: toml::from_str(loss).unwrap(), ..Run::new(&config()) };
            check_run(name, run, &["0.bias", "1.running_mean"]);
        }
    }

    #[test]
    fn momentum_that_cycles_walks_as_pytorch_does() {
        let momentum = OptimizerConfig { momentum: 0.9, ..sgd() };
        check("cyclic_sgd_.01-.3_up5", &momentum, &[]);
    }

    #[track_caller]
    fn check_kept(mut run: Run, want: &Kept) {
        for (step, &loss) in want.loss.iter().enumerate() {
            let got = run.step(Rates::of(0.1));
            assert!((got - loss).abs() < 2e-6, "step {step}: loss is {got}, want {loss}");
        }
        let state = state_dict(&run.net);
        for (name, want) in [
            ("1.running_mean", want.running_mean.clone()),
            ("1.running_var", want.running_var.clone()),
            ("1.num_batches_tracked", vec![want.num_batches_tracked]),
            ("3.weight", flat(&want.final_head)),
        ] {
            let got: Vec<f64> = match &state.find(name).unwrap().values {
                Values::F32(values) => values.iter().map(|&it| f64::from(it)).collect(),
                Values::I64(values) => values.iter().map(|&it| it as f64).collect(),
            };
            assert_eq!(got.len(), want.len(), "{name}");
            for (got, want) in got.into_iter().zip(want) {
                assert!((got - want).abs() < 1e-5, "{name}: {got}, want {want}");
            }
        }
    }

    #[test]
    fn a_frozen_encoder_walks_as_in_pytorch_with_its_norms_in_evaluation() {
        let run = Run::new(&sgd());
        let net = freeze(run.net, &["0".to_owned(), "1.*".to_owned()]).unwrap();
        check_kept(Run { net, ..run }, &golden().freeze.frozen_encoder_bn_eval);
    }

    /// A frozen norm holds its statistics; at a rate of 0 only its parameters stay.
    #[test]
    fn an_encoder_at_a_rate_of_0_walks_as_in_pytorch_with_its_norms_in_training() {
        let group = |names: &str| ParameterGroup {
            names: names.to_owned(),
            lr_factor: 0.0,
            weight_decay: None,
        };
        let groups = vec![group("0"), group("1")];
        let run = Run::new(&OptimizerConfig { groups, ..sgd() });
        check_kept(run, &golden().freeze.frozen_encoder_bn_train);
    }

    #[test]
    fn layers_with_rates_of_their_own_walk_as_in_pytorch() {
        let group = |names: &str| ParameterGroup {
            names: names.to_owned(),
            lr_factor: 0.01,
            weight_decay: None,
        };
        let groups = vec![group("0"), group("1")];
        let run = Run::new(&OptimizerConfig { groups, ..sgd() });
        check_kept(run, &golden().freeze.discriminative_lr);
    }

    #[test]
    fn the_first_group_that_means_a_parameter_counts() {
        let group = |names: &str, lr_factor| ParameterGroup {
            names: names.to_owned(),
            lr_factor,
            weight_decay: None,
        };
        let groups = vec![group("encoder.layer4", 0.5), group("encoder", 0.1)];
        let config = OptimizerConfig { groups, ..Default::default() };
        for (name, want) in [
            ("encoder.layer4.0.conv1.weight", 0.5),
            ("encoder.conv1.weight", 0.1),
            ("decoder.blocks.0.conv1.0.weight", 1.0),
        ] {
            assert_eq!(config.lr_factor(name), want, "{name}");
        }
        let wrong = OptimizerConfig { groups: vec![group("encoder", -0.1)], ..Default::default() };
        assert!(wrong.build().unwrap_err().to_string().contains("optimizer.groups.lr_factor"));
    }

    fn take_steps(run: &mut Run, steps: Range<u32>) {
        for step in steps {
            let lr = 0.05 * (PI * f64::from(step) / 8.0).cos();
            run.step(Rates::of(lr));
        }
    }

    #[test]
    fn a_resumed_optimizer_takes_the_same_steps() {
        let of = |kind| OptimizerConfig { kind, ..OptimizerConfig::default() };
        let rmsprop = of(OptimizerKind::Rmsprop);
        let configs = [
            of(OptimizerKind::Adamw),
            of(OptimizerKind::Adam),
            of(OptimizerKind::Lion),
            OptimizerConfig { momentum: 0.9, centered: true, ..rmsprop.clone() },
            rmsprop,
            OptimizerConfig { momentum: 0.9, ..sgd() },
            sgd(),
        ];
        for config in configs {
            let mut whole = Run::new(&config);
            take_steps(&mut whole, 0..4);

            let mut first = Run::new(&config);
            take_steps(&mut first, 0..2);
            let (weights, memory) = (state_dict(&first.net), first.optimizer.state());
            let mut second = Run::new(&config);
            second.net = load(second.net, &weights, "test").unwrap();
            second.optimizer.load(&second.net, &memory, 2, "test").unwrap();
            take_steps(&mut second, 2..4);

            assert_eq!(state_dict(&second.net), state_dict(&whole.net));
            assert_eq!(second.optimizer.state(), whole.optimizer.state());
        }
    }

    #[test]
    fn a_state_that_does_not_fit_is_refused() {
        let mut run = Run::new(&OptimizerConfig::default());
        run.step(Rates::of(0.1));
        let state = run.optimizer.state();
        assert_eq!(state.entries.len(), 3 * 6);
        let load = |state: &StateDict| Run::new(&sgd()).optimizer.load(&run.net, state, 1, "test");
        assert!(load(&state).is_err(), "AdamW's state is not SGD's");

        let mut lacking = state.clone();
        lacking.entries.remove(0);
        let mut optimizer = OptimizerConfig::default().build().unwrap();
        assert!(optimizer.load(&run.net, &lacking, 1, "test").is_err());
        let mut renamed = state;
        renamed.entries.iter_mut().for_each(|it| it.name = format!("x.{}", it.name));
        assert!(optimizer.load(&run.net, &renamed, 1, "test").is_err());
    }

    #[test]
    fn frozen_parameters_stay() {
        let mut run = Run::new(&OptimizerConfig::default());
        run.net.0 = run.net.0.clone().freeze();
        let before = state_dict(&run.net.0);
        run.step(Rates::of(0.1));
        assert_eq!(state_dict(&run.net.0), before);
        assert!(run.optimizer.state().find("0.weight.step").is_none());
        assert!(run.optimizer.state().find("3.weight.step").is_some());
    }

    /// The weights after two steps of a narrow network, within a pool of `n_threads`.
    fn trained(n_threads: usize, width: u32, size_px: usize) -> StateDict {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let device = Device::flex().autodiff();
            let config = ModelConfig { encoder: Encoder::Resnet18, width, ..Default::default() };
            let mut network = config.build(3, 4, 1, &device);
            let mut optimizer = OptimizerConfig::default().build().unwrap();
            let loss = LossConfig::default().build(&ClassCounts::uniform(4)).unwrap();
            let n = 4 * size_px * size_px;
            for step in 0..2 {
                let value = |k: usize| (k as f32 * 0.0137 + step as f32).sin();
                let images =
                    TensorData::new((0..3 * n).map(value).collect(), [4, 3, size_px, size_px]);
                let labels =
                    (0..n).map(|k| (k / 57 % 5) as i64).map(|it| if it == 4 { 255 } else { it });
                let labels = TensorData::new(labels.collect(), [4, size_px, size_px]);
                let logits = network.forward(Tensor::from_data(images, &device)).main;
                let target = Target::classes(Tensor::from_data(labels, &device));
                let parts = loss.parts(logits, &target).unwrap();
                let loss = loss.single_mean(&parts).unwrap();
                let mut gradients = Gradients::of(&network, loss.sum.clone());
                gradients.scale(1.0 / loss.weight.clone().into_scalar::<f64>());
                gradients.clip_norm(1.0);
                let rates = Rates::of(1e-3);
                network = optimizer.step(network, &gradients, rates);
            }
            state_dict(&network)
        })
    }

    #[test]
    fn the_bits_of_training_do_not_depend_on_the_number_of_threads() {
        for (width, size_px) in [(16, 64), (8, 128)] {
            let want = trained(1, width, size_px);
            for n_threads in [2, 7] {
                assert!(
                    trained(n_threads, width, size_px) == want,
                    "{n_threads} threads, {size_px} px"
                );
            }
        }
    }
}
