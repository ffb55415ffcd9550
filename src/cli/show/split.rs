//! `swath show split`: which blocks are trained, validated and tested on.

use serde_json::json;

use super::{Common, Shown};
use crate::{
    Result,
    report::{DisplayBands, SceneView, draw_split},
    run::SceneBlocks,
};

/// Draw the blocks of the split over each scene
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let (_, data) = args.common.open()?;
    let draw = |file: &_| {
        let display = DisplayBands::of(&data);
        let scenes = data.scenes.iter().zip(&data.splits);
        let views = scenes.map(|(scene, split)| SceneView::of(scene, split, &display));
        draw_split(&views.collect::<Result<Vec<_>>>()?, file)
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
