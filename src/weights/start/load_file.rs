//! Puts the tensors of a file into a model.

use std::collections::HashMap;

use burn::module::Module;

use super::{LoadReport, Loading};
use crate::{
    error::{Error, Result},
    weights::{Entry, FileTensor, Values, WeightFile, fault::shown, layouts, load, state_dict},
};

/// Largest count that training can start from: it counts on.
const MOST_COUNTED: i64 = 1 << 62;

/// `model` with the weights of `file`, and what was done. What the file lacks stays as it is.
///
/// # Errors
///
/// [`Error::Data`] that lists what is missing, unexpected or of another shape, as far as `loading`
/// does not allow it; or that names a tensor whose numbers cannot be those of the model.
pub fn load_file<M: Module>(
    model: M,
    file: &WeightFile,
    loading: Loading,
) -> Result<(M, LoadReport)> {
    let report = LoadReport::new(file, &layouts(&model));
    let what = format!("weights of {}", file.path().display());
    report.check(loading, &what)?;
    let tensors: HashMap<&str, &FileTensor> =
        file.tensors().iter().map(|it| (it.name.as_str(), it)).collect();
    let taken: HashMap<&str, &str> =
        report.taken(loading).map(|it| (it.name.as_str(), it.from.as_str())).collect();
    let mut state = state_dict(&model);
    for entry in &mut state.entries {
        let Some(&from) = taken.get(entry.name.as_str()) else { continue };
        let found = file.values(tensors[from])?;
        let what = || format!("tensor {} of {}", shown(from), file.path().display());
        entry.values = as_kind(found, &entry.values).ok_or_else(|| {
            let wanted = format!("{} without loss", entry.values.kind());
            Error::data(what(), tensors[from].dtype.name(), wanted)
        })?;
        check_numbers(entry).map_err(|[found, wanted]| Error::data(what(), found, wanted))?;
    }
    Ok((load(model, &state, &what)?, report))
}

/// Refuses numbers with which no model computes, by what was found and wanted.
fn check_numbers(entry: &Entry) -> Result<(), [String; 2]> {
    let (least, wanted) = match &entry.values {
        counts @ Values::I64(_) => match counts.wrong_count(MOST_COUNTED) {
            Some(count) => return Err([count.to_string(), "a count of 0 to 2^62".to_owned()]),
            None => return Ok(()),
        },
        Values::F32(_) if entry.name.ends_with(".running_var") => (0.0, "variances of 0 or more"),
        Values::F32(_) => (f32::MIN, "finite numbers"),
    };
    let Values::F32(values) = &entry.values else { return Ok(()) };
    match values.iter().find(|it| !(least..=f32::MAX).contains(*it)) {
        Some(value) => Err([value.to_string(), wanted.to_owned()]),
        None => Ok(()),
    }
}

/// The numbers of `found` as the type of `wanted`, if they are the same there.
fn as_kind(found: Values, wanted: &Values) -> Option<Values> {
    match (found, wanted) {
        (found @ Values::F32(_), Values::F32(_)) | (found @ Values::I64(_), Values::I64(_)) => {
            Some(found)
        }
        (Values::I64(found), Values::F32(_)) => {
            const EXACT: u64 = 1 << 24; // All whole numbers up to here have an F32.
            let real = |it: i64| (it.unsigned_abs() <= EXACT).then_some(it as f32);
            Some(Values::F32(found.into_iter().map(real).collect::<Option<_>>()?))
        }
        (Values::F32(found), Values::I64(_)) => {
            let whole = |it: f32| Some(it as i64).filter(|whole| *whole as f32 == it);
            Some(Values::I64(found.into_iter().map(whole).collect::<Option<_>>()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use burn::tensor::Device;

    use super::*;
    use crate::{
        model::{Encoder, ModelConfig, Network},
        weights::{Entry, StateDict, write_safetensors},
    };

    fn network(encoder: Encoder, n_bands: usize, n_classes: usize, seed: u64) -> Network {
        let config = ModelConfig { encoder, width: 2, ..Default::default() };
        config.build(n_bands, n_classes, seed, &Device::flex())
    }

    /// Weights of a network of 3 bands and 2 classes.
    fn other() -> StateDict {
        state_dict(&network(Encoder::Resnet18, 3, 2, 9))
    }

    /// The names of a classification network with the encoder of `state`.
    fn encoder_alone(state: StateDict) -> StateDict {
        let mut alone = StateDict::default();
        for entry in state.entries {
            if let Some(name) = entry.name.strip_prefix("encoder.") {
                alone.entries.push(Entry { name: name.to_owned(), ..entry });
            }
        }
        for (name, shape) in [("fc.weight", vec![1, 2]), ("fc.bias", vec![2])] {
            let values = Values::F32(vec![0.0; 2]);
            alone.entries.push(Entry { name: name.to_owned(), shape, values });
        }
        alone
    }

    fn file(state: &StateDict) -> WeightFile {
        let bytes = write_safetensors(state, &Default::default());
        WeightFile::from_bytes(bytes, Path::new("a.safetensors")).unwrap()
    }

    /// Loads into a new network of 3 bands and 2 classes, and returns its weights before and after.
    fn loaded(state: &StateDict, loading: Loading) -> Result<([StateDict; 2], LoadReport)> {
        let fresh = network(Encoder::Resnet18, 3, 2, 1);
        let before = state_dict(&fresh);
        let (model, report) = load_file(fresh, &file(state), loading)?;
        Ok(([before, state_dict(&model)], report))
    }

    #[track_caller]
    fn refused(state: &StateDict, loading: Loading, parts: &[&str]) {
        let error = loaded(state, loading).unwrap_err().to_string();
        for part in ["weights of a.safetensors"].iter().chain(parts) {
            assert!(error.contains(part), "no `{part}` in: {error}");
        }
    }

    #[test]
    fn strict_loading_takes_everything() {
        let ([before, after], report) = loaded(&other(), Loading::Strict).unwrap();
        assert_eq!(after, other());
        assert_ne!(before, after);
        assert_eq!(report.used.len(), other().entries.len());
        assert!(report.notes.is_empty() && report.missing.is_empty());
    }

    #[test]
    fn an_encoder_alone_is_loaded_if_asked_for() {
        let state = encoder_alone(other());
        let ([before, after], report) = loaded(&state, Loading::Encoder).unwrap();
        for (index, entry) in after.entries.iter().enumerate() {
            let is_encoder = entry.name.starts_with("encoder.");
            let source = if is_encoder { &other() } else { &before };
            assert_eq!(*entry, source.entries[index], "{}", entry.name);
        }
        let of_classifier: Vec<_> =
            report.unexpected.iter().map(|it| (it.name.as_str(), it.is_classifier)).collect();
        assert_eq!(of_classifier, [("encoder.fc.weight", true), ("encoder.fc.bias", true)]);
        assert!(report.notes[0].contains("put `encoder.` before all names"));
        let parts = ["decoder.blocks.0.conv1.0.weight is missing", "`loading = \"encoder\"`"];
        refused(&state, Loading::Strict, &parts);
    }

    #[test]
    fn the_encoder_of_a_whole_model_can_be_taken_alone() {
        let mut state = other();
        state.entries.retain(|it| !it.name.starts_with("decoder.blocks.1"));
        let ([before, after], report) = loaded(&state, Loading::Encoder).unwrap();
        let decoder = "decoder.blocks.0.conv1.0.weight";
        assert_eq!(after.find(decoder), before.find(decoder));
        assert_eq!(after.find("encoder.conv1.weight"), other().find("encoder.conv1.weight"));
        assert!(report.taken(Loading::Encoder).all(|it| it.name.starts_with("encoder.")));
    }

    /// All of ResNet-18's names are in ResNet-34, with the same shapes.
    #[test]
    fn a_deeper_encoder_is_refused() {
        let deeper = state_dict(&network(Encoder::Resnet34, 3, 2, 9));
        refused(&deeper, Loading::Encoder, &["encoder.layer1.2.conv1.weight is unexpected"]);
        let alone = encoder_alone(deeper);
        refused(&alone, Loading::Encoder, &["encoder.layer1.2.conv1.weight is unexpected"]);
        let error = loaded(&alone, Loading::Encoder).unwrap_err().to_string();
        assert!(!error.contains("decoder"), "a hint to what is not wanted: {error}");
    }

    #[test]
    fn numbers_that_no_model_computes_with_are_refused_by_name() {
        for (name, values, wanted) in [
            ("encoder.bn1.num_batches_tracked", Values::I64(vec![-5]), "-5, wanted a count of 0"),
            // 2^63, which F32 has and counts do not.
            (
                "encoder.bn1.num_batches_tracked",
                Values::F32(vec![9.223372e18]),
                "9223372036854775807, wanted a count of 0 to 2^62",
            ),
            ("encoder.bn1.running_var", Values::F32(vec![-1.0; 2]), "-1, wanted variances of 0"),
            ("segmentation_head.0.bias", Values::F32(vec![0.0, f32::NAN]), "NaN, wanted finite"),
            ("segmentation_head.0.bias", Values::F32(vec![f32::INFINITY; 2]), "wanted finite"),
        ] {
            let mut state = other();
            let entry = state.entries.iter_mut().find(|it| it.name == name).unwrap();
            assert_eq!(entry.values.len(), values.len(), "{name}");
            entry.values = values;
            let error = loaded(&state, Loading::Strict).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn large_counts_go_on() {
        let mut state = other();
        let name = "encoder.bn1.num_batches_tracked";
        let entry = state.entries.iter_mut().find(|it| it.name == name).unwrap();
        entry.values = Values::I64(vec![1 << 40]);
        let ([_, after], _) = loaded(&state, Loading::Strict).unwrap();
        assert_eq!(after.find(name).unwrap().values, Values::I64(vec![1 << 40]));
    }

    #[test]
    fn partial_loading_takes_what_fits_by_name() {
        let mut state = state_dict(&network(Encoder::Resnet18, 3, 7, 9));
        state.entries.retain(|it| it.name != "encoder.bn1.weight");
        state.entries[0].name = "stem.weight".to_owned();
        let ([before, after], report) = loaded(&state, Loading::Partial).unwrap();
        let missing = ["encoder.conv1.weight", "encoder.bn1.weight"];
        assert_eq!(report.missing, missing);
        let head = ["segmentation_head.0.weight", "segmentation_head.0.bias"];
        for name in missing.iter().chain(&head) {
            assert_eq!(after.find(name), before.find(name), "{name}");
        }
        let conv = "encoder.layer4.1.conv2.weight";
        assert_eq!(after.find(conv), state.find(conv));
        refused(&state, Loading::Strict, &["stem.weight is unexpected"]);
        let nothing = StateDict { entries: vec![state.entries[0].clone()] };
        refused(&nothing, Loading::Partial, &["not a single tensor of this model"]);
    }

    #[test]
    fn other_shapes_are_refused_with_both_and_what_they_mean() {
        let bands = state_dict(&network(Encoder::Resnet18, 5, 2, 9));
        for loading in [Loading::Strict, Loading::Encoder, Loading::Partial] {
            let parts = [
                "encoder.conv1.weight is [2, 5, 7, 7], wanted [2, 3, 7, 7]",
                "made for 5 bands, this model has 3",
            ];
            refused(&bands, loading, &parts);
        }
        let classes = state_dict(&network(Encoder::Resnet18, 3, 7, 9));
        let parts = ["segmentation_head.0.bias is [7], wanted [2] (made for 7 classes"];
        refused(&classes, Loading::Strict, &parts);
        let mut state = other();
        state.entries[1].shape = vec![1, 2];
        refused(&state, Loading::Partial, &["encoder.bn1.weight is [1, 2], wanted [2]"]);
    }

    /// As timm's and torchvision's classification networks have the encoder of `state`.
    fn convnext_elsewhere(state: &StateDict, library: &str) -> StateDict {
        let mut alone = StateDict::default();
        for entry in &state.entries {
            let Some(name) = entry.name.strip_prefix("encoder.model.") else { continue };
            let (part, rest) = name.split_once('.').unwrap();
            let (part, index) = part.split_once('_').unwrap();
            let index: usize = index.parse().unwrap();
            let mut shape = entry.shape.clone();
            let name = match (library, part, rest.split_once('.')) {
                ("timm", ..) => format!("{part}.{index}.{rest}"),
                (_, "stem", _) => format!("features.0.{index}.{rest}"),
                (_, _, Some(("downsample", rest))) => format!("features.{}.{rest}", 2 * index),
                (_, _, Some((_, rest))) => {
                    let mut name = format!("features.{}.{rest}", 2 * index + 1);
                    for (own, other) in [
                        ("gamma", "layer_scale"),
                        ("conv_dw", "block.0"),
                        ("norm", "block.2"),
                        ("mlp.fc1", "block.3"),
                        ("mlp.fc2", "block.5"),
                    ] {
                        name = name.replace(own, other);
                    }
                    if name.ends_with("layer_scale") {
                        shape.extend([1, 1]);
                    }
                    name
                }
                (..) => panic!("{name}"),
            };
            alone.entries.push(Entry { name, shape, values: entry.values.clone() });
        }
        alone
    }

    #[test]
    fn a_convnext_is_loaded_from_three_libraries() {
        let other = state_dict(&network(Encoder::ConvnextTiny, 3, 2, 9));
        let load = |state: &StateDict, loading| {
            let fresh = network(Encoder::ConvnextTiny, 3, 2, 1);
            load_file(fresh, &file(state), loading).map(|(it, report)| (state_dict(&it), report))
        };
        assert_eq!(load(&other, Loading::Strict).unwrap().0, other);
        for library in ["timm", "torchvision"] {
            let mut state = convnext_elsewhere(&other, library);
            let (loaded, report) = load(&state, Loading::Encoder).unwrap();
            for entry in other.entries.iter().filter(|it| it.name.starts_with("encoder.")) {
                assert_eq!(loaded.find(&entry.name), Some(entry), "{library}");
            }
            assert_eq!(
                report.notes,
                [format!("read the names of {library}: it is an encoder alone")]
            );

            // Another name for the same tensor is not lost in silence.
            let mut twice = state.entries[4].clone();
            twice.name = twice.name.replacen(".1.", ".01.", 1).replacen("s.0.", "s_0.", 1);
            state.entries.push(twice);
            let error = load(&state, Loading::Encoder).unwrap_err().to_string();
            assert!(error.contains("is unexpected"), "{library}: {error}");
        }
    }

    #[test]
    fn an_unknown_name_comes_with_the_nearest_missing_one() {
        let mut state = other();
        state.entries[0].name = "encoder.conv_1.weight".to_owned();
        let hint = "encoder.conv_1.weight is unexpected (the nearest missing name is \
                    encoder.conv1.weight)";
        refused(&state, Loading::Strict, &[hint]);
    }

    /// Of the 122 tensors of the encoder, two are called otherwise and all others are missing.
    #[test]
    fn no_name_that_is_nearly_right_is_cut_off() {
        let mut state = other();
        state.entries.retain(|it| !it.name.starts_with("encoder."));
        for (name, at) in [("backbone.x", 0), ("encoder.layer4.1.conv_2.weight", 40)] {
            let values = Values::F32(vec![0.0]);
            for copy in 0..at + 1 {
                let name = if copy < at { format!("other.{copy}") } else { name.to_owned() };
                let entry = Entry { name, shape: vec![1], values: values.clone() };
                state.entries.push(entry);
            }
        }
        let typo = "encoder.layer4.1.conv_2.weight is unexpected (the nearest missing name is \
                    encoder.layer4.1.conv2.weight)";
        let parts = [
            typo,
            "and 37 more are unexpected",
            "encoder.conv1.weight is missing",
            "more are missing, wanted",
        ];
        refused(&state, Loading::Strict, &parts);

        // The one that is left over is near, too.
        let mut state = other();
        state.entries[0].name = "encoder.conv_1.weight".to_owned();
        state.entries.retain(|it| it.name != "encoder.bn1.weight");
        let hint = "encoder.bn1.weight is missing (the nearest unexpected name is \
                    encoder.conv_1.weight)";
        refused(&state, Loading::Strict, &[hint]);
    }

    #[test]
    fn counts_may_be_missing() {
        let mut state = other();
        state.entries.retain(|it| !it.name.ends_with("num_batches_tracked"));
        let (_, report) = loaded(&state, Loading::Strict).unwrap();
        assert!(report.missing.is_empty());
        assert_eq!(report.missing_counts.len(), other().entries.len() - state.entries.len());
    }

    #[test]
    fn numbers_become_another_type_only_without_loss() {
        let real = Values::F32(Vec::new());
        let whole = Values::I64(Vec::new());
        let i64s = |values: &[i64]| Values::I64(values.to_vec());
        let f32s = |values: &[f32]| Values::F32(values.to_vec());
        assert_eq!(as_kind(i64s(&[3, -1]), &real), Some(f32s(&[3.0, -1.0])));
        assert_eq!(as_kind(i64s(&[(1 << 24) + 1]), &real), None);
        assert_eq!(as_kind(f32s(&[3.0]), &whole), Some(i64s(&[3])));
        for lost in [0.5, f32::NAN, f32::INFINITY] {
            assert_eq!(as_kind(f32s(&[lost]), &whole), None, "{lost}");
        }
    }
}
