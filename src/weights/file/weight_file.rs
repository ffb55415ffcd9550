//! A file of named tensors, whichever program wrote it.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    FileTensor,
    tensor::side_by_side,
    torch::{LEGACY_MAGIC, Saved, read_archive, read_legacy},
    unwrap::{strip_wrappers, unwrap},
};
use crate::{
    error::{Error, Result},
    weights::{
        Dtype, Entry, StateDict, Values,
        fault::{Fault, shown},
        format::read_header,
    },
};

/// How a file of weights is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// The safetensors format; `model.swath` is one of them, too.
    Safetensors,
    /// `torch.save` since PyTorch 1.6.
    TorchArchive,
    /// `torch.save` before, and with `_use_new_zipfile_serialization=False`.
    TorchLegacy,
}

impl FileKind {
    /// The kind of a file, by its beginning.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"PK\x03\x04") {
            Some(Self::TorchArchive)
        } else if bytes.starts_with(&LEGACY_MAGIC) {
            Some(Self::TorchLegacy)
        } else if bytes.get(8) == Some(&b'{') {
            Some(Self::Safetensors)
        } else {
            None
        }
    }
}

/// The named tensors of a file, as they lie there.
///
/// Pickles are never executed: they are read by a machine that knows the names which state
/// dictionaries need, and refuses all others.
#[derive(Clone, Debug)]
pub struct WeightFile {
    path: PathBuf,
    kind: FileKind,
    tensors: Vec<FileTensor>,
    notes: Vec<String>,
    bytes: Vec<u8>,
}

impl WeightFile {
    /// Reads the file at `path`, whose beginning tells its kind.
    ///
    /// A dictionary around the state dictionary and what wrappers put before all names, such as
    /// `module.`, are taken off; [`notes`](Self::notes) say so.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read;
    /// [`Error::Malformed`] if it is of none of the kinds, damaged, or
    /// without tensors; [`Error::Unsupported`] for a type of number that
    /// no model of ours has, a pickle with a foreign name, and the like. No more memory than a small
    /// multiple of the file is used, whatever it says.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_with(path, None)
    }

    /// The same for the state dictionary under `key` of a checkpoint with several.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`Error::Malformed`] if there are no
    /// tensors under this key.
    pub fn read_key(path: &Path, key: &str) -> Result<Self> {
        Self::read_with(path, Some(key))
    }

    fn read_with(path: &Path, key: Option<&str>) -> Result<Self> {
        if path.is_dir() {
            let reason = "it is a folder; name a file in it, such as the model.swath of a run";
            return Err(Error::malformed(path, "weight file", reason));
        }
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        Self::of_bytes(path, bytes, key).map_err(|it| it.at(path))
    }

    /// The same as [`read`](Self::read) of the file's bytes; `path` names them in messages.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), without [`Error::Io`].
    pub fn from_bytes(bytes: Vec<u8>, path: &Path) -> Result<Self> {
        Self::of_bytes(path, bytes, None).map_err(|it| it.at(path))
    }

    fn of_bytes(path: &Path, bytes: Vec<u8>, key: Option<&str>) -> Result<Self, Fault> {
        let kind = kind(&bytes)?;
        let (mut tensors, mut notes) = match kind {
            FileKind::Safetensors if key.is_some() => {
                return Err("it is a safetensors file, which has no keys to choose from".into());
            }
            FileKind::Safetensors => (of_safetensors(&bytes)?, Vec::new()),
            FileKind::TorchArchive => of_pickle(&read_archive(&bytes)?, key)?,
            FileKind::TorchLegacy => of_pickle(&read_legacy(&bytes)?, key)?,
        };
        let mut names: Vec<&mut String> = tensors.iter_mut().map(|it| &mut it.name).collect();
        notes.extend(strip_wrappers(&mut names));
        if tensors.is_empty() {
            return Err("it holds no tensors".into());
        }
        Ok(Self { path: path.to_owned(), kind, tensors, notes, bytes })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is laid out.
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// The tensors in the order of the file; names are unique.
    pub fn tensors(&self) -> &[FileTensor] {
        &self.tensors
    }

    /// What was chosen in the file, what was taken off its names, and what was not read.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Size of the file, in bytes.
    pub fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The numbers of `tensor`, which is one of this file's: real ones as `F32`, whole ones as `I64`.
    /// Only `F64` is rounded.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if a number is beyond the range of `F32`.
    pub fn values(&self, tensor: &FileTensor) -> Result<Values> {
        tensor.values(&self.bytes).map_err(|number| {
            let what = format!("tensor {} of {}", shown(&tensor.name), self.path.display());
            Error::data(what, number, "numbers within the range of F32")
        })
    }

    /// All tensors, in the order of the file, with the numbers that [`values`](Self::values) gives.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if tensors share their numbers so often that together they are many times
    /// as large as the file; and as [`values`](Self::values).
    pub fn state(&self) -> Result<StateDict> {
        const MOST_TIMES: usize = 4;
        let sizes = self.tensors.iter().map(|it| it.n_values() * it.dtype.n_bytes());
        let n_bytes = sizes.fold(0, usize::saturating_add);
        if self.bytes.len().saturating_mul(MOST_TIMES) < n_bytes {
            let feature = format!("tensors that share their numbers ({n_bytes} bytes in all)");
            let hint = "in Python, save only those that you need";
            return Err(Fault::Unsupported { feature, hint }.at(&self.path));
        }
        let mut state = StateDict::default();
        for tensor in &self.tensors {
            let values = self.values(tensor)?;
            let (name, shape) = (tensor.name.clone(), tensor.shape.clone());
            state.entries.push(Entry { name, shape, values });
        }
        Ok(state)
    }

    /// What [`state`](Self::state) changes: how many tensors of which type become another one.
    pub fn conversions(&self) -> Vec<String> {
        let mut counts = BTreeMap::new();
        for tensor in &self.tensors {
            *counts.entry(tensor.dtype).or_insert(0) += 1;
        }
        counts.into_iter().filter_map(|(dtype, n)| conversion(dtype, n)).collect()
    }
}

/// What becomes of `n` tensors of `dtype`, if it is not what it was.
fn conversion(dtype: Dtype, n: usize) -> Option<String> {
    let what = match dtype {
        Dtype::F32 | Dtype::I64 => return None,
        Dtype::F64 => "F32 (rounded)",
        Dtype::F16 | Dtype::BF16 => "F32",
        Dtype::I32 | Dtype::I16 | Dtype::I8 | Dtype::U8 | Dtype::Bool => "I64",
    };
    Some(format!("{n} tensors of {} became {what}", dtype.name()))
}

fn kind(bytes: &[u8]) -> Result<FileKind, Fault> {
    if let Some(kind) = FileKind::of(bytes) {
        return Ok(kind);
    }
    if bytes.is_empty() {
        return Err("it is empty".into());
    }
    let begin: Vec<String> = bytes.iter().take(8).map(|it| format!("{it:02x}")).collect();
    let begin = begin.join(" ");
    Err(format!(
        "it is neither a safetensors file nor one of `torch.save`; its {} bytes begin with {begin}",
        bytes.len()
    )
    .into())
}

fn of_safetensors(bytes: &[u8]) -> Result<Vec<FileTensor>, Fault> {
    let (_, placed) = read_header(bytes)?;
    let mut tensors = Vec::with_capacity(placed.len());
    for tensor in placed {
        let dtype = Dtype::of_name(&tensor.dtype).ok_or_else(|| Fault::Unsupported {
            feature: format!("numbers of type {} ({})", shown(&tensor.dtype), shown(&tensor.name)),
            hint: "in Python, convert them to float32 or int64 and save the file again",
        })?;
        tensor.check_size(dtype.n_bytes())?;
        let strides = side_by_side(&tensor.shape);
        let (name, shape, start) = (tensor.name, tensor.shape, tensor.range.start);
        tensors.push(FileTensor { name, dtype, shape, start, strides });
    }
    Ok(tensors)
}

fn of_pickle(
    saved: &Saved<'_>,
    key: Option<&str>,
) -> Result<(Vec<FileTensor>, Vec<String>), Fault> {
    let unwrapped = unwrap(&saved.pickle, key)?;
    let tensors = unwrapped.tensors.into_iter().map(|(name, view)| {
        let dtype = saved.pickle.objects.storages[view.storage].dtype;
        FileTensor {
            name: name.to_owned(),
            dtype,
            shape: view.shape.clone(),
            start: saved.starts[view.storage] + view.offset * dtype.n_bytes(),
            strides: view.strides.clone(),
        }
    });
    Ok((tensors.collect(), unwrapped.notes))
}
