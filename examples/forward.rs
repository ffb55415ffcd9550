//! The logits of a network with the weights of a file.
//!
//! ```text
//! cargo run --release --example forward -- MODEL WEIGHTS IMAGES LOGITS
//! ```
//!
//! MODEL is the `[model]` table of a run file as one text, such as `encoder = "resnet18"`. WEIGHTS is
//! any file that `swath weights inspect` reads; it must hold every tensor of the network, and no
//! others. IMAGES is a safetensors file with the tensor `images`, `[batch, band, row, col]` in F32;
//! LOGITS will be one with `logits`, `[batch, class, row, col]`. The number of classes is that of the
//! weights.

use std::{env, error::Error, fs, path::Path};

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use swath::{
    model::{ModelConfig, Segmenter},
    weights::{
        Entry, Loading, StateDict, Values, WeightFile, load_file, read_safetensors,
        write_safetensors,
    },
};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [model, weights, images, logits] = &args[..] else {
        return Err("wanted MODEL WEIGHTS IMAGES LOGITS".into());
    };
    let model: ModelConfig = toml::from_str(model)?;
    model.check()?;
    let (shape, values) = read_images(images)?;
    let file = WeightFile::read(Path::new(weights))?;
    let head = file.tensors().iter().find(|it| it.name == "segmentation_head.0.bias");
    let n_classes = head.ok_or("the weights have no segmentation head")?.shape[0];

    let device = Device::flex();
    let network = model.blank(shape[1], n_classes, &device);
    let (network, report) = load_file(network, &file, Loading::Strict)?;
    for note in report.notes {
        println!("note: {note}");
    }
    let images: Tensor<4> = Tensor::from_data(TensorData::new(values, shape), &device);
    let output = network.valid().forward(images).main;
    write_logits(logits, output)
}

/// Shape and values of the tensor `images`.
fn read_images(path: &str) -> Result<([usize; 4], Vec<f32>), Box<dyn Error>> {
    let state = read_safetensors(&fs::read(path)?)?.state;
    let Some(Entry { shape, values: Values::F32(values), .. }) = state.find("images") else {
        return Err(format!("{path} has no tensor `images` of F32").into());
    };
    let shape = shape.as_slice().try_into().map_err(|_| "images must have four axes")?;
    Ok((shape, values.clone()))
}

fn write_logits(path: &str, logits: Tensor<4>) -> Result<(), Box<dyn Error>> {
    let shape = logits.dims().to_vec();
    let values = Values::F32(logits.into_data().iter().collect());
    let entry = Entry { name: "logits".to_owned(), shape, values };
    let bytes = write_safetensors(&StateDict { entries: vec![entry] }, &Default::default());
    Ok(fs::write(path, bytes)?)
}
