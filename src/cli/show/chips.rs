//! `swath show chips`: what an epoch trains on.

use serde::Serialize;
use serde_json::json;

use super::{Common, Shown, epoch_index};
use crate::{
    Result,
    chip::{Chip, PoolSummary},
    label::{Classes, count_labels},
    raster::Window,
    report::{ChipView, DisplayBands, draw_chips},
    scene::{Role, Sample},
    train::{Dataset, Merged},
};

/// Draw training chips of an epoch, before they are augmented
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,

    /// Epoch to show; the first is 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    epoch: u32,

    /// Chips to draw
    #[arg(long, value_name = "N", default_value_t = 12,
          value_parser = clap::value_parser!(u32).range(1..=300))]
    count: u32,
}

/// A chip of the epoch.
#[derive(Debug, PartialEq, Serialize)]
struct EpochChip {
    /// Number in the epoch; the first is 1.
    chip: u32,
    /// Name of the scene.
    scene: String,
    /// Pixels of the chip.
    window: Window,
    /// Labelled pixels of each class, with what is merged into it from other chips.
    class_counts: Vec<u64>,
    /// Pixels without data, hidden ones among them.
    masked_px: usize,
    #[serde(flatten)]
    merged: Merged,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let (run_file, data) = args.common.open()?;
    let epoch = epoch_index(args.epoch, &run_file)?;
    let n_chips = data.sampler.n_chips();
    let chips: Vec<EpochChip> =
        (0..n_chips).map(|index| epoch_chip(&data, epoch, index)).collect::<Result<_>>()?;
    let blocks = data.summary.roles.iter().find(|it| it.role == Role::Train);
    let before = blocks.map_or(Vec::new(), |it| it.class_counts.clone());
    let after = sums(&chips, data.classes().len());

    let n_shown = args.count.min(n_chips);
    let draw = |file: &_| {
        let display = DisplayBands::of(&data);
        let views = (0..n_shown).map(|index| {
            let (at, sample) = data.training_sample(epoch, index)?;
            let Sample { pixels, labels } = &sample;
            let caption = caption(index + 1, data.scenes.scene(at.scene).name(), at.window);
            Ok(ChipView::new(caption, pixels, labels, &display, data.classes()))
        });
        let about = format!(
            "Chips 1 to {n_shown} of {n_chips} of epoch {}, {} px: image and labels as read, before \
             merging and augmentation; {}",
            args.epoch,
            data.chip_px,
            display.caption_of(&data)
        );
        draw_chips(&views.collect::<Result<Vec<_>>>()?, &about, data.classes(), file)
    };
    let shown = &chips[..n_shown as usize];
    let text = format!(
        "{}\n{}",
        chips_text(shown, data.chip_px),
        shares_text(args.epoch, data.classes(), &before, &after)
            + &pool_text(&data, epoch)
            + &merged_text(&chips)
    );
    let json = json!({
        "version": 1,
        "epoch": args.epoch,
        "chip_px": data.chip_px,
        "classes": data.classes(),
        "class_counts": { "training_blocks": before, "epoch": after },
        "sampling": data.sampler.sampling(),
        "pool": data.sampler.pool(),
        "pool_coverage": data.sampler.pool_coverage(epoch + 1),
        "chips": chips,
    });
    args.common.show("show_chips.png", &Shown { text, json, draw: &draw })
}

/// Where a chip lies, for captions.
pub(super) fn caption(number: u32, scene: &str, window: Window) -> String {
    format!("{number}: {scene}, row {}, column {}", window.row, window.col)
}

fn epoch_chip(data: &Dataset, epoch: u32, index: u32) -> Result<EpochChip> {
    let (at, sample) = data.training_sample(epoch, index)?;
    let mut chip = Chip::from_sample(&sample, &data.normalisation);
    let merged = data.merge(epoch, index, 1.0, &mut chip)?;
    let mut class_counts = vec![0; data.classes().len()];
    count_labels(&chip.labels, &mut class_counts);
    Ok(EpochChip {
        chip: index + 1,
        scene: data.scenes.scene(at.scene).name().to_owned(),
        window: at.window,
        class_counts,
        masked_px: chip.valid.iter().filter(|valid| !**valid).count(),
        merged,
    })
}

/// Labelled pixels of each class in all chips.
fn sums(chips: &[EpochChip], n_classes: usize) -> Vec<u64> {
    (0..n_classes).map(|class| chips.iter().map(|it| it.class_counts[class]).sum()).collect()
}

/// A line for each chip, at most 80 columns wide.
fn chips_text(chips: &[EpochChip], chip_px: u32) -> String {
    let mut text =
        " chip  scene                            row  column  labelled    masked\n".to_owned();
    let n_pixels = f64::from(chip_px).powi(2);
    for chip in chips {
        let scene: String = chip.scene.chars().take(26).collect();
        let labelled = 100.0 * chip.class_counts.iter().sum::<u64>() as f64 / n_pixels;
        let masked = 100.0 * chip.masked_px as f64 / n_pixels;
        text += &format!(
            "{:>5}  {scene:<26}{:>10}{:>8}{labelled:>8.1} %{masked:>8.1} %\n",
            chip.chip, chip.window.row, chip.window.col
        );
    }
    text
}

/// The pool that windows come from, if there is one.
fn pool_text(data: &Dataset, epoch: u32) -> String {
    let Some(PoolSummary { n_windows, n_background, n_listed }) = data.sampler.pool() else {
        return String::new();
    };
    let background = n_background.map_or(String::new(), |n| format!(", {n} of them background"));
    let listed = n_listed.map_or(String::new(), |n| format!(", lists of {n}"));
    let coverage = 100.0 * data.sampler.pool_coverage(epoch + 1).unwrap_or(0.0);
    format!(
        "pool of {n_windows} windows{background}{listed}; {coverage:.1} % drawn up to epoch {}\n",
        epoch + 1
    )
}

/// What chips got from other chips.
fn merged_text(chips: &[EpochChip]) -> String {
    let line = |what: &str, of: fn(&Merged) -> usize| {
        let n_chips = chips.iter().filter(|it| 0 < of(&it.merged)).count();
        let n_pixels: usize = chips.iter().map(|it| of(&it.merged)).sum();
        match n_pixels {
            0 => String::new(),
            _ => format!("{what}: {n_pixels} pixels of other chips in {n_chips} chips\n"),
        }
    };
    line("ClassMix", |it| it.class_mix_px) + &line("copy-paste", |it| it.copy_paste_px)
}

/// Shares of the classes in the training blocks and in the chips, at most 80 columns wide.
fn shares_text(epoch: u32, classes: &Classes, before: &[u64], after: &[u64]) -> String {
    let share = |counts: &[u64], class: usize| match counts.iter().sum::<u64>() {
        0 => "-".to_owned(),
        sum => format!("{:.1} %", 100.0 * counts[class] as f64 / sum as f64),
    };
    let epoch = format!("epoch {epoch}");
    let mut text = format!("{:<30}{:>16}{epoch:>14}\n", "", "training blocks");
    let [blocks, chips] = [before, after].map(|it| it.iter().sum::<u64>());
    text += &format!("{:<30}{blocks:>16}{chips:>14}\n", "labelled pixels");
    for (index, class) in classes.iter().enumerate() {
        let name: String = class.name.chars().take(30).collect();
        let (before, after) = (share(before, index), share(after, index));
        text += &format!("{name:<30}{before:>16}{after:>14}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::{Class, Color};

    fn chip(class_counts: [u64; 2], masked_px: usize) -> EpochChip {
        let window = Window::square(3, 5, 4);
        let scene = "a scene with a name that is longer than its column".to_owned();
        let (class_counts, merged) = (class_counts.into(), Merged::default());
        EpochChip { chip: 1, scene, window, class_counts, masked_px, merged }
    }

    #[test]
    fn shares_before_and_after_stand_beside_each_other() {
        let class = |code, name: &str| Class { code, name: name.into(), color: Color([0; 3]) };
        let classes = Classes::new(vec![class(1, "water"), class(2, "forest")]).unwrap();
        let chips = [chip([1, 2], 0), chip([3, 2], 0)];
        let text = shares_text(7, &classes, &[10, 30], &sums(&chips, 2));
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = text.lines().map(words).collect();
        let wanted = [
            "training blocks epoch 7",
            "labelled pixels 40 8",
            "water 25.0 % 50.0 %",
            "forest 75.0 % 50.0 %",
        ];
        assert_eq!(lines, wanted);
    }

    // 4 x 4 px, 8 of them labelled, 4 masked.
    #[test]
    fn a_chip_is_a_line_of_80_columns() {
        let text = chips_text(&[chip([2, 6], 4)], 4);
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(text.ends_with("       3       5    50.0 %    25.0 %\n"), "{text}");
    }
}
