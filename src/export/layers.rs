//! `layers.csv`: every layer of the network.

use crate::{
    model::{Description, LayerRow},
    run::Run,
};

/// The network of a run at the size of its chips.
pub(super) fn describe(run: &Run) -> Description {
    let (data, side) = (&run.data, run.data.chip_px as usize);
    run.run_file.model.describe(data.bands().len(), data.classes().len(), [side, side])
}

/// A row for each layer, in the order in which images pass: name in the state dictionary, what it
/// does, channels, rows and columns that come out, trained parameters, and multiplications that are
/// added up for one chip.
pub(super) fn layers_csv(description: &Description) -> String {
    let mut text = String::from("name,what,channels,rows,cols,parameters,multiply_adds\n");
    for LayerRow { name, what, channels, rows, cols, parameters, multiply_adds } in
        &description.layers
    {
        let what = what.replace(',', " ");
        text += &format!("{name},{what},{channels},{rows},{cols},{parameters},{multiply_adds}\n");
    }
    text
}
