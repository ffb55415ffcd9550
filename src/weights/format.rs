//! Named tensors as bytes, in the layout of the safetensors format.
//!
//! ```text
//! 8 bytes   length of the header, little-endian
//! header    JSON: {"__metadata__": {text: text}, name: {dtype, shape, data_offsets}, ...}
//! data      the tensors one after the other, little-endian
//! ```
//!
//! Equal contents give equal bytes: names stand in the order of the state dictionary, metadata in
//! that of its keys, and nothing else is written.
//!
//! Source: <https://github.com/huggingface/safetensors>, README, "Format". Of its types we write `F32`
//! and `I64`.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Display,
    io::{self, Write},
    ops::Range,
};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Dtype, Entry, StateDict, Values, fault::shown};

/// The header is padded with spaces so that the data begins at a multiple of this.
const ALIGNMENT: usize = 8;

/// Longest header that is read, in bytes; the limit of the format's own reader.
const MAX_HEADER: u64 = 100_000_000;

/// Values that are written at a time.
const PART: usize = 1 << 16;

const METADATA: &str = "__metadata__";

/// What a file in the safetensors format holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Safetensors {
    /// Texts by name.
    pub metadata: BTreeMap<String, String>,
    /// The tensors, in the order in which their data lie.
    pub state: StateDict,
}

/// The bytes of `state` and `metadata`. A tensor must not be called `__metadata__`.
pub fn write_safetensors(state: &StateDict, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let n_data: usize = state.entries.iter().map(n_bytes).sum();
    let mut bytes = Vec::with_capacity(n_data + PART);
    write_safetensors_to(&mut bytes, state, metadata).expect("memory takes all bytes");
    bytes
}

/// Writes the bytes of [`write_safetensors`] part by part.
///
/// # Errors
///
/// Those of `writer`.
pub fn write_safetensors_to(
    writer: &mut (impl Write + ?Sized),
    state: &StateDict,
    metadata: &BTreeMap<String, String>,
) -> io::Result<()> {
    let mut header = header(state, metadata);
    let unpadded = header.len();
    header.resize(unpadded.next_multiple_of(ALIGNMENT), b' ');
    writer.write_all(&(header.len() as u64).to_le_bytes())?;
    writer.write_all(&header)?;
    each_part(state, |part| writer.write_all(part))
}

/// Visits the bytes of all tensors.
fn each_part<E>(state: &StateDict, mut visit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let mut bytes = Vec::with_capacity(8 * PART);
    for entry in &state.entries {
        match &entry.values {
            Values::F32(values) => {
                for part in values.chunks(PART) {
                    visit(little_endian(&mut bytes, part, f32::to_le_bytes))?;
                }
            }
            Values::I64(values) => {
                for part in values.chunks(PART) {
                    visit(little_endian(&mut bytes, part, i64::to_le_bytes))?;
                }
            }
        }
    }
    Ok(())
}

/// The bytes of `values`, in `bytes`: a plain copy, once compiled.
fn little_endian<'a, T: Copy, const N: usize>(
    bytes: &'a mut Vec<u8>,
    values: &[T],
    of: fn(T) -> [u8; N],
) -> &'a [u8] {
    bytes.resize(N * values.len(), 0);
    for (place, value) in bytes.chunks_exact_mut(N).zip(values) {
        place.copy_from_slice(&of(*value));
    }
    bytes
}

/// SHA-256 of names, shapes and values of `state` and of `metadata`, in hexadecimal.
pub fn content_hash(state: &StateDict, metadata: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    hash.update(header(state, metadata));
    let Ok(()) = each_part(state, |part| {
        hash.update(part);
        Ok::<(), Infallible>(())
    });
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Written by hand because a JSON object of `serde_json` sorts its keys.
fn header(state: &StateDict, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut fields = Vec::with_capacity(state.entries.len() + 1);
    if !metadata.is_empty() {
        fields.push(format!("{}:{}", json!(METADATA), json!(metadata)));
    }
    let mut begin = 0;
    for entry in &state.entries {
        let end = begin + n_bytes(entry);
        let (dtype, shape) = (entry.values.kind(), json!(entry.shape));
        fields.push(format!(
            r#"{}:{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}"#,
            json!(entry.name)
        ));
        begin = end;
    }
    format!("{{{}}}", fields.join(",")).into_bytes()
}

fn n_bytes(entry: &Entry) -> usize {
    match &entry.values {
        Values::F32(values) => 4 * values.len(),
        Values::I64(values) => 8 * values.len(),
    }
}

/// Reads what [`write_safetensors`] wrote. Other types of numbers are for
/// [`WeightFile`](super::WeightFile).
///
/// Every byte must be accounted for, so that what is read back is all there is. No amount of memory
/// beyond a small multiple of `bytes` is used, whatever they say.
///
/// # Errors
///
/// The first rule of the format that is broken, as one line.
pub fn read_safetensors(bytes: &[u8]) -> Result<Safetensors, String> {
    let (metadata, tensors) = read_header(bytes)?;
    let mut state = StateDict::default();
    for tensor in tensors {
        let values = values(&tensor, bytes).map_err(|it| tensor.fault(it))?;
        state.entries.push(Entry { name: tensor.name, shape: tensor.shape, values });
    }
    Ok(Safetensors { metadata, state })
}

/// A tensor of a file, by what its header says.
pub(super) struct Placed {
    pub name: String,
    /// As the file calls it.
    pub dtype: String,
    pub shape: Vec<usize>,
    /// Where it lies in the file; it does.
    pub range: Range<usize>,
}

impl Placed {
    /// A message about this tensor.
    fn fault(&self, reason: impl Display) -> String {
        format!("its tensor {}: {reason}", shown(&self.name))
    }

    /// Checks that the shape holds as many numbers of `n_bytes` as there are.
    pub fn check_size(&self, n_bytes: usize) -> Result<(), String> {
        let wanted = self.shape.iter().try_fold(n_bytes, |n: usize, &axis| n.checked_mul(axis));
        if wanted == Some(self.range.len()) {
            return Ok(());
        }
        let (shape, found) = (&self.shape, self.range.len());
        Err(self.fault(format!("its shape {shape:?} does not hold {found} bytes")))
    }
}

/// The metadata, and the tensors in the order in which they lie, which they do without a gap.
pub(super) fn read_header(bytes: &[u8]) -> Result<(BTreeMap<String, String>, Vec<Placed>), String> {
    let (length, rest) = bytes.split_first_chunk().ok_or("it is shorter than 8 bytes")?;
    let length = u64::from_le_bytes(*length);
    if MAX_HEADER < length || (rest.len() as u64) < length {
        return Err(format!("its header of {length} bytes does not fit"));
    }
    let (header, data) = rest.split_at(length as usize);
    let header: Map<String, Value> =
        serde_json::from_slice(header).map_err(|error| format!("its header: {error}"))?;

    let mut metadata = BTreeMap::new();
    let mut layouts = Vec::with_capacity(header.len());
    for (name, value) in header {
        if name == METADATA {
            metadata = serde_json::from_value(value)
                .map_err(|error| format!("its {METADATA}: {error}"))?;
        } else {
            let layout: Layout = serde_json::from_value(value)
                .map_err(|error| format!("its tensor {}: {error}", shown(&name)))?;
            layouts.push((name, layout));
        }
    }
    // A stable order also for tensors without data, which begin where the next one does.
    layouts.sort_by(|(left, a), (right, b)| {
        a.data_offsets.cmp(&b.data_offsets).then_with(|| left.cmp(right))
    });
    Ok((metadata, place(layouts, data.len(), bytes.len() - data.len())?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    dtype: String,
    shape: Vec<usize>,
    /// Begin and end in the data, in bytes.
    data_offsets: [usize; 2],
}

/// The tensors in `n_data` bytes of data from `start` on, which they must fill without a gap.
fn place(
    layouts: Vec<(String, Layout)>,
    n_data: usize,
    start: usize,
) -> Result<Vec<Placed>, String> {
    let mut tensors = Vec::with_capacity(layouts.len());
    let mut position = 0;
    for (name, Layout { dtype, shape, data_offsets: [begin, end] }) in layouts {
        let range = begin.saturating_add(start)..end.saturating_add(start);
        let tensor = Placed { name, dtype, shape, range };
        if begin != position || end < begin {
            return Err(tensor.fault(format!("it lies at {begin}..{end}, not at {position}")));
        }
        if n_data < end {
            return Err(tensor.fault("it is cut off"));
        }
        position = end;
        tensors.push(tensor);
    }
    if position != n_data {
        return Err(format!("{} bytes belong to no tensor", n_data - position));
    }
    Ok(tensors)
}

fn values(tensor: &Placed, bytes: &[u8]) -> Result<Values, String> {
    let dtype = match tensor.dtype.as_str() {
        "F32" => Dtype::F32,
        "I64" => Dtype::I64,
        other => return Err(format!("its type {} is neither F32 nor I64", shown(other))),
    };
    tensor.check_size(dtype.n_bytes())?;
    Ok(dtype.decode(&bytes[tensor.range.clone()]).expect("neither of these is F64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Safetensors {
        let entry = |name: &str, shape: &[usize], values| Entry {
            name: name.to_owned(),
            shape: shape.to_vec(),
            values,
        };
        let entries = vec![
            entry("z \"quoted\"", &[2, 3], Values::F32(vec![0.0, -0.0, 1.5, f32::MIN, 1e-45, 7.0])),
            entry("count", &[], Values::I64(vec![-9])),
            entry("a.none", &[0, 4], Values::F32(Vec::new())),
            entry("a", &[1], Values::F32(vec![f32::INFINITY])),
        ];
        let metadata = [("kind", "test"), ("äh", "\n")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        Safetensors { metadata: metadata.into(), state: StateDict { entries } }
    }

    fn bytes_of(example: &Safetensors) -> Vec<u8> {
        write_safetensors(&example.state, &example.metadata)
    }

    /// A file with this header, and data of as many zeros.
    fn file(header: &str, n_data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; n_data]);
        bytes
    }

    #[test]
    fn what_is_written_is_read_back_in_the_same_order() {
        let bytes = bytes_of(&example());
        assert_eq!(read_safetensors(&bytes).unwrap(), example());
        assert_eq!(bytes_of(&read_safetensors(&bytes).unwrap()), bytes);
    }

    // Laid out by hand after the format's description.
    #[test]
    fn bytes_are_those_of_the_format() {
        let entry = Entry { name: "w".to_owned(), shape: vec![1], values: Values::F32(vec![1.0]) };
        let bytes = write_safetensors(&StateDict { entries: vec![entry] }, &BTreeMap::new());
        let header = r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  "#;
        assert_eq!(header.len() % 8, 0);
        let mut want = (header.len() as u64).to_le_bytes().to_vec();
        want.extend(header.as_bytes());
        want.extend([0x00, 0x00, 0x80, 0x3f]);
        assert_eq!(bytes, want);
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], reason: &str) {
        let error = read_safetensors(bytes).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn broken_bytes_are_refused() {
        let tensor = |shape: &str, offsets: &str| {
            format!(r#"{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
        };
        check_refused(&[1, 2, 3], "shorter than 8 bytes");
        check_refused(&u64::MAX.to_le_bytes(), "does not fit");
        check_refused(&file("{", 0), "header");
        check_refused(&file("[]", 0), "header");
        check_refused(&file(&tensor("[2]", "[0,8]"), 4), "cut off");
        check_refused(&file(&tensor("[2]", "[0,8]"), 12), "belong to no tensor");
        check_refused(&file(&tensor("[2]", "[4,12]"), 12), "lies at 4..12");
        check_refused(&file(&tensor("[2]", "[8,0]"), 8), "lies at 8..0");
        check_refused(&file(&tensor("[3]", "[0,8]"), 8), "does not hold 8 bytes");
        let huge = usize::MAX;
        check_refused(&file(&tensor(&format!("[{huge},{huge}]"), "[0,8]"), 8), "does not hold");
        check_refused(&file(&tensor("[-1]", "[0,8]"), 8), "tensor w");
        check_refused(&file(&tensor("[2]", "[0,8]").replace("F32", "F16"), 8), "neither F32 nor");
        let twice = r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
                        "w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
        check_refused(&file(twice, 8), "tensor w");
        check_refused(&file(r#"{"__metadata__":{"a":1}}"#, 0), "__metadata__");
    }

    #[test]
    fn no_cut_or_flipped_byte_panics() {
        let bytes = bytes_of(&example());
        for length in 0..bytes.len() {
            assert!(read_safetensors(&bytes[..length]).is_err(), "cut to {length} bytes");
        }
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[position] ^= 1 << bit;
                let _ = read_safetensors(&flipped);
            }
        }
    }
}
