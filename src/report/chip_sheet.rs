//! Chips on a contact sheet: image and labels side by side.

use image::RgbImage;

use super::{
    DisplayBands, PictureFile, class_picture, composite,
    drawing::{Area, Drawing, Paint, Text},
    legend::{draw_legend, legend_height},
    text::wrap,
};
use crate::{error::Result, label::Classes, raster::Pixels};

pub(super) const WIDTH: f64 = 1040.0;
pub(super) const GAP: f64 = 16.0;
const N_COLUMNS: usize = 3;

/// Lines of a caption.
const N_LINES: usize = 2;

/// A chip as it is drawn.
#[derive(Clone, Debug)]
pub struct ChipView {
    /// What is written beside it.
    pub caption: String,
    /// Its pixels; hatched where there is no data.
    pub image: RgbImage,
    /// Its labels in the colours of the classes; hatched where there is none.
    pub labels: RgbImage,
}

impl ChipView {
    /// Looks at pixels with their labels, `[row, col]`.
    ///
    /// # Panics
    ///
    /// If there is not one label a pixel.
    pub fn new(
        caption: String,
        pixels: &Pixels,
        labels: &[u8],
        display: &DisplayBands,
        classes: &Classes,
    ) -> Self {
        let labels = class_picture(labels, [pixels.rows, pixels.cols], classes);
        Self { caption, image: composite(pixels, display), labels }
    }
}

/// Draws chips, image and labels side by side, with the legend; `about` says what they are.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) if the file cannot be written.
pub fn draw_chips(
    chips: &[ChipView],
    about: &str,
    classes: &Classes,
    file: &PictureFile,
) -> Result<()> {
    file.write(&chip_sheet(chips, about, classes), about)
}

fn chip_sheet(chips: &[ChipView], about: &str, classes: &Classes) -> Drawing {
    let column = (WIDTH - GAP) / N_COLUMNS as f64;
    let side = (column - GAP - 4.0) / 2.0;
    let captions: Vec<_> =
        chips.iter().map(|it| wrap(&it.caption, 11, column - GAP, N_LINES)).collect();
    let n_lines = captions.iter().map(Vec::len).max().unwrap_or(0);
    let row = 15.0 * n_lines as f64 + side + GAP;
    let height = row * chips.len().div_ceil(N_COLUMNS) as f64;
    let (mut drawing, top) = sheet(height, about, classes);
    for (index, (chip, caption)) in chips.iter().zip(captions).enumerate() {
        let left = GAP + column * (index % N_COLUMNS) as f64;
        let mut y = top + row * (index / N_COLUMNS) as f64;
        for line in caption {
            drawing.text(left, y + 11.0, Text::new(line, 11));
            y += 15.0;
        }
        let area = Area { left, top: y + 2.0, width: side, height: side };
        draw_picture(&mut drawing, area, &chip.image);
        draw_picture(&mut drawing, Area { left: left + side + 4.0, ..area }, &chip.labels);
    }
    drawing
}

/// A sheet with its head and legend, and where `height` of free space between them begins.
pub(super) fn sheet(height: f64, about: &str, classes: &Classes) -> (Drawing, f64) {
    let lines = wrap(about, 13, WIDTH - 2.0 * GAP, 2);
    let top = 12.0 + 19.0 * lines.len() as f64;
    let area = Area {
        left: GAP,
        top: top + height + 4.0,
        width: WIDTH - 2.0 * GAP,
        height: legend_height(classes, 0),
    };
    let mut drawing = Drawing::new(WIDTH, area.bottom() + 4.0);
    for (index, line) in lines.into_iter().enumerate() {
        drawing.text(GAP, 20.0 + 19.0 * index as f64, Text::new(line, 13).bold());
    }
    draw_legend(&mut drawing, area, classes, &[]);
    (drawing, top)
}

/// A picture in a frame.
pub(super) fn draw_picture(drawing: &mut Drawing, area: Area, picture: &RgbImage) {
    drawing.picture(area, picture);
    let Area { left, top, width, height } = area;
    let around =
        Area { left: left - 1.0, top: top - 1.0, width: width + 2.0, height: height + 2.0 };
    drawing.frame(around, Paint::Rule, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        label::{Class, Color, IGNORE},
        report::DisplayBands,
    };

    fn classes() -> Classes {
        let class = |code, name: &str| Class {
            code,
            name: name.to_owned(),
            color: Color([0, 0, 100 * code as u8]),
        };
        Classes::new(vec![class(1, "water"), class(2, "forest")]).unwrap()
    }

    #[test]
    fn image_and_labels_of_a_chip_are_hatched_where_hidden() {
        let values = vec![0.0, 10.0, f32::NAN, 5.0];
        let valid = vec![true, true, false, true];
        let pixels = Pixels { n_bands: 1, rows: 2, cols: 2, values, valid };
        let display = DisplayBands { bands: [0; 3], limits: [[0.0, 10.0]; 3] };
        let labels = [0, 1, IGNORE, IGNORE];
        let chip = ChipView::new(String::new(), &pixels, &labels, &display, &classes());
        let hatch = |row, col| super::super::panel::hatching(row, col).0;
        let colors = |it: &RgbImage| it.pixels().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(colors(&chip.image), [[0; 3], [255; 3], hatch(1, 0), [128; 3]]);
        assert_eq!(colors(&chip.labels), [[0, 0, 100], [0, 0, 200], hatch(1, 0), hatch(1, 1)]);
    }

    #[test]
    fn every_chip_is_drawn_with_its_caption_and_the_classes_are_named() {
        let picture = RgbImage::new(2, 2);
        let chips: Vec<_> = (0..4)
            .map(|index| ChipView {
                caption: format!("chip-{index}"),
                image: picture.clone(),
                labels: picture.clone(),
            })
            .collect();
        let svg = chip_sheet(&chips, "four chips", &classes()).to_svg("");
        for text in ["four chips", "chip-0", "chip-3", "water", "forest", "no data or no label"] {
            assert!(svg.contains(&format!(">{text}<")), "{text} in {svg}");
        }
        assert_eq!(svg.matches("<image ").count(), 2 * 4 + 1);
    }
}
