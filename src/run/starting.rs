//! The network before the first step: drawn from the seed, or taken from a file of weights.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::RunFile;
use crate::{
    error::{Error, Result},
    model::Network,
    train::Dataset,
    weights::{LoadReport, Loading, WeightFile, layouts, load_file},
};

/// The file of weights that a training started from, and what of it was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartingWeights {
    /// Where it was.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Hash of its bytes.
    pub sha256: String,
    /// What the run file asks for.
    pub loading: Loading,
    /// How many tensors of the model were taken from it.
    pub n_used: u64,
    /// Tensors of the model that started afresh.
    pub fresh: Vec<String>,
    /// Tensors of the file that were not used.
    pub unused: Vec<String>,
    /// What was taken off or put before names, and what numbers were converted.
    pub notes: Vec<String>,
}

/// What the weights of `run_file` are, checked against the network that it asks for; `None` if it
/// names no file.
///
/// # Errors
///
/// [`Error::Config`] if there is a way of loading and no file, and those of [`WeightFile::read`] and
/// [`LoadReport::check`].
pub fn starting_weights(
    run_file: &RunFile,
    data: &Dataset,
    device: &Device,
) -> Result<Option<StartingWeights>> {
    let loading = run_file.weights.loading;
    let Some(path) = &run_file.weights.file else {
        if loading != Loading::default() {
            let rule = "says how a file is loaded; give `weights.file`, too";
            return Err(Error::config("weights.loading", loading.name(), rule));
        }
        return Ok(None);
    };
    let file = WeightFile::read(path)?;
    let network = run_file.model.blank(data.bands().len(), data.classes().len(), device);
    let wanted = layouts(&network);
    let report = LoadReport::new(&file, &wanted);
    report.check(loading, &format!("weights of {}", path.display()))?;
    Ok(Some(StartingWeights {
        path: path.display().to_string(),
        bytes: file.n_bytes() as u64,
        sha256: file.sha256(),
        loading,
        n_used: report.taken(loading).count() as u64,
        fresh: report.fresh(loading, &wanted),
        unused: report.unused(loading, &file),
        notes: report.notes,
    }))
}

/// The network that a training without a checkpoint starts with; `weights` are those of the manifest.
///
/// # Errors
///
/// [`Error::Data`] if the file has another content than when the run began.
pub(super) fn starting_network(
    run_file: &RunFile,
    data: &Dataset,
    weights: Option<&StartingWeights>,
    device: &Device,
) -> Result<Network> {
    let (n_bands, n_classes) = (data.bands().len(), data.classes().len());
    let network = run_file.model.build(n_bands, n_classes, run_file.seed, device);
    let (Some(weights), Some(path)) = (weights, &run_file.weights.file) else {
        return Ok(network);
    };
    let file = WeightFile::read(path)?;
    if file.sha256() != weights.sha256 {
        let wanted = "the bytes that the run began with";
        return Err(Error::data(path.display(), "another content", wanted));
    }
    Ok(load_file(network, &file, weights.loading)?.0)
}
