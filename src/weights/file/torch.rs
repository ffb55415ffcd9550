//! Files of `torch.save`: an archive since version 1.6, a row of pickles before.
//!
//! Source: PyTorch, `torch/serialization.py`, `_save` and `_legacy_save`.

use std::collections::HashMap;

use super::archive::Archive;
use crate::weights::{
    fault::{Fault, shown},
    pickle::{Bytes, Pickle, Value, unpickle},
};

/// The pickle of the number 0x1950a86a20f9469cfc6c, with which a legacy file begins.
pub(super) const LEGACY_MAGIC: [u8; 15] =
    *b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Numbers are stored in this order of bytes, if a file says.
const BYTE_ORDER: &[u8] = b"little";

/// A state dictionary and where its numbers lie.
pub(super) struct Saved<'a> {
    pub pickle: Pickle<'a>,
    /// First byte of each storage.
    pub starts: Vec<usize>,
}

/// Reads an archive: `NAME/data.pkl`, and `NAME/data/KEY` for each storage.
pub(super) fn read_archive(bytes: &[u8]) -> Result<Saved<'_>, Fault> {
    let archive = Archive::read(bytes)?;
    let record = archive.names().find(|it| it.ends_with("/data.pkl")).map(str::to_owned);
    let Some(record) = record else {
        return Err("it is a zip archive without a record `data.pkl`".into());
    };
    let folder = record.trim_end_matches("data.pkl");
    if archive.names().any(|it| it == format!("{folder}constants.pkl")) {
        return Err(torch_script());
    }
    if let Some(order) = archive.find(&format!("{folder}byteorder"))
        && &bytes[order.clone()] != BYTE_ORDER
    {
        return Err(big_endian());
    }
    let range = archive.find(&record).expect("its name was found");
    let pickle = unpickle(&bytes[..range.end], range.start)?;
    let mut starts = Vec::with_capacity(pickle.objects.storages.len());
    for storage in &pickle.objects.storages {
        let key = shown(storage.key);
        let range = archive.find(&format!("{folder}data/{}", storage.key));
        let range = range.ok_or_else(|| format!("there is no record of its storage {key}"))?;
        let wanted = storage.n_values.checked_mul(storage.dtype.n_bytes());
        if wanted != Some(range.len()) {
            return Err(format!(
                "storage {key} has {} bytes, which are not {} values of {}",
                range.len(),
                storage.n_values,
                storage.dtype.name()
            )
            .into());
        }
        starts.push(range.start);
    }
    Ok(Saved { pickle, starts })
}

/// Reads a legacy file: pickles of a magic number, a version, the machine, the state dictionary and
/// the keys of the storages, and then each storage as its length and its numbers.
pub(super) fn read_legacy(bytes: &[u8]) -> Result<Saved<'_>, Fault> {
    let version = unpickle(bytes, LEGACY_MAGIC.len())?;
    if version.root != Value::Int(1001) {
        return Err(format!("its version is {:?}, wanted 1001", version.root).into());
    }
    let machine = unpickle(bytes, version.end)?;
    let Value::Dict(about) = machine.root else {
        return Err("it does not say which machine wrote it".into());
    };
    let is_big = (Value::Text("little_endian"), Value::Bool(false));
    if machine.objects.dicts[about].contains(&is_big) {
        return Err(big_endian());
    }
    let pickle = unpickle(bytes, machine.end)?;
    let keys = unpickle(bytes, pickle.end)?;
    let keys_in_order = keys.objects.items(keys.root).ok_or("it has no list of storages")?;
    let storages = &pickle.objects.storages;
    let numbers: HashMap<&str, usize> =
        storages.iter().enumerate().map(|(index, it)| (it.key, index)).collect();
    let mut data = Bytes::at(bytes, keys.end);
    let mut starts = vec![None; storages.len()];
    for &key in keys_in_order {
        let Value::Text(key) = key else { return Err("the key of a storage is no text".into()) };
        let index = *numbers.get(key).ok_or_else(|| {
            format!("storage {} belongs to no tensor of its state dictionary", shown(key))
        })?;
        let storage = &storages[index];
        let n_values = data.u64()?;
        if n_values != storage.n_values as u64 {
            return Err(format!(
                "storage {} has {n_values} values, wanted {}",
                shown(key),
                storage.n_values
            )
            .into());
        }
        starts[index] = Some(data.position());
        data.take(n_values.saturating_mul(storage.dtype.n_bytes() as u64))?;
    }
    let starts = starts.into_iter().collect::<Option<_>>();
    Ok(Saved { pickle, starts: starts.ok_or("a storage of its tensors is missing")? })
}

/// A program with its weights.
pub(super) fn torch_script() -> Fault {
    Fault::Unsupported {
        feature: "TorchScript".to_owned(),
        hint: "in Python, save the `state_dict()` of what `torch.jit.load` gives",
    }
}

fn big_endian() -> Fault {
    Fault::Unsupported {
        feature: "numbers with the high byte first".to_owned(),
        hint: "load it with PyTorch on a machine whose low byte comes first, and save it there",
    }
}
