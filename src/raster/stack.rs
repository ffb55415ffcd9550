//! A raster: one or more GeoTIFFs on one grid, read by window.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Band, DataType, GeoTiff, Grid, Pixels, Window};
use crate::error::{Error, Result};

/// When a pixel counts as missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodataRule {
    /// When any of its bands is missing.
    #[default]
    Any,
    /// When all of its bands are missing.
    All,
}

/// How a [`Raster`] is opened.
#[derive(Clone, Debug, PartialEq)]
pub struct RasterOptions {
    /// Bands to use, in this order: names, or numbers counted from 1 over all files, alpha bands
    /// included. `None`: all bands that are not alpha.
    pub bands: Option<Vec<String>>,
    /// Stored value of missing pixels in every band, in place of what the files say.
    pub nodata: Option<f64>,
    /// When a pixel counts as missing.
    pub nodata_rule: NodataRule,
    /// Largest block (tile or strip) that is read, in MiB once decoded.
    pub max_block_mib: u32,
    /// Decoded blocks kept for later reads, in MiB, over all files of the raster.
    pub cache_mib: u32,
}

impl Default for RasterOptions {
    fn default() -> Self {
        Self {
            bands: None,
            nodata: None,
            nodata_rule: NodataRule::default(),
            max_block_mib: 256,
            cache_mib: 32,
        }
    }
}

/// Bands of one or more GeoTIFFs on one grid, stacked in the order of the files.
///
/// Reads windows, never whole files: memory is bounded by the window, the cache and one block a
/// file, whatever the size of the raster. Any number of threads may read at once.
pub struct Raster {
    files: Vec<GeoTiff>,
    paths: Vec<PathBuf>,
    bands: Vec<Band>,
    sources: Vec<Source>,
    nodata_rule: NodataRule,
    notes: Vec<String>,
}

/// Where a band comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Source {
    file: usize,
    sample: usize,
}

impl Raster {
    /// Opens `paths`, whose bands are stacked in the given order.
    ///
    /// A value is missing where it equals the nodata value of the options, the file's sidecar or
    /// the file (the first that there is), where it is not finite, where the file's alpha band or
    /// mask is 0, and in blocks that were never written if the file has a nodata value.
    ///
    /// # Errors
    ///
    /// - [`Error::Io`]: a file cannot be read.
    /// - [`Error::Malformed`]: a file is no TIFF, empty or cut off.
    /// - [`Error::Unsupported`]: a kind of TIFF that cannot be read, or a block above
    ///   `max_block_mib`, with the command that tiles the file.
    /// - [`Error::Mismatch`]: files on different grids.
    /// - [`Error::Config`]: a name or number in `bands` that fits no band, or several.
    pub fn open(paths: &[PathBuf], options: &RasterOptions) -> Result<Self> {
        if paths.is_empty() {
            return Err(Error::config("images", "[]", "wanted at least one file"));
        }
        let cache_bytes = (u64::from(options.cache_mib) << 20) / paths.len() as u64;
        let mut files: Vec<GeoTiff> = Vec::with_capacity(paths.len());
        for path in paths {
            let file = GeoTiff::open(path, cache_bytes, options.max_block_mib)?;
            if let Some(first) = files.first() {
                same_grid(first, &file)?;
            }
            files.push(file);
        }
        let all = all_bands(&files, options.nodata);
        let chosen = match &options.bands {
            Some(wanted) => chosen(&all, wanted)?,
            None => without_alpha(&files, &all),
        };
        let notes = notes(&files, &all, &chosen);
        let (sources, bands) = chosen.into_iter().map(|index| all[index].clone()).unzip();
        let paths = paths.to_vec();
        Ok(Self { files, paths, bands, sources, nodata_rule: options.nodata_rule, notes })
    }

    /// Size, position and coordinate reference system, those of all its files.
    pub fn grid(&self) -> &Grid {
        self.files[0].grid()
    }

    /// The bands, in the order of [`Pixels::values`].
    pub fn bands(&self) -> &[Band] {
        &self.bands
    }

    /// The files, in the order they were given.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// What a user should know about how the files were understood, one sentence each, such as
    /// that a band is taken as alpha.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Size of the largest block of its files once decoded, in bytes.
    pub fn largest_block_bytes(&self) -> u64 {
        self.files.iter().map(GeoTiff::block_bytes).max().unwrap_or(0)
    }

    /// Height of the highest block of its files, in pixels: reading whole rows of blocks from top
    /// to bottom decodes every block once.
    pub fn block_height(&self) -> u32 {
        self.files.iter().map(GeoTiff::block_height).max().unwrap_or(1)
    }

    /// The pixels of a window.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if the window reaches beyond the raster; [`Error::Io`] or
    /// [`Error::Malformed`] if a block cannot be read.
    pub fn read(&self, window: Window) -> Result<Pixels> {
        self.files[0].check_window(window)?;
        let (rows, cols) = (window.rows as usize, window.cols as usize);
        let mut pixels = Pixels::missing(self.bands.len(), rows, cols);
        for index in 0..self.files.len() {
            self.read_file(index, window, &mut pixels)?;
        }
        settle(&mut pixels, self.nodata_rule);
        Ok(pixels)
    }

    /// Fills in the bands that come from one file.
    fn read_file(&self, file_index: usize, window: Window, pixels: &mut Pixels) -> Result<()> {
        let file = &self.files[file_index];
        let sources = (0..).zip(&self.sources).filter(|(_, source)| source.file == file_index);
        let sources: Vec<(usize, usize)> =
            sources.map(|(band, source)| (band, source.sample)).collect();
        if sources.is_empty() || window.n_pixels() == 0 {
            return Ok(());
        }
        let hidden = self.hidden(file_index, window)?;
        let together = if file.is_planar() { None } else { Some(file.read(window)?) };
        for (band, sample) in sources {
            let n_pixels = window.n_pixels();
            let values = &mut pixels.values[band * n_pixels..][..n_pixels];
            let rule = &self.bands[band];
            match &together {
                Some(samples) => {
                    samples.for_each(sample, |pixel, stored| values[pixel] = rule.value(stored));
                }
                None => file
                    .read_sample(window, sample)?
                    .for_each(0, |pixel, stored| values[pixel] = rule.value(stored)),
            }
            for (value, _) in values.iter_mut().zip(&hidden).filter(|(_, hidden)| **hidden) {
                *value = f32::NAN;
            }
            if rule.nodata.is_some() {
                for part in file.unwritten(window, sample) {
                    fill(values, window, part);
                }
            }
        }
        Ok(())
    }

    /// Pixels that the alpha bands or the mask of a file take away; empty if it has neither.
    fn hidden(&self, file_index: usize, window: Window) -> Result<Vec<bool>> {
        let file = &self.files[file_index];
        let mut hidden = file.masked(window)?;
        for &sample in file.alpha() {
            // An alpha band that was asked for by name or number is a band like any other.
            if self.sources.contains(&Source { file: file_index, sample }) {
                continue;
            }
            hidden.resize(window.n_pixels(), false);
            let alpha = file.read_sample(window, sample)?;
            alpha.for_each(0, |pixel, value| hidden[pixel] |= value == 0.0);
        }
        Ok(hidden)
    }
}

/// Decides which pixels are valid, and empties the others.
fn settle(pixels: &mut Pixels, rule: NodataRule) {
    let n_pixels = pixels.n_pixels();
    let mut n_missing = vec![0_u32; n_pixels];
    for band in pixels.values.chunks_exact(n_pixels.max(1)) {
        for (count, value) in n_missing.iter_mut().zip(band) {
            *count += u32::from(value.is_nan());
        }
    }
    let n_bands = pixels.n_bands as u32;
    let limit = match rule {
        NodataRule::Any => 1,
        NodataRule::All => n_bands,
    };
    for (pixel, count) in n_missing.into_iter().enumerate() {
        pixels.valid[pixel] = count < limit;
        if limit <= count && count < n_bands {
            pixels.hide(pixel);
        }
    }
}

/// Sets the values of `part`, which lies in `window`, to missing.
fn fill(values: &mut [f32], window: Window, part: Window) {
    let first = (part.col - window.col) as usize;
    for row in part.row - window.row..part.row_end() - window.row {
        values[row as usize * window.cols as usize + first..][..part.cols as usize].fill(f32::NAN);
    }
}

fn same_grid(first: &GeoTiff, other: &GeoTiff) -> Result<()> {
    let Some((what, left_value, right_value)) = first.grid().difference(other.grid()) else {
        return Ok(());
    };
    let (left, right) = (first.path().to_owned(), other.path().to_owned());
    Err(Error::Mismatch { left, right, what, left_value, right_value })
}

/// Every sample of every file as a band, alpha included.
fn all_bands(files: &[GeoTiff], nodata: Option<f64>) -> Vec<(Source, Band)> {
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

fn without_alpha(files: &[GeoTiff], all: &[(Source, Band)]) -> Vec<usize> {
    let is_alpha = |source: &Source| files[source.file].alpha().contains(&source.sample);
    (0..all.len()).filter(|&index| !is_alpha(&all[index].0)).collect()
}

/// Indices into `all` of the wanted names or numbers.
fn chosen(all: &[(Source, Band)], wanted: &[String]) -> Result<Vec<usize>> {
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

fn notes(files: &[GeoTiff], all: &[(Source, Band)], chosen: &[usize]) -> Vec<String> {
    let mut notes = Vec::new();
    for (index, (source, band)) in all.iter().enumerate() {
        let file = &files[source.file];
        let path = display(file.path());
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

fn display(path: &Path) -> String {
    path.display().to_string()
}
