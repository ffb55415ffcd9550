//! From raster to map, row by row.

use std::path::{Path, PathBuf};

use super::{MapCodes, legend};
use crate::{
    bundle::Header,
    error::Result,
    infer::{BlendedRow, Predictor, stream, top_class},
    label::Classes,
    raster::{Grid, MapLayout, MapWriter, Raster, Window},
    scene::read_padded,
};

/// Value of pixels without data in maps of percent.
const NO_PERCENT: u8 = 255;

/// What to write besides the class map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapOutputs {
    /// Class map: the codes of the classes, `u8`, or `u16` where they need it.
    pub classes: PathBuf,
    /// Probability of the class in the map, in percent, `u8`, nodata 255.
    pub confidence: Option<PathBuf>,
    /// Probability of every class, one band each, in percent, `u8`, nodata 255.
    pub probabilities_u8: Option<PathBuf>,
    /// Probability of every class, one band each, `f32` in `[0, 1]`, nodata -1.
    pub probabilities_f32: Option<PathBuf>,
}

impl MapOutputs {
    /// The files that are asked for, the class map first.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let others = [&self.confidence, &self.probabilities_u8, &self.probabilities_f32];
        let others = others.into_iter().flatten().map(PathBuf::as_path);
        std::iter::once(self.classes.as_path()).chain(others)
    }
}

/// Predicts the `region` of `raster` and writes its maps.
///
/// Each map is a cloud-optimised GeoTIFF on the grid of the region, with class names in
/// `MAP.aux.xml` and a QGIS style. Memory grows with the width of the region, not its height. The
/// class map is moved into place last: where it is, the others are complete, too. `progress` gets
/// the number of finished rows.
///
/// # Errors
///
/// Those of reading the raster and of writing maps, and what `progress` returns.
pub fn predict_map(
    header: &Header,
    predictor: &Predictor,
    raster: &Raster,
    region: Window,
    outputs: &MapOutputs,
    mut progress: impl FnMut(u32) -> Result<()>,
) -> Result<()> {
    let grid = raster.grid();
    let mut writers = Writers::create(&header.classes, &grid.part(region), outputs)?;
    let classify = |window| predictor.scores(read_padded(raster, window)?);
    let n_classes = header.classes.len();
    let shape = [grid.rows, grid.cols];
    stream(shape, region, header.tiling(), n_classes, classify, |row| {
        writers.write(&row, row.row - region.row, n_classes)?;
        progress(row.row - region.row + 1)
    })?;
    writers.finish()
}

/// The maps of one prediction.
struct Writers {
    codes: MapCodes,
    classes: ClassWriter,
    confidence: Option<MapWriter<u8>>,
    probabilities_u8: Option<MapWriter<u8>>,
    probabilities_f32: Option<MapWriter<f32>>,
}

enum ClassWriter {
    Byte(MapWriter<u8>),
    Word(MapWriter<u16>),
}

impl Writers {
    fn create(classes: &Classes, grid: &Grid, outputs: &MapOutputs) -> Result<Self> {
        let codes = MapCodes::new(classes);
        let layout = |names: Vec<String>, nodata: f64| MapLayout {
            band_names: names,
            nodata: Some(nodata),
            legend: Vec::new(),
        };
        let of_classes = MapLayout {
            legend: legend(classes),
            ..layout(vec!["class".to_owned()], f64::from(codes.nodata))
        };
        let path = &outputs.classes;
        let class_writer = if codes.fits_byte() {
            ClassWriter::Byte(MapWriter::create(path, grid, of_classes)?)
        } else {
            ClassWriter::Word(MapWriter::create(path, grid, of_classes)?)
        };
        let percent = f64::from(NO_PERCENT);
        let confidence = layout(vec!["confidence_percent".to_owned()], percent);
        let names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
        Ok(Self {
            codes,
            classes: class_writer,
            confidence: create(outputs.confidence.as_deref(), grid, &confidence)?,
            probabilities_u8: create(
                outputs.probabilities_u8.as_deref(),
                grid,
                &layout(names.clone(), percent),
            )?,
            probabilities_f32: create(
                outputs.probabilities_f32.as_deref(),
                grid,
                &layout(names, -1.0),
            )?,
        })
    }

    /// Writes one row, the `index`-th of the map.
    fn write(&mut self, row: &BlendedRow, index: u32, n_classes: usize) -> Result<()> {
        let top = top_class(&row.probabilities, n_classes);
        let MapCodes { codes, nodata } = &self.codes;
        let values = top.iter().zip(&row.valid).map(|(&(class, _), &is_valid)| {
            if is_valid { codes[usize::from(class)] } else { *nodata }
        });
        match &mut self.classes {
            ClassWriter::Byte(writer) => {
                writer.write_rows(index, &values.map(|it| it as u8).collect::<Vec<_>>())?;
            }
            ClassWriter::Word(writer) => writer.write_rows(index, &values.collect::<Vec<_>>())?,
        }
        if let Some(writer) = &mut self.confidence {
            let best: Vec<f32> = top.iter().map(|&(_, p)| p).collect();
            writer.write_rows(index, &masked(&best, &row.valid, percent, NO_PERCENT))?;
        }
        if let Some(writer) = &mut self.probabilities_u8 {
            writer
                .write_rows(index, &masked(&row.probabilities, &row.valid, percent, NO_PERCENT))?;
        }
        if let Some(writer) = &mut self.probabilities_f32 {
            writer.write_rows(index, &masked(&row.probabilities, &row.valid, |p| p, -1.0))?;
        }
        Ok(())
    }

    /// Moves all maps into place, the class map last.
    fn finish(self) -> Result<()> {
        for writer in [self.confidence, self.probabilities_u8].into_iter().flatten() {
            writer.finish()?;
        }
        if let Some(writer) = self.probabilities_f32 {
            writer.finish()?;
        }
        match self.classes {
            ClassWriter::Byte(writer) => writer.finish(),
            ClassWriter::Word(writer) => writer.finish(),
        }
    }
}

fn create<T: crate::raster::MapSample>(
    path: Option<&Path>,
    grid: &Grid,
    layout: &MapLayout,
) -> Result<Option<MapWriter<T>>> {
    path.map(|path| MapWriter::create(path, grid, layout.clone())).transpose()
}

/// `values`, `[band, col]`, turned by `turn` where `valid`, `[col]`, and `missing` elsewhere.
fn masked<T: Copy>(values: &[f32], valid: &[bool], turn: impl Fn(f32) -> T, missing: T) -> Vec<T> {
    let value = |(&p, &is_valid)| if is_valid { turn(p) } else { missing };
    values.chunks(valid.len()).flat_map(|band| band.iter().zip(valid).map(value)).collect()
}

fn percent(p: f32) -> u8 {
    (p * 100.0).round() as u8
}
