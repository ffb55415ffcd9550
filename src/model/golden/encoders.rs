//! Encoders as torchvision's classifiers have them.

#[cfg(test)]
mod tests {
    use burn::{backend::DType, module::Module, tensor::Device};

    use super::super::{
        case::GOLDEN,
        fill::{filled, images, value},
    };
    use crate::model::{Encoder, EncoderNetwork, Features, ModelConfig};

    const TYPES: [(DType, f64); 2] = [(DType::F64, 1e-9), (DType::F32, 1e-4)];

    /// The coarsest features with weights of the closed form, `[row and col, channel]`, and the number of
    /// the encoder's tensors.
    fn features(encoder: Encoder, dtype: DType, shape: [usize; 4]) -> (Vec<Vec<f64>>, usize) {
        let config = ModelConfig { encoder, ..Default::default() };
        let network = EncoderNetwork::new(&config, 3, &Device::flex());
        let (network, n_tensors) = filled(network, dtype);
        let depth = config.resolved_depth();
        let mut all = network.valid().forward(Features::from_images(images(shape, dtype)), depth);
        let tensor = all.pop().unwrap().unwrap().into_channels_last();
        let [.., channels] = tensor.dims();
        let values: Vec<f64> = tensor.into_data().iter().collect();
        (values.chunks(channels).map(<[f64]>::to_vec).collect(), n_tensors)
    }

    fn means(pixels: &[Vec<f64>]) -> Vec<f64> {
        let n_channels = pixels[0].len();
        let mean = |channel: usize| pixels.iter().map(|it| it[channel]).sum::<f64>();
        (0..n_channels).map(|channel| mean(channel) / pixels.len() as f64).collect()
    }

    /// A linear function with weights of the closed form, the tensors at `index`.
    fn linear(input: &[f64], index: usize, shape: &[usize]) -> Vec<f64> {
        let n_outputs = shape[0];
        let output = |output: usize| {
            let weight = |k: usize| value("weight", shape, index, output * input.len() + k);
            let products = input.iter().enumerate().map(|(k, it)| it * weight(k));
            products.sum::<f64>() + value("bias", &[n_outputs], index + 1, output)
        };
        (0..n_outputs).map(output).collect()
    }

    #[track_caller]
    fn check(encoder: Encoder, name: &str, classify: impl Fn(&[Vec<f64>], usize) -> Vec<f64>) {
        let case = &GOLDEN.cases[name];
        let want = case.values.as_ref().unwrap();
        for (dtype, tolerance) in TYPES {
            let (pixels, n_tensors) = features(encoder, dtype, case.in_shape);
            assert!(n_tensors < GOLDEN.listed(&case.keys).len());
            for (got, want) in classify(&pixels, n_tensors).iter().zip(want) {
                let limit = tolerance * case.abs_max;
                assert!((got - want).abs() <= limit, "{name} {dtype:?}: got {got}, want {want}");
            }
        }
    }

    #[test]
    fn resnets_are_those_of_torchvision() {
        let classify = |pixels: &[Vec<f64>], index| {
            let means = means(pixels);
            linear(&means, index, &[10, means.len()])
        };
        check(Encoder::Resnet18, "torchvision-resnet18-96x80", classify);
        check(Encoder::Resnet50, "torchvision-resnet50-96x80", classify);
    }

    #[test]
    fn mobilenet_v2_is_that_of_torchvision() {
        check(Encoder::MobilenetV2, "torchvision-mobilenet_v2-96x80", |pixels, index| {
            linear(&means(pixels), index, &[10, 1280])
        });
    }

    #[test]
    fn squeezenet_is_that_of_torchvision() {
        check(Encoder::Squeezenet11, "torchvision-squeezenet1_1-96x80", |pixels, index| {
            let logits = |pixel: &Vec<f64>| {
                let logits = linear(pixel, index, &[10, 512, 1, 1]);
                logits.into_iter().map(|it| it.max(0.0)).collect::<Vec<f64>>()
            };
            means(&pixels.iter().map(logits).collect::<Vec<_>>())
        });
    }

    #[test]
    fn convnext_is_that_of_torchvision() {
        check(Encoder::ConvnextTiny, "torchvision-convnext_tiny-96x80", |pixels, index| {
            let values = means(pixels);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / n;
            let normed = values.iter().enumerate().map(|(k, it)| {
                let weight = value("weight", &[768], index, k);
                (it - mean) / (variance + 1e-6).sqrt() * weight
                    + value("bias", &[768], index + 1, k)
            });
            linear(&normed.collect::<Vec<_>>(), index + 2, &[10, 768])
        });
    }

    /// Means of 7 x 7 windows of 3 x 2 pixels, then two layers of 4096.
    #[test]
    fn vgg16_bn_is_that_of_torchvision() {
        check(Encoder::Vgg16Bn, "torchvision-vgg16_bn-96x80", |pixels, index| {
            let [rows, cols] = [3, 2];
            assert_eq!(pixels.len(), rows * cols);
            let window = |n: usize, k: usize| k * n / 7..((k + 1) * n).div_ceil(7);
            let pooled = |channel: usize, k: usize| {
                let [tall, wide] = [window(rows, k / 7), window(cols, k % 7)];
                let n = (tall.len() * wide.len()) as f64;
                let of_row =
                    |row: usize| wide.clone().map(move |col| pixels[row * cols + col][channel]);
                tall.flat_map(of_row).sum::<f64>() / n
            };
            let pooled = (0..512 * 49).map(|k| pooled(k / 49, k % 49)).collect::<Vec<_>>();
            let hidden = |input: &[f64], index| -> Vec<f64> {
                let outputs = linear(input, index, &[4096, input.len()]);
                outputs.into_iter().map(|it| it.max(0.0)).collect()
            };
            let second = hidden(&hidden(&pooled, index), index + 2);
            linear(&second, index + 4, &[10, 4096])
        });
    }

    /// A line of torchvision's ConvNeXt as it stands here.
    fn of_torchvision(line: &str) -> String {
        let (name, sizes) = line.split_once(' ').unwrap();
        let other = Encoder::other_names().find(|it| it.library == "torchvision").unwrap();
        let name = (other.renamed)(name).unwrap();
        let name = name.strip_prefix("encoder.").unwrap();
        let sizes =
            if name.ends_with(".gamma") { &sizes[..sizes.len() - " 1 1".len()] } else { sizes };
        format!("{name} {sizes}")
    }

    const ALL: [(Encoder, &str); 6] = [
        (Encoder::Resnet18, "torchvision-resnet18-96x80"),
        (Encoder::Resnet50, "torchvision-resnet50-96x80"),
        (Encoder::MobilenetV2, "torchvision-mobilenet_v2-96x80"),
        (Encoder::Squeezenet11, "torchvision-squeezenet1_1-96x80"),
        (Encoder::ConvnextTiny, "torchvision-convnext_tiny-96x80"),
        (Encoder::Vgg16Bn, "torchvision-vgg16_bn-96x80"),
    ];

    /// Names and shapes of torchvision's classifiers, before the classifier itself.
    #[test]
    fn names_and_shapes_are_those_of_torchvision() {
        let n_cases = GOLDEN.cases.keys().filter(|it| it.starts_with("torchvision-")).count();
        assert_eq!(n_cases, ALL.len());
        for (encoder, name) in ALL {
            let config = ModelConfig { encoder, ..Default::default() };
            let network = EncoderNetwork::new(&config, 3, &Device::flex());
            let lines = crate::weights::layouts(&network).into_iter().map(|it| {
                let sizes: Vec<String> = it.shape.iter().map(usize::to_string).collect();
                [vec![it.name], sizes].concat().join(" ")
            });
            let want = GOLDEN.listed(&GOLDEN.cases[name].keys);
            let is_classifier = |it: &String| it.starts_with("classifier") || it.starts_with("fc.");
            let want = want.into_iter().filter(|it| !is_classifier(it));
            let want: Vec<String> = match encoder {
                Encoder::ConvnextTiny => want.map(|it| of_torchvision(&it)).collect(),
                _ => want.collect(),
            };
            assert_eq!(lines.collect::<Vec<_>>(), want, "{name}");
        }
    }
}
