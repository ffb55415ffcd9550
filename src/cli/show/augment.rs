//! `swath show augment`: what augmentations make of a chip.

use serde_json::json;

use super::{Common, Shown, chips::caption, epoch_index};
use crate::{
    Error,
    augment::Augmentation,
    chip::Chip,
    raster::Pixels,
    report::{ChipView, DisplayBands, draw_augmentations},
    train::{Dataset, Merged},
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
    let as_read = Chip::from_sample(&sample, &data.normalisation);
    let mut chip = as_read.clone();
    let merged = data.merge(epoch, args.chip - 1, 1.0, &mut chip)?;
    let drawn = draws(&data, epoch, args.chip - 1);
    let place = caption(args.chip, data.scenes.scene(at.scene).name(), at.window);

    let draw = |file: &_| {
        let display = DisplayBands::of(&data).normalised(&data.normalisation);
        let shown = |caption: String, chip: Chip| {
            let (pixels, labels) = parts(chip);
            ChipView::new(caption, &pixels, &labels, &display, data.classes())
        };
        let view = |augmentation: &Augmentation| {
            let mut chip = chip.clone();
            augmentation.apply(&mut chip);
            shown(augmentation.to_string(), chip)
        };
        let mut views = vec![shown("as it is read".to_owned(), as_read.clone())];
        if merged != Merged::default() {
            views.push(shown(merged.to_string(), chip.clone()));
        }
        // Whole rows of pictures.
        views.extend(drawn.iter().map(view).take(N_SHOWN as usize + 1 - views.len()));
        let about = format!(
            "Chip {place}, and augmentations as an epoch draws them; {}",
            display.caption_of(&data)
        );
        draw_augmentations(&views, &about, data.classes(), file)
    };
    let mut text = format!("chip {place}\nfrom other chips: {merged}\n");
    for (index, augmentation) in drawn.iter().enumerate() {
        text += &format!("{:>2}  {augmentation}\n", index + 1);
    }
    let json = json!({
        "version": 1,
        "epoch": args.epoch,
        "chip": args.chip,
        "scene": data.scenes.scene(at.scene).name(),
        "window": at.window,
        "merged": merged,
        "augmentations": drawn,
    });
    args.common.show("show_augment.png", &Shown { text, json, draw: &draw })
}

/// What is drawn for this chip and those after it.
fn draws(data: &Dataset, epoch: u32, chip: u32) -> Vec<Augmentation> {
    (0..N_SHOWN).map(|more| data.augmentation(epoch, chip.saturating_add(more), 1.0)).collect()
}

/// Values, with their mask, and labels.
fn parts(chip: Chip) -> (Pixels, Vec<u8>) {
    let Chip { n_bands, size_px, values, labels, valid, .. } = chip;
    (Pixels { n_bands, rows: size_px, cols: size_px, values, valid }, labels)
}
