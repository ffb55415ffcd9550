//! Augmentations of one chip: image above labels.

use super::{
    ChipView, PictureFile,
    chip_sheet::{GAP, WIDTH, draw_picture, sheet},
    drawing::{Area, Drawing, Paint, Text},
    text::wrap,
};
use crate::{error::Result, label::Classes};

const N_COLUMNS: usize = 6;

/// Lines of a caption.
const N_LINES: usize = 4;

/// Draws a chip and what augmentations make of it, image above labels; `about` says which.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) if the file cannot be written.
pub fn draw_augmentations(
    chips: &[ChipView],
    about: &str,
    classes: &Classes,
    file: &PictureFile,
) -> Result<()> {
    file.write(&augment_sheet(chips, about, classes), about)
}

fn augment_sheet(chips: &[ChipView], about: &str, classes: &Classes) -> Drawing {
    let column = (WIDTH - GAP) / N_COLUMNS as f64;
    let side = column - GAP;
    let captions: Vec<_> = chips.iter().map(|it| wrap(&it.caption, 11, side, N_LINES)).collect();
    let n_lines = captions.iter().map(Vec::len).max().unwrap_or(0);
    let row = 2.0 * side + 4.0 + 15.0 * n_lines as f64 + GAP;
    let height = row * chips.len().div_ceil(N_COLUMNS) as f64;
    let (mut drawing, top) = sheet(height, about, classes);
    for (index, (chip, caption)) in chips.iter().zip(captions).enumerate() {
        let left = GAP + column * (index % N_COLUMNS) as f64;
        let top = top + row * (index / N_COLUMNS) as f64;
        let area = Area { left, top, width: side, height: side };
        draw_picture(&mut drawing, area, &chip.image);
        let area = Area { top: top + side + 4.0, ..area };
        draw_picture(&mut drawing, area, &chip.labels);
        for (line, text) in caption.into_iter().enumerate() {
            let y = area.bottom() + 14.0 + 15.0 * line as f64;
            drawing.text(left, y, Text::new(text, 11).paint(Paint::Ink));
        }
    }
    drawing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up::made_up;

    #[test]
    fn every_augmentation_is_drawn_and_named() {
        let picture = image::RgbImage::new(2, 2);
        let captions = ["as drawn", "turn 90 degrees", "flip up-down"];
        let chips = captions.map(|caption| ChipView {
            caption: caption.to_owned(),
            image: picture.clone(),
            labels: picture.clone(),
        });
        let classes = made_up(&["water", "forest"]).classes;
        let svg = augment_sheet(&chips, "one chip", &classes).to_svg("");
        for text in captions.iter().chain(&["one chip", "water", "forest"]) {
            assert!(svg.contains(&format!(">{text}<")), "{text} in {svg}");
        }
        assert_eq!(svg.matches("<image ").count(), 2 * 3 + 1);
    }
}
