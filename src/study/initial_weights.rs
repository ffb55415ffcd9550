//! Which variants begin with the weights of the base.

use std::{collections::HashMap, path::Path};

use burn::tensor::Device;
use serde::Serialize;

use super::Plan;
use crate::{
    error::Result,
    run::RunFile,
    scene::Scenes,
    weights::{Entry, StateDict, WeightFile, load_file, state_dict},
};

/// How many tensors of a variant begin as those of the base with the same seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct InitialWeights {
    /// Parameters and buffers of the variant.
    pub n_tensors: usize,
    /// Those among them that the base has under the same name with the same initial values.
    pub n_shared: usize,
}

impl InitialWeights {
    /// The same for readers.
    pub fn text(self) -> String {
        match self {
            Self { n_tensors, n_shared } if n_tensors == n_shared => "those of the base".to_owned(),
            Self { n_tensors, n_shared } => {
                format!("{n_shared} of {n_tensors} tensors as in the base")
            }
        }
    }
}

/// Compares the initial weights of each variant, the base first, with those of the base, on the
/// first seed: they are drawn by name, so what holds for one seed holds for all.
///
/// # Errors
///
/// Those of opening the scenes, whose bands and classes decide the shapes, and files of weights.
pub fn initial_weights(plan: &Plan, device: &Device) -> Result<Vec<InitialWeights>> {
    let runs = plan.first_runs();
    let base_file = &runs[0].run_file;
    let base = initial_state(base_file, device)?;
    let all =
        |it: &StateDict| InitialWeights { n_tensors: it.entries.len(), n_shared: it.entries.len() };
    runs.iter()
        .map(|run| {
            let is_same = run.run_file.model == base_file.model
                && run.run_file.data == base_file.data
                && run.run_file.weights == base_file.weights;
            if is_same {
                return Ok(all(&base)); // The weights are a function of these and the seed.
            }
            Ok(shared(&base, &initial_state(&run.run_file, device)?))
        })
        .collect()
}

fn initial_state(run_file: &RunFile, device: &Device) -> Result<StateDict> {
    let scenes = Scenes::open(&run_file.data, Path::new(""))?;
    let (n_bands, n_classes) = (scenes.bands().len(), scenes.classes().len());
    run_file.model.check_size(n_bands, n_classes)?;
    let network = run_file.model.build(n_bands, n_classes, run_file.seed, device);
    let Some(path) = &run_file.weights.file else { return Ok(state_dict(&network)) };
    let file = WeightFile::read(path)?;
    Ok(state_dict(&load_file(network, &file, run_file.weights.loading)?.0))
}

fn shared(base: &StateDict, variant: &StateDict) -> InitialWeights {
    let base: HashMap<&str, &Entry> =
        base.entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let is_shared = |entry: &&Entry| base.get(entry.name.as_str()) == Some(entry);
    let n_shared = variant.entries.iter().filter(is_shared).count();
    InitialWeights { n_tensors: variant.entries.len(), n_shared }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::made_up::plan_with_rasters;

    #[test]
    fn weights_are_shared_by_name_and_value() {
        let (_site, plan) = plan_with_rasters(
            "set = ['model.encoder=resnet18', 'model.width=4']\n\
             [[variant]]\nname = 'loss'\nset = ['loss.kind=dice']\n\
             [[variant]]\nname = 'deep'\nset = ['model.encoder=resnet34']\n\
             [[variant]]\nname = 'one-band'\nset = ['data.bands=[1]']\n",
        );
        let found = initial_weights(&plan, &Device::flex()).unwrap();
        assert_eq!(found[0].n_tensors, found[0].n_shared);
        assert_eq!(found[1], found[0]);
        assert!(found[0].n_tensors < found[2].n_tensors);
        assert!(found[2].n_shared < found[2].n_tensors && 0 < found[2].n_shared);
        // The first convolution sees the bands.
        assert_eq!(found[3].n_shared, found[3].n_tensors - 1);
        assert!(found[3].text().ends_with("tensors as in the base"));
    }
}
