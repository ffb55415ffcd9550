//! The file of a single picture.

use std::path::{Path, PathBuf};

use super::drawing::Drawing;
use crate::{
    error::{Error, Result},
    raster::write_atomically,
};

/// Where a picture goes, as PNG or SVG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureFile {
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Png,
    Svg,
}

impl PictureFile {
    /// A file whose extension, in any case, tells the format; nothing is written yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if it is neither `png` nor `svg`.
    pub fn new(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        let format = match extension.to_ascii_lowercase().as_str() {
            "png" => Format::Png,
            "svg" => Format::Svg,
            _ => return Err(Error::config("--out", path.display(), "must end in .png or .svg")),
        };
        Ok(Self { path: path.to_owned(), format })
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the drawing; `title` is what it shows.
    pub(super) fn write(&self, drawing: &Drawing, title: &str) -> Result<()> {
        let bytes = match self.format {
            Format::Png => drawing.to_png(),
            Format::Svg => drawing.to_svg(title).into_bytes(),
        };
        write_atomically(&self.path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_the_format() {
        let folder = tempfile::tempdir().unwrap();
        for (name, start) in [("a.PNG", &b"\x89PNG"[..]), ("a.svg", b"<svg")] {
            let file = PictureFile::new(&folder.path().join(name)).unwrap();
            file.write(&Drawing::new(4.0, 3.0), "nothing").unwrap();
            assert!(std::fs::read(file.path()).unwrap().starts_with(start), "{name}");
        }
    }

    #[test]
    fn another_extension_is_refused() {
        for name in ["a.jpg", "a", "png"] {
            let error = PictureFile::new(Path::new(name)).unwrap_err().to_string();
            assert!(error.contains("--out") && error.contains(".png or .svg"), "{error}");
        }
    }
}
