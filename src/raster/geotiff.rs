//! One GeoTIFF file, read by window.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tiff_reader::{
    ColorModel, ExtraSample, Ifd, OpenOptions, ParseBudgets, PhotometricInterpretation,
    RasterLayout, TiffError, TiffFile,
};

use super::{Affine, BandNotes, Crs, DataType, Grid, Sidecar, Window, blocks::Blocks};
use crate::error::{Error, Result};

const FORMAT: &str = "GeoTIFF";
const MIB: u64 = 1 << 20;

/// Tags that the TIFF standard does not know.
mod tag {
    pub(super) const SUBFILE_TYPE: u16 = 254;
    pub(super) const PIXEL_SCALE: u16 = 33550;
    pub(super) const TIEPOINT: u16 = 33922;
    pub(super) const TRANSFORMATION: u16 = 34264;
    pub(super) const GEO_KEYS: u16 = 34735;
    pub(super) const GEO_DOUBLES: u16 = 34736;
    pub(super) const GEO_ASCII: u16 = 34737;
    pub(super) const GDAL_METADATA: u16 = 42112;
    pub(super) const GDAL_NODATA: u16 = 42113;
}

/// An open file: its grid, what its samples are, and how to read them.
pub(crate) struct GeoTiff {
    path: PathBuf,
    file: TiffFile,
    image: usize,
    /// An image of the same size that says which pixels hold data.
    mask: Option<usize>,
    layout: RasterLayout,
    /// Stored as luminance and colour difference; read as red, green, blue.
    is_ycbcr: bool,
    blocks: Blocks,
    has_unwritten_blocks: bool,
    grid: Grid,
    dtype: DataType,
    alpha: Vec<usize>,
    notes: Vec<BandNotes>,
}

/// Samples of a window as the file stores them, in the machine's byte order.
pub(crate) struct Samples {
    bytes: Vec<u8>,
    dtype: DataType,
    /// Samples of a pixel that lie side by side.
    per_pixel: usize,
}

impl Samples {
    /// Calls `each(pixel, value)` for sample `index` of every pixel, row by row.
    pub(crate) fn for_each(&self, index: usize, each: impl FnMut(usize, f64)) {
        let sample_bytes = self.bytes_per_sample();
        self.dtype.for_each(&self.bytes, index * sample_bytes, self.per_pixel * sample_bytes, each);
    }

    fn bytes_per_sample(&self) -> usize {
        match self.dtype {
            DataType::U8 | DataType::I8 => 1,
            DataType::U16 | DataType::I16 => 2,
            DataType::U32 | DataType::I32 | DataType::F32 => 4,
            DataType::U64 | DataType::I64 | DataType::F64 => 8,
        }
    }
}

impl GeoTiff {
    /// Opens a file. At most `cache_bytes`, or one block where that is more, of decoded blocks are
    /// kept for later reads.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read; [`Error::Malformed`] if it is no TIFF, empty, or cut
    /// off; [`Error::Unsupported`] for a kind of TIFF that cannot be read, or for blocks of more
    /// than `max_block_mib` MiB, with the command that makes them smaller.
    pub(crate) fn open(path: &Path, cache_bytes: u64, max_block_mib: u32) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
        if metadata.is_dir() {
            return Err(Error::malformed(path, FORMAT, "it is a folder"));
        }
        let file = open_file(path, cache_bytes)?;
        let image =
            main_image(&file).ok_or_else(|| Error::malformed(path, FORMAT, "it holds no image"))?;
        let ifd = &file.ifds()[image];
        if ifd.width() == 0 || ifd.height() == 0 {
            let size = format!("it has {} rows and {} columns", ifd.height(), ifd.width());
            return Err(Error::malformed(path, FORMAT, size));
        }
        let stored = ifd.raster_layout().map_err(|error| refused(path, error))?;
        let blocks =
            Blocks::of(ifd, &stored).map_err(|reason| Error::malformed(path, FORMAT, reason))?;
        if let Some(block) = blocks.first_beyond(metadata.len()) {
            let bytes = metadata.len();
            let reason =
                format!("it is cut off: block {block} ends after the file's {bytes} bytes");
            return Err(Error::malformed(path, FORMAT, reason));
        }
        check_block(path, &blocks, max_block_mib)?;
        let largest = blocks.bytes();
        let is_ycbcr =
            ifd.photometric_interpretation_enum() == Some(PhotometricInterpretation::YCbCr);
        let layout = if is_ycbcr { ifd.decoded_raster_layout() } else { Ok(stored) };
        let layout = layout.map_err(|error| refused(path, error))?;
        let dtype = DataType::of_tiff(layout.sample_format, layout.bytes_per_sample);
        let dtype = dtype.ok_or_else(|| {
            let found = (layout.sample_format, layout.bits_per_sample);
            refused(
                path,
                TiffError::Other(format!("sample format {} of {} bits", found.0, found.1)),
            )
        })?;
        let (grid, alpha) = (grid_of(path, ifd)?, alpha_of(ifd, layout.samples_per_pixel));
        let notes = notes_of(path, ifd, layout.samples_per_pixel, dtype)?;
        let mask = mask_of(&file, image);
        // A block that the cache cannot hold would be decoded again for every window.
        let file = if largest > cache_bytes { open_file(path, largest)? } else { file };
        Ok(Self {
            path: path.to_owned(),
            has_unwritten_blocks: blocks.any_unwritten(),
            file,
            image,
            mask,
            layout,
            is_ycbcr,
            blocks,
            grid,
            dtype,
            alpha,
            notes,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Type of every sample of the file.
    pub(crate) fn dtype(&self) -> DataType {
        self.dtype
    }

    /// Number of samples of a pixel, those that are alpha included.
    pub(crate) fn n_samples(&self) -> usize {
        self.layout.samples_per_pixel
    }

    /// Samples that the file marks as alpha.
    pub(crate) fn alpha(&self) -> &[usize] {
        &self.alpha
    }

    /// What the file and its sidecar say about a sample; the sidecar wins, as in GDAL.
    pub(crate) fn notes(&self, sample: usize) -> &BandNotes {
        &self.notes[sample]
    }

    /// Size of the largest block once decoded, in bytes.
    pub(crate) fn block_bytes(&self) -> u64 {
        self.blocks.bytes()
    }

    /// Height of a block, in pixels.
    pub(crate) fn block_height(&self) -> u32 {
        self.blocks.rows
    }

    /// Whether each sample has its own blocks.
    pub(crate) fn is_planar(&self) -> bool {
        self.layout.planar_configuration == 2
    }

    /// Colours of the values 0, 1, 2, ... in the file's own colour table.
    pub(crate) fn color_map(&self) -> Vec<[u8; 3]> {
        let Ok(ColorModel::Palette { color_map, .. }) = self.ifd().color_model() else {
            return Vec::new();
        };
        let high_byte = |values: &[u16], index: usize| (values[index] >> 8) as u8;
        let planes = [color_map.red(), color_map.green(), color_map.blue()];
        (0..color_map.len()).map(|index| planes.map(|plane| high_byte(plane, index))).collect()
    }

    /// All samples of a window that lies inside the raster.
    pub(crate) fn read(&self, window: Window) -> Result<Samples> {
        let [row, col, rows, cols] = offsets(window);
        let read = if self.is_ycbcr {
            self.file.read_decoded_window_bytes(self.image, row, col, rows, cols)
        } else {
            self.file.read_window_bytes(self.image, row, col, rows, cols)
        };
        self.samples(window, read, self.layout.samples_per_pixel)
    }

    /// One sample of a window that lies inside the raster.
    pub(crate) fn read_sample(&self, window: Window, sample: usize) -> Result<Samples> {
        if self.is_ycbcr {
            let all = self.read(window)?;
            let size = all.bytes_per_sample();
            let pixels = all.bytes.chunks_exact(size * all.per_pixel);
            let bytes = pixels.flat_map(|pixel| &pixel[sample * size..][..size]).copied().collect();
            return Ok(Samples { bytes, per_pixel: 1, ..all });
        }
        let [row, col, rows, cols] = offsets(window);
        let read = self.file.read_band_window_bytes(self.image, sample, row, col, rows, cols);
        self.samples(window, read, 1)
    }

    /// Pixels of a window that the file's mask takes away; empty if it has no mask.
    pub(crate) fn masked(&self, window: Window) -> Result<Vec<bool>> {
        let Some(mask) = self.mask else { return Ok(Vec::new()) };
        let [row, col, rows, cols] = offsets(window);
        let read = self.file.read_window_bytes(mask, row, col, rows, cols);
        let bytes = read.map_err(|error| refused(&self.path, error))?;
        Ok(bytes.iter().map(|&byte| byte == 0).collect())
    }

    /// Parts of a window whose blocks were never written: GDAL fills them with nodata.
    pub(crate) fn unwritten(&self, window: Window, sample: usize) -> Vec<Window> {
        if !self.has_unwritten_blocks {
            return Vec::new();
        }
        self.blocks.unwritten(window, sample)
    }

    /// What to tell the user if the file is stored in wide blocks of which a cache cannot hold
    /// those of a row of windows: each window then decodes much more than it needs.
    pub(crate) fn slow_note(&self, cache_bytes: u64) -> Option<String> {
        const WINDOW_ROWS: u32 = 512;
        let n_blocks = u64::from(WINDOW_ROWS.min(self.grid.rows).div_ceil(self.blocks.rows));
        if self.blocks.across > 1 || n_blocks * self.blocks.bytes() <= cache_bytes {
            return None;
        }
        let (path, cols) = (self.path.display(), self.grid.cols);
        let command = tile_command(&self.path);
        Some(format!("{path} is stored in strips {cols} pixels wide, which is slow; {command}"))
    }

    /// # Errors
    ///
    /// [`Error::Data`] if the window reaches beyond the raster.
    pub(crate) fn check_window(&self, window: Window) -> Result<()> {
        let end = |start: u32, size: u32| u64::from(start) + u64::from(size);
        let inside = end(window.row, window.rows) <= u64::from(self.grid.rows)
            && end(window.col, window.cols) <= u64::from(self.grid.cols);
        if inside {
            return Ok(());
        }
        let wanted = format!("one within {} rows and {} columns", self.grid.rows, self.grid.cols);
        Err(Error::data(
            format!("window of {}", self.path.display()),
            format!("{window:?}"),
            wanted,
        ))
    }

    fn ifd(&self) -> &Ifd {
        &self.file.ifds()[self.image]
    }

    fn samples(
        &self,
        window: Window,
        read: Result<Vec<u8>, TiffError>,
        per_pixel: usize,
    ) -> Result<Samples> {
        let bytes = read.map_err(|error| refused(&self.path, error))?;
        let samples = Samples { bytes, dtype: self.dtype, per_pixel };
        let wanted = window.n_pixels() * per_pixel * samples.bytes_per_sample();
        assert_eq!(samples.bytes.len(), wanted, "bytes of {window:?} of {}", self.path.display());
        Ok(samples)
    }
}

fn open_file(path: &Path, cache_bytes: u64) -> Result<TiffFile> {
    let options = OpenOptions {
        block_cache_bytes: usize::try_from(cache_bytes).unwrap_or(usize::MAX),
        // Strips of one row are common; the bytes are the limit.
        block_cache_slots: 16_384,
        parse_budgets: ParseBudgets::default(),
        // Blocks are checked when the file is opened, windows are the caller's.
        decode_output_bytes: usize::MAX,
    };
    TiffFile::open_with_options(path, options).map_err(|error| refused(path, error))
}

/// The error of the TIFF reader in our words: their file is broken, or we lack something.
fn refused(path: &Path, error: TiffError) -> Error {
    match error {
        TiffError::Io(source, _) => Error::Io { action: "read", path: path.to_owned(), source },
        TiffError::InvalidMagic => Error::malformed(path, FORMAT, "it does not begin like a TIFF"),
        TiffError::UnsupportedCompression(_)
        | TiffError::UnsupportedPredictor(_)
        | TiffError::UnsupportedPlanarConfiguration(_)
        | TiffError::UnsupportedBitsPerSample(_)
        | TiffError::UnsupportedSampleFormat(_)
        | TiffError::Other(_) => Error::Unsupported {
            path: path.to_owned(),
            feature: error.to_string().replace("unsupported ", ""),
            hint: format!(
                "convert it with `gdal_translate -co TILED=YES -co COMPRESS=DEFLATE {}`",
                in_and_out(path)
            ),
        },
        other => Error::malformed(path, FORMAT, other),
    }
}

/// A file and a name for its copy, quoted for a shell.
fn in_and_out(path: &Path) -> String {
    let quoted = |path: &Path| {
        let text = path.display().to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/\\:._-+".contains(c);
        if text.chars().all(plain) { text } else { format!("\"{text}\"") }
    };
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push("_tiled.tif");
    format!("{} {}", quoted(path), quoted(&path.with_file_name(name)))
}

fn check_block(path: &Path, blocks: &Blocks, max_block_mib: u32) -> Result<()> {
    if blocks.bytes() <= u64::from(max_block_mib) * MIB {
        return Ok(());
    }
    let feature = format!(
        "blocks of {} x {} pixels, {} MiB each (`data.max_block_mib` = {max_block_mib})",
        blocks.rows,
        blocks.cols,
        blocks.bytes() / MIB
    );
    Err(Error::Unsupported { path: path.to_owned(), feature, hint: tile_command(path) })
}

fn tile_command(path: &Path) -> String {
    format!(
        "tile it with `gdal_translate -co TILED=YES -co COMPRESS=DEFLATE -co BIGTIFF=IF_SAFER {}`",
        in_and_out(path)
    )
}

fn subfile_type(ifd: &Ifd) -> u64 {
    ifd.tag(tag::SUBFILE_TYPE).and_then(|tag| tag.value.as_u64()).unwrap_or(0)
}

/// The first image that is neither an overview nor a mask.
fn main_image(file: &TiffFile) -> Option<usize> {
    const OVERVIEW_OR_MASK: u64 = 1 | 4;
    let ifds = file.ifds();
    let main = ifds.iter().position(|ifd| subfile_type(ifd) & OVERVIEW_OR_MASK == 0);
    main.or(if ifds.is_empty() { None } else { Some(0) })
}

/// The mask of the main image: one sample of at most 8 bits, of its size.
fn mask_of(file: &TiffFile, image: usize) -> Option<usize> {
    let main = &file.ifds()[image];
    file.ifds().iter().position(|ifd| {
        subfile_type(ifd) & 5 == 4
            && (ifd.width(), ifd.height()) == (main.width(), main.height())
            && ifd
                .raster_layout()
                .is_ok_and(|layout| layout.samples_per_pixel == 1 && layout.bytes_per_sample == 1)
    })
}

fn alpha_of(ifd: &Ifd, n_samples: usize) -> Vec<usize> {
    let extra = ifd.extra_samples().unwrap_or_default();
    let first = n_samples.saturating_sub(extra.len());
    let is_alpha = |extra: &ExtraSample| {
        matches!(extra, ExtraSample::AssociatedAlpha | ExtraSample::UnassociatedAlpha)
    };
    let alpha = (first..).zip(&extra).filter(|(_, extra)| is_alpha(extra));
    alpha.map(|(sample, _)| sample).filter(|&sample| sample > 0).collect()
}

fn grid_of(path: &Path, ifd: &Ifd) -> Result<Grid> {
    let doubles = |code| ifd.tag(code).and_then(|tag| tag.value.as_f64_vec()).unwrap_or_default();
    let ascii = ifd.tag(tag::GEO_ASCII).and_then(|tag| tag.value.as_str()).unwrap_or_default();
    let keys = ifd.tag(tag::GEO_KEYS).and_then(|tag| tag.value.as_u16_slice()).unwrap_or_default();
    let crs = Crs::from_keys(keys.to_vec(), doubles(tag::GEO_DOUBLES), ascii.to_owned());
    let center = if crs.pixel_is_point() { 0.5 } else { 0.0 };

    let (scale, tie) = (doubles(tag::PIXEL_SCALE), doubles(tag::TIEPOINT));
    let matrix = doubles(tag::TRANSFORMATION);
    let affine = if 2 <= scale.len() && 6 <= tie.len() && scale[0] != 0.0 && scale[1] != 0.0 {
        // As GDAL: rows always run against y here.
        let height = scale[1].abs();
        let (x, y) = (tie[3] - (tie[0] + center) * scale[0], tie[4] + (tie[1] + center) * height);
        Affine([x, scale[0], 0.0, y, 0.0, -height])
    } else if matrix.len() == 16 {
        let mut affine = Affine([matrix[3], matrix[0], matrix[1], matrix[7], matrix[4], matrix[5]]);
        let [x, y] = affine.map_position(-center, -center);
        (affine.0[0], affine.0[3]) = (x, y);
        affine
    } else {
        Affine::IDENTITY
    };
    if affine.pixel_position(0.0, 0.0).is_none() || !affine.0.iter().all(|part| part.is_finite()) {
        let reason = format!("its transform {:?} has no inverse", affine.0);
        return Err(Error::malformed(path, FORMAT, reason));
    }
    Ok(Grid { rows: ifd.height(), cols: ifd.width(), affine, crs })
}

fn notes_of(path: &Path, ifd: &Ifd, n_samples: usize, dtype: DataType) -> Result<Vec<BandNotes>> {
    let text = |code| ifd.tag(code).and_then(|tag| tag.value.as_str());
    let inside = match text(tag::GDAL_METADATA) {
        Some(text) => Sidecar::of_tag(text.trim_end_matches('\0'))
            .map_err(|reason| Error::malformed(path, "GDAL_METADATA tag", reason))?,
        None => Sidecar::default(),
    };
    let nodata = match text(tag::GDAL_NODATA).map(|text| text.trim_matches(['\0', ' '])) {
        None | Some("") => None,
        Some(text) => match text.parse::<f64>() {
            Ok(value) => Some(value),
            Err(_) => {
                let reason = format!("its nodata value `{text}` is not a number");
                return Err(Error::malformed(path, FORMAT, reason));
            }
        },
    };
    let beside = Sidecar::beside(path)?;
    let notes = (0..n_samples).map(|sample| {
        let mut notes = beside.band_or(sample, &inside);
        // NaN is missing anyway.
        notes.nodata = notes.nodata.or(nodata).filter(|value| !value.is_nan());
        notes.nodata = notes.nodata.map(|value| dtype.stored(value));
        notes
    });
    Ok(notes.collect())
}

fn offsets(window: Window) -> [usize; 4] {
    [window.row, window.col, window.rows, window.cols].map(|value| value as usize)
}
