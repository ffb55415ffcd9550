//! `swath show augment`: what augmentations make of a chip.

use serde_json::json;

use super::{Common, Shown, chips::caption, epoch_index};
use crate::{
    Error,
    augment::Augmentation,
    chip::Chip,
    raster::Pixels,
    report::{ChipView, DisplayBands, draw_augmentations},
    train::Dataset,
};

/// Augmentations shown beside the chip as it is.
const N_SHOWN: u32 = 11;

/// Draw a training chip and some of its augmentations
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,

    /// Epoch of the chip; the first is 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    epoch: u32,

    /// Number of the chip in the epoch; the first is 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    chip: u32,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let (run_file, data) = args.common.open()?;
    let epoch = epoch_index(args.epoch, &run_file)?;
    let n_chips = data.sampler.n_chips();
    if !(1..=n_chips).contains(&args.chip) {
        let rule = format!("must lie in 1..={n_chips}, the chips of an epoch");
        return Err(Error::config("--chip", args.chip, rule).into());
    }
    let (at, sample) = data.training_sample(epoch, args.chip - 1)?;
    let chip = Chip::from_sample(&sample, &data.normalisation);
    let drawn = draws(&data, epoch, args.chip - 1);
    let place = caption(args.chip, data.scenes.scene(at.scene).name(), at.window);

    let draw = |file: &_| {
        let display = DisplayBands::of(&data).normalised(&data.normalisation);
        let view = |augmentation: &Augmentation| {
            let mut chip = chip.clone();
            augmentation.apply(&mut chip);
            let (pixels, labels) = parts(chip);
            ChipView::new(augmentation.to_string(), &pixels, &labels, &display, data.classes())
        };
        let mut views = vec![view(&Augmentation::NONE)];
        views[0].caption = "as it is read".to_owned();
        views.extend(drawn.iter().map(view));
        let about = format!(
            "Chip {place}, and augmentations as an epoch draws them; {}",
            display.caption_of(&data)
        );
        draw_augmentations(&views, &about, data.classes(), file)
    };
    let mut text = format!("chip {place}\n");
    for (index, augmentation) in drawn.iter().enumerate() {
        text += &format!("{:>2}  {augmentation}\n", index + 1);
    }
    let json = json!({
        "version": 1,
        "epoch": args.epoch,
        "chip": args.chip,
        "scene": data.scenes.scene(at.scene).name(),
        "window": at.window,
        "augmentations": drawn,
    });
    args.common.show("show_augment.png", &Shown { text, json, draw: &draw })
}

/// What is drawn for this chip and those after it.
fn draws(data: &Dataset, epoch: u32, chip: u32) -> Vec<Augmentation> {
    (0..N_SHOWN).map(|more| data.augmentation(epoch, chip.saturating_add(more))).collect()
}

/// Values, with their mask, and labels.
fn parts(chip: Chip) -> (Pixels, Vec<u8>) {
    let Chip { n_bands, size_px, values, labels, valid, .. } = chip;
    (Pixels { n_bands, rows: size_px, cols: size_px, values, valid }, labels)
}
