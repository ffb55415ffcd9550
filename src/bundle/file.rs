//! The bytes of a bundle.

use std::{collections::BTreeMap, fs, path::Path};

use burn::{module::Module, tensor::Device};
use sha2::{Digest, Sha256};

use super::Header;
use crate::{
    error::{Error, Result},
    infer::Predictor,
    model::Network,
    raster::write_atomically,
    weights::{StateDict, load, read_safetensors, write_safetensors},
};

const FORMAT: &str = "swath model";
const VERSION: &str = "1";

/// A trained model with everything that prediction needs.
///
/// On disk it is a safetensors file: weights in the order of their names in the state dictionary,
/// and as metadata the format, its version, the [`Header`] as JSON, and the SHA-256 of the weights.
/// Its bytes are a function of these alone: equal training gives equal files.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// What the weights are and what they want to see.
    pub header: Header,
    /// The weights.
    pub state: StateDict,
}

impl Bundle {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = serde_json::to_string(&self.header).expect("a header is plain data");
        let metadata = BTreeMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("version".to_owned(), VERSION.to_owned()),
            ("header".to_owned(), header),
            ("weights_sha256".to_owned(), weights_hash(&self.state)),
        ]);
        write_safetensors(&self.state, &metadata)
    }

    /// Writes the bundle, replacing an older file at once.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomically(path, &self.to_bytes())
    }

    /// Reads a bundle.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Malformed`] if it is no bundle or its
    /// weights are damaged, [`Error::Unsupported`] if a newer version wrote it.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        let malformed = |reason: String| Error::malformed(path, "swath model", reason);
        let file = read_safetensors(&bytes).map_err(malformed)?;
        let text = |key: &str| {
            let found = file.metadata.get(key).map(String::as_str);
            found.ok_or_else(|| malformed(format!("its metadata have no `{key}`")))
        };
        if text("format")? != FORMAT {
            return Err(malformed(format!("its metadata do not say `{FORMAT}`")));
        }
        if text("version")? != VERSION {
            return Err(Error::Unsupported {
                path: path.to_owned(),
                feature: format!("version {} of the model file", text("version")?),
                hint: format!("wanted version {VERSION}; use the swath that wrote it"),
            });
        }
        if text("weights_sha256")? != weights_hash(&file.state) {
            return Err(malformed("its weights do not match their hash".to_owned()));
        }
        let header: Header = serde_json::from_str(text("header")?)
            .map_err(|error| malformed(format!("its header is damaged: {error}")))?;
        check(&header).map_err(|error| malformed(error.to_string()))?;
        Ok(Self { header, state: file.state })
    }

    /// The network in evaluation mode on `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if the weights are not those of the architecture.
    pub fn network(&self, device: &Device) -> Result<Network> {
        let Header { model, bands, classes, .. } = &self.header;
        let network = model.build(bands.len(), classes.len(), 0, device);
        Ok(load(network, &self.state, "weights of the model file")?.valid())
    }

    /// The predictor on `device`.
    ///
    /// # Errors
    ///
    /// As [`Self::network`].
    pub fn predictor(&self, device: &Device) -> Result<Predictor> {
        let Header { normalisation, classes, .. } = &self.header;
        let network = self.network(device)?;
        Ok(Predictor::new(network, normalisation.clone(), classes.len(), device.clone()))
    }
}

/// What the types alone do not guarantee.
fn check(header: &Header) -> Result<()> {
    header.model.check()?;
    if header.bands.len() != header.normalisation.n_bands() || header.bands.is_empty() {
        return Err(Error::data("bands of the header", header.bands.len(), "one per mean"));
    }
    let fits = 0 < header.window_px && header.overlap_px <= header.window_px / 2;
    if !fits || 1 << 14 < header.window_px {
        return Err(Error::data("windows of the header", header.window_px, "1 to 16384 pixels"));
    }
    Ok(())
}

fn weights_hash(state: &StateDict) -> String {
    let bytes = write_safetensors(state, &BTreeMap::new());
    Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
