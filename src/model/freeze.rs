//! Parts of a model that training keeps as they are.

use std::collections::HashSet;

use burn::{
    module::{Flag, Module, ModuleMapper, ModuleVisitor, Param},
    tensor::Tensor,
};

use super::{
    Network, Pass, Path,
    describe::{layer_of, planned},
    matches,
    side_head::is_of_side,
};
use crate::error::{Error, Result};

/// `model` with the parameters that `patterns` mean (see [`matches()`]) as they are from now on:
/// without gradients, and with the running statistics of their batch norms held and used. All others
/// are trained from now on, also those that were frozen before.
///
/// # Errors
///
/// [`Error::Config`] for a pattern that means no parameter, with the nearest name, or if nothing
/// would be left to train but side branches, which prediction does not use.
pub fn freeze<M: Module>(model: M, patterns: &[String]) -> Result<M> {
    check_patterns(&model, "model.freeze", patterns.iter().map(String::as_str))?;
    let mut names = Names::default();
    model.visit(&mut names);
    let is_frozen = |name: &&String| patterns.iter().any(|pattern| matches(pattern, name));
    let mut trained = names.all.iter().filter(|it| !is_frozen(it)).peekable();
    let rule = if trained.peek().is_none() {
        "leaves nothing to train"
    } else if trained.all(|it| is_of_side(it)) {
        "leaves nothing to train but side branches, which predict nothing"
    } else {
        return Ok(model.map(&mut Freezer { path: Path::default(), patterns }));
    };
    Err(Error::config("model.freeze", format!("{patterns:?}"), rule))
}

/// The same of a whole network, of which what is left must be used.
///
/// # Errors
///
/// As [`freeze`], and if images pass nothing of what is left, such as stages of the encoder beyond the
/// depth that is used.
pub fn freeze_network(network: Network, patterns: &[String]) -> Result<Network> {
    let network = freeze(network, patterns)?;
    let (layers, _) = planned(&network, [1, 64, 64, 1], Pass::Prediction);
    let passed: HashSet<&str> = layers.iter().map(|it| it.name.as_str()).collect();
    let mut names = Names::default();
    network.visit(&mut names);
    let is_frozen = |name: &str| patterns.iter().any(|pattern| matches(pattern, name));
    if names.all.iter().any(|it| !is_frozen(it) && passed.contains(layer_of(it))) {
        return Ok(network);
    }
    let rule = "leaves nothing to train but what images do not pass";
    Err(Error::config("model.freeze", format!("{patterns:?}"), rule))
}

/// Checks that each of `patterns`, of the setting `key`, means a parameter of `model`.
///
/// # Errors
///
/// As [`freeze`].
pub fn check_patterns<'a, M: Module>(
    model: &M,
    key: &str,
    patterns: impl IntoIterator<Item = &'a str>,
) -> Result<()> {
    let mut names = Names::default();
    model.visit(&mut names);
    for pattern in patterns {
        if !names.all.iter().any(|name| matches(pattern, name)) {
            return Err(unknown(key, pattern, &names.all));
        }
    }
    Ok(())
}

fn unknown(key: &str, pattern: &str, names: &[String]) -> Error {
    // What a pattern could begin with: the names cut at each dot.
    let beginnings = names.iter().flat_map(|name| {
        let dots = name.match_indices('.').map(|(at, _)| &name[..at]);
        dots.chain([name.as_str()])
    });
    let nearest = beginnings.min_by_key(|it| strsim::damerau_levenshtein(pattern, it));
    let rule = match nearest {
        Some(near) => format!("means no parameter of the model; the nearest name is `{near}`"),
        None => "means no parameter of the model".to_owned(),
    };
    Error::config(key, format!("{pattern:?}"), rule)
}

/// The names of all parameters.
#[derive(Default)]
struct Names {
    path: Path,
    all: Vec<String>,
}

impl ModuleVisitor for Names {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, _param: &Param<Tensor<D>>) {
        if !self.path.is_buffer() {
            self.all.push(self.path.name());
        }
    }
}

struct Freezer<'a> {
    path: Path,
    patterns: &'a [String],
}

impl Freezer<'_> {
    fn means(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern, name))
    }
}

impl ModuleMapper for Freezer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.path.is_buffer() {
            return param;
        }
        let is_trained = !self.means(&self.path.name());
        param.set_require_grad(is_trained)
    }

    /// The flag of a batch norm goes with its weight: `encoder.bn1.training` with `encoder.bn1.weight`.
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        let name = self.path.name();
        let norm = name.rsplit_once('.').map_or("", |(norm, _)| norm);
        let is_trained = !self.means(&format!("{norm}.weight"));
        flag.with_value(is_trained)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::ModelConfig;

    #[track_caller]
    fn check(text: &str, patterns: &[&str], is_fine: bool) {
        let config: ModelConfig = toml::from_str(text).unwrap();
        let network = config.blank(2, 2, &Device::flex());
        let patterns: Vec<String> = patterns.iter().map(|it| (*it).to_owned()).collect();
        let rule = "leaves nothing to train but side branches, which predict nothing";
        match freeze(network, &patterns) {
            Ok(_) => assert!(is_fine, "{patterns:?}"),
            Err(error) => assert!(!is_fine && error.to_string().ends_with(rule), "{error}"),
        }
    }

    #[test]
    fn what_a_depth_does_not_use_does_not_count_as_trained() {
        let config: ModelConfig =
            toml::from_str("encoder = 'resnet18'\nwidth = 4\ndepth = 3").unwrap();
        let all = ["encoder.conv1", "encoder.bn1", "encoder.layer1", "encoder.layer2", "decoder"];
        let frozen = |more: &[&str]| {
            let patterns: Vec<String> = all.iter().chain(more).map(|it| (*it).into()).collect();
            freeze_network(config.blank(2, 2, &Device::flex()), &patterns).map(|_| ())
        };
        frozen(&[]).unwrap();
        let error = frozen(&["segmentation_head"]).unwrap_err().to_string();
        assert!(error.contains("leaves nothing to train but what images do not pass"), "{error}");
        let error = frozen(&["segmentation_head", "encoder.layer3", "encoder.layer4"]).unwrap_err();
        assert!(error.to_string().ends_with("leaves nothing to train"), "{error}");
    }

    #[test]
    fn side_branches_alone_are_not_trained() {
        let fpn = "architecture = 'fpn'\nauxiliary = [0.4]";
        check(fpn, &["encoder", "decoder", "segmentation_head"], false);
        check(fpn, &["encoder", "decoder", "segmentation_head.0.weight"], true);
        check(fpn, &["auxiliary_heads"], true);
        let geodl = "architecture = 'geodl-unet'\nencoder = 'own'\nauxiliary = [0.4, 0.2]";
        check(geodl, &["e*", "d*", "btn", "c4"], false);
        check(geodl, &["e*", "d*", "btn"], true);
    }
}
