//! The golden file.

use std::{collections::BTreeMap, sync::LazyLock};

use burn::tensor::Device;
use serde::Deserialize;

use crate::model::{Architecture, Attention, Encoder, ModelConfig, Network, NormKind};

#[derive(Deserialize)]
pub(super) struct Golden {
    pub models: BTreeMap<String, Counts>,
    /// Numbers of lists: of the encoder and of the rest.
    pub keys: BTreeMap<String, Vec<usize>>,
    pub small: BTreeMap<String, Small>,
    pub cases: BTreeMap<String, Case>,
    pub key_lists: Vec<Vec<String>>,
}

#[derive(Deserialize)]
pub(super) struct Counts {
    pub total: usize,
    pub encoder: Option<usize>,
    pub decoder: Option<usize>,
    pub head: Option<usize>,
    pub buffer_elems: Option<usize>,
    pub n_state_dict: Option<usize>,
}

/// Images of 64 x 64.
#[derive(Deserialize)]
pub(super) struct Small {
    pub mean: f64,
    pub std: f64,
    pub abs_max: f64,
    /// The first four columns of the first row, by class.
    pub corner: Vec<Vec<f64>>,
    /// Columns 30 to 33 of row 32, by class.
    pub centre: Vec<Vec<f64>>,
    /// Of the image, and of features at 1/2, 1/4, and so on.
    pub encoder_feature_means: Vec<f64>,
}

#[derive(Deserialize)]
pub(super) struct Case {
    pub in_shape: [usize; 4],
    pub mean: f64,
    pub std: f64,
    pub abs_max: f64,
    pub params: usize,
    /// Upper left, upper right, lower left, lower right, by class.
    pub corners: Option<[Vec<f64>; 4]>,
    pub centre: Option<Vec<f64>>,
    /// Of a classifier.
    pub values: Option<Vec<f64>>,
    pub keys: Vec<usize>,
}

pub(super) static GOLDEN: LazyLock<Golden> = LazyLock::new(|| {
    let text = include_str!("../../../tests/golden/architectures.json");
    serde_json::from_str(text).unwrap()
});

impl Golden {
    /// Names and shapes by the numbers of their lists.
    pub fn listed(&self, numbers: &[usize]) -> Vec<String> {
        numbers.iter().flat_map(|&it| self.key_lists[it].iter().cloned()).collect()
    }
}

/// The model of a name such as `Unet-resnet18-in4-cls6-100x132`, and its bands and classes.
pub(super) struct Named {
    pub config: ModelConfig,
    pub n_bands: usize,
    pub n_classes: usize,
}

pub(super) fn named(name: &str) -> Named {
    let name = name.trim_start_matches("train-mode-");
    let (name, options) = match name.find("-{") {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, ""),
    };
    let (architecture, rest) = name.split_once('-').unwrap();
    let architecture = match architecture {
        "Unet" => Architecture::Unet,
        "UnetPlusPlus" => Architecture::UnetPlusPlus,
        "DeepLabV3" => Architecture::DeeplabV3,
        "DeepLabV3Plus" => Architecture::DeeplabV3Plus,
        "FPN" => Architecture::Fpn,
        "Linknet" => Architecture::Linknet,
        "PSPNet" => Architecture::PspNet,
        "PAN" => Architecture::Pan,
        "MAnet" => Architecture::MaNet,
        "UPerNet" => Architecture::UperNet,
        other => panic!("{other}"),
    };
    let (encoder, rest) = rest.rsplit_once("-in").unwrap_or((rest, "3-cls1"));
    let encoder = match encoder {
        "resnet18" => Encoder::Resnet18,
        "resnet34" => Encoder::Resnet34,
        "resnet50" => Encoder::Resnet50,
        "resnet101" => Encoder::Resnet101,
        "mobilenet_v2" => Encoder::MobilenetV2,
        "vgg16_bn" => Encoder::Vgg16Bn,
        "tu-tf_efficientnet_lite0" => Encoder::EfficientnetLite0,
        other => panic!("{other}"),
    };
    let (n_bands, rest) = rest.split_once("-cls").unwrap();
    let n_classes = rest.split('-').next().unwrap();
    let mut config = ModelConfig { architecture, encoder, ..Default::default() };
    match options.replace('\'', "\"").as_str() {
        "" => {}
        r#"{"decoder_attention_type": "scse"}"# => config.attention = Some(Attention::Scse),
        r#"{"encoder_output_stride": 8}"# => config.output_stride = Some(8),
        r#"{"decoder_aspp_separable": False}"# => config.separable = Some(false),
        r#"{"decoder_use_norm": False}"# => config.norm = Some(NormKind::None),
        r#"{"encoder_depth": 4, "decoder_channels": (256, 128, 64, 32)}"# => config.depth = Some(4),
        other => panic!("{other}"),
    }
    let [n_bands, n_classes] = [n_bands, n_classes].map(|it| it.parse().unwrap());
    Named { config, n_bands, n_classes }
}

impl Named {
    pub fn network(&self) -> Network {
        self.config.check().unwrap();
        self.config.blank(self.n_bands, self.n_classes, &Device::flex())
    }
}
