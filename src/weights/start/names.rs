//! From the names of a file to those of a model.

use std::collections::HashSet;

use crate::{
    model::{Encoder, GEODL_HEADS, MAIN_HEAD, OtherNames, SIDE_HEADS},
    weights::Layout,
};

/// Where the encoder of a segmentation model keeps what a classification network calls by shorter
/// names: torchvision's `conv1.weight` is `encoder.conv1.weight`; what is built of timm's networks
/// has one part more.
const ENCODERS: [&str; 2] = ["encoder.", "encoder.model."];

/// Top-level parts of classification networks of torchvision and timm that no encoder has. The last
/// two are the last convolution of timm's EfficientNets and its norm.
const CLASSIFIERS: [&str; 8] =
    ["fc", "classifier", "head", "heads", "last_linear", "pre_logits", "conv_head", "bn2"];

/// Counts that nothing reads, which PyTorch added in version 0.4.1.
const COUNT: &str = "num_batches_tracked";

/// How the names of an encoder alone become those in a model.
#[derive(Clone, Copy)]
pub(super) enum Renaming {
    /// Something is put before them.
    Prefix(&'static str),
    /// They are those of another library.
    Other(&'static OtherNames),
}

impl Renaming {
    /// What a model calls the tensor that the file calls `name`.
    pub fn renamed(self, name: &str) -> String {
        match self {
            Self::Prefix(prefix) => format!("{prefix}{name}"),
            Self::Other(other) => {
                (other.renamed)(name).unwrap_or_else(|| format!("{}{name}", ENCODERS[0]))
            }
        }
    }
}

impl std::fmt::Display for Renaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prefix(prefix) => write!(f, "put `{prefix}` before all names"),
            Self::Other(OtherNames { library, .. }) => write!(f, "read the names of {library}"),
        }
    }
}

/// What must become of the names of a file, which are those of an encoder alone, if it is so: some of
/// them are then in the model, and none is as it is.
pub(super) fn renaming(names: &[&str], wanted: &[Layout]) -> Option<Renaming> {
    let known: HashSet<&str> = wanted.iter().map(|it| it.name.as_str()).collect();
    if names.iter().any(|it| known.contains(it) || it.starts_with(ENCODERS[0])) {
        return None;
    }
    let n_known = |renaming: Renaming| {
        names.iter().filter(|it| known.contains(renaming.renamed(it).as_str())).count()
    };
    let others = Encoder::other_names().map(Renaming::Other);
    let all: Vec<Renaming> = ENCODERS.map(Renaming::Prefix).into_iter().chain(others).collect();
    // The first of equals.
    let best = all.into_iter().rev().max_by_key(|it| n_known(*it))?;
    (0 < n_known(best)).then_some(best)
}

/// Whether `name` is that of the classifier of a classification network.
pub(super) fn is_classifier(name: &str) -> bool {
    name.split_once('.').is_some_and(|(part, _)| CLASSIFIERS.contains(&part))
}

/// Whether the tensor called `name` belongs to the encoder of a model.
pub(super) fn is_in_encoder(name: &str) -> bool {
    name.starts_with(ENCODERS[0])
}

/// Whether the tensor called `name` is one that gives logits, whose shape depends on the classes.
pub(super) fn is_in_head(name: &str) -> bool {
    let Some((layer, _)) = name.rsplit_once('.') else { return false };
    // One convolution, or the second of two parts.
    let of_side = layer.strip_prefix(SIDE_HEADS).map(|it| it.split_once('.'));
    name.starts_with(MAIN_HEAD)
        || GEODL_HEADS.contains(&layer)
        || matches!(of_side, Some(None | Some((_, "1"))))
}

/// Whether nothing is lost if the tensor called `name` is missing.
pub(super) fn is_count(name: &str) -> bool {
    name.rsplit('.').next() == Some(COUNT)
}

/// The name that a typo or another library most likely meant.
pub(super) fn nearest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a String>,
) -> Option<&'a String> {
    const LONGEST: usize = 200; // Comparing takes the product of the lengths.
    if LONGEST < name.len() {
        return None;
    }
    let is_near = |distance: usize, it: &str| distance <= it.len() / 3;
    known
        .filter(|it| is_near(it.len().abs_diff(name.len()), it))
        .map(|it| (distance(name, it), it))
        .min()
        .filter(|(distance, it)| is_near(*distance, it))
        .map(|(_, it)| it)
}

/// How many letters must change. What both begin and end with, mostly nearly all of it, is left out.
fn distance(a: &str, b: &str) -> usize {
    let [a, b]: [Vec<char>; 2] = [a, b].map(|it| it.chars().collect());
    let begins = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let [a, b] = [&a[begins..], &b[begins..]];
    let ends = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let [a, b] = [&a[..a.len() - ends], &b[..b.len() - ends]].map(String::from_iter);
    strsim::damerau_levenshtein(&a, &b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], known: &[&str], want: Option<&str>) {
        let layout = |it: &&str| Layout { name: (*it).to_owned(), dtype: "F32", shape: Vec::new() };
        let wanted: Vec<Layout> = known.iter().map(layout).collect();
        let renamed = renaming(names, &wanted).map(|it| it.renamed(names[0]));
        assert_eq!(renamed.as_deref(), want);
    }

    #[test]
    fn layers_of_logits_are_known() {
        for name in [
            "segmentation_head.0.weight",
            "auxiliary_heads.0.weight",
            "auxiliary_heads.12.1.bias",
            "c4.bias",
        ] {
            assert!(is_in_head(name), "{name}");
        }
        for name in ["auxiliary_heads.0.0.1.weight", "e1.c1.weight", "decoder.c1.bias", "c1"] {
            assert!(!is_in_head(name), "{name}");
        }
    }

    #[test]
    fn names_of_an_encoder_alone_are_known() {
        let unet = ["encoder.conv1.weight", "encoder.bn1.bias", "decoder.a"];
        check(&["conv1.weight", "bn1.bias", "fc.weight"], &unet, Some("encoder.conv1.weight"));
        check(&["encoder.conv1.weight", "fc.weight"], &unet, None);
        check(&["encoder.conv9.weight", "conv1.weight"], &unet, None);
        check(&["decoder.a", "conv1.weight"], &unet, None);
        check(&["stem.weight"], &unet, None);
        check(&[], &unet, None);
        let timm = ["encoder.model.conv_stem.weight", "encoder.model.bn1.weight", "decoder.a"];
        check(&["conv_stem.weight", "bn1.weight"], &timm, Some("encoder.model.conv_stem.weight"));
    }

    #[test]
    fn names_of_a_convnext_are_known_in_three_libraries() {
        let known = [
            "encoder.model.stem_1.bias",
            "encoder.model.stages_0.blocks.2.gamma",
            "encoder.model.stages_1.downsample.1.weight",
            "encoder.model.stages_3.blocks.0.conv_dw.weight",
            "encoder.model.stages_3.blocks.0.norm.bias",
            "encoder.model.stages_3.blocks.0.mlp.fc1.weight",
            "encoder.model.stages_3.blocks.0.mlp.fc2.bias",
        ];
        let timm = [
            "stem.1.bias",
            "stages.0.blocks.2.gamma",
            "stages.1.downsample.1.weight",
            "stages.3.blocks.0.conv_dw.weight",
            "stages.3.blocks.0.norm.bias",
            "stages.3.blocks.0.mlp.fc1.weight",
            "stages.3.blocks.0.mlp.fc2.bias",
        ];
        let torchvision = [
            "features.0.1.bias",
            "features.1.2.layer_scale",
            "features.2.1.weight",
            "features.7.0.block.0.weight",
            "features.7.0.block.2.bias",
            "features.7.0.block.3.weight",
            "features.7.0.block.5.bias",
        ];
        for index in 0..known.len() {
            let wrapped = known[index].strip_prefix("encoder.model.").unwrap();
            for name in [timm[index], torchvision[index], wrapped] {
                check(&[name, "head.fc.weight"], &known, Some(known[index]));
            }
        }
        // What is in no encoder stays apart from what is.
        check(
            &["classifier.2.bias", "features.0.1.bias"],
            &known,
            Some("encoder.classifier.2.bias"),
        );
        check(&["head.fc.bias", "stem.1.bias"], &known, Some("encoder.head.fc.bias"));
    }

    #[test]
    fn classifiers_are_known_by_their_first_part() {
        for name in ["fc.weight", "classifier.1.bias", "pre_logits.fc1.bias", "bn2.running_mean"] {
            assert!(is_classifier(name), "{name}");
        }
        for name in ["fc1.weight", "layer1.0.bn2.weight", "encoder.fc.weight", "fc"] {
            assert!(!is_classifier(name), "{name}");
        }
    }

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["encoder.layer1.0.conv1.weight", "decoder.bias"].map(str::to_owned);
        assert_eq!(nearest("encoder.layer1.0.conv_1.weight", known.iter()), Some(&known[0]));
        assert_eq!(nearest("stem", known.iter()), None);
        assert_eq!(distance("encoder.layer1.conv", "encoder.layer11.conv"), 1);
        assert_eq!(distance("aab", "ab"), 1);
        assert_eq!(distance("abcd", "acbd"), 1);
        assert_eq!(nearest(&"x".repeat(100_000), known.iter()), None);
    }
}
