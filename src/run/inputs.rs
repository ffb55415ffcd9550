//! The files that a run reads, and whether they are as they were.

use std::path::Path;

use super::{InputFile, Manifest, SidecarFile, hash_file};
use crate::{
    error::{Error, Result},
    raster::sidecar_path,
    train::Dataset,
};

/// Every raster of the scenes, images before labels.
pub(super) fn input_files(data: &Dataset) -> Result<Vec<InputFile>> {
    let mut files = Vec::new();
    for scene in data.scenes.iter() {
        let images =
            scene.image().paths().iter().map(|path| (path.as_path(), scene.image().grid()));
        let labels = scene.labels().map(|labels| (labels.path(), labels.grid()));
        for (path, grid) in images.chain(labels) {
            let (bytes, sha256) = hash_file(path)?;
            files.push(InputFile {
                path: path.display().to_string(),
                bytes,
                sha256,
                rows: grid.rows,
                cols: grid.cols,
                pixel_size: grid.pixel_size(),
                bounds: grid.bounds(),
                crs: grid.crs.name(),
            });
        }
    }
    Ok(files)
}

/// The `.aux.xml` sidecars that there are beside `inputs`: they may hold nodata, scale and class
/// names.
pub(super) fn sidecar_files(inputs: &[InputFile]) -> Result<Vec<SidecarFile>> {
    let mut files = Vec::new();
    for input in inputs {
        let path = sidecar_path(Path::new(&input.path));
        if path.exists() {
            let (bytes, sha256) = hash_file(&path)?;
            files.push(SidecarFile { path: path.display().to_string(), bytes, sha256 });
        }
    }
    Ok(files)
}

/// Checks that every file is as it was when the run began.
///
/// # Errors
///
/// [`Error::Data`] naming the first file that has changed, and [`Error::Io`] for one that is gone.
pub(super) fn check_inputs(manifest: &Manifest) -> Result<()> {
    let changed = |path: &str, found: &str, began: &str| {
        let [found, began] = [found, began].map(|it| it.get(..12).unwrap_or(it));
        let wanted = format!("the bytes that the run began with (SHA-256 {began}…)");
        Err(Error::data(path, format!("another content (SHA-256 {found}…)"), wanted))
    };
    for input in &manifest.inputs {
        let (_, sha256) = hash_file(Path::new(&input.path))?;
        if sha256 != input.sha256 {
            return changed(&input.path, &sha256, &input.sha256);
        }
    }
    for sidecar in &manifest.sidecars {
        let (_, sha256) = hash_file(Path::new(&sidecar.path))?;
        if sha256 != sidecar.sha256 {
            return changed(&sidecar.path, &sha256, &sidecar.sha256);
        }
    }
    let found = sidecar_files(&manifest.inputs)?;
    match found.iter().find(|it| !manifest.sidecars.contains(it)) {
        Some(new) => Err(Error::data(&new.path, "a new file", "none, as when the run began")),
        None => Ok(()),
    }
}
