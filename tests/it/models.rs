//! Models of other kinds than the usual one, in whole runs and on the command line.

use std::fs;

use burn::tensor::Device;
use serde_json::Value;
use swath::{
    bundle::Bundle,
    model::{Architecture, Encoder, matches},
    run::Run,
    weights::{StateDict, state_dict},
};

use crate::support::{begin, check_refused, on_threads, site, swath_ok, train};

/// Dropout, a frozen part, rates of parts, a side branch of the encoder.
const DEEPLAB: [&str; 5] = [
    "model.architecture=deeplab-v3-plus",
    "model.encoder=mobilenet-v2",
    r#"model.freeze=["encoder.features.0", "encoder.features.1.*"]"#,
    r#"optimizer.groups=[{ names = "encoder", lr_factor = 0.1 }]"#,
    "model.auxiliary=[0.4]",
];

/// Every option of geodl's U-Net.
const GEODL: [&str; 9] = [
    "model.architecture=geodl-unet",
    "model.encoder=own",
    "model.width=16",
    "model.residual=true",
    "model.squeeze_excite=true",
    "model.aspp=true",
    "model.attention=gate",
    "model.drop_prob=0.1",
    "model.auxiliary=[0.5, 0.3, 0.2]",
];

fn weights(run: &std::path::Path) -> StateDict {
    Bundle::read(&run.join("model.swath")).unwrap().state
}

#[test]
fn a_stop_changes_no_bit_of_a_run_with_dropout_and_frozen_parts() {
    for (name, overrides) in [("deeplab", &DEEPLAB[..]), ("geodl", &GEODL)] {
        let site = site();
        let whole = site.path().join(name);
        on_threads(1, || train(&mut begin(site.path(), name, overrides), None)).unwrap();
        let stopped = site.path().join("stopped");
        on_threads(2, || train(&mut begin(site.path(), "stopped", overrides), Some(4)))
            .unwrap_err();
        on_threads(7, || train(&mut Run::open(&stopped, Device::flex()).unwrap(), None)).unwrap();
        assert!(weights(&stopped) == weights(&whole), "{name}");
    }
}

#[test]
fn what_is_frozen_is_as_it_was_built_and_the_rest_is_not() {
    let site = site();
    let mut run = begin(site.path(), "run", &DEEPLAB);
    let model = &run.run_file.model;
    let (n_bands, n_classes) = (run.data.bands().len(), run.data.classes().len());
    let before = state_dict(&model.build(n_bands, n_classes, run.run_file.seed, &Device::flex()));
    let patterns = model.freeze.clone();
    on_threads(2, || train(&mut run, None)).unwrap();
    let (mut n_frozen, mut n_changed) = (0, 0);
    for (before, after) in before.entries.iter().zip(weights(&site.path().join("run")).entries) {
        if patterns.iter().any(|it| matches(it, &before.name)) {
            assert!(*before == after, "{} changed", before.name);
            n_frozen += 1;
        } else {
            n_changed += usize::from(*before != after);
        }
    }
    // A convolution, a norm and its statistics; two of each.
    assert_eq!(n_frozen, 6 + 12);
    assert!(200 < n_changed, "{n_changed}");
    // Other libraries have no side branches.
    swath_ok(site.path(), &["weights", "export", "run", "out.safetensors"]);
    let has_sides = |name: &str| {
        let bytes = fs::read(site.path().join(name)).unwrap();
        String::from_utf8_lossy(&bytes).contains("auxiliary_heads.")
    };
    assert!(has_sides("run/model.swath") && !has_sides("out.safetensors"));
}

#[test]
fn a_model_file_knows_every_setting_that_prediction_needs() {
    let site = site();
    on_threads(2, || train(&mut begin(site.path(), "run", &GEODL), None)).unwrap();
    swath_ok(site.path(), &["predict", "run/model.swath", "image.tif", "-o", "map.tif"]);
}

#[test]
fn models_are_listed_with_what_they_cost() {
    let site = site();
    let ended = swath_ok(site.path(), &["models", "--json", "--size", "64", "--bands", "6"]);
    let listed: Value = serde_json::from_str(&ended).unwrap();
    for (kind, n) in [("architectures", Architecture::ALL.len()), ("encoders", Encoder::ALL.len())]
    {
        let models = listed[kind].as_array().unwrap();
        assert_eq!(models.len(), n);
        for model in models {
            for key in ["parameters", "multiply_adds", "activation_bytes"] {
                assert!(model[key].as_u64().is_some_and(|it| 0 < it), "{model}");
            }
        }
    }
    let text = swath_ok(site.path(), &["models"]);
    for name in ["unet-plus-plus", "upernet", "squeezenet-1.1", "convnext-tiny"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn a_list_says_which_models_cannot_have_the_settings() {
    let site = site();
    let args = ["models", "--set", "output_stride=8", "--size", "64", "--json"];
    let listed: Value = serde_json::from_str(&swath_ok(site.path(), &args)).unwrap();
    let refused = listed["refused"].as_array().unwrap();
    let names: Vec<_> = refused.iter().map(|it| it["name"].as_str().unwrap()).collect();
    for name in ["linknet", "manet", "geodl-unet", "vgg16-bn", "convnext-tiny"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!names.contains(&"unet") && !names.contains(&"resnet50"), "{names:?}");
    let text = swath_ok(site.path(), &["models", "--set", "width=1024", "--size", "64"]);
    assert!(text.contains("not so: config `model.width` = 1024: makes a network of"), "{text}");
    let text = swath_ok(site.path(), &["models", "--set", "separable=true", "--size", "64"]);
    assert!(text.contains("DeepLabV3+") && text.contains("resnet50             not so:"), "{text}");
    check_refused(site.path(), &["models", "--set", "norm=bach"], 2, &["norm"]);
    let other = ["models", "--describe", "unet/resnet18", "--set", "encoder=vgg16-bn"];
    check_refused(site.path(), &other, 2, &["`--set` = encoder=vgg16-bn", "name of a model"]);
}

// By hand: 7 x 7 x 6 weights for each of 64 channels of 32 x 32 pixels.
#[test]
fn a_model_is_described_layer_by_layer() {
    let site = site();
    let args = ["models", "--describe", "unet/resnet34", "--size", "64", "--bands", "6", "--json"];
    let described: Value = serde_json::from_str(&swath_ok(site.path(), &args)).unwrap();
    let layers = described["description"]["layers"].as_array().unwrap();
    assert_eq!(layers[0]["name"], "encoder.conv1");
    assert_eq!(layers[0]["what"], "conv 7x7");
    assert_eq!(layers[0]["parameters"], 7 * 7 * 6 * 64);
    assert_eq!(layers[0]["multiply_adds"], 7 * 7 * 6 * 64 * 32 * 32);
    assert_eq!(layers[1]["what"], "batch norm");
    let text = swath_ok(site.path(), &args[..3]);
    assert!(text.contains("segmentation_head.0"), "{text}");
    let wide = ["models", "--describe", "unet/resnet18", "--set", "norm=group"];
    assert!(swath_ok(site.path(), &wide).contains("group norm"));
}

#[test]
fn a_description_says_what_training_on_such_images_needs() {
    let site = site();
    let last = |model: &str, size: &str| {
        let text = swath_ok(site.path(), &["models", "--describe", model, "--size", size]);
        text.lines().last().unwrap().to_owned()
    };
    let last_of_unet = last("unet/resnet18", "3");
    let wanted = "note: train.batch must be 2 or more with chips of less than 33 px";
    assert!(last_of_unet.starts_with(wanted), "{last_of_unet}");
    let last_of_vgg = last("unet/vgg16-bn", "3");
    let wanted = "note: chips.size_px is too small for the depth of `unet` with `vgg16-bn`";
    assert!(last_of_vgg.starts_with(wanted), "{last_of_vgg}");
    assert!(last("unet/resnet18", "64").contains("MB of activations"));
}

#[test]
fn a_description_says_how_the_model_is_made_elsewhere() {
    let site = site();
    let json = |arguments: &[&str]| -> Value {
        let args = [&["models", "--describe", "fpn/resnet18", "--json"], arguments].concat();
        serde_json::from_str(&swath_ok(site.path(), &args)).unwrap()
    };
    let there = json(&["--bands", "6", "--classes", "7"]);
    assert_eq!(
        there["in_segmentation_models_pytorch"],
        "segmentation_models_pytorch.FPN('resnet18', encoder_weights=None, in_channels=6, classes=7)"
    );
    let beyond = json(&["--set", "norm=none"]);
    assert_eq!(beyond["in_segmentation_models_pytorch"], Value::Null);
    let lacking = ["norm = none: FPN has group"];
    assert_eq!(beyond["not_in_segmentation_models_pytorch"], serde_json::json!(lacking));
}

#[test]
fn models_that_there_are_not_are_refused() {
    let site = site();
    for (name, parts) in [
        ("unett/resnet34", &["`unett`", "did you mean `unet`"][..]),
        ("unet/resnet43", &["did you mean `resnet34`"]),
        ("geodl-unet/resnet18", &["`model.encoder`", "`own`"]),
    ] {
        let parts: Vec<&str> = parts.iter().map(|it| it.trim_matches('`')).collect();
        check_refused(site.path(), &["models", "--describe", name], 2, &parts);
    }
}

#[test]
fn settings_of_models_that_mean_nothing_are_refused() {
    for (setting, parts) in [
        (r#"model.freeze=["encodr"]"#, &["`model.freeze`", "nearest name is `encoder`"][..]),
        (r#"model.freeze=["*"]"#, &["`model.freeze`", "leaves nothing to train"]),
        (
            r#"optimizer.groups=[{ names = "encoder.layer9", lr_factor = 0.1 }]"#,
            &["`optimizer.groups.names`", "nearest name is `encoder.layer"],
        ),
        ("model.attention=gate", &["`model.attention`", "`unet` can have no such value"]),
        ("model.separable=true", &["`model.separable`", "`unet` can have no such setting"]),
        // Of the encoder, the default depth leaves three stages.
        (
            r#"model={ architecture = "pspnet", encoder = "resnet18", width = 4, freeze = ["encoder.conv1", "encoder.bn1", "encoder.layer1", "encoder.layer2", "decoder", "segmentation_head"] }"#,
            &["`model.freeze`", "but what images do not pass"],
        ),
        ("model.architecture=deeplabv3", &["`model.architecture`", "did you mean `deeplab-v3`"]),
    ] {
        let site = site();
        check_refused(site.path(), &["train", "run.toml", "-o", "run", "--set", setting], 2, parts);
        assert!(!site.path().join("run").exists(), "{setting}");
    }
}
