//! What every architecture does with every encoder that it takes. A new one is tested by itself.

#[cfg(test)]
mod tests {
    use burn::{
        module::Module,
        tensor::{Device, Int, Tensor, TensorData},
    };

    use super::super::{
        Architecture, Encoder, ModelConfig, Network, NormKind, Pass, Segmenter, SideOutput, freeze,
    };
    use crate::{
        label::ClassCounts,
        loss::{LossConfig, Target},
        optim::{Gradients, OptimizerConfig},
        schedule::Rates,
        weights::{load, n_parameters, state_dict},
    };

    const N_BANDS: usize = 3;

    const N_CLASSES: usize = 2;

    /// All pairs, narrow.
    fn all() -> Vec<ModelConfig> {
        let mut all = Vec::new();
        for &architecture in Architecture::ALL {
            let own = [Encoder::Own];
            let encoders = if architecture.takes_encoder() { Encoder::ALL } else { &own };
            for &encoder in encoders {
                let config = ModelConfig { architecture, encoder, width: 4, ..Default::default() };
                config.check().unwrap();
                all.push(config);
            }
        }
        all
    }

    /// Every architecture and every encoder once.
    fn each() -> Vec<ModelConfig> {
        let is_one = |it: &ModelConfig| {
            it.architecture == Architecture::Unet
                || it.encoder == Encoder::Resnet18
                || it.encoder == Encoder::Own
        };
        all().into_iter().filter(is_one).collect()
    }

    fn images(shape: [usize; 4], device: &Device) -> Tensor<4> {
        let values = (0..shape.iter().product()).map(|k| (k as f32 * 0.37).sin()).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn built(config: &ModelConfig, device: &Device) -> Network {
        config.build(N_BANDS, N_CLASSES, 1, device)
    }

    #[test]
    fn logits_have_the_size_of_images_of_any_size() {
        let device = Device::flex();
        for config in all() {
            let network = built(&config, &device).valid();
            for [rows, cols] in [[64, 32], [45, 39], [1, 7]] {
                let logits = network.forward(images([1, N_BANDS, rows, cols], &device)).main;
                assert_eq!(logits.dims(), [1, N_CLASSES, rows, cols], "{config:?}");
                let values: Vec<f32> = logits.into_data().iter().collect();
                assert!(values.iter().all(|it| it.is_finite()), "{config:?}");
            }
        }
    }

    /// Whether architecture and encoder have this depth. An FPN of depth 4 needs features at 1/2.
    fn has_depth(config: &ModelConfig) -> bool {
        let (depth, spec) = (config.depth.unwrap(), config.architecture.spec());
        let Some(encoder) = config.encoder.spec() else { return false };
        let is_lacking = config.architecture == Architecture::Fpn && encoder.channels[0] == 0;
        let reaches = depth as usize <= encoder.channels.len();
        spec.depths.contains(&depth) && reaches && !(is_lacking && depth == 4)
    }

    #[test]
    fn every_depth_and_stride_works_or_is_refused() {
        let (device, mut n_refused) = (Device::flex(), 0);
        for config in all() {
            for depth in [3, 4, 5] {
                for stride in [None, Some(8), Some(16), Some(32)] {
                    let depth = Some(depth);
                    let config = ModelConfig { depth, output_stride: stride, ..config.clone() };
                    let is_fine = config.check().is_ok();
                    if stride.is_none() {
                        assert_eq!(is_fine, has_depth(&config), "{config:?}");
                    }
                    if !is_fine {
                        n_refused += 1;
                        continue;
                    }
                    let layers = config.describe(N_BANDS, N_CLASSES, [45, 39]).layers;
                    assert!(!layers.is_empty(), "{config:?}");
                    if stride.is_none() {
                        let network = built(&config, &device).valid();
                        let logits = network.forward(images([1, N_BANDS, 45, 39], &device)).main;
                        assert_eq!(logits.dims(), [1, N_CLASSES, 45, 39], "{config:?}");
                    }
                }
            }
        }
        assert_ne!(n_refused, 0);
    }

    #[test]
    fn a_fresh_model_with_loaded_weights_is_the_same_model() {
        let device = Device::flex();
        for config in all() {
            let trained = built(&config, &device);
            let _ = trained.forward(images([2, N_BANDS, 40, 32], &device)); // Moves running statistics.
            let state = state_dict(&trained);
            let names: std::collections::BTreeSet<_> =
                state.entries.iter().map(|it| it.name.as_str()).collect();
            assert_eq!(names.len(), state.entries.len(), "{config:?}: a name occurs twice");
            let fresh = load(config.blank(N_BANDS, N_CLASSES, &device), &state, "test").unwrap();
            assert_eq!(state_dict(&fresh), state, "{config:?}");
            let [a, b] = [&fresh, &trained].map(|network| {
                network.valid().forward(images([1, N_BANDS, 33, 32], &device)).main.into_data()
            });
            assert_eq!(a, b, "{config:?}");
        }
    }

    /// A target that follows from the sign of the first band.
    fn target(images: &Tensor<4>, device: &Device) -> Target {
        let [batch, _, rows, cols] = images.dims();
        let first = images.clone().narrow(1, 0, 1).into_data();
        let labels: Vec<i32> = first.iter::<f32>().map(|it| i32::from(0.0 < it)).collect();
        let labels = TensorData::new(labels, [batch, rows, cols]);
        Target::classes(Tensor::<3, Int>::from_data(labels, device))
    }

    /// Smooth images, so that coarse features can follow them.
    fn smooth(device: &Device) -> Tensor<4> {
        let shape = [2, N_BANDS, 64, 64];
        let value = |k: usize| {
            let (image, row, col) = (k / (64 * 64), k / 64 % 64, k % 64);
            ((row as f32 * 0.11 + image as f32).sin() + (col as f32 * 0.09).cos()) / 1.5
        };
        let values = (0..shape.iter().product()).map(value).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Wide enough to learn: the last block of the decoder has four channels.
    fn wider(config: ModelConfig) -> ModelConfig {
        ModelConfig { width: 16, drop_prob: Some(0.0), ..config }
    }

    /// The losses of `n_steps` steps on one batch, and the network after them.
    fn trained(config: &ModelConfig, network: Network, n_steps: u64) -> (Vec<f32>, Network) {
        let device = Device::flex().autodiff();
        let loss = LossConfig::default().build(&ClassCounts::uniform(N_CLASSES)).unwrap();
        let mut optimizer = OptimizerConfig::default().build().unwrap();
        let images = smooth(&device);
        let target = target(&images, &device);
        let (mut network, mut losses) = (network, Vec::new());
        for step in 0..n_steps {
            let outputs = network.forward_in(images.clone(), Pass::training(1, step));
            assert_eq!(outputs.auxiliary.len(), config.auxiliary.len());
            let parts = loss.parts(outputs.main, &target).unwrap();
            let mut total = loss.value(&parts, 0).total;
            for SideOutput { weight, logits } in outputs.auxiliary {
                let parts = loss.parts(logits, &target).unwrap();
                total = total + loss.value(&parts, 0).total * weight;
            }
            losses.push(total.clone().into_scalar());
            let gradients = Gradients::of(&network, total);
            let rates = Rates::of(1e-2);
            network = optimizer.step(network, &gradients, rates);
        }
        (losses, network)
    }

    #[test]
    fn one_batch_is_learned() {
        let device = Device::flex().autodiff();
        for config in each() {
            let config = wider(config);
            let (losses, _) = trained(&config, built(&config, &device), 16);
            let least = losses.iter().copied().fold(f32::INFINITY, f32::min);
            assert!(least < 0.7 * losses[0], "{config:?}: {losses:?}");
        }
    }

    #[test]
    fn every_model_can_have_side_branches() {
        let device = Device::flex();
        for config in all().into_iter().map(wider) {
            let most = config.most_sides();
            assert!(0 < most, "{config:?}");
            let with = ModelConfig { auxiliary: vec![0.4; most], ..config.clone() };
            with.check().unwrap();
            let network = built(&with, &device);
            let images = images([2, N_BANDS, 64, 40], &device);
            let outputs = network.forward_in(images.clone(), Pass::training(1, 0));
            assert_eq!(outputs.auxiliary.len(), most, "{config:?}");
            for side in outputs.auxiliary {
                assert_eq!((side.weight, side.logits.dims()), (0.4, [2, N_CLASSES, 64, 40]));
                let values: Vec<f32> = side.logits.into_data().iter().collect();
                assert!(values.iter().any(|it| *it != values[0]), "{config:?}: all the same");
            }
            // They change nothing of the main branch, and prediction has none.
            let alone = built(&config, &device).forward(images.clone());
            let outputs = built(&with, &device).forward(images);
            assert_eq!(outputs.main.into_data(), alone.main.into_data(), "{config:?}");
            assert!(outputs.auxiliary.is_empty());

            let more = ModelConfig { auxiliary: vec![0.4; most + 1], ..config };
            let error = more.check().unwrap_err().to_string();
            assert!(error.contains("`model.auxiliary`"), "{error}");
            assert!(most == 1 || error.contains(&format!("a list of {most} numbers")), "{error}");
        }
    }

    /// The rules say what really happens: batch norm panics at a single value.
    #[test]
    fn single_chips_train_where_the_rules_say_so() {
        let (device, mut n_refused) = (Device::flex(), 0);
        for config in all() {
            for size_px in [7, 24, 40] {
                let network = built(&config, &device);
                let images = images([1, N_BANDS, size_px, size_px], &device);
                let train = || network.forward_in(images, Pass::training(1, 0));
                let trains = std::panic::catch_unwind(std::panic::AssertUnwindSafe(train)).is_ok();
                match config.check_batch(1, size_px as u32) {
                    Ok(()) => assert!(trains, "{size_px} px: {config:?}"),
                    Err(error) if error.to_string().contains("chips.size_px") => n_refused += 1,
                    Err(error) => assert!(!trains, "{error} {config:?}"),
                }
            }
        }
        assert!(0 < n_refused);
    }

    #[test]
    fn what_is_frozen_keeps_every_bit() {
        let device = Device::flex().autodiff();
        for config in each() {
            let pattern = if config.encoder == Encoder::Own { "e1" } else { "encoder" };
            let network = freeze(built(&config, &device), &[pattern.to_owned()]).unwrap();
            let before = state_dict(&network);
            let (_, network) = trained(&config, network, 2);
            let mut n_changed = 0;
            for (before, after) in before.entries.iter().zip(state_dict(&network).entries) {
                if super::super::matches(pattern, &before.name) {
                    assert_eq!(*before, after, "{config:?}");
                } else {
                    n_changed += usize::from(*before != after);
                }
            }
            assert!(0 < n_changed, "{config:?}");
        }
    }

    #[test]
    fn the_description_counts_every_parameter() {
        for config in all() {
            let config = ModelConfig { width: 64, ..config };
            let description = config.describe(N_BANDS, N_CLASSES, [96, 70]);
            let network = config.blank(N_BANDS, N_CLASSES, &Device::flex());
            assert_eq!(description.parameters, n_parameters(&network) as u64, "{config:?}");
            let last = description.layers.last().unwrap();
            assert_eq!([last.rows, last.cols, last.channels], [96, 70, N_CLASSES], "{config:?}");
            assert!(0 < description.multiply_adds && 0 < description.activation_bytes);
        }
    }

    /// What is known of a network: its tensors, its layers, and what it makes in training.
    fn traits(config: &ModelConfig) -> (Vec<crate::weights::Layout>, String, Vec<f32>) {
        let device = Device::flex();
        let network = built(config, &device);
        let layers = config.describe(N_BANDS, N_CLASSES, [64, 64]).layers;
        let outputs =
            network.forward_in(images([2, N_BANDS, 64, 64], &device), Pass::training(1, 0));
        let sides = outputs.auxiliary.into_iter().map(|it| it.logits);
        let values = [outputs.main].into_iter().chain(sides);
        let values = values.flat_map(|it| it.into_data().iter::<f32>().collect::<Vec<_>>());
        (crate::weights::layouts(&network), format!("{layers:?}"), values.collect())
    }

    /// What a model cannot have is refused, and what it is given changes it.
    #[test]
    fn no_setting_is_without_effect() {
        let settings = [
            "depth = 3",
            "depth = 4",
            "activation = 'elu'",
            "norm = 'layer'",
            "encoder_activation = 'elu'",
            "encoder_norm = 'layer'",
            "drop_prob = 0.4",
            "drop_kind = 'spatial'",
            "drop_kind = 'element'",
            "upsampling = 'bilinear'",
            "upsampling = 'transposed'",
            "output_stride = 8",
            "output_stride = 16",
            "output_stride = 32",
            "attention = 'scse'",
            "attention = 'gate'",
            "rates = [2, 3, 4]",
            "separable = true",
            "separable = false",
            "residual = true",
            "squeeze_excite = true",
            "aspp = true",
            "auxiliary = [0.5]",
            "decoder_channels = [7]",
            "decoder_channels = [9, 8, 7, 6]",
            "decoder_channels = [9, 8, 7, 6, 5]",
        ];
        // What an architecture has by itself may be said.
        let is_usual = |config: &ModelConfig, base: &ModelConfig| {
            let usual = |it: &ModelConfig| {
                let separable = it.architecture == Architecture::DeeplabV3Plus;
                let channels = it.decoder_channels.clone();
                (
                    it.resolved_depth(),
                    it.resolved_stride().min(1 << it.resolved_depth()),
                    it.resolved_drop_kind(),
                    it.separable.unwrap_or(separable),
                    channels,
                )
            };
            usual(config) == usual(base)
        };
        for base in each() {
            let found = traits(&base);
            let mut n_taken = 0;
            for setting in settings {
                let both = format!("{}\n{setting}", toml::to_string(&base).unwrap());
                let config: ModelConfig = toml::from_str(&both).unwrap();
                let says_more = !is_usual(&config, &base)
                    || !["depth", "output", "separ", "drop_k"]
                        .iter()
                        .any(|it| setting.starts_with(it));
                if config.check().is_ok() && says_more {
                    n_taken += 1;
                    assert!(traits(&config) != found, "{config:?}");
                }
            }
            assert!(5 < n_taken, "{base:?}");
        }
    }

    #[test]
    fn every_norm_activation_and_upsampling_trains() {
        use super::super::{ActivationKind, Attention, DropKind, Upsampling};
        let device = Device::flex().autodiff();
        let base = || ModelConfig { encoder: Encoder::Resnet18, width: 16, ..Default::default() };
        let mut variants = Vec::new();
        let norms =
            [NormKind::Batch, NormKind::Group, NormKind::Instance, NormKind::Layer, NormKind::None];
        for norm in norms {
            // Without any norm these few steps are too large.
            let encoder_norm = Some(norm).filter(|it| *it != NormKind::None);
            variants.push(ModelConfig { norm: Some(norm), encoder_norm, ..base() });
        }
        for kind in [
            ActivationKind::Relu,
            ActivationKind::LeakyRelu,
            ActivationKind::Prelu,
            ActivationKind::Elu,
            ActivationKind::Silu,
            ActivationKind::Gelu,
        ] {
            let (activation, encoder_activation) = (Some(kind), Some(kind));
            variants.push(ModelConfig { activation, encoder_activation, ..base() });
        }
        for upsampling in [Upsampling::Nearest, Upsampling::Bilinear, Upsampling::Transposed] {
            variants.push(ModelConfig { upsampling: Some(upsampling), ..base() });
        }
        for drop_kind in [DropKind::Element, DropKind::Spatial] {
            let (drop_prob, drop_kind) = (Some(0.2), Some(drop_kind));
            variants.push(ModelConfig { drop_prob, drop_kind, ..base() });
        }
        for stride in [8, 16] {
            variants.push(ModelConfig { output_stride: Some(stride), ..base() });
        }
        variants.push(ModelConfig { attention: Some(Attention::Scse), ..base() });
        variants.push(ModelConfig { auxiliary: vec![0.5, 0.25], ..base() });
        variants.push(ModelConfig {
            depth: Some(3),
            decoder_channels: Some(vec![9, 7, 5]),
            ..base()
        });
        let geodl = || ModelConfig {
            architecture: Architecture::GeodlUnet,
            encoder: Encoder::Own,
            width: 16,
            ..Default::default()
        };
        variants.push(ModelConfig {
            residual: true,
            squeeze_excite: true,
            aspp: true,
            attention: Some(Attention::Gate),
            auxiliary: vec![0.5, 0.3, 0.2],
            activation: Some(ActivationKind::LeakyRelu),
            ..geodl()
        });
        for config in variants {
            config.check().unwrap();
            let (losses, network) = trained(&config, built(&config, &device), 10);
            let least = losses.iter().copied().fold(f32::INFINITY, f32::min);
            // Without norms the same steps get less far.
            let share = if config.norm == Some(NormKind::None) { 0.98 } else { 0.9 };
            assert!(least < share * losses[0], "{config:?}: {losses:?}");
            let logits =
                network.valid().forward(images([1, N_BANDS, 37, 50], &Device::flex())).main;
            assert_eq!(logits.dims(), [1, N_CLASSES, 37, 50], "{config:?}");
        }
    }
}
