//! Reproduce: whether a run that is done again is the same run.

mod again;

mod table;

mod weights;

mod figures;

mod reproduction;

mod text;

pub use again::train_again;
pub use figures::{FigureDifference, FiguresDifference};
pub use reproduction::{Difference, FilePair, Reproduction, TIME_COLUMNS};
pub use table::{ColumnDifference, RowDifference, TableDifference};
pub use text::reproduction_text;
pub use weights::WeightsDifference;

pub(crate) use again::check_done;

use table::Table;
