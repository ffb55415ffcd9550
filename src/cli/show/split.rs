//! `swath show split`: which blocks are trained, validated and tested on.

use serde_json::json;

use super::{Common, Shown};
use crate::{
    Result,
    report::{DisplayBands, MAX_SCENES, SceneView, draw_split},
    run::SceneBlocks,
};

/// Draw the blocks of the split over each scene; of many, over the first ones
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let (_, data) = args.common.open()?;
    let draw = |file: &_| {
        let display = DisplayBands::of(&data);
        let scenes = data.scenes.iter().zip(&data.splits).take(MAX_SCENES);
        let views = scenes.map(|(scene, split)| SceneView::of(scene, split, &display));
        draw_split(&views.collect::<Result<Vec<_>>>()?, data.splits.len(), file)
    };
    let json = json!({
        "version": 1,
        "classes": data.classes(),
        "scenes": SceneBlocks::of(&data),
        "split": data.summary,
    });
    let text = data.summary.text(data.classes());
    args.common.show("show_split.png", &Shown { text, json, draw: &draw })
}
