//! Writes a report into a run folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{ReportData, figures::Figures, page::page};
use crate::error::{Error, Result};

/// Writes `report.html` and the plots as SVG and PNG into `plots/` below `folder`.
///
/// Folders are made where they are missing; files of the same names are replaced, the page last.
/// The page holds all its pictures and asks the network for nothing. The same data give the same
/// bytes.
///
/// # Errors
///
/// [`Error::Io`] if a folder or file cannot be written.
///
/// # Panics
///
/// If metrics or class counts have other numbers of classes than `data.classes`.
pub fn write(data: &ReportData, folder: &Path) -> Result<()> {
    for split in &data.splits {
        let n_classes = split.metrics.classes.len();
        assert_eq!(n_classes, data.classes.len(), "classes of split {}", split.name);
    }
    for split in &data.class_counts {
        assert_eq!(split.counts.len(), data.classes.len(), "class counts of {}", split.split);
    }
    let plots = folder.join("plots");
    fs::create_dir_all(&plots).map_err(Error::io("create the folder", &plots))?;
    let figures = Figures::new(data);
    for figure in figures.iter() {
        let svg = figure.drawing.to_svg(&figure.title);
        write_file(&plots.join(format!("{}.svg", figure.stem)), svg.as_bytes())?;
        write_file(&plots.join(format!("{}.png", figure.stem)), &figure.drawing.to_png())?;
    }
    write_file(&folder.join("report.html"), page(data, &figures).as_bytes())
}

/// Under another name first, so that a killed run leaves no half a file.
fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    fs::write(&unfinished, bytes).map_err(Error::io("write", path))?;
    fs::rename(&unfinished, path).map_err(Error::io("write", path))
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
        let (folder, page) = written(&data);
        assert_eq!(page.matches("Blocks of the split in ").count(), 2 * 6); // Label and caption.
        assert!(page.contains("The blocks of 2 more scenes"));
        assert!(folder.path().join("plots/split_8.png").exists());
    }

    #[test]
    fn a_run_with_nothing_measured_yet_has_a_page() {
        let mut data = made_up(&["water", "forest"]);
        data.splits.clear();
        data.panels.clear();
        data.scenes.clear();
        data.class_counts.clear();
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
