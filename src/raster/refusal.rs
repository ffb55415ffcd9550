//! Why a file cannot be read, and what to do about it.

use std::path::Path;

use tiff_reader::TiffError;

use super::blocks::Blocks;
use crate::error::{Error, Result};

const MIB: u64 = 1 << 20;

/// What [`Error::Malformed`] calls the files.
pub(super) const FORMAT: &str = "GeoTIFF";

/// The error of the TIFF reader in our words: their file is broken, or we lack something.
pub(super) fn refused(path: &Path, error: TiffError) -> Error {
    match error {
        TiffError::Io(source, _) => Error::Io { action: "read", path: path.to_owned(), source },
        TiffError::InvalidMagic => Error::malformed(path, FORMAT, "it does not begin like a TIFF"),
        TiffError::UnsupportedSampleFormat(format) => Error::Unsupported {
            path: path.to_owned(),
            feature: match format {
                5 | 6 => "complex numbers".to_owned(),
                other => format!("sample format {other}"),
            },
            hint: format!("convert it with `gdal_translate -ot Float32 {}`", in_and_out(path)),
        },
        TiffError::UnsupportedCompression(_)
        | TiffError::UnsupportedPredictor(_)
        | TiffError::UnsupportedPlanarConfiguration(_)
        | TiffError::UnsupportedBitsPerSample(_)
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

/// # Errors
///
/// [`Error::Unsupported`] if a decoded block has more than `max_block_mib` MiB.
pub(super) fn check_block(path: &Path, blocks: &Blocks, max_block_mib: u32) -> Result<()> {
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

/// What to do about blocks that are too large or too wide.
pub(super) fn tile_command(path: &Path) -> String {
    format!(
        "tile it with `gdal_translate -co TILED=YES -co COMPRESS=DEFLATE -co BIGTIFF=IF_SAFER {}`",
        in_and_out(path)
    )
}
