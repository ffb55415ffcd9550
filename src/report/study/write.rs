//! Writes page and picture of a study.

use std::path::Path;

use super::{Forest, StudyView, forest::forests, page::page};
use crate::{error::Result, raster::write_atomically};

/// Writes `study.svg` and `study.png`, the forests of all figures, and then `study.html` into
/// `folder`, which is there. The same data give the same bytes.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) if a file cannot be written.
pub fn write_study(view: &StudyView, folder: &Path) -> Result<()> {
    let all: Vec<&Forest> = view.figures.iter().map(|it| &it.0).collect();
    let drawing = forests(&all);
    let title = format!("Means and intervals of the study {}", view.title);
    write_atomically(&folder.join("study.svg"), drawing.to_svg(&title).as_bytes())?;
    write_atomically(&folder.join("study.png"), &drawing.to_png())?;
    write_atomically(&folder.join("study.html"), page(view).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Fact, ForestRow, StudyRow, StudyTable};

    fn view(name: &str) -> StudyView {
        let forest = Forest {
            title: format!("IoU of {name}"),
            axis_label: "difference to base".to_owned(),
            is_difference: true,
            rows: vec![ForestRow {
                name: name.to_owned(),
                points: vec![0.1, 0.2],
                mean: 0.15,
                interval: [-0.4, 0.7],
                label: "+0.15".to_owned(),
            }],
        };
        let row = StudyRow { cells: vec![name.to_owned(), "1".to_owned()], link: None };
        let linked = StudyRow { link: Some("runs/a/report.html".to_owned()), ..row.clone() };
        let table = |row: &StudyRow| StudyTable {
            caption: name.to_owned(),
            columns: vec![("variant".to_owned(), false), ("n".to_owned(), true)],
            rows: vec![row.clone()],
        };
        StudyView {
            title: name.to_owned(),
            summary: vec![Fact::new("Base", name)],
            notes: vec![name.to_owned()],
            figures: vec![(forest, table(&row))],
            every_figure: None,
            costs: table(&row),
            runs: table(&linked),
            changes: table(&row),
            settings: name.to_owned(),
        }
    }

    #[test]
    fn page_and_picture_are_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let evil = "<img src=x>\"'&";
        write_study(&view(evil), folder.path()).unwrap();
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        assert!(read("study.png").starts_with(b"\x89PNG"));
        let page = String::from_utf8(read("study.html")).unwrap();
        assert!(page.contains("<a href=\"runs/a/report.html\">&lt;img"), "{page}");
        assert!(page.ends_with("</html>\n") && page.contains("<svg "));
        for text in [page, String::from_utf8(read("study.svg")).unwrap()] {
            assert!(!text.contains("<img"), "{text}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
