//! Export: what a paper's supplement needs of a run, in one folder or archive.

mod splits;

mod layers;

mod card;

mod card_data;

mod card_text;

mod card_limits;

mod card_files;

mod package;

mod zip;

mod write;

pub use package::{Package, PackedFile, WhenAltered};
pub use splits::splits_geojson;
pub use write::{check_target, is_zip, write_folder, write_zip};
pub use zip::stored_zip;
