//! Classes as a label raster itself describes them.

use std::{collections::BTreeMap, path::Path};

use super::{Class, Classes, Color, codes, palette::generated_color};
use crate::error::{Error, Result};

/// The classes found in a label raster, and what else it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundClasses {
    /// One class a code that occurs, in ascending order of the codes.
    pub classes: Classes,
    /// Codes that stand for no class: the file's nodata value, and 0 where it has no name though
    /// others do.
    pub ignore: Vec<i64>,
    /// Number of pixels of each code.
    pub counts: BTreeMap<i64, u64>,
}

/// The classes of a label raster: codes that occur in it, with the names and colours of its
/// sidecar (`.aux.xml`: categories, colour table or attribute table) and of its colour table.
///
/// Codes without a name are called `class CODE`; classes without a colour get one that people
/// with colour-blindness can tell apart. Reads the file once, in parts.
///
/// # Errors
///
/// As [`count_codes`](super::count_codes); [`Error::Data`] if no class is left, more than 255 are,
/// or a code is not between 0 and 65535.
pub fn classes_of(path: &Path) -> Result<FoundClasses> {
    classes_within(path, codes::MAX_BLOCK_MIB)
}

/// As [`classes_of`], but refuses blocks of more than `max_block_mib` MiB.
///
/// # Errors
///
/// Those of [`classes_of`].
pub fn classes_within(path: &Path, max_block_mib: u32) -> Result<FoundClasses> {
    let file = codes::open(path, max_block_mib)?;
    let counts = codes::counted(&file)?;
    let notes = file.notes(0);
    let names: BTreeMap<i64, &str> =
        notes.names.iter().map(|(code, name)| (*code, name.as_str())).collect();
    let mut colors: BTreeMap<i64, [u8; 3]> = (0..).zip(file.color_map()).collect();
    colors.extend(notes.colors.iter().copied());

    let mut ignore: Vec<i64> = codes::nodata_code(&file).into_iter().collect();
    if !names.is_empty() && !names.contains_key(&0) && !ignore.contains(&0) {
        ignore.push(0);
    }
    let kept: Vec<i64> = counts.keys().copied().filter(|code| !ignore.contains(code)).collect();
    let what = || format!("label raster {}", path.display());
    if !(1..=255).contains(&kept.len()) {
        return Err(Error::data(what(), format!("{} classes", kept.len()), "1 to 255"));
    }
    let mut classes: Vec<Class> = Vec::with_capacity(kept.len());
    for (index, code) in kept.into_iter().enumerate() {
        let wanted = "class codes from 0 to 65535, or the code as the file's nodata value";
        let code =
            u16::try_from(code).map_err(|_| Error::data(what(), format!("code {code}"), wanted))?;
        let key = i64::from(code);
        let mut name = names.get(&key).map_or_else(|| format!("class {code}"), |&name| name.into());
        if classes.iter().any(|class| class.name == name) {
            name = format!("{name} ({code})");
        }
        let color = colors.get(&key).map_or_else(|| generated_color(index), |&color| Color(color));
        classes.push(Class { code, name, color });
    }
    // Colours that are all the same, such as an empty colour table, tell nothing apart.
    if 1 < classes.len() && classes.iter().all(|class| class.color == classes[0].color) {
        for (index, class) in classes.iter_mut().enumerate() {
            class.color = generated_color(index);
        }
    }
    ignore.retain(|code| counts.contains_key(code));
    Ok(FoundClasses { classes: Classes::new(classes)?, ignore, counts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::fixture::Fixture;
    use std::fs;
    use tiff_core::ColorMap;

    #[track_caller]
    fn check(
        fixture: &Fixture,
        codes: &[u8],
        sidecar: Option<&str>,
        names: &[&str],
        ignore: &[i64],
    ) -> Classes {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.tif");
        fixture.write(&path, codes);
        if let Some(sidecar) = sidecar {
            let text = format!(
                "<PAMDataset><PAMRasterBand band=\"1\">{sidecar}</PAMRasterBand></PAMDataset>"
            );
            fs::write(folder.path().join("labels.tif.aux.xml"), text).unwrap();
        }
        let found = classes_of(&path).unwrap();
        let got: Vec<&str> = found.classes.iter().map(|class| class.name.as_str()).collect();
        assert_eq!((got.as_slice(), found.ignore.as_slice()), (names, ignore));
        assert_eq!(found.counts.values().sum::<u64>(), codes.len() as u64);
        found.classes
    }

    #[test]
    fn codes_without_names_get_one_and_zero_is_a_class() {
        let classes = check(
            &Fixture::new(1, 4),
            &[0, 7, 0, 9],
            None,
            &["class 0", "class 7", "class 9"],
            &[],
        );
        assert_eq!(classes.class(1).color, generated_color(1));
    }

    #[test]
    fn nodata_is_no_class() {
        check(&Fixture::new(1, 3).nodata("0"), &[0, 7, 9], None, &["class 7", "class 9"], &[0]);
    }

    #[test]
    fn nodata_with_a_fraction_is_no_code() {
        let fixture = Fixture::new(1, 2).nodata("7.5");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.tif");
        fixture.write(&path, &[7.0_f32, 9.0]);
        let found = classes_of(&path).unwrap();
        assert_eq!((found.classes.len(), found.ignore.as_slice()), (2, &[][..]));
    }

    #[test]
    fn names_and_colours_come_from_the_sidecar() {
        let sidecar = "<CategoryNames><Category/><Category>sea</Category><Category>land</Category>\
            <Category>sea</Category></CategoryNames>\
            <ColorTable><Entry c1=\"0\" c2=\"0\" c3=\"0\"/><Entry c1=\"1\" c2=\"2\" c3=\"3\"/></ColorTable>";
        let classes = check(
            &Fixture::new(1, 4),
            &[0, 1, 2, 3],
            Some(sidecar),
            &["sea", "land", "sea (3)"],
            &[0],
        );
        assert_eq!(classes.class(0).color, Color([1, 2, 3]));
    }

    #[test]
    fn colours_come_from_the_colour_table() {
        let plane = |part: u16| -> Vec<u16> {
            (0..256).map(|code| (code as u16 * part) % 256 * 257).collect()
        };
        let color_map = ColorMap::new(plane(1), plane(2), plane(3)).unwrap();
        let fixture = Fixture { color_map: Some(color_map), ..Fixture::new(1, 2) };
        let classes = check(&fixture, &[5, 9], None, &["class 5", "class 9"], &[]);
        assert_eq!(classes.class(1).color, Color([9, 18, 27]));
    }
}
