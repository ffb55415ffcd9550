//! What the page of a study shows, as plain data.

use crate::report::Fact;

/// Everything that [`write_study`](super::write_study) draws.
#[derive(Clone, Debug)]
pub struct StudyView {
    /// Name of the study.
    pub title: String,
    /// A few facts for the head of the page: base, seeds, runs.
    pub summary: Vec<Fact>,
    /// How the figures were made, one sentence each.
    pub notes: Vec<String>,
    /// A forest and a table for each figure, in the order of the page.
    pub figures: Vec<(Forest, StudyTable)>,
    /// All figures of the base where nothing is compared with it.
    pub every_figure: Option<StudyTable>,
    /// Time and memory of each variant.
    pub costs: StudyTable,
    /// Every finished run.
    pub runs: StudyTable,
    /// What each variant changes.
    pub changes: StudyTable,
    /// The run file of the base with every default, TOML.
    pub settings: String,
}

/// Means with their intervals, one below the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    /// What is shown, such as `mean IoU`.
    pub title: String,
    /// What the axis shows, with the direction that is better.
    pub axis_label: String,
    /// Whether values are differences: then a line marks 0.
    pub is_difference: bool,
    /// From top to bottom.
    pub rows: Vec<ForestRow>,
}

/// A mean with its interval.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestRow {
    /// Name of the variant.
    pub name: String,
    /// The value of each seed.
    pub points: Vec<f64>,
    /// Their mean; NaN of none.
    pub mean: f64,
    /// Ends of its interval; NaN of fewer than two values.
    pub interval: [f64; 2],
    /// The same in figures.
    pub label: String,
}

/// A table of texts.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyTable {
    /// What it shows.
    pub caption: String,
    /// Heads of the columns, and whether they hold numbers.
    pub columns: Vec<(String, bool)>,
    /// From top to bottom.
    pub rows: Vec<StudyRow>,
}

/// A row of a table: as many cells as there are columns.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyRow {
    /// The cells.
    pub cells: Vec<String>,
    /// A file that the first cell leads to, relative to the page.
    pub link: Option<String>,
}
