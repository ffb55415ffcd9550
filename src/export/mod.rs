//! Export: what a paper's supplement needs of a run, in one folder or archive.

mod splits;

mod layers;

mod card;

mod card_data;

mod card_text;

mod package;

mod zip;

mod write;

pub use package::{Package, PackedFile};
pub use splits::splits_geojson;
pub use write::{check_target, write_folder, write_zip};
pub use zip::stored_zip;
