//! What a model costs: parameters, multiplications, memory of activations.

use std::collections::HashMap;

use burn::{
    module::{Module, ModuleVisitor, Param, ParamId},
    tensor::{Device, Tensor},
};
use serde::Serialize;

use super::{
    Features, ModelConfig, Network, Pass, Path,
    trace::{Ledger, Step},
};

/// Bytes of a value.
const VALUE_BYTES: u64 = 4;

/// A model at a size of image, layer by layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// Values that are trained.
    pub parameters: u64,
    /// Multiplications that are added up in a forward pass over one image.
    pub multiply_adds: u64,
    /// Bytes of what all layers make of one image: what a step of training keeps at once, roughly.
    pub activation_bytes: u64,
    /// Every layer, in the order in which images pass.
    pub layers: Vec<LayerRow>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerRow {
    /// Its place in the state dictionary; empty if it has no weights.
    pub name: String,
    /// What it does, such as `conv 3x3`.
    pub what: String,
    /// Channels that come out.
    pub channels: usize,
    /// Rows that come out.
    pub rows: usize,
    /// Columns that come out.
    pub cols: usize,
    /// Values that are trained, each counted where it is used first.
    pub parameters: u64,
    /// Multiplications that are added up.
    pub multiply_adds: u64,
}

impl ModelConfig {
    /// Describes the model for `n_bands` bands and `n_classes` classes with images of `size_px`,
    /// `[rows, cols]`. Nothing is computed, and no weight is made.
    ///
    /// Side branches, which only training has, are not in it, but their parameters count.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build), or if a size is 0.
    pub fn describe(
        &self,
        n_bands: usize,
        n_classes: usize,
        [rows, cols]: [usize; 2],
    ) -> Description {
        assert!(0 < rows && 0 < cols, "images of {rows} x {cols} pixels");
        let network = self.blank(n_bands, n_classes, &Device::flex());
        let images = [1, rows, cols, n_bands];
        let (layers, parameters) = planned(&network, images, Pass::Prediction);
        let n_values = |row: &LayerRow| (row.channels * row.rows * row.cols) as u64;
        Description {
            parameters,
            multiply_adds: layers.iter().map(|it| it.multiply_adds).sum::<u64>(),
            activation_bytes: layers.iter().map(n_values).sum::<u64>() * VALUE_BYTES,
            layers,
        }
    }
}

/// The layers through which images of this shape, `[batch, row, col, band]`, would pass, and how many
/// values are trained.
pub(super) fn planned(network: &Network, images: [usize; 4], pass: Pass) -> (Vec<LayerRow>, u64) {
    let ledger = Ledger::default();
    network.logits(Features::planned(images, ledger.clone()), pass);
    let mut owners = Owners::default();
    network.visit(&mut owners);
    let layers = ledger.steps().into_iter().map(|step| owners.row(step)).collect();
    (layers, owners.n_parameters)
}

/// The layer that has the parameter called `name`.
pub(super) fn layer_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(layer, _)| layer)
}

/// The layers by their weights.
#[derive(Default)]
struct Owners {
    path: Path,
    names: HashMap<ParamId, String>,
    /// Parameters of each layer that were not counted yet.
    left: HashMap<String, u64>,
    n_parameters: u64,
}

impl Owners {
    fn row(&mut self, step: Step) -> LayerRow {
        let Step { what, weight, shape: [_, rows, cols, channels], multiply_adds } = step;
        let name = weight.and_then(|it| self.names.get(&it).cloned()).unwrap_or_default();
        let parameters = self.left.remove(&name).unwrap_or(0);
        LayerRow { name, what, channels, rows, cols, parameters, multiply_adds }
    }
}

impl ModuleVisitor for Owners {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.path.is_buffer() {
            return;
        }
        let layer = layer_of(&self.path.name()).to_owned();
        let n_values = param.lazy_shape().num_elements() as u64;
        self.n_parameters += n_values;
        *self.left.entry(layer.clone()).or_default() += n_values;
        self.names.insert(param.id, layer);
    }
}
