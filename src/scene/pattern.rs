//! Which files make up a scene: pairs images and labels by pattern.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf, is_separator},
};

use crate::{
    error::{Error, Result},
    scene::{DataConfig, Role, SceneConfig},
};

/// Keys that a message lists before it says how many more there are.
const MAX_LISTED: usize = 20;

/// The files of one scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneFiles {
    /// Unlike that of every other scene: the key of a pattern, or the first image's name without
    /// extension; a number is added to names that occur again.
    pub name: String,
    /// Layers of the band stack.
    pub images: Vec<PathBuf>,
    /// Raster of class codes.
    pub labels: Option<PathBuf>,
    /// What the whole scene is used for.
    pub role: Option<Role>,
}

/// The files of all scenes of `config`, in its order, and by key within a pattern.
///
/// Paths are relative to `folder`, that of the run file.
///
/// # Errors
///
/// [`Error::Config`] if there is no scene, a pattern matches nothing, has more than one `*` or
/// stands beside a path without one, layers and labels of a pattern do not have the same keys (the
/// message lists the leftovers), or a scene occurs twice. [`Error::Io`] if a folder cannot be
/// listed.
pub fn scene_files(config: &DataConfig, folder: &Path) -> Result<Vec<SceneFiles>> {
    let mut all: Vec<SceneFiles> = Vec::new();
    let mut n_of_name = BTreeMap::<String, u32>::new();
    for scene in &config.scenes {
        for mut files in expanded(scene, folder)? {
            if all.iter().any(|other| other.images == files.images) {
                let path = files.images[0].display();
                return Err(Error::config("data.scene.images", path, "occurs twice"));
            }
            while let Some(n) = n_of_name.get_mut(&files.name) {
                *n += 1;
                files.name = format!("{}-{n}", files.name);
            }
            n_of_name.insert(files.name.clone(), 1);
            all.push(files);
        }
    }
    if all.is_empty() {
        let rule = "wanted at least one `[[data.scene]]`";
        return Err(Error::config("data.scene", "none", rule));
    }
    Ok(all)
}

fn expanded(scene: &SceneConfig, folder: &Path) -> Result<Vec<SceneFiles>> {
    let layers = scene.images.layers();
    let Some(first) = layers.first() else {
        return Err(Error::config("data.scene.images", "[]", "wanted at least one path"));
    };
    let entries: Vec<&String> = layers.iter().chain(&scene.labels).collect();
    for entry in &entries {
        if entry.matches('*').count() > 1 {
            return Err(Error::config("data.scene", entry, "wanted at most one `*`"));
        }
        if entry.contains('*') != first.contains('*') {
            let rule = format!("wanted a `*` in every path of the scene or in none, as in {first}");
            return Err(Error::config("data.scene", entry, rule));
        }
    }
    if let Some(twice) = (1..layers.len()).find(|&index| layers[..index].contains(&layers[index])) {
        return Err(Error::config("data.scene.images", &layers[twice], "occurs twice"));
    }
    if !first.contains('*') {
        let images: Vec<_> = layers.iter().map(|layer| folder.join(layer)).collect();
        let stem = images[0].file_stem().unwrap_or_default();
        return Ok(vec![SceneFiles {
            name: stem.to_string_lossy().into_owned(),
            images,
            labels: scene.labels.as_ref().map(|labels| folder.join(labels)),
            role: scene.role,
        }]);
    }
    let found: Vec<_> = entries.iter().map(|it| matches(folder, it)).collect::<Result<_>>()?;
    check_keys(&entries, &found)?;
    let of_key = |key: &String| SceneFiles {
        name: key.clone(),
        images: found[..layers.len()].iter().map(|paths| paths[key].clone()).collect(),
        labels: scene.labels.as_ref().map(|_| found[layers.len()][key].clone()),
        role: scene.role,
    };
    Ok(found[0].keys().map(of_key).collect())
}

/// The folder of a path, with the separator at its end, and the rest.
fn split_after_last(path: &str, is_separator: impl Fn(char) -> bool) -> (&str, &str) {
    // Separators are one byte long.
    path.split_at(path.rfind(is_separator).map_or(0, |index| index + 1))
}

/// The first part of a path, and what lies below it.
fn split_before_first(path: &str, is_separator: impl Fn(char) -> bool) -> (&str, Option<&str>) {
    path.split_once(is_separator).map_or((path, None), |(first, below)| (first, Some(below)))
}

/// Files that a pattern with one `*` matches, by the text that stands for the `*`.
fn matches(folder: &Path, pattern: &str) -> Result<BTreeMap<String, PathBuf>> {
    let (before, after) = pattern.split_once('*').expect("checked by the caller");
    let (parent, start) = split_after_last(before, is_separator);
    let (end, below) = split_before_first(after, is_separator);
    let parent = folder.join(parent);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&parent).map_err(Error::io("list", &parent))? {
        let path = entry.map_err(Error::io("list", &parent))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let key = name.strip_prefix(start).and_then(|name| name.strip_suffix(end));
        // Hidden files are left out, as shells do.
        let Some(key) = key.filter(|key| !key.is_empty() && !name.starts_with('.')) else {
            continue;
        };
        let file = below.map_or_else(|| path.clone(), |below| path.join(below));
        if file.is_file() {
            found.insert(key.to_owned(), file);
        }
    }
    if found.is_empty() {
        let rule = format!("matches no file in {}", parent.display());
        return Err(Error::config("data.scene", pattern, rule));
    }
    Ok(found)
}

/// Refuses patterns that do not have the same keys.
fn check_keys(entries: &[&String], found: &[BTreeMap<String, PathBuf>]) -> Result<()> {
    let all: BTreeSet<&String> = found.iter().flat_map(BTreeMap::keys).collect();
    for (entry, paths) in entries.iter().zip(found) {
        let missing: Vec<&str> =
            all.iter().filter(|key| !paths.contains_key(**key)).map(|key| key.as_str()).collect();
        if !missing.is_empty() {
            let listed = missing[..missing.len().min(MAX_LISTED)].join(", ");
            let more = match missing.len().saturating_sub(MAX_LISTED) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            let rule =
                format!("matches no file for {listed}{more}, which other paths of the scene have");
            return Err(Error::config("data.scene", entry, rule));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with empty files of these names.
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn found(folder: &Path, text: &str) -> Result<Vec<SceneFiles>> {
        scene_files(&toml::from_str(text).unwrap(), folder)
    }

    #[track_caller]
    fn check(names: &[&str], text: &str, wanted: &[(&str, &[&str], Option<&str>)]) {
        let folder = folder(names);
        let path = |name: &&str| folder.path().join(name);
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(name, images, labels)| SceneFiles {
                name: (*name).into(),
                images: images.iter().map(path).collect(),
                labels: labels.as_ref().map(path),
                role: None,
            })
            .collect();
        assert_eq!(found(folder.path(), text).unwrap(), wanted);
    }

    #[track_caller]
    fn check_refused(names: &[&str], text: &str, wanted: &str) {
        let folder = folder(names);
        let error = found(folder.path(), text).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }

    #[test]
    fn the_text_of_the_star_pairs_layers_and_labels() {
        check(
            &[
                "i/b_1.tif",
                "i/b_2.tif",
                "i/a_1.tif",
                "i/a_2.tif",
                "i/a_1.tif.aux.xml",
                "i/._b_1.tif",
                "l/a/map.tif",
                "l/b/map.tif",
                "l/c/other.tif",
            ],
            "[[scene]]\nimages = [\"i/*_1.tif\", \"i/*_2.tif\"]\nlabels = \"l/*/map.tif\"",
            &[
                ("a", &["i/a_1.tif", "i/a_2.tif"], Some("l/a/map.tif")),
                ("b", &["i/b_1.tif", "i/b_2.tif"], Some("l/b/map.tif")),
            ],
        );
    }

    /// Run files are read with the full path of their folder before every path.
    #[test]
    fn full_paths_are_matched_as_relative_ones() {
        let folder = folder(&["i/a_1.tif", "i/b_1.tif", "l/a/map.tif", "l/b/map.tif"]);
        let text = "[[scene]]\nimages = \"i/*_1.tif\"\nlabels = \"l/*/map.tif\"";
        let mut config: DataConfig = toml::from_str(text).unwrap();
        let full = fs::canonicalize(folder.path()).unwrap();
        config.resolve_paths(&full);
        assert_eq!(scene_files(&config, Path::new("")).unwrap(), found(&full, text).unwrap());
    }

    #[test]
    fn paths_are_split_at_the_separators_of_the_system() {
        let windows = |c| c == '/' || c == '\\';
        let before = |path| split_after_last(path, windows);
        assert_eq!(before("\\\\?\\C:\\data\\i\\b_"), ("\\\\?\\C:\\data\\i\\", "b_"));
        assert_eq!(before("C:\\"), ("C:\\", ""));
        assert_eq!(before("i/b_"), ("i/", "b_"));
        assert_eq!(before("b_"), ("", "b_"));
        assert_eq!(split_before_first("\\x\\map.tif", windows), ("", Some("x\\map.tif")));
        assert_eq!(split_before_first("_1.tif", windows), ("_1.tif", None));
        assert_eq!(split_after_last("/a", is_separator), ("/", "a"));
    }

    #[test]
    fn every_scene_gets_a_name_of_its_own() {
        check(
            &[],
            "[[scene]]\nimages = \"x/a.tif\"\n[[scene]]\nimages = \"y/a.tif\"\nlabels = \"l.tif\"",
            &[("a", &["x/a.tif"], None), ("a-2", &["y/a.tif"], Some("l.tif"))],
        );
    }

    #[test]
    fn leftovers_are_listed() {
        let names = ["i/a.tif", "i/b.tif", "i/c.tif", "l/a.tif"];
        let text = "[[scene]]\nimages = \"i/*.tif\"\nlabels = \"l/*.tif\"";
        check_refused(&names, text, "`data.scene` = l/*.tif: matches no file for b, c, which");
        let names = ["i/a.tif", "l/a.tif", "l/b.tif"];
        check_refused(&names, text, "`data.scene` = i/*.tif: matches no file for b, which");
    }

    #[test]
    fn what_cannot_be_paired_is_refused() {
        let check = |text, wanted| check_refused(&["i/a.tif"], text, wanted);
        check("", "wanted at least one `[[data.scene]]`");
        check("[[scene]]\nimages = []", "wanted at least one path");
        check("[[scene]]\nimages = \"i/*.img\"", "= i/*.img: matches no file in");
        check("[[scene]]\nimages = \"*/*.tif\"", "wanted at most one `*`");
        check("[[scene]]\nimages = \"j/*.tif\"", "cannot list");
        check(
            "[[scene]]\nimages = \"i/*.tif\"\nlabels = \"l.tif\"",
            "= l.tif: wanted a `*` in every",
        );
        check("[[scene]]\nimages = \"a\"\n[[scene]]\nimages = \"a\"", "occurs twice");
    }
}
