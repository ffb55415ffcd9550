//! Which bands of the stacked files are used.

use super::{Band, DataType, GeoTiff};
use crate::error::{Error, Result};

/// Where a band comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Source {
    pub(super) file: usize,
    pub(super) sample: usize,
}

/// Every sample of every file as a band, alpha included.
pub(super) fn all_bands(files: &[GeoTiff], nodata: Option<f64>) -> Vec<(Source, Band)> {
    let samples = files.iter().enumerate().flat_map(|(file, tiff)| {
        (0..tiff.n_samples()).map(move |sample| (Source { file, sample }, tiff))
    });
    let bands = samples.zip(1..).map(|((source, tiff), number)| {
        let (notes, dtype) = (tiff.notes(source.sample), tiff.dtype());
        let name = notes.description.clone().unwrap_or_else(|| format!("band_{number}"));
        let nodata = nodata.map(|value| dtype.stored(value)).or(notes.nodata);
        let (scale, offset) = (notes.scale.unwrap_or(1.0), notes.offset.unwrap_or(0.0));
        (source, Band { name, dtype, scale, offset, nodata })
    });
    bands.collect()
}

pub(super) fn without_alpha(files: &[GeoTiff], all: &[(Source, Band)]) -> Vec<usize> {
    let is_alpha = |source: &Source| files[source.file].alpha().contains(&source.sample);
    (0..all.len()).filter(|&index| !is_alpha(&all[index].0)).collect()
}

/// Indices into `all` of the wanted names or numbers.
pub(super) fn chosen(all: &[(Source, Band)], wanted: &[String]) -> Result<Vec<usize>> {
    if wanted.is_empty() {
        return Err(Error::config("data.bands", "[]", "wanted at least one band"));
    }
    let mut chosen = Vec::with_capacity(wanted.len());
    for name in wanted {
        let index = find(all, name)?;
        if chosen.contains(&index) {
            return Err(Error::config("data.bands", format!("`{name}`"), "the band occurs twice"));
        }
        chosen.push(index);
    }
    Ok(chosen)
}

/// Refuses a missing value that none of the chosen bands can hold.
pub(super) fn check_nodata(nodata: f64, all: &[(Source, Band)], chosen: &[usize]) -> Result<()> {
    if chosen.iter().any(|&index| all[index].1.dtype.can_hold(nodata)) {
        return Ok(());
    }
    let mut types: Vec<_> = chosen.iter().map(|&index| all[index].1.dtype.to_string()).collect();
    types.dedup();
    let rule = format!("cannot occur in bands of type {}", types.join(", "));
    Err(Error::config("data.nodata", nodata, rule))
}

fn find(all: &[(Source, Band)], wanted: &str) -> Result<usize> {
    let named: Vec<usize> = (0..all.len()).filter(|&index| all[index].1.name == wanted).collect();
    match named[..] {
        [index] => return Ok(index),
        [] => {}
        _ => {
            let numbers: Vec<String> = named.iter().map(|index| (index + 1).to_string()).collect();
            let rule =
                format!("several bands have this name, use a number: {}", numbers.join(", "));
            return Err(Error::config("data.bands", format!("`{wanted}`"), rule));
        }
    }
    if let Ok(number) = wanted.parse::<usize>()
        && (1..=all.len()).contains(&number)
    {
        return Ok(number - 1);
    }
    let names: Vec<&str> = all.iter().map(|(_, band)| band.name.as_str()).collect();
    let rule = format!("wanted a name or a number from 1 to {}: {}", all.len(), names.join(", "));
    Err(Error::config("data.bands", format!("`{wanted}`"), rule))
}

pub(super) fn notes(
    files: &[GeoTiff],
    all: &[(Source, Band)],
    chosen: &[usize],
    cache_bytes: u64,
) -> Vec<String> {
    let mut notes = Vec::new();
    for file in files {
        notes.extend(file.remarks(cache_bytes));
    }
    for (index, (source, band)) in all.iter().enumerate() {
        let file = &files[source.file];
        let path = file.path().display();
        if file.alpha().contains(&source.sample) && !chosen.contains(&index) {
            let number = index + 1;
            notes.push(format!(
                "{path} marks band {number} as alpha: pixels where it is 0 are missing, and it is \
                 no input band unless `data.bands` lists it"
            ));
        }
        if let Some(nodata) = band.nodata
            && chosen.contains(&index)
            && !can_hold(band.dtype, nodata)
        {
            let (name, dtype) = (&band.name, band.dtype);
            notes.push(format!("{path}: nodata {nodata} cannot occur in {name}, which is {dtype}"));
        }
    }
    notes
}

fn can_hold(dtype: DataType, value: f64) -> bool {
    let whole = |low: f64, high: f64| value.fract() == 0.0 && low <= value && value <= high;
    match dtype {
        DataType::U8 => whole(0.0, f64::from(u8::MAX)),
        DataType::U16 => whole(0.0, f64::from(u16::MAX)),
        DataType::U32 => whole(0.0, f64::from(u32::MAX)),
        DataType::U64 => whole(0.0, u64::MAX as f64),
        DataType::I8 => whole(f64::from(i8::MIN), f64::from(i8::MAX)),
        DataType::I16 => whole(f64::from(i16::MIN), f64::from(i16::MAX)),
        DataType::I32 => whole(f64::from(i32::MIN), f64::from(i32::MAX)),
        DataType::I64 => whole(i64::MIN as f64, i64::MAX as f64),
        DataType::F32 | DataType::F64 => true,
    }
}
