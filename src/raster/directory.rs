//! What the tags of an image say: its grid, which samples are alpha, names and scales of bands.

use std::path::Path;

use tiff_reader::{ExtraSample, Ifd, TiffFile};

use super::{Affine, BandNotes, Crs, DataType, Grid, Sidecar, refusal::FORMAT};
use crate::error::{Error, Result};

/// Tags that the TIFF standard does not know.
mod tag {
    pub(super) const SUBFILE_TYPE: u16 = 254;
    pub(super) const PIXEL_SCALE: u16 = 33550;
    pub(super) const TIEPOINT: u16 = 33922;
    pub(super) const RPC: u16 = 50844;
    pub(super) const TRANSFORMATION: u16 = 34264;
    pub(super) const GEO_KEYS: u16 = 34735;
    pub(super) const GEO_DOUBLES: u16 = 34736;
    pub(super) const GEO_ASCII: u16 = 34737;
    pub(super) const GDAL_METADATA: u16 = 42112;
    pub(super) const GDAL_NODATA: u16 = 42113;
}

fn subfile_type(ifd: &Ifd) -> u64 {
    ifd.tag(tag::SUBFILE_TYPE).and_then(|tag| tag.value.as_u64()).unwrap_or(0)
}

fn is_main(ifd: &Ifd) -> bool {
    const OVERVIEW_OR_MASK: u64 = 1 | 4;
    subfile_type(ifd) & OVERVIEW_OR_MASK == 0
}

/// Number of images that are neither an overview nor a mask.
pub(super) fn n_main_images(file: &TiffFile) -> usize {
    file.ifds().iter().filter(|ifd| is_main(ifd)).count()
}

/// The first image that is neither an overview nor a mask.
pub(super) fn main_image(file: &TiffFile) -> Option<usize> {
    let ifds = file.ifds();
    let main = ifds.iter().position(is_main);
    main.or(if ifds.is_empty() { None } else { Some(0) })
}

/// The mask of the main image: one sample of at most 8 bits, of its size.
pub(super) fn mask_of(file: &TiffFile, image: usize) -> Option<usize> {
    let main = &file.ifds()[image];
    file.ifds().iter().position(|ifd| {
        subfile_type(ifd) & 5 == 4
            && (ifd.width(), ifd.height()) == (main.width(), main.height())
            && ifd
                .raster_layout()
                .is_ok_and(|layout| layout.samples_per_pixel == 1 && layout.bytes_per_sample == 1)
    })
}

pub(super) fn alpha_of(ifd: &Ifd, n_samples: usize) -> Vec<usize> {
    let extra = ifd.extra_samples().unwrap_or_default();
    let first = n_samples.saturating_sub(extra.len());
    let is_alpha = |extra: &ExtraSample| {
        matches!(extra, ExtraSample::AssociatedAlpha | ExtraSample::UnassociatedAlpha)
    };
    let alpha = (first..).zip(&extra).filter(|(_, extra)| is_alpha(extra));
    alpha.map(|(sample, _)| sample).filter(|&sample| sample > 0).collect()
}

pub(super) fn grid_of(path: &Path, ifd: &Ifd) -> Result<Grid> {
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

/// What an image without a transform has in its place.
pub(super) fn other_position(ifd: &Ifd) -> Option<&'static str> {
    let n_numbers = |code| {
        ifd.tag(code).and_then(|tag| tag.value.as_f64_vec()).map_or(0, |values| values.len())
    };
    // One point has 6 numbers, and may be left over from a transform.
    if 6 < n_numbers(tag::TIEPOINT) {
        return Some("ground control points");
    }
    (0 < n_numbers(tag::RPC)).then_some("rational polynomial coefficients")
}

pub(super) fn notes_of(
    path: &Path,
    ifd: &Ifd,
    n_samples: usize,
    dtype: DataType,
) -> Result<Vec<BandNotes>> {
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
