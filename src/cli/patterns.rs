//! Patterns of file names, for shells that do not expand them.

use std::path::PathBuf;

use anyhow::{Context, bail};

/// The files that `paths` name: a path with `*`, `?` or `[` that is no file itself stands for all
/// files that it matches, by name.
pub(super) fn expanded(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::with_capacity(paths.len());
    for path in paths {
        let text = path.to_string_lossy();
        if path.exists() || !text.contains(['*', '?', '[']) {
            found.push(path.clone());
            continue;
        }
        let matches = glob::glob(&text).with_context(|| format!("{text} is no pattern"))?;
        let before = found.len();
        for file in matches {
            let file = file?;
            if file.is_file() {
                found.push(file);
            }
        }
        if found.len() == before {
            bail!("{text} matches no file");
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_its_files_and_a_path_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["b1.tif", "a1.tif", "[x].tif", "a.txt"] {
            std::fs::write(path(name), b"").unwrap();
        }
        std::fs::create_dir(path("d1.tif")).unwrap();
        let check = |given: &str, wanted: &[&str]| {
            let wanted: Vec<_> = wanted.iter().map(|it| path(it)).collect();
            assert_eq!(expanded(&[path(given)]).unwrap(), wanted, "{given}");
        };
        check("?1.tif", &["a1.tif", "b1.tif"]);
        check("[x].tif", &["[x].tif"]);
        check("missing.tif", &["missing.tif"]);
        let error = expanded(&[path("*.jp2")]).unwrap_err().to_string();
        assert!(error.ends_with("*.jp2 matches no file"), "{error}");
    }
}
