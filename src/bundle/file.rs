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
    weights::{FileKind, StateDict, load, read_safetensors, write_safetensors},
};

const FORMAT: &str = "swath model";
const VERSION: &str = "1";
const HASH: &str = "sha256";

/// What a file of weights without a model is for.
const WEIGHTS_ALONE: &str = "a run can start from weights alone (`[weights]` in a run file), and \
                             `swath weights convert` writes them in another form";

/// A trained model with everything that prediction needs.
///
/// On disk it is a safetensors file: weights in the order of their names in the state dictionary,
/// and as metadata the format, its version, the [`Header`] as TOML, which keeps every bit of its
/// numbers, and the SHA-256 of the file as it would be without this hash. Its bytes are a function
/// of these alone: equal training gives equal files.
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
        let header = toml::to_string(&self.header).expect("a header is plain data");
        let mut metadata = BTreeMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("version".to_owned(), VERSION.to_owned()),
            ("header".to_owned(), header),
        ]);
        metadata.insert(HASH.to_owned(), hash(&self.state, &metadata));
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
    /// [`Error::Io`] if the file cannot be read, [`Error::Malformed`] if it is no bundle or is
    /// damaged, [`Error::Unsupported`] if a newer version wrote it.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        let malformed = |reason: String| Error::malformed(path, "swath model", reason);
        if matches!(FileKind::of(&bytes), Some(FileKind::TorchArchive | FileKind::TorchLegacy)) {
            return Err(malformed(format!("PyTorch wrote it; {WEIGHTS_ALONE}")));
        }
        let file = read_safetensors(&bytes).map_err(malformed)?;
        if file.metadata.get("format").is_none_or(|it| it != FORMAT) {
            return Err(malformed(format!("its metadata do not say `{FORMAT}`; {WEIGHTS_ALONE}")));
        }
        let text = |key: &str| {
            let found = file.metadata.get(key).map(String::as_str);
            found.ok_or_else(|| malformed(format!("its metadata have no `{key}`")))
        };
        if text("version")? != VERSION {
            return Err(Error::Unsupported {
                path: path.to_owned(),
                feature: format!("version {} of the model file", text("version")?),
                hint: format!("wanted version {VERSION}; use the swath that wrote it"),
            });
        }
        let mut hashed = file.metadata.clone();
        hashed.remove(HASH);
        if text(HASH)? != hash(&file.state, &hashed) {
            return Err(malformed("header and weights do not match their hash".to_owned()));
        }
        let header: Header = toml::from_str(text("header")?)
            .map_err(|error| malformed(format!("its header is damaged: {}", error.message())))?;
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
        // Whatever the header asks for: no weights are made before it is known that they are there.
        let network = model.blank(bands.len(), classes.len(), device);
        Ok(load(network, &self.state, "weights of the model file")?.valid())
    }

    /// The predictor on `device`.
    ///
    /// # Errors
    ///
    /// As [`Self::network`].
    pub fn predictor(&self, device: &Device) -> Result<Predictor> {
        let Header { name, normalisation, classes, .. } = self.header.clone();
        let network = self.network(device)?;
        Ok(Predictor::new(name, network, normalisation, classes.len(), device.clone()))
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

/// SHA-256 of the file with these contents, in hexadecimal.
fn hash(state: &StateDict, metadata: &BTreeMap<String, String>) -> String {
    let bytes = write_safetensors(state, metadata);
    Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chip::Normalisation,
        label::{Class, Classes, Color},
        model::ModelConfig,
        raster::{Band, DataType, NodataRule},
        weights::{Values, state_dict},
    };

    /// Two bands and one class, normalised by these numbers.
    fn header(mean: Vec<f64>, std: Vec<f64>) -> Header {
        let class = Class { name: "water".to_owned(), code: 1, color: Color([0; 3]) };
        let band = |name: &str| Band {
            name: name.to_owned(),
            dtype: DataType::U16,
            scale: mean[0].abs(),
            offset: mean[1],
            nodata: Some(mean[0]),
        };
        Header {
            name: "tiny".to_owned(),
            model: ModelConfig { width: 2, ..Default::default() },
            classes: Classes::new(vec![class]).unwrap(),
            ignore: vec![-1],
            bands: vec![band("red"), band("green")],
            band_choice: None,
            nodata: Some(mean[0]),
            nodata_rule: NodataRule::Any,
            normalisation: Normalisation::new(mean, std).unwrap(),
            chip_px: 32,
            window_px: 32,
            overlap_px: 8,
            pixel_size: [10.0, 10.0],
            crs: Vec::new(),
            inputs_sha256: Vec::new(),
        }
    }

    #[track_caller]
    fn read_back(bundle: &Bundle) -> Result<Bundle> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bundle.to_bytes()).unwrap();
        Bundle::read(file.path())
    }

    #[test]
    fn every_bit_of_a_number_is_kept() {
        // Numbers of 17 digits and all sizes; the nodata value of many float rasters.
        let number = |k: i32| (f64::from(k) * 0.7).sin() * 10f64.powi(k % 61 - 30);
        let mut numbers: Vec<f64> = (1..400).map(number).collect();
        numbers.push(-3.4028234663852886e38);
        for pair in numbers.windows(2) {
            let std = pair.iter().map(|it| it.abs()).collect();
            let header = header(pair.to_vec(), std);
            let bundle = Bundle { header, state: StateDict::default() };
            assert_eq!(read_back(&bundle).unwrap(), bundle);
        }
    }

    #[test]
    fn nodata_that_is_not_a_number_is_kept() {
        let mut header = header(vec![1.0, 2.0], vec![1.0, 2.0]);
        header.nodata = Some(f64::NAN);
        let read = read_back(&Bundle { header, state: StateDict::default() }).unwrap();
        assert!(read.header.nodata.is_some_and(f64::is_nan));
    }

    /// A hash can be right and what it is of wrong.
    #[test]
    fn counts_that_are_none_are_refused_when_the_network_is_made() {
        let header = header(vec![1.0, 2.0], vec![1.0, 2.0]);
        let network = header.model.build(2, 1, 1, &Device::flex());
        let mut state = state_dict(&network);
        let name = "encoder.bn1.num_batches_tracked";
        let entry = state.entries.iter_mut().find(|it| it.name == name).unwrap();
        entry.values = Values::I64(vec![-1]);
        let bundle = read_back(&Bundle { header, state }).unwrap();
        let error = bundle.network(&Device::flex()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("found -1, wanted a count"), "{error}");
    }

    /// At full size the network would take gigabytes; nothing of it is made.
    #[test]
    fn a_header_that_asks_for_other_weights_than_there_are_is_refused() {
        let header = header(vec![1.0, 2.0], vec![1.0, 2.0]);
        let model = ModelConfig { width: 1024, ..header.model };
        let bundle = Bundle { header: Header { model, ..header }, state: StateDict::default() };
        let error = bundle.network(&Device::flex()).unwrap_err().to_string();
        assert!(error.contains("encoder.conv1.weight is missing"), "{error}");
    }
}
