//! The part of the zip format in which PyTorch writes: records one after the other, not compressed.
//!
//! ```text
//! [local header, record]...  [entry of the directory]...  [zip64 end, locator]  end
//! ```
//!
//! Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3,
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::{collections::BTreeMap, ops::Range};

use super::torch::torch_script;
use crate::weights::{
    fault::{Fault, shown},
    pickle::Bytes,
};

const END: [u8; 4] = *b"PK\x05\x06";
const END_LENGTH: usize = 22;
const LONGEST_COMMENT: usize = 0xffff;
const ZIP64_LOCATOR: u32 = 0x0706_4b50;
const ZIP64_LOCATOR_LENGTH: usize = 20;
const ZIP64_END: u32 = 0x0606_4b50;
const ENTRY: u32 = 0x0201_4b50;
const LOCAL_HEADER: u32 = 0x0403_4b50;
const IS_ENCRYPTED: u16 = 1;
const ZIP64_EXTRA: u16 = 1;
/// What stands in a field of 32 bits whose value follows in 64.
const IN_ZIP64: u64 = 0xffff_ffff;

/// Where the records of an archive lie, by name.
#[derive(Debug)]
pub(super) struct Archive(BTreeMap<String, Range<usize>>);

impl Archive {
    /// Reads the directory, and checks each record against its checksum. A checksum of 0 stands for
    /// none: PyTorch can be told to write it.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut directory = Bytes::at(bytes, directory_start(bytes)?);
        let mut records = BTreeMap::new();
        loop {
            let at = directory.position();
            match directory.u32() {
                Ok(ENTRY) => {}
                Ok(_) => break, // The end, with or without zip64.
                Err(_) => return Err("the directory of its records is cut off".into()),
            }
            let (name, record) = entry(bytes, &mut directory, at)?;
            if records.insert(name.clone(), record).is_some() {
                return Err(format!("record {} occurs twice", shown(&name)).into());
            }
        }
        Ok(Self(records))
    }

    /// Names of all records, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Where the record called `name` lies.
    pub fn find(&self, name: &str) -> Option<Range<usize>> {
        self.0.get(name).cloned()
    }
}

/// Where the first entry lies.
fn directory_start(bytes: &[u8]) -> Result<usize, Fault> {
    let earliest = bytes.len().saturating_sub(END_LENGTH + LONGEST_COMMENT);
    let found = bytes[earliest..].windows(4).rposition(|it| it == END);
    let end = earliest + found.ok_or("it has no directory of records: it is cut off")?;
    let mut fields = Bytes::at(bytes, end + 16);
    let start = u64::from(fields.u32()?);
    let n_comment = fields.u16()?;
    fields.take(n_comment.into())?;
    if fields.position() != bytes.len() {
        return Err("bytes follow the directory of its records".into());
    }
    let start = if start == IN_ZIP64 || is_zip64(bytes, end) {
        let at = end.checked_sub(ZIP64_LOCATOR_LENGTH).ok_or("its zip64 locator is missing")?;
        let mut locator = Bytes::at(bytes, at + 8);
        let zip64_end = usize::try_from(locator.u64()?).unwrap_or(usize::MAX);
        let mut fields = Bytes::at(bytes, zip64_end);
        if fields.u32()? != ZIP64_END {
            return Err("its zip64 directory is not where its locator says".into());
        }
        fields.take(44)?;
        fields.u64()?
    } else {
        start
    };
    Ok(usize::try_from(start).unwrap_or(usize::MAX))
}

fn is_zip64(bytes: &[u8], end: usize) -> bool {
    let locator = end.checked_sub(ZIP64_LOCATOR_LENGTH);
    locator.is_some_and(|it| Bytes::at(bytes, it).u32() == Ok(ZIP64_LOCATOR))
}

/// Name and place of the record whose entry goes on in `fields`.
fn entry(bytes: &[u8], fields: &mut Bytes<'_>, at: usize) -> Result<(String, Range<usize>), Fault> {
    fields.take(4)?; // Versions.
    let flags = fields.u16()?;
    let method = fields.u16()?;
    fields.take(4)?; // Time and date.
    let checksum = fields.u32()?;
    let mut sizes = [u64::from(fields.u32()?), u64::from(fields.u32()?), 0];
    let [n_name, n_extra, n_comment] = [fields.u16()?, fields.u16()?, fields.u16()?];
    fields.take(8)?; // Disk and attributes.
    sizes[2] = fields.u32()?.into();
    let name = String::from_utf8_lossy(fields.take(n_name.into())?).into_owned();
    let extra = fields.take(n_extra.into())?;
    fields.take(n_comment.into())?;
    widen(&mut sizes, extra)?;
    let [n_stored, n_bytes, header] = sizes;
    if flags & IS_ENCRYPTED != 0 {
        return Err(Fault::Unsupported {
            feature: format!("an encrypted record ({})", shown(&name)),
            hint: "load it with PyTorch and save the state dictionary again",
        });
    }
    if method != 0 || n_stored != n_bytes {
        // The only records that PyTorch compresses.
        if name.contains("/code/") {
            return Err(torch_script());
        }
        return Err(Fault::Unsupported {
            feature: format!("a compressed record ({})", shown(&name)),
            hint: "PyTorch writes them as they are: load it there and save it again",
        });
    }
    let fault = |reason: &str| format!("record {} (entry at {at}) {reason}", shown(&name));
    let record = record(bytes, header, n_bytes).ok_or_else(|| fault("does not lie in the file"))?;
    if checksum != 0 && crc32fast::hash(&bytes[record.clone()]) != checksum {
        return Err(fault("does not match its checksum").into());
    }
    Ok((name, record))
}

/// Reads those of `sizes` that did not fit into 32 bits from the extra fields of an entry.
fn widen(sizes: &mut [u64; 3], extra: &[u8]) -> Result<(), Fault> {
    // In this order: size, stored size, place of the header.
    let mut fields = Bytes::at(extra, 0);
    while let (Ok(kind), Ok(length)) = (fields.u16(), fields.u16()) {
        let mut field = Bytes::at(fields.take(length.into())?, 0);
        if kind == ZIP64_EXTRA {
            for index in [1, 0, 2] {
                if sizes[index] == IN_ZIP64 {
                    sizes[index] = field.u64()?;
                }
            }
        }
    }
    Ok(())
}

/// Where the data lie of a record whose local header begins at `header`.
fn record(bytes: &[u8], header: u64, n_bytes: u64) -> Option<Range<usize>> {
    let header = usize::try_from(header).ok()?;
    let mut fields = Bytes::at(bytes, header);
    if fields.u32().ok()? != LOCAL_HEADER {
        return None;
    }
    fields.take(22).ok()?;
    let [n_name, n_extra] = [fields.u16().ok()?, fields.u16().ok()?];
    fields.take(u64::from(n_name) + u64::from(n_extra)).ok()?;
    let start = fields.position();
    fields.take(n_bytes).ok()?;
    Some(start..fields.position())
}
