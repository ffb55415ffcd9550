//! Maps, written row by row as cloud-optimised GeoTIFFs.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use tempfile::NamedTempFile;
use tiff_core::{Compression, PhotometricInterpretation, Predictor, Tag, TagValue};
use tiff_writer::{
    ImageBuilder, TiffWriteSample,
    compress::{BlockEncodingOptions, compress_block},
};

use super::{
    Grid, LegendEntry,
    atomic::{folder_of, move_into_place, temporary_beside, write_atomically},
    cog::{self, StoredTile},
    map_tags::{band_names, color_map, grid_tags, nodata_text},
    pam,
    pyramid::{Pyramid, TILE_PX, TileRow, sizes},
    qml, sidecar,
    space::check_space,
};
use crate::error::{Error, Result};

/// What a map holds besides its pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MapLayout {
    /// Names of the bands; as many as the map has bands.
    pub band_names: Vec<String>,
    /// Value of pixels without data.
    pub nodata: Option<f64>,
    /// Names and colours of the values of a class map; empty for other maps.
    pub legend: Vec<LegendEntry>,
}

/// Number types of maps.
pub trait MapSample: TiffWriteSample {
    /// How the tiles are made smaller before they are compressed, if their neighbours are alike.
    #[doc(hidden)]
    const SMOOTH: Predictor;

    /// The nearest value of this type.
    #[doc(hidden)]
    fn nearest(value: f64) -> Self;
}

impl MapSample for u8 {
    const SMOOTH: Predictor = Predictor::Horizontal;

    fn nearest(value: f64) -> Self {
        value.round() as Self
    }
}

impl MapSample for u16 {
    const SMOOTH: Predictor = Predictor::Horizontal;

    fn nearest(value: f64) -> Self {
        value.round() as Self
    }
}

impl MapSample for f32 {
    const SMOOTH: Predictor = Predictor::FloatingPoint;

    fn nearest(value: f64) -> Self {
        value as Self
    }
}

/// Writes a map from top to bottom.
///
/// The file is a cloud-optimised GeoTIFF: tiles of 256 pixels, Deflate, overviews by nearest
/// neighbour down to one tile, georeferencing with the GeoKeys of the grid as found, a colour
/// table for classes of type `u8`. Memory is two rows of tiles; compressed tiles wait in a scratch
/// file without a name in the output folder. Nothing appears under the map's name before
/// [`Self::finish`], and a writer that is dropped before leaves nothing behind.
///
/// Tiles are compressed in the rayon pool of the caller; the bytes do not depend on its size.
pub struct MapWriter<T: MapSample> {
    path: PathBuf,
    grid: Grid,
    layout: MapLayout,
    output: NamedTempFile,
    scratch: BufWriter<File>,
    scratch_bytes: u64,
    pyramid: Pyramid<T>,
    tiles: Vec<Vec<StoredTile>>,
    n_rows: u32,
}

impl<T: MapSample> MapWriter<T> {
    /// Begins a map on `grid`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the folder is missing or cannot be written; [`Error::Data`] if it has not
    /// enough space for the tiles even if they do not compress.
    ///
    /// # Panics
    ///
    /// If the layout has no band, or a legend with several.
    pub fn create(path: &Path, grid: &Grid, layout: MapLayout) -> Result<Self> {
        let n_bands = layout.band_names.len();
        assert!(0 < n_bands, "a map needs at least one band");
        assert!(layout.legend.is_empty() || n_bands == 1, "a legend, but {n_bands} bands");
        let output = temporary_beside(path)?;
        let (rows, cols) = (grid.rows as usize, grid.cols as usize);
        let sizes = sizes(rows, cols);
        let n_values: u64 = sizes.iter().map(|[rows, cols]| (rows * cols * n_bands) as u64).sum();
        check_space(path, n_values * T::BYTES_PER_SAMPLE as u64)?;
        let folder = folder_of(path);
        let scratch = tempfile::tempfile_in(folder).map_err(Error::io("create", folder))?;
        Ok(Self {
            path: path.to_owned(),
            grid: grid.clone(),
            output,
            scratch: BufWriter::new(scratch),
            scratch_bytes: 0,
            pyramid: Pyramid::new(rows, cols, n_bands, T::nearest(layout.nodata.unwrap_or(0.0))),
            tiles: vec![Vec::new(); sizes.len()],
            n_rows: 0,
            layout,
        })
    }

    /// Adds the next rows, `[band, row, col]`, of which the first is `first_row`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the disk is full.
    ///
    /// # Panics
    ///
    /// If rows are left out, repeated or too many, or `values` does not hold whole rows.
    pub fn write_rows(&mut self, first_row: u32, values: &[T]) -> Result<()> {
        assert_eq!(first_row, self.n_rows, "rows of a map must come in order");
        let (cols, n_bands) = (self.grid.cols as usize, self.layout.band_names.len());
        let n_rows = values.len() / (cols * n_bands);
        assert_eq!(values.len(), n_rows * cols * n_bands, "values do not fill whole rows");
        assert!(self.n_rows as usize + n_rows <= self.grid.rows as usize, "too many rows");
        let mut line = Vec::with_capacity(cols * n_bands);
        for row in 0..n_rows {
            line.clear();
            for col in 0..cols {
                line.extend((0..n_bands).map(|band| values[(band * n_rows + row) * cols + col]));
            }
            for tile_row in self.pyramid.push(&line) {
                self.store(&tile_row)?;
            }
        }
        self.n_rows += n_rows as u32;
        Ok(())
    }

    /// Completes the map: writes its sidecars (class names as `MAP.aux.xml`, a QGIS style as
    /// `.qml`), then moves it into place.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the disk is full; [`Error::Data`] if it is known to be too full.
    ///
    /// # Panics
    ///
    /// If not all rows were written.
    pub fn finish(mut self) -> Result<()> {
        assert_eq!(self.n_rows, self.grid.rows, "rows written of {}", self.path.display());
        let images = self.images();
        check_space(&self.path, cog::tile_bytes(&images))?;
        let scratch = self.scratch.into_inner();
        let mut scratch =
            scratch.map_err(|error| Error::io("write", &self.path)(error.into_error()))?;
        let mut sink = BufWriter::with_capacity(1 << 20, self.output.as_file_mut());
        cog::write(&mut sink, &mut scratch, &images).map_err(Error::io("write", &self.path))?;
        drop(sink);
        if !self.layout.legend.is_empty() {
            let legend = &self.layout.legend;
            let sidecar = sidecar::path_beside(&self.path);
            write_atomically(&sidecar, pam::document(legend).as_bytes())?;
            let style = self.path.with_extension("qml");
            write_atomically(&style, qml::document(legend).as_bytes())?;
        }
        move_into_place(self.output, &self.path)
    }

    /// Compresses a row of tiles and appends it to the scratch file.
    fn store(&mut self, tile_row: &TileRow<T>) -> Result<()> {
        let options = self.encoding();
        let compressed: Vec<_> =
            tile_row.tiles.par_iter().map(|tile| compress_block(tile, options, 0)).collect();
        for bytes in compressed {
            let bytes = bytes.expect("samples and options of our own can be compressed");
            self.scratch.write_all(&bytes).map_err(Error::io("write", &self.path))?;
            let stored = StoredTile {
                offset: self.scratch_bytes,
                bytes: u32::try_from(bytes.len()).expect("a tile is smaller than 4 GiB"),
            };
            self.scratch_bytes += u64::from(stored.bytes);
            self.tiles[tile_row.level].push(stored);
        }
        Ok(())
    }

    fn encoding(&self) -> BlockEncodingOptions<'static> {
        BlockEncodingOptions {
            byte_order: tiff_core::ByteOrder::LittleEndian,
            compression: Compression::Deflate,
            predictor: self.predictor(),
            samples_per_pixel: self.layout.band_names.len() as u16,
            row_width_pixels: TILE_PX,
            jpeg_options: None,
            jpeg_sampling: None,
            deflate_level: None,
        }
    }

    /// The difference of two class codes means nothing.
    fn predictor(&self) -> Predictor {
        if self.layout.legend.is_empty() { T::SMOOTH } else { Predictor::None }
    }

    /// The directories and tiles of the map and its overviews.
    fn images(&mut self) -> Vec<cog::Image> {
        let sizes = sizes(self.grid.rows as usize, self.grid.cols as usize);
        let all_tiles = std::mem::take(&mut self.tiles);
        let mut images = Vec::with_capacity(sizes.len());
        for (level, ([rows, cols], tiles)) in sizes.into_iter().zip(all_tiles).enumerate() {
            let mut builder = ImageBuilder::new(cols as u32, rows as u32)
                .sample_type::<T>()
                .samples_per_pixel(self.layout.band_names.len() as u16)
                .tiles(TILE_PX as u32, TILE_PX as u32)
                .compression(Compression::Deflate)
                .predictor(self.predictor());
            if T::BITS_PER_SAMPLE == 8 && !self.layout.legend.is_empty() {
                builder = builder
                    .photometric(PhotometricInterpretation::Palette)
                    .color_map(color_map(&self.layout.legend));
            }
            if let Some(nodata) = self.layout.nodata {
                builder = builder.tag(Tag::new(42113, TagValue::Ascii(nodata_text(nodata))));
            }
            if level == 0 {
                let tags = grid_tags(&self.grid).into_iter().chain(band_names(&self.layout));
                builder = tags.fold(builder, ImageBuilder::tag);
            } else {
                builder = builder.overview();
            }
            images.push(cog::Image { builder, tiles });
        }
        images
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::{Affine, Crs, Pixels, Raster, RasterOptions};
    use std::fs;
    use tempfile::TempDir;
    use tiff_reader::TiffFile;

    fn grid(rows: u32, cols: u32) -> Grid {
        let affine = Affine::north_up([630_534.0, 228_114.0], [28.5, 28.5]);
        Grid { rows, cols, affine, crs: Crs::from_epsg(32119) }
    }

    /// A user-defined Lambert system.
    fn lambert(raster_type: u16) -> Crs {
        #[rustfmt::skip]
        let directory = vec![
            1, 1, 0, 5,
            1024, 0, 1, 1,
            1025, 0, 1, raster_type,
            1026, 34737, 8, 0,
            3072, 0, 1, 32767,
            3078, 34736, 1, 1,
        ];
        Crs::from_keys(directory, vec![36.5, 34.25], "My LCC |".to_owned())
    }

    fn layout(names: &[&str], nodata: Option<f64>) -> MapLayout {
        let band_names = names.iter().map(|&name| name.to_owned()).collect();
        MapLayout { band_names, nodata, legend: Vec::new() }
    }

    fn legend() -> Vec<LegendEntry> {
        let entry = |code, name: &str, color| LegendEntry { code, name: name.to_owned(), color };
        vec![entry(1, "water", [0, 0, 255]), entry(7, "roads & rails", [9, 8, 7])]
    }

    /// Writes `values`, `[band, row, col]`, some rows at a time.
    fn write<T: MapSample>(
        grid: &Grid,
        layout: MapLayout,
        values: &[T],
        step: usize,
    ) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.tif");
        let (rows, cols) = (grid.rows as usize, grid.cols as usize);
        let mut writer = MapWriter::create(&path, grid, layout).unwrap();
        for row in (0..rows).step_by(step) {
            let n_rows = step.min(rows - row);
            let bands = values.chunks_exact(rows * cols);
            let part: Vec<T> =
                bands.flat_map(|band| &band[row * cols..][..n_rows * cols]).copied().collect();
            writer.write_rows(row as u32, &part).unwrap();
        }
        writer.finish().unwrap();
        (folder, path)
    }

    fn read(path: &Path) -> (Raster, Pixels) {
        let raster = Raster::open(&[path.to_owned()], &RasterOptions::default()).unwrap();
        let pixels = raster.read(raster.grid().full_window()).unwrap();
        (raster, pixels)
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<String> =
            fs::read_dir(folder.path()).unwrap().map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }

    #[track_caller]
    fn check_grid(grid: &Grid) {
        let values = vec![1_u8; (grid.rows * grid.cols) as usize];
        let (_folder, path) = write(grid, layout(&["a"], None), &values, 100);
        let (raster, _) = read(&path);
        assert_eq!(raster.grid().crs, grid.crs);
        assert_eq!(raster.grid().difference(grid), None);
    }

    #[test]
    fn the_grid_is_carried_over_as_found() {
        check_grid(&grid(3, 5));
        check_grid(&Grid { crs: lambert(1), ..grid(3, 5) });
        check_grid(&Grid { crs: lambert(2), ..grid(3, 5) });
        let rotated = Affine([100.0, 3.0, 1.0, 200.0, -2.0, -4.0]);
        check_grid(&Grid { affine: rotated, ..grid(3, 5) });
        check_grid(&Grid { affine: rotated, crs: lambert(2), ..grid(3, 5) });
        check_grid(&Grid { affine: Affine::IDENTITY, crs: Crs::default(), ..grid(3, 5) });
    }

    #[test]
    fn a_class_map_has_pixels_colours_names_and_overviews() {
        let values: Vec<u8> = (0..300 * 520).map(|at| (at % 7 + at / 9999) as u8).collect();
        let map = MapLayout { legend: legend(), ..layout(&["class"], Some(0.0)) };
        let (folder, path) = write(&grid(300, 520), map, &values, 77);
        assert_eq!(names(&folder), ["map.qml", "map.tif", "map.tif.aux.xml"]);

        let (raster, pixels) = read(&path);
        let got: Vec<u8> = pixels
            .values
            .iter()
            .map(|value| if value.is_nan() { 0 } else { *value as u8 })
            .collect();
        assert!(got == values);
        assert_eq!(
            (raster.bands()[0].name.as_str(), raster.bands()[0].nodata),
            ("class", Some(0.0))
        );

        let file = TiffFile::open(&path).unwrap();
        let sizes: Vec<[u32; 2]> =
            file.ifds().iter().map(|ifd| [ifd.height(), ifd.width()]).collect();
        assert_eq!(sizes, [[300, 520], [150, 260], [75, 130]]);
        let quarter = file.read_image_bytes(2).unwrap();
        let want: Vec<u8> =
            (0..75 * 130).map(|at| values[at / 130 * 4 * 520 + at % 130 * 4]).collect();
        assert!(quarter == want);
        let colors = file.ifds()[0].color_map().unwrap().unwrap();
        let color =
            |code: usize| [colors.red(), colors.green(), colors.blue()].map(|it| it[code] >> 8);
        assert_eq!((color(1), color(7), color(2)), ([0, 0, 255], [9, 8, 7], [0, 0, 0]));
    }

    #[test]
    fn bands_keep_their_order_names_and_missing_values() {
        let values: Vec<f32> = (0..3 * 260 * 9)
            .map(|at| if at % 11 == 0 { f32::NAN } else { at as f32 * 0.37 })
            .collect();
        let names = ["a & <b>", "\u{e9}", ""];
        let (_folder, path) = write(&grid(260, 9), layout(&names, Some(f64::NAN)), &values, 50);
        let raster = Raster::open(
            &[path],
            &RasterOptions {
                nodata_rule: crate::raster::NodataRule::All,
                ..RasterOptions::default()
            },
        )
        .unwrap();
        let pixels = raster.read(raster.grid().full_window()).unwrap();
        let bits = |values: &[f32]| -> Vec<Option<u32>> {
            values.iter().map(|value| (!value.is_nan()).then(|| value.to_bits())).collect()
        };
        assert!(bits(&pixels.values) == bits(&values));
        let got: Vec<&str> = raster.bands().iter().map(|band| band.name.as_str()).collect();
        assert_eq!(got, ["a & <b>", "\u{e9}", "band_3"]);
    }

    #[test]
    fn codes_above_255_have_a_legend_beside_the_map() {
        let mut map = MapLayout { legend: legend(), ..layout(&["class"], Some(0.0)) };
        map.legend[1].code = 4000;
        let (_folder, path) = write(&grid(2, 2), map, &[1_u16, 4000, 0, 1], 1);
        let (_, pixels) = read(&path);
        assert_eq!(pixels.valid, [true, true, false, true]);
        assert_eq!(pixels.values[1], 4000.0);
        let found = crate::raster::Sidecar::beside(&path).unwrap();
        assert_eq!(found.bands[0].names[1], (4000, "roads & rails".to_owned()));
    }

    #[test]
    fn directories_come_first_and_tiles_from_small_to_large() {
        let (_folder, path) =
            write(&grid(600, 600), layout(&["a"], None), &vec![5_u8; 360_000], 600);
        let file = TiffFile::open(&path).unwrap();
        let tiles = |ifd: &tiff_reader::Ifd| ifd.tag(324).unwrap().value.as_u64_vec().unwrap();
        let starts: Vec<u64> = file.ifds().iter().map(|ifd| tiles(ifd)[0]).collect();
        assert_eq!(starts.len(), 3);
        assert!(starts[2] < starts[1] && starts[1] < starts[0]);
        assert!(file.ifds().iter().all(|ifd| ifd.offset() < starts[2] && ifd.offset() % 2 == 0));
        assert!(tiles(&file.ifds()[0]).is_sorted());
        // Each tile lies between its size and a copy of its last bytes.
        let bytes = fs::read(&path).unwrap();
        let start = starts[0] as usize;
        let size = u32::from_le_bytes(bytes[start - 4..start].try_into().unwrap()) as usize;
        let end = start + size;
        assert_eq!(bytes[end - 4..end], bytes[end..end + 4]);
    }

    #[test]
    fn bytes_depend_neither_on_threads_nor_on_how_rows_come() {
        let values: Vec<u8> = (0..500 * 700).map(|at| (at / 1000 * (at % 700) % 9) as u8).collect();
        let bytes = |n_threads, step| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let map = MapLayout { legend: legend(), ..layout(&["class"], Some(0.0)) };
            pool.install(|| fs::read(write(&grid(500, 700), map, &values, step).1).unwrap())
        };
        let one = bytes(1, 500);
        assert!(one == bytes(2, 1) && one == bytes(7, 33));
    }

    #[test]
    fn a_dropped_writer_leaves_the_old_map_and_nothing_else() {
        let (folder, path) = write(&grid(2, 2), layout(&["a"], None), &[1_u8; 4], 2);
        let mut writer = MapWriter::<u8>::create(&path, &grid(2, 2), layout(&["a"], None)).unwrap();
        writer.write_rows(0, &[9, 9]).unwrap();
        drop(writer);
        assert_eq!(names(&folder), ["map.tif"]);
        assert_eq!(read(&path).1.values, [1.0; 4]);
    }

    #[test]
    fn a_folder_that_is_missing_or_too_full_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/map.tif");
        let error =
            MapWriter::<u8>::create(&path, &grid(2, 2), layout(&["a"], None)).err().unwrap();
        assert!(error.to_string().contains("none"), "{error}");
        let error = MapWriter::<u8>::create(folder.path(), &grid(2, 2), layout(&["a"], None));
        assert!(error.is_err());

        // 1 EiB.
        let huge = grid(1 << 30, 1 << 30);
        let error =
            MapWriter::<u8>::create(&folder.path().join("m.tif"), &huge, layout(&["a"], None));
        assert!(error.err().unwrap().to_string().contains("free space"));
        assert!(names(&folder).is_empty());
    }
}
