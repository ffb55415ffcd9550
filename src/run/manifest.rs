//! `manifest.json`: what was run, on what, with what.

use std::{collections::BTreeMap, fs, io::Read, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{About, Environment, StartingWeights};
use crate::{
    chip::Audit,
    error::{Error, Result},
    raster::write_atomically,
    scene::Role,
    train::Dataset,
};

/// Version of the manifest's form.
const VERSION: u32 = 1;

/// Everything needed to repeat a run, and what it took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this form: 1.
    pub version: u32,
    /// How far the run got.
    pub status: Status,
    /// When it began, UTC, as `2026-01-31T12:00:00Z`; when it was resumed does not count.
    pub started: String,
    /// Seed of every random draw.
    pub seed: u64,
    /// Machine and build.
    pub environment: Environment,
    /// SHA-256 of `run.toml`.
    pub run_file_sha256: String,
    /// Every raster that was read.
    pub inputs: Vec<InputFile>,
    /// Every `.aux.xml` file beside one of them.
    pub sidecars: Vec<SidecarFile>,
    /// The file of weights that the training started from; missing without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<StartingWeights>,
    /// Blocks of every scene by role, as `[row, col]` of their upper-left pixel.
    pub split: Vec<SceneBlocks>,
    /// Labelled pixels of each class by role, in the order of the class index; none in manifests
    /// of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassPixels>,
    /// Pixels that the splits share, counted before the training; missing in manifests of older
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// What the run file says of the data.
    #[serde(default, skip_serializing_if = "About::is_empty")]
    pub about: About,
    /// SHA-256 of the files that training and evaluation wrote, by name, noted when they were written;
    /// none before the end of the training, and in manifests of older versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// Trained parameters of the model.
    pub n_parameters: u64,
    /// Seconds that each part took, over all starts of the run.
    pub seconds: BTreeMap<String, f64>,
    /// Most memory held at once, in bytes; missing where the system does not say.
    pub peak_memory_bytes: Option<u64>,
}

/// How far a run got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Training, or killed while training.
    Training,
    /// Stopped on request; `swath resume` goes on.
    Interrupted,
    /// All epochs are done and the figures are written.
    Done,
}

/// A raster that a run read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    /// Where it was.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Hash of its bytes.
    pub sha256: String,
    /// Height, in pixels.
    pub rows: u32,
    /// Width, in pixels.
    pub cols: u32,
    /// Width and height of a pixel, in map units.
    pub pixel_size: [f64; 2],
    /// Smallest x, smallest y, largest x, largest y, in map units.
    pub bounds: [f64; 4],
    /// Name of the coordinate reference system; `none` without one.
    pub crs: String,
}

/// A file beside a raster that says more about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SidecarFile {
    /// Where it was.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Hash of its bytes.
    pub sha256: String,
}

/// The blocks of one scene by role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneBlocks {
    /// Name of the scene.
    pub scene: String,
    /// Side of a block, in pixels.
    pub block_px: u32,
    /// Trained on.
    pub train: Vec<[u32; 2]>,
    /// Used to choose the best epoch.
    pub validation: Vec<[u32; 2]>,
    /// Used once, for the figures.
    pub test: Vec<[u32; 2]>,
}

impl SceneBlocks {
    /// The blocks of every scene.
    pub fn of(data: &Dataset) -> Vec<Self> {
        let blocks = data.scenes.iter().zip(&data.splits).map(|(scene, split)| {
            let of = |role| split.blocks(role).map(|it| [it.row, it.col]).collect();
            Self {
                scene: scene.name().to_owned(),
                block_px: split.grid().block_px(),
                train: of(Role::Train),
                validation: of(Role::Validation),
                test: of(Role::Test),
            }
        });
        blocks.collect()
    }
}

/// Labelled pixels of a class by role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassPixels {
    /// Name of the class.
    pub name: String,
    /// Its code in label rasters and maps.
    pub code: u16,
    /// Pixels that are trained on.
    pub train: u64,
    /// Pixels that the best epoch is chosen by.
    pub validation: u64,
    /// Pixels that the final figures come from.
    pub test: u64,
}

impl ClassPixels {
    /// Those of every class.
    pub fn of(data: &Dataset) -> Vec<Self> {
        let counts = |index: usize, role: Role| {
            let roles = data.summary.roles.iter().filter(|it| it.role == role);
            roles.map(|it| it.class_counts[index]).sum::<u64>()
        };
        let classes = data.classes().iter().enumerate().map(|(index, class)| Self {
            name: class.name.clone(),
            code: class.code,
            train: counts(index, Role::Train),
            validation: counts(index, Role::Validation),
            test: counts(index, Role::Test),
        });
        classes.collect()
    }
}

impl Manifest {
    /// The version that this code writes.
    pub const VERSION: u32 = VERSION;

    /// Adds `seconds` to what `part` has taken.
    pub fn add_seconds(&mut self, part: &str, seconds: f64) {
        *self.seconds.entry(part.to_owned()).or_insert(0.0) += seconds;
    }

    /// Writes the manifest, replacing an older one at once.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        text.push('\n');
        write_atomically(path, text.as_bytes())
    }

    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Malformed`], or [`Error::Unsupported`] if another version of swath
    /// wrote another form.
    pub fn read(path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Form {
            version: u32,
        }
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        let malformed = |error| Error::malformed(path, "manifest", error);
        let Form { version } = serde_json::from_str(&text).map_err(malformed)?;
        if version != VERSION {
            return Err(Error::Unsupported {
                path: path.to_owned(),
                feature: format!("version {version} of the manifest"),
                hint: format!("wanted version {VERSION}; use the swath that wrote it"),
            });
        }
        serde_json::from_str(&text).map_err(malformed)
    }

    /// Checks that a run that began in the noted environment gives the same bits in `here`. The
    /// number of threads may differ.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] that says whether version, features or device differ, and how.
    pub fn check_environment(&self, here: &Environment) -> Result<()> {
        let began = &self.environment;
        let list = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        for (what, here, began) in [
            ("version of swath", here.version.clone(), began.version.clone()),
            ("features of the build", list(&here.features), list(&began.features)),
            ("device", here.device.clone(), began.device.clone()),
            (
                "instruction set (SWATH_ISA)",
                here.instruction_set.clone(),
                began.instruction_set.clone(),
            ),
        ] {
            if here != began {
                let wanted = format!(
                    "{began}, as the run began: another one would not give the same bits; start a \
                     new run"
                );
                return Err(Error::data(what, here, wanted));
            }
        }
        Ok(())
    }
}

/// Size in bytes and SHA-256, in hexadecimal, of a file.
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be read.
pub fn hash_file(path: &Path) -> Result<(u64, String)> {
    let mut file = fs::File::open(path).map_err(Error::io("open", path))?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut buffer).map_err(Error::io("read", path))?;
        if n == 0 {
            return Ok((bytes, hex(&hash.finalize())));
        }
        hash.update(&buffer[..n]);
        bytes += n as u64;
    }
}

/// SHA-256 of `bytes`, in hexadecimal.
pub fn hash_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_hashes_like_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "abc").unwrap();
        // The example of FIPS 180-2, appendix B.1.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash_file(file.path()).unwrap(), (3, known.to_owned()));
        assert_eq!(hash_bytes(b"abc"), known);
    }
}
