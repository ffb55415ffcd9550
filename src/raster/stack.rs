//! A raster: one or more GeoTIFFs on one grid, read by window.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Band, GeoTiff, Grid, Pixels, Window,
    blocks::block_windows,
    choice::{self, Source},
};
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
            cache_mib: 64,
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
        let all = choice::all_bands(&files, options.nodata);
        let chosen = match &options.bands {
            Some(wanted) => choice::chosen(&all, wanted)?,
            None => choice::without_alpha(&files, &all),
        };
        if let Some(nodata) = options.nodata {
            choice::check_nodata(nodata, &all, &chosen)?;
        }
        let notes = choice::notes(&files, &all, &chosen, cache_bytes);
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

    /// Windows that together hold every pixel once, each of about `max_pixels` and of whole blocks
    /// of the first file: the fastest way to read everything once.
    pub fn block_windows(&self, max_pixels: u64) -> Vec<Window> {
        let grid = self.grid();
        block_windows([grid.rows, grid.cols], self.files[0].block_size(), max_pixels)
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
    if !pixels.values.iter().any(|value| value.is_nan()) {
        pixels.valid.fill(true);
        return;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::{Crs, DataType, fixture::Fixture};
    use proptest::prelude::*;
    use std::{fs, path::Path, thread};
    use tempfile::TempDir;
    use tiff_core::{ByteOrder, Compression, Predictor};

    /// A folder with `a.tif` in it.
    fn file<T: tiff_writer::TiffWriteSample>(
        fixture: &Fixture,
        values: &[T],
    ) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        fixture.write(&path, values);
        (folder, path)
    }

    fn open(path: &Path) -> Result<Raster> {
        Raster::open(&[path.to_owned()], &RasterOptions::default())
    }

    fn read_all(raster: &Raster) -> Pixels {
        raster.read(raster.grid().full_window()).unwrap()
    }

    #[track_caller]
    fn same(got: &[f32], want: &[f32]) {
        let bits = |values: &[f32]| -> Vec<Option<u32>> {
            values.iter().map(|value| (!value.is_nan()).then(|| value.to_bits())).collect()
        };
        assert_eq!(bits(got), bits(want), "{got:?} {want:?}");
    }

    /// `[band, row, col]`, every value another.
    fn ramp(n: usize) -> Vec<u16> {
        (0..n).map(|index| (index * 37 % 65_521) as u16).collect()
    }

    fn layouts() -> impl Strategy<Value = Fixture> {
        let compression = prop::sample::select(vec![
            (Compression::None, Predictor::None),
            (Compression::Deflate, Predictor::None),
            (Compression::Deflate, Predictor::Horizontal),
            (Compression::Lzw, Predictor::Horizontal),
        ]);
        let flags = (any::<bool>(), any::<bool>(), any::<bool>());
        let size = (1_u32..40, 1_u32..40, 1_u32..9);
        (compression, flags, size, prop::option::of(Just(16))).prop_map(
            |((compression, predictor), (planar, big, swapped), (rows, cols, strip), tile_px)| {
                let byte_order =
                    if swapped { ByteOrder::BigEndian } else { ByteOrder::LittleEndian };
                let rows_per_strip = strip.min(rows);
                Fixture {
                    tile_px,
                    rows_per_strip,
                    compression,
                    predictor,
                    planar,
                    big,
                    byte_order,
                    ..Fixture::new(rows, cols)
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_window_of_every_layout_holds_the_right_pixels(
            fixture in layouts(),
            corner in (0.0_f64..1.0, 0.0_f64..1.0, 0.0_f64..1.0, 0.0_f64..1.0),
        ) {
            let (rows, cols) = (fixture.grid.rows, fixture.grid.cols);
            let values = ramp(3 * (rows * cols) as usize);
            let (_folder, path) = file(&fixture, &values);
            let raster = open(&path).unwrap();
            let (row, col) = ((corner.0 * f64::from(rows)) as u32, (corner.1 * f64::from(cols)) as u32);
            let window = Window {
                row,
                col,
                rows: (corner.2 * f64::from(rows - row)).ceil() as u32,
                cols: (corner.3 * f64::from(cols - col)).ceil() as u32,
            };
            let pixels = raster.read(window).unwrap();
            let mut want = Vec::new();
            for band in 0..3 {
                for row in window.row..window.row_end() {
                    for col in window.col..window.col_end() {
                        want.push(f32::from(values[((band * rows + row) * cols + col) as usize]));
                    }
                }
            }
            prop_assert_eq!(&pixels.values, &want);
            prop_assert!(pixels.valid.iter().all(|valid| *valid));
        }

        #[test]
        fn broken_bytes_never_panic(
            cut in prop::option::of(0.0_f64..1.0),
            changes in prop::collection::vec((0.0_f64..1.0, any::<u8>()), 0..6),
            fixture in layouts(),
        ) {
            let n_values = 2 * (fixture.grid.rows * fixture.grid.cols) as usize;
            let (_folder, path) = file(&fixture, &ramp(n_values));
            let mut bytes = fs::read(&path).unwrap();
            for (place, byte) in changes {
                let index = (place * bytes.len() as f64) as usize;
                bytes[index] = byte;
            }
            bytes.truncate(cut.map_or(bytes.len(), |cut| (cut * bytes.len() as f64) as usize));
            fs::write(&path, bytes).unwrap();
            if let Ok(raster) = open(&path) {
                // The size may be another one now.
                let grid = raster.grid();
                let window = Window { row: 0, col: 0, rows: grid.rows.min(64), cols: grid.cols.min(64) };
                let _ = raster.read(window);
            }
        }
    }

    #[test]
    fn nodata_and_values_that_are_not_finite_are_missing() {
        let nan = f32::NAN;
        let values = [1.0, -9.0, 3.0, f32::INFINITY, 5.0, 6.0, -9.0, 8.0_f32];
        let (_folder, path) = file(&Fixture::new(2, 2).nodata("-9"), &values);
        let any = read_all(&open(&path).unwrap());
        assert_eq!(any.valid, [true, false, false, false]);
        same(&any.values, &[1.0, nan, nan, nan, 5.0, nan, nan, nan]);

        let options = RasterOptions { nodata_rule: NodataRule::All, ..RasterOptions::default() };
        let all = read_all(&Raster::open(std::slice::from_ref(&path), &options).unwrap());
        assert_eq!(all.valid, [true; 4]);
        same(&all.values, &[1.0, nan, 3.0, nan, 5.0, 6.0, nan, 8.0]);

        let options = RasterOptions { nodata: Some(5.0), ..RasterOptions::default() };
        let other = read_all(&Raster::open(&[path], &options).unwrap());
        assert_eq!(other.valid, [false, true, true, false]);
    }

    #[test]
    fn a_missing_value_that_no_band_can_hold_is_refused() {
        let (_folder, path) = file(&Fixture::new(1, 2), &[1_u8, 255]);
        for (nodata, is_fine) in [(255.0, true), (256.0, false), (-1.0, false), (0.5, false)] {
            let options = RasterOptions { nodata: Some(nodata), ..RasterOptions::default() };
            let opened = Raster::open(std::slice::from_ref(&path), &options);
            assert_eq!(opened.is_ok(), is_fine, "{nodata}");
        }
    }

    #[test]
    fn scale_offset_and_names_come_from_the_file() {
        let items = "<Item name=\"SCALE\" sample=\"0\" role=\"scale\">0.5</Item>\
            <Item name=\"OFFSET\" sample=\"0\" role=\"offset\">-1</Item>\
            <Item name=\"DESCRIPTION\" sample=\"1\" role=\"description\">nir</Item>";
        let (folder, path) =
            file(&Fixture::new(1, 2).metadata(items).nodata("0"), &[4_i16, 8, 5, 6]);
        let raster = open(&path).unwrap();
        same(&read_all(&raster).values, &[1.0, 3.0, 5.0, 6.0]);
        let names: Vec<&str> = raster.bands().iter().map(|band| band.name.as_str()).collect();
        assert_eq!(names, ["band_1", "nir"]);

        // The sidecar wins.
        let pam = "<PAMDataset><PAMRasterBand band=\"1\"><Description>red</Description>\
            <NoDataValue>8</NoDataValue><Scale>2</Scale></PAMRasterBand></PAMDataset>";
        fs::write(folder.path().join("a.tif.aux.xml"), pam).unwrap();
        let raster = open(&path).unwrap();
        assert_eq!(raster.bands()[0].name, "red");
        same(&read_all(&raster).values, &[7.0, f32::NAN, 5.0, f32::NAN]);
    }

    #[test]
    fn alpha_hides_pixels_unless_it_is_asked_for_as_a_band() {
        let fixture = Fixture { alpha: true, ..Fixture::new(1, 2) };
        let (_folder, path) = file(&fixture, &[1_u8, 2, 3, 4, 0, 255]);
        let raster = open(&path).unwrap();
        assert_eq!((raster.bands().len(), raster.notes().len()), (2, 1));
        let pixels = read_all(&raster);
        assert_eq!(pixels.valid, [false, true]);
        same(&pixels.values, &[f32::NAN, 2.0, f32::NAN, 4.0]);

        let bands = Some(vec!["3".to_owned(), "1".to_owned()]);
        let options = RasterOptions { bands, ..RasterOptions::default() };
        let raster = Raster::open(&[path], &options).unwrap();
        same(&read_all(&raster).values, &[0.0, 255.0, 1.0, 2.0]);
        assert!(raster.notes().is_empty());
    }

    #[test]
    fn files_are_stacked_in_order_and_bands_chosen_from_the_stack() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["b.tif", "a.tif"].map(|name| folder.path().join(name));
        let item = |name: &str| format!("<Item sample=\"0\" role=\"description\">{name}</Item>");
        Fixture::new(1, 2).metadata(&item("blue")).write(&paths[0], &[1_u8, 2]);
        Fixture::new(1, 2).metadata(&item("red")).write(&paths[1], &[0.5_f32, 1.5, 7.0, 8.0]);
        let open = |bands: Option<&[&str]>| {
            let bands = bands.map(|bands| bands.iter().map(|&band| band.to_owned()).collect());
            Raster::open(&paths, &RasterOptions { bands, ..RasterOptions::default() })
        };
        let all = open(None).unwrap();
        same(&read_all(&all).values, &[1.0, 2.0, 0.5, 1.5, 7.0, 8.0]);
        assert_eq!((all.bands()[0].dtype, all.bands()[2].dtype), (DataType::U8, DataType::F32));
        assert_eq!(all.paths(), paths);
        let chosen = open(Some(&["3", "blue"])).unwrap();
        same(&read_all(&chosen).values, &[7.0, 8.0, 1.0, 2.0]);
        for (bands, words) in [
            (&["green"][..], "1 to 3: blue, red, band_3"),
            (&["4"], "1 to 3"),
            (&["0"], "1 to 3"),
            (&["1", "blue"], "twice"),
            (&[], "at least one"),
        ] {
            let message = open(Some(bands)).err().unwrap().to_string();
            assert!(message.contains("data.bands") && message.contains(words), "{message}");
        }
    }

    #[test]
    fn a_name_of_several_bands_needs_a_number() {
        let item = |sample| format!("<Item sample=\"{sample}\" role=\"description\">x</Item>");
        let (_folder, path) = file(&Fixture::new(1, 1).metadata(&(item(0) + &item(1))), &[1_u8, 2]);
        let options = RasterOptions { bands: Some(vec!["x".into()]), ..RasterOptions::default() };
        let message = Raster::open(&[path], &options).err().unwrap().to_string();
        assert!(message.contains("use a number: 1, 2"), "{message}");
    }

    #[test]
    fn files_on_other_grids_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a.tif", "b.tif"].map(|name| folder.path().join(name));
        Fixture::new(1, 2).write(&paths[0], &[1_u8, 2]);
        let mut other = Fixture::new(1, 2);
        other.grid.crs = Crs::from_epsg(32618);
        other.write(&paths[1], &[1_u8, 2]);
        let error = Raster::open(&paths, &RasterOptions::default()).err().unwrap();
        let message = error.to_string();
        for word in ["a.tif", "b.tif", "EPSG:32617", "EPSG:32618"] {
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn blocks_never_written_are_missing_where_the_file_has_nodata() {
        let plain = Fixture { unwritten: vec![1], rows_per_strip: 1, ..Fixture::new(3, 2) };
        let (_folder, path) = file(&plain.clone().nodata("9"), &[1_u8, 2, 3, 4, 5, 6]);
        assert_eq!(read_all(&open(&path).unwrap()).valid, [true, true, false, false, true, true]);
        let (_folder, path) = file(&plain, &[1_u8, 2, 3, 4, 5, 6]);
        same(&read_all(&open(&path).unwrap()).values, &[1.0, 2.0, 0.0, 0.0, 5.0, 6.0]);
    }

    #[test]
    fn a_block_above_the_limit_is_refused_with_the_command_that_tiles_the_file() {
        let fixture = Fixture { rows_per_strip: 1100, ..Fixture::new(1100, 1000) };
        let (_folder, path) = file(&fixture, &vec![0_u8; 1_100_000]);
        let options = RasterOptions { max_block_mib: 1, ..RasterOptions::default() };
        let error = Raster::open(std::slice::from_ref(&path), &options).err().unwrap();
        assert!(matches!(error, Error::Unsupported { .. }));
        let message = error.to_string();
        assert!(message.contains("`gdal_translate -co TILED=YES"), "{message}");
        assert!(message.contains("a_tiled.tif"), "{message}");
        let raster = open(&path).unwrap();
        assert_eq!(raster.largest_block_bytes(), 1_100_000);
    }

    #[test]
    fn the_block_limit_holds_for_the_mask() {
        let fixture = Fixture { mask_rows_per_strip: Some(1100), ..Fixture::new(1100, 1000) };
        let (_folder, path) = file(&fixture, &vec![1_u8; 1_100_000]);
        let options = RasterOptions { max_block_mib: 1, ..RasterOptions::default() };
        let error = Raster::open(std::slice::from_ref(&path), &options).err().unwrap();
        assert!(error.to_string().contains("blocks of 1100 x 1000 pixels"), "{error}");
        let raster = open(&path).unwrap();
        assert_eq!(raster.largest_block_bytes(), 1_100_000);
        let corner = raster.read(Window::square(0, 0, 2)).unwrap();
        assert_eq!(corner.valid, [true; 4]);
    }

    #[test]
    fn a_file_without_georeferencing_has_a_grid_in_pixels() {
        let mut fixture = Fixture::new(3, 2);
        fixture.grid.affine = crate::raster::Affine::IDENTITY;
        fixture.grid.crs = Crs::default();
        let (_folder, path) = file(&fixture, &[0_u8; 6]);
        let raster = open(&path).unwrap();
        assert_eq!(raster.grid(), &fixture.grid);
        assert_eq!(raster.grid().bounds(), [0.0, 0.0, 2.0, 3.0]);
    }

    #[track_caller]
    fn refused(bytes: &[u8], words: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad name.tif");
        fs::write(&path, bytes).unwrap();
        let message = open(&path).err().unwrap().to_string();
        assert!(message.contains("bad name.tif") && message.contains(words), "{message}");
    }

    /// A classic TIFF with one directory of 32-bit values and 4 bytes of pixels after it.
    fn classic(entries: &[(u16, u32)]) -> Vec<u8> {
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend((entries.len() as u16).to_le_bytes());
        for (tag, value) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend([4, 0, 1, 0, 0, 0]);
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 8]);
        bytes
    }

    #[test]
    fn files_that_are_no_raster_are_refused_by_name() {
        refused(b"", "");
        refused(b"PK\x03\x04 not a tiff at all", "begin like a TIFF");
        refused(&classic(&[]), "0 rows and 0 columns");
        refused(&b"II*\0\x00\0\0\0"[..], "no image");
        let size = |rows, cols, last: &[(u16, u32)]| {
            let first = [(256, cols), (257, rows), (258, 8), (259, 1)];
            classic(&[&first[..], last].concat())
        };
        refused(&size(0, 5, &[(273, 8), (278, 5), (279, 4)]), "0 rows and 5 columns");
        refused(&size(2, 2, &[(273, 8), (278, 0), (279, 4)]), "0 rows");
        refused(&size(2, 2, &[(278, 2)]), "tag 273");
        refused(&size(2, 2, &[(273, 8), (278, 1), (279, 4)]), "for 2 blocks");
        refused(&size(2, 2, &[(273, 4000), (278, 2), (279, 4)]), "cut off");
        refused(&size(u32::MAX, u32::MAX, &[(273, 8), (278, u32::MAX), (279, 4)]), "tile it with");
        refused(&size(u32::MAX, 3, &[(273, 8), (278, 1), (279, 4)]), "for 4294967295 blocks");
        let folder = tempfile::tempdir().unwrap();
        assert!(open(folder.path()).err().unwrap().to_string().contains("folder"));
        let missing = open(&folder.path().join("none.tif")).err().unwrap();
        assert!(matches!(missing, Error::Io { .. }) && missing.to_string().contains("none.tif"));
    }

    #[test]
    fn a_cut_file_is_refused_when_it_is_opened() {
        let (_folder, path) = file(&Fixture::new(9, 40), &ramp(360));
        let bytes = fs::read(&path).unwrap();
        // The directory comes last in these files: put it where the pixels are cut.
        for n_bytes in [bytes.len() - 1, bytes.len() / 2, 20, 9, 3] {
            fs::write(&path, &bytes[..n_bytes]).unwrap();
            assert!(open(&path).err().unwrap().to_string().contains("a.tif"), "{n_bytes}");
        }
    }

    #[test]
    fn windows_beyond_the_raster_are_refused() {
        let (_folder, path) = file(&Fixture::new(3, 4), &ramp(12));
        let raster = open(&path).unwrap();
        for window in
            [Window::square(2, 0, 2), Window::square(0, 4, 1), Window::square(u32::MAX, 0, 9)]
        {
            assert!(raster.read(window).is_err(), "{window:?}");
        }
        assert_eq!(raster.read(Window { row: 3, col: 4, rows: 0, cols: 0 }).unwrap().n_pixels(), 0);
    }

    #[test]
    fn threads_read_what_one_thread_reads() {
        let fixture = Fixture {
            tile_px: Some(16),
            compression: Compression::Deflate,
            ..Fixture::new(90, 70)
        };
        let (_folder, path) = file(&fixture, &ramp(2 * 90 * 70));
        let raster = open(&path).unwrap();
        let windows: Vec<Window> = (0..60).map(|at| Window::square(at, at % 40, 30)).collect();
        let want: Vec<Pixels> =
            windows.iter().map(|window| raster.read(*window).unwrap()).collect();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for (window, want) in windows.iter().zip(&want) {
                        assert_eq!(&raster.read(*window).unwrap(), want);
                    }
                });
            }
        });
    }

    #[test]
    fn strips_too_wide_for_the_cache_are_noted() {
        let (_folder, path) = file(&Fixture::new(600, 2500), &vec![0_u8; 1_500_000]);
        let options = RasterOptions { cache_mib: 1, ..RasterOptions::default() };
        let raster = Raster::open(std::slice::from_ref(&path), &options).unwrap();
        assert!(raster.notes()[0].contains("2500 pixels wide"), "{:?}", raster.notes());
        assert!(open(&path).unwrap().notes().is_empty());
    }

    #[test]
    fn what_is_not_read_is_noted() {
        let mut fixture = Fixture::new(2, 2);
        fixture.grid.affine = crate::raster::Affine::IDENTITY;
        let (folder, path) = file(&fixture, &[0_u8; 4]);
        fs::write(folder.path().join("a.tif.msk"), "").unwrap();
        fs::write(folder.path().join("a.tfw"), "").unwrap();
        let notes = open(&path).unwrap().notes().join("; ");
        assert!(notes.contains("a.tif.msk") && notes.contains("a.tfw"), "{notes}");
    }
}
