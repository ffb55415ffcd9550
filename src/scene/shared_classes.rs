//! The classes of all label rasters together.

use std::{collections::BTreeMap, path::Path};

use crate::{
    error::{Error, Result},
    label::{Class, Classes, FoundClasses, classes_within},
    scene::SceneFiles,
};

/// Classes and codes without label that hold for every scene.
pub(super) struct SharedClasses {
    pub(super) classes: Classes,
    pub(super) ignore: Vec<i64>,
    /// What a user should know about them, one sentence each.
    pub(super) notes: Vec<String>,
}

/// The classes of all label rasters together, in the order of their codes.
///
/// A code has one meaning in all of them, whatever their order: one that `ignore` or any raster
/// sets aside (see [`FoundClasses::ignore`]) is no label anywhere, and a note names the rasters
/// that would have it as a class. To keep it, list the classes in `data.class`, which win over
/// nodata values. A name wins over a generated one.
///
/// # Errors
///
/// Those of [`classes_within`]; [`Error::Mismatch`] if two rasters name a code differently,
/// [`Error::Data`] if no class is left.
pub(super) fn shared_classes(
    files: &[SceneFiles],
    ignore: &[i64],
    max_block_mib: u32,
) -> Result<SharedClasses> {
    let paths = files.iter().filter_map(|files| files.labels.as_deref());
    let found = paths.map(|path| Ok((path, classes_within(path, max_block_mib)?)));
    let found: Vec<(&Path, FoundClasses)> = found.collect::<Result<_>>()?;
    let mut set_aside: BTreeMap<i64, Option<&Path>> = ignore.iter().map(|&it| (it, None)).collect();
    for (path, found) in &found {
        for &code in &found.ignore {
            set_aside.entry(code).or_insert(Some(path));
        }
    }
    let (mut by_code, mut notes) = (BTreeMap::new(), Vec::new());
    for (path, found) in &found {
        for class in found.classes.iter() {
            match set_aside.get(&i64::from(class.code)) {
                None => add(&mut by_code, class, path)?,
                Some(None) => {} // As the run file says.
                Some(Some(other)) => notes.push(format!(
                    "{}: code {} ({}) is no label, as {} sets it aside; to keep it, list the \
                     classes in `data.class`",
                    path.display(),
                    class.code,
                    class.name,
                    other.display(),
                )),
            }
        }
    }
    if by_code.is_empty() {
        let wanted = "labels in some scene, or `data.class`";
        return Err(Error::data("classes of all scenes", "none", wanted));
    }
    let classes = by_code.into_values().map(|(class, _)| class).collect();
    let ignore = set_aside.into_keys().collect();
    Ok(SharedClasses { classes: Classes::new(classes)?, ignore, notes })
}

/// Adds a class of the raster at `path`, unless its code is there with the same name.
fn add<'a>(
    by_code: &mut BTreeMap<u16, (Class, &'a Path)>,
    class: &Class,
    path: &'a Path,
) -> Result<()> {
    let generated = format!("class {}", class.code);
    match by_code.get_mut(&class.code) {
        Some((known, _)) if known.name == class.name || class.name == generated => {}
        Some((known, _)) if known.name == generated => *known = class.clone(),
        Some((known, other)) => {
            return Err(Error::Mismatch {
                left: other.to_owned(),
                right: path.to_owned(),
                what: "the name of a class code (give the names in `data.class`)",
                left_value: format!("{} is {}", class.code, known.name),
                right_value: format!("{} is {}", class.code, class.name),
            });
        }
        None => {
            by_code.insert(class.code, (class.clone(), path));
        }
    }
    Ok(())
}
