//! One GeoTIFF file, read by window.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tiff_reader::{
    Ifd, OpenOptions, ParseBudgets, PhotometricInterpretation, RasterLayout, TiffError, TiffFile,
};

use super::{
    BandNotes, DataType, Grid, Window,
    blocks::Blocks,
    directory::{alpha_of, grid_of, main_image, mask_of, n_main_images, notes_of},
    position::unread_position,
    refusal::{FORMAT, check_block, refused, tile_command},
    samples::Samples,
};
use crate::error::{Error, Result};

/// TIFF tag of the colour table: all reds, all greens, all blues, 16 bits each.
const COLOR_MAP: u16 = 320;

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
    /// Size of the largest block of image and mask, in bytes.
    largest_block_bytes: u64,
    has_unwritten_blocks: bool,
    grid: Grid,
    dtype: DataType,
    alpha: Vec<usize>,
    notes: Vec<BandNotes>,
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
        let blocks = blocks_of(path, ifd, metadata.len())?;
        check_block(path, &blocks, max_block_mib)?;
        let mask = mask_of(&file, image);
        let mask_blocks = mask.map(|mask| blocks_of(path, &file.ifds()[mask], metadata.len()));
        let mask_blocks = mask_blocks.transpose()?;
        if let Some(mask_blocks) = &mask_blocks {
            check_block(path, mask_blocks, max_block_mib)?;
        }
        let largest = blocks.bytes().max(mask_blocks.as_ref().map_or(0, Blocks::bytes));
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
        // A block that the cache cannot hold would be decoded again for every window.
        let file = if largest > cache_bytes { open_file(path, largest)? } else { file };
        Ok(Self {
            path: path.to_owned(),
            largest_block_bytes: largest,
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

    /// Size of the largest block of image and mask once decoded, in bytes.
    pub(crate) fn block_bytes(&self) -> u64 {
        self.largest_block_bytes
    }

    /// Height and width of a block, in pixels.
    pub(crate) fn block_size(&self) -> [u32; 2] {
        [self.blocks.rows, self.blocks.cols]
    }

    /// Whether each sample has its own blocks.
    pub(crate) fn is_planar(&self) -> bool {
        self.layout.planar_configuration == 2
    }

    /// Colours of the values 0, 1, 2, ... in the file's own colour table.
    pub(crate) fn color_map(&self) -> Vec<[u8; 3]> {
        // Whatever the interpretation: some writers add a table to values that they call grey.
        let table = self.ifd().tag(COLOR_MAP).and_then(|tag| tag.value.as_u16_slice());
        let table = table.unwrap_or_default();
        let n_colors = table.len() / 3;
        let high_byte = |plane: usize, index: usize| (table[plane * n_colors + index] >> 8) as u8;
        (0..n_colors).map(|index| [0, 1, 2].map(|plane| high_byte(plane, index))).collect()
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
            let size = self.dtype.bytes() as usize;
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

    /// What a user should know about the file, one sentence each: what is slow, and what lies in
    /// or beside it but is not read. `cache_bytes` is the size of the cache.
    pub(crate) fn remarks(&self, cache_bytes: u64) -> Vec<String> {
        const WINDOW_ROWS: u32 = 512;
        let path = self.path.display();
        let mut remarks = Vec::new();
        // Strips of a row of windows that the cache cannot hold are decoded for each window again.
        let n_blocks = u64::from(WINDOW_ROWS.min(self.grid.rows).div_ceil(self.blocks.rows));
        if self.blocks.across == 1 && cache_bytes < n_blocks * self.blocks.bytes() {
            let (cols, command) = (self.grid.cols, tile_command(&self.path));
            remarks.push(format!(
                "{path} is stored in strips {cols} pixels wide, which is slow; {command}"
            ));
        }
        let n_images = n_main_images(&self.file);
        if 1 < n_images {
            remarks.push(format!("{path} holds {n_images} images, only the first is read"));
        }
        let mut mask = self.path.clone().into_os_string();
        mask.push(".msk");
        if Path::new(&mask).exists() {
            let mask = Path::new(&mask).display();
            remarks.push(format!("{mask} is not read; put the mask into the file as alpha band"));
        }
        remarks.extend(unread_position(&self.path, &self.grid, self.ifd()));
        remarks
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
        let wanted = window.n_pixels() * per_pixel * self.dtype.bytes() as usize;
        assert_eq!(samples.bytes.len(), wanted, "bytes of {window:?} of {}", self.path.display());
        Ok(samples)
    }
}

/// Where the blocks of an image lie, all within the file.
fn blocks_of(path: &Path, ifd: &Ifd, file_bytes: u64) -> Result<Blocks> {
    let layout = ifd.raster_layout().map_err(|error| refused(path, error))?;
    let blocks =
        Blocks::of(ifd, &layout).map_err(|reason| Error::malformed(path, FORMAT, reason))?;
    if let Some(block) = blocks.first_beyond(file_bytes) {
        let reason =
            format!("it is cut off: block {block} ends after the file's {file_bytes} bytes");
        return Err(Error::malformed(path, FORMAT, reason));
    }
    Ok(blocks)
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

fn offsets(window: Window) -> [usize; 4] {
    [window.row, window.col, window.rows, window.cols].map(|value| value as usize)
}
