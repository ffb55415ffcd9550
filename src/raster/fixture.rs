//! Small GeoTIFFs for tests, made by code.

use std::{
    fs::{self, File},
    path::Path,
};

use tiff_core::{
    ByteOrder, ColorMap, Compression, ExtraSample, PhotometricInterpretation, PlanarConfiguration,
    Predictor, Tag, TagValue,
};
use tiff_writer::{ImageBuilder, TiffVariant, TiffWriteSample, TiffWriter, WriteOptions};

use super::{Affine, Crs, Grid};

/// How a test file is made; the default is a plain strip file, off the origin, EPSG:32617.
#[derive(Clone, Debug)]
pub(crate) struct Fixture {
    pub(crate) grid: Grid,
    pub(crate) tile_px: Option<u32>,
    pub(crate) rows_per_strip: u32,
    pub(crate) compression: Compression,
    pub(crate) predictor: Predictor,
    pub(crate) planar: bool,
    pub(crate) big: bool,
    pub(crate) byte_order: ByteOrder,
    pub(crate) alpha: bool,
    pub(crate) color_map: Option<ColorMap>,
    pub(crate) tags: Vec<Tag>,
    /// Height of the strips of a mask in the file, which hides nothing.
    pub(crate) mask_rows_per_strip: Option<u32>,
    /// Blocks that are left out, as in a sparse file.
    pub(crate) unwritten: Vec<usize>,
}

impl Fixture {
    pub(crate) fn new(rows: u32, cols: u32) -> Self {
        let affine = Affine::north_up([500_000.0, 4_000_000.0], [30.0, 20.0]);
        Self {
            grid: Grid { rows, cols, affine, crs: Crs::from_epsg(32617) },
            tile_px: None,
            rows_per_strip: 3,
            compression: Compression::None,
            predictor: Predictor::None,
            planar: false,
            big: false,
            byte_order: ByteOrder::LittleEndian,
            alpha: false,
            color_map: None,
            tags: Vec::new(),
            mask_rows_per_strip: None,
            unwritten: Vec::new(),
        }
    }

    pub(crate) fn nodata(mut self, text: &str) -> Self {
        self.tags.push(Tag::new(42113, TagValue::Ascii(text.to_owned())));
        self
    }

    pub(crate) fn metadata(mut self, items: &str) -> Self {
        let text = format!("<GDALMetadata>{items}</GDALMetadata>");
        self.tags.push(Tag::new(42112, TagValue::Ascii(text)));
        self
    }

    /// Writes `values`, `[band, row, col]`.
    pub(crate) fn write<T: TiffWriteSample>(&self, path: &Path, values: &[T]) {
        let (rows, cols) = (self.grid.rows as usize, self.grid.cols as usize);
        let n_bands = values.len() / (rows * cols);
        let mut image = ImageBuilder::new(self.grid.cols, self.grid.rows)
            .sample_type::<T>()
            .samples_per_pixel(n_bands as u16)
            .compression(self.compression)
            .predictor(self.predictor);
        image = match self.tile_px {
            Some(tile_px) => image.tiles(tile_px, tile_px),
            None => image.strips(self.rows_per_strip),
        };
        if self.planar {
            image = image.planar_configuration(PlanarConfiguration::Planar);
        }
        if self.alpha {
            let mut extra = vec![ExtraSample::Unspecified; n_bands - 2];
            extra.push(ExtraSample::UnassociatedAlpha);
            image = image.extra_samples(extra);
        }
        if let Some(color_map) = &self.color_map {
            image =
                image.photometric(PhotometricInterpretation::Palette).color_map(color_map.clone());
        }
        let tags = super::map_tags::grid_tags(&self.grid).into_iter().chain(self.tags.clone());
        let image = tags.fold(image, ImageBuilder::tag);

        let variant = if self.big { TiffVariant::BigTiff } else { TiffVariant::Classic };
        let options = WriteOptions { byte_order: self.byte_order, variant };
        let mut writer = TiffWriter::new(File::create(path).unwrap(), options).unwrap();
        let handle = writer.add_image(image.clone()).unwrap();
        let tile = self.tile_px.map(|tile_px| tile_px as usize);
        let (high, wide) = (tile.unwrap_or(self.rows_per_strip as usize), tile.unwrap_or(cols));
        let planes: Vec<Vec<usize>> = if self.planar {
            (0..n_bands).map(|band| vec![band]).collect()
        } else {
            vec![(0..n_bands).collect()]
        };
        let mut index = 0;
        for bands in planes {
            for top in (0..rows).step_by(high) {
                for left in (0..cols).step_by(wide) {
                    let bottom = if tile.is_some() { top + high } else { rows.min(top + high) };
                    let mut block = Vec::new();
                    for row in top..bottom {
                        for col in left..left + wide {
                            // Beyond the edge anything may be stored.
                            let pixel = row.min(rows - 1) * cols + col.min(cols - 1);
                            block.extend(
                                bands.iter().map(|band| values[band * rows * cols + pixel]),
                            );
                        }
                    }
                    if self.unwritten.contains(&index) {
                        writer.write_block_sparse(&handle, index).unwrap();
                    } else {
                        writer.write_block(&handle, index, &block).unwrap();
                    }
                    index += 1;
                }
            }
        }
        if let Some(rows_per_strip) = self.mask_rows_per_strip {
            let mask = ImageBuilder::new(self.grid.cols, self.grid.rows)
                .sample_type::<u8>()
                .strips(rows_per_strip)
                .overview();
            let handle = writer.add_image(mask).unwrap();
            for (index, top) in (0..self.grid.rows).step_by(rows_per_strip as usize).enumerate() {
                let n_rows = rows_per_strip.min(self.grid.rows - top) as usize;
                writer.write_block(&handle, index, &vec![255_u8; n_rows * cols]).unwrap();
            }
        }
        writer.finish().unwrap();
        if self.mask_rows_per_strip.is_some() {
            overview_to_mask(path);
        }
    }
}

/// The writer knows no masks: changes the kind of image (tag 254, one 32-bit number) from 1 to 4.
fn overview_to_mask(path: &Path) {
    const OVERVIEW: [u8; 12] = [254, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0];
    let mut bytes = fs::read(path).unwrap();
    let entry = bytes.windows(12).rposition(|entry| entry == OVERVIEW).unwrap();
    bytes[entry + 8] = 4;
    fs::write(path, bytes).unwrap();
}
