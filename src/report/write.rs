//! Writes a report into a run folder.

use std::{collections::BTreeSet, fs, path::Path};

use super::{ReportData, figures::Figures, page::page};
use crate::{
    error::{Error, Result},
    raster::write_atomically,
};

/// Writes `report.html` and the plots as SVG and PNG into `plots/` below `folder`.
///
/// Folders are made where they are missing; files of the same names are replaced, the page last.
/// Pictures of an earlier report that this one lacks are removed from `plots/`.
/// The page holds all its pictures and asks the network for nothing. The same data give the same
/// bytes.
///
/// # Errors
///
/// [`Error::Io`] if a folder or file cannot be written, or an old picture not be removed.
///
/// # Panics
///
/// If metrics or class counts have other numbers of classes than `data.classes`.
pub fn write(data: &ReportData, folder: &Path) -> Result<()> {
    for split in &data.splits {
        let n_classes = split.metrics.classes.len();
        assert_eq!(n_classes, data.classes.len(), "classes of split {}", split.name);
    }
    for it in &data.roles {
        assert_eq!(it.class_counts.len(), data.classes.len(), "class counts of {}", it.role);
    }
    let plots = folder.join("plots");
    fs::create_dir_all(&plots).map_err(Error::io("create the folder", &plots))?;
    let figures = Figures::new(data);
    let mut names = BTreeSet::new();
    for figure in figures.iter() {
        let svg = figure.drawing.to_svg(&figure.title);
        let files = [("svg", svg.into_bytes()), ("png", figure.drawing.to_png())];
        for (extension, bytes) in files {
            let name = format!("{}.{extension}", figure.stem);
            write_atomically(&plots.join(&name), &bytes)?;
            names.insert(name);
        }
    }
    remove_stale(&plots, &names)?;
    write_atomically(&folder.join("report.html"), page(data, &figures).as_bytes())
}

/// Removes pictures that an earlier report left and this one lacks; other files stay.
fn remove_stale(plots: &Path, names: &BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(plots).map_err(Error::io("read the folder", plots))? {
        let path = entry.map_err(Error::io("read the folder", plots))?.path();
        let Some(name) = path.file_name().and_then(|it| it.to_str()) else { continue };
        let stem = name.strip_suffix(".svg").or_else(|| name.strip_suffix(".png"));
        if stem.is_some_and(Figures::is_stem) && !names.contains(name) {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up::{LONG_NAMES, made_up};

    #[track_caller]
    fn written(data: &ReportData) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        write(data, folder.path()).unwrap();
        let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
        (folder, page)
    }

    #[test]
    fn every_plot_is_written_twice_and_nothing_else() {
        let (folder, _) = written(&made_up(&["water", "forest", "town"]));
        let mut names: Vec<_> = fs::read_dir(folder.path().join("plots"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let stems = [
            "class_balance",
            "class_bars_test",
            "class_bars_validation",
            "confusion_test",
            "confusion_validation",
            "panel_1",
            "panel_2",
            "split_1",
            "training_curves",
        ];
        let wanted: Vec<_> =
            stems.iter().flat_map(|stem| [format!("{stem}.png"), format!("{stem}.svg")]).collect();
        assert_eq!(names, wanted);
    }

    #[test]
    fn old_pictures_go_and_other_files_stay() {
        let mut data = made_up(&["water", "forest"]);
        let (folder, _) = written(&data);
        let plots = folder.path().join("plots");
        fs::write(plots.join("panel_of_mine.png"), "").unwrap();
        data.panels.truncate(1);
        data.splits.truncate(1);
        write(&data, folder.path()).unwrap();
        for (name, is_kept) in [
            ("panel_1.png", true),
            ("panel_2.png", false),
            ("panel_2.svg", false),
            ("panel_of_mine.png", true),
            ("confusion_test.svg", true),
            ("confusion_validation.svg", false),
            ("class_bars_validation.png", false),
        ] {
            assert_eq!(plots.join(name).exists(), is_kept, "{name}");
        }
    }

    #[test]
    fn the_page_needs_nothing_else() {
        let (_folder, page) = written(&made_up(&LONG_NAMES));
        for forbidden in ["<script", "<link", "src=\"http", "href=\"http", "url(", "@import"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn names_cannot_break_out_of_the_page() {
        let evil = "<img src=x onerror=alert(1)>\"'&";
        let mut data = made_up(&["water", evil]);
        data.title = evil.into();
        data.settings = evil.into();
        data.scenes[0].name = evil.into();
        data.panels[0].title = evil.into();
        let (folder, page) = written(&data);
        assert!(!page.contains("<img src=x"));
        let svg = fs::read_to_string(folder.path().join("plots/class_bars_test.svg")).unwrap();
        assert!(!svg.contains("<img"));
    }

    #[test]
    fn every_element_that_is_opened_is_closed() {
        let (_folder, page) = written(&made_up(&LONG_NAMES));
        let mut open: Vec<&str> = Vec::new();
        for tag in page.split('<').skip(1).map(|it| it.split('>').next().unwrap()) {
            let name = tag.split([' ', '\n']).next().unwrap();
            let is_void = ["!DOCTYPE", "meta", "img", "!--"].contains(&name) || tag.ends_with('/');
            match name.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name)),
                None if !is_void => open.push(name),
                None => {}
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn every_picture_says_what_it_shows() {
        let (_folder, page) = written(&made_up(&["water", "forest"]));
        let n = |what: &str| page.matches(what).count();
        assert_eq!((n("<img "), n(" alt=\"")), (8, 8));
        assert_eq!(n("<svg "), n("role=\"img\" aria-label=\""));
        assert!(n("<svg ") > 5);
    }

    #[test]
    fn many_scenes_are_not_all_inside_the_page() {
        let mut data = made_up(&["water", "forest"]);
        data.scenes[0].overview = image::RgbImage::new(26, 20);
        data.scenes = vec![data.scenes[0].clone(); 8];
        data.n_scenes = 1250;
        let (folder, page) = written(&data);
        assert_eq!(page.matches("Blocks of the split in ").count(), 2 * 6); // Label and caption.
        assert!(page.contains("The blocks of 2 more scenes"));
        assert!(page.contains(">1\u{202f}242 more scenes are not shown"));
        assert!(folder.path().join("plots/split_8.png").exists());
    }

    #[test]
    fn a_run_with_nothing_measured_yet_has_a_page() {
        let mut data = made_up(&["water", "forest"]);
        data.splits.clear();
        data.panels.clear();
        data.scenes.clear();
        data.roles.clear();
        data.epochs.clear();
        data.steps.clear();
        data.timings.clear();
        data.bands.clear();
        let (folder, page) = written(&data);
        assert!(page.contains("id=\"settings\"") && !page.contains("id=\"training\""));
        assert_eq!(fs::read_dir(folder.path().join("plots")).unwrap().count(), 0);
    }

    #[test]
    fn the_same_data_give_the_same_bytes() {
        let data = made_up(&["water", "forest"]);
        assert_eq!(written(&data).1, written(&data).1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = write(&made_up(&["water", "forest"]), &file).unwrap_err().to_string();
        assert!(error.starts_with("cannot create the folder "), "{error}");
    }
}
