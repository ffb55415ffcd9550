//! Which weights a training starts from.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `[weights]` table of a run file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct WeightsConfig {
    /// File of weights to start from, .safetensors, .pth, .pt or model.swath; drawn from the seed
    /// without one.
    pub file: Option<PathBuf>,
    /// Which tensors of the model the file must hold.
    pub loading: Loading,
}

/// Which tensors of a model a file must hold. In each case no other shape is accepted, but for the
/// head in partial loading; and `num_batches_tracked`, a count that nothing reads, may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loading {
    /// All of them and no others, as `strict=True` in PyTorch.
    #[default]
    Strict,
    /// All of the encoder; the rest of the model starts afresh, and a classifier, decoder or head in
    /// the file is not used.
    Encoder,
    /// Those of its names; the rest of the model starts afresh, and so does a head for other classes.
    Partial,
}

impl Loading {
    /// The name in a run file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Encoder => "encoder",
            Self::Partial => "partial",
        }
    }
}

impl WeightsConfig {
    /// Takes the path relative to `folder`.
    pub fn resolve_path(&mut self, folder: &Path) {
        self.file = self.file.take().map(|file| folder.join(file));
    }
}
