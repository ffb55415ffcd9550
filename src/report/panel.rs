//! Panels: pixels and classes as pictures.

use image::{Rgb, RgbImage};

use crate::{
    chip::Normalisation,
    label::{Classes, Color, IGNORE},
    raster::Pixels,
    train::Dataset,
};

/// Where the map is right. Lighter than [`WRONG`], so that the two differ without colour, too.
pub(super) const RIGHT: Color = Color([214, 226, 236]);

/// Where the map is wrong.
pub(super) const WRONG: Color = Color([190, 60, 10]);

/// The two greys of the hatching where there is no data or no label.
const HATCH: [Rgb<u8>; 2] = [Rgb([176, 176, 176]), Rgb([240, 240, 240])];

/// A block seen four ways: image, reference, map and errors.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Where it is: scene and pixels.
    pub title: String,
    /// What the colours of the image are, such as `bands 3, 2, 1 as red, green, blue`.
    pub bands: String,
    /// The image.
    pub image: RgbImage,
    /// Reference classes in their colours.
    pub reference: RgbImage,
    /// Mapped classes in their colours.
    pub map: RgbImage,
    /// Where the map is right, wrong, or has no reference.
    pub errors: RgbImage,
    /// Share of the referenced pixels that are right; NaN if there are none.
    pub overall_accuracy: f64,
}

/// Three bands shown as red, green and blue.
#[derive(Clone, Debug, PartialEq)]
pub struct DisplayBands {
    /// Indices of the bands.
    pub bands: [usize; 3],
    /// Lowest and highest value of each, black and full colour; 2 and 98 percentiles do well.
    pub limits: [[f64; 2]; 3],
}

impl DisplayBands {
    /// Bands of a data set, guessed, between the 2 and 98 percentiles of the training pixels.
    pub fn of(data: &Dataset) -> Self {
        let names: Vec<String> = data.bands().iter().map(|band| band.name.clone()).collect();
        let limits: Vec<_> = data.statistics.bands.iter().map(|it| [it.p2, it.p98]).collect();
        Self::guess(&names, &limits)
    }

    /// The same for values that `normalisation` was applied to.
    #[must_use]
    pub fn normalised(&self, normalisation: &Normalisation) -> Self {
        let mut display = self.clone();
        for (band, limits) in self.bands.into_iter().zip(&mut display.limits) {
            let (mean, std) = (normalisation.mean()[band], normalisation.std()[band]);
            *limits = limits.map(|limit| (limit - mean) / std);
        }
        display
    }

    /// Natural colours where the band names or their number tell, else the first bands.
    ///
    /// Bands named `red`, `green` and `blue` are used as such. Without names, five bands or more
    /// are taken to begin with blue, green, red (Landsat 4 to 7, Sentinel-2 stacks), three or four
    /// with red, green, blue (aerial images), and fewer are shown in grey. `limits` are the lowest
    /// and highest value to show, by band.
    ///
    /// # Panics
    ///
    /// If there is no band, or `names` and `limits` differ in length.
    pub fn guess(names: &[String], limits: &[[f64; 2]]) -> Self {
        assert!(!names.is_empty(), "no band");
        assert_eq!(names.len(), limits.len(), "names and limits differ");
        let named = |wanted: &str| {
            let words = |name: &String| {
                name.to_lowercase().split(|it: char| !it.is_alphanumeric()).any(|it| it == wanted)
            };
            names.iter().position(words)
        };
        let bands = match (named("red"), named("green"), named("blue"), names.len()) {
            (Some(red), Some(green), Some(blue), _) => [red, green, blue],
            (_, _, _, 1 | 2) => [0; 3],
            (_, _, _, 3 | 4) => [0, 1, 2],
            (_, _, _, _) => [2, 1, 0],
        };
        Self { bands, limits: bands.map(|band| limits[band]) }
    }

    /// As [`Self::caption`], with the bands of a data set.
    pub fn caption_of(&self, data: &Dataset) -> String {
        let names: Vec<String> = data.bands().iter().map(|band| band.name.clone()).collect();
        self.caption(&names)
    }

    /// What the colours are, for a caption.
    pub fn caption(&self, names: &[String]) -> String {
        let [red, green, blue] = self.bands.map(|band| names[band].as_str());
        if self.bands == [self.bands[0]; 3] {
            return format!("band {red} in grey");
        }
        format!("bands {red}, {green}, {blue} shown as red, green, blue")
    }
}

impl Panel {
    /// The four pictures of one block.
    ///
    /// `reference` and `map` are class indices in the order `row, col`, [`IGNORE`] where there is
    /// none. A pixel that has a reference but no map counts as wrong.
    ///
    /// # Panics
    ///
    /// If the sizes differ, or an index is neither a class nor [`IGNORE`].
    pub fn new(
        title: String,
        pixels: &Pixels,
        display: &DisplayBands,
        names: &[String],
        reference: &[u8],
        map: &[u8],
        classes: &Classes,
    ) -> Self {
        let size = [pixels.rows, pixels.cols];
        let of_reference = || reference.iter().zip(map).filter(|(wanted, _)| **wanted != IGNORE);
        let n_right = of_reference().filter(|(wanted, found)| wanted == found).count();
        Self {
            title,
            bands: display.caption(names),
            image: composite(pixels, display),
            reference: class_picture(reference, size, classes),
            map: class_picture(map, size, classes),
            errors: error_picture(reference, map, size),
            overall_accuracy: n_right as f64 / of_reference().count() as f64,
        }
    }
}

/// Three bands as a picture, stretched between their limits; hatched where there is no data.
pub fn composite(pixels: &Pixels, display: &DisplayBands) -> RgbImage {
    paint([pixels.rows, pixels.cols], |index| {
        let mut color = [0; 3];
        for (channel, (band, [low, high])) in
            display.bands.into_iter().zip(display.limits).enumerate()
        {
            let value = f64::from(pixels.band(band)[index]);
            if !pixels.valid[index] || value.is_nan() {
                return None;
            }
            let share = if low < high { (value - low) / (high - low) } else { 0.5 };
            color[channel] = (255.0 * share.clamp(0.0, 1.0)).round() as u8;
        }
        Some(Rgb(color))
    })
}

/// Class indices in the colours of their classes; hatched where there is none.
///
/// # Panics
///
/// If `indices` is not `[row, col]` of `size`, or one is neither a class nor [`IGNORE`].
pub fn class_picture(indices: &[u8], size: [usize; 2], classes: &Classes) -> RgbImage {
    assert_eq!(indices.len(), size[0] * size[1], "indices do not match the size {size:?}");
    paint(size, |index| match indices[index] {
        IGNORE => None,
        class => Some(Rgb(classes.class(usize::from(class)).color.0)),
    })
}

/// Light where the map is right, dark where it is wrong, hatched without a reference.
///
/// # Panics
///
/// If `reference` or `map` is not `[row, col]` of `size`.
pub fn error_picture(reference: &[u8], map: &[u8], size: [usize; 2]) -> RgbImage {
    assert_eq!(reference.len(), size[0] * size[1], "reference does not match the size {size:?}");
    assert_eq!(map.len(), reference.len(), "map and reference differ in size");
    paint(size, |index| match (reference[index], map[index]) {
        (IGNORE, _) => None,
        (wanted, found) if wanted == found => Some(Rgb(RIGHT.0)),
        (_, _) => Some(Rgb(WRONG.0)),
    })
}

/// Diagonal stripes, told from any one colour.
pub(super) fn hatching(row: u32, col: u32) -> Rgb<u8> {
    HATCH[usize::from((row + col) % 4 < 2)]
}

/// A picture of `[rows, cols]` whose pixels are counted row by row; `None` is hatched.
fn paint([rows, cols]: [usize; 2], color: impl Fn(usize) -> Option<Rgb<u8>>) -> RgbImage {
    let length = |n: usize| u32::try_from(n).expect("a panel is smaller than a raster");
    RgbImage::from_fn(length(cols), length(rows), |col, row| {
        color(row as usize * cols + col as usize).unwrap_or_else(|| hatching(row, col))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Class;

    fn classes() -> Classes {
        let class = |code, color| Class { code, name: format!("{code}"), color: Color(color) };
        Classes::new(vec![class(1, [10, 20, 30]), class(2, [40, 50, 60])]).unwrap()
    }

    /// One row of three pixels, the last without data.
    fn pixels() -> Pixels {
        let values = vec![0.0, 10.0, f32::NAN, 5.0, 5.0, f32::NAN];
        Pixels { n_bands: 2, rows: 1, cols: 3, values, valid: vec![true, true, false] }
    }

    fn row(image: &RgbImage) -> Vec<[u8; 3]> {
        image.pixels().map(|pixel| pixel.0).collect()
    }

    fn hatch(col: u32) -> [u8; 3] {
        hatching(0, col).0
    }

    #[test]
    fn values_are_stretched_between_the_limits() {
        let display =
            DisplayBands { bands: [0, 1, 0], limits: [[2.0, 8.0], [4.0, 6.0], [-10.0, 10.0]] };
        let wanted = [[0, 128, 128], [255, 128, 255], hatch(2)];
        assert_eq!(row(&composite(&pixels(), &display)), wanted);
    }

    // (3 - 1) / 2 = 1, (7 - 1) / 2 = 3; (5 - 5) / 10 = 0, (25 - 5) / 10 = 2.
    #[test]
    fn limits_follow_the_normalisation_of_their_band() {
        let normalisation = Normalisation::new(vec![5.0, 1.0], vec![10.0, 2.0]).unwrap();
        let display =
            DisplayBands { bands: [1, 0, 1], limits: [[3.0, 7.0], [5.0, 25.0], [3.0, 7.0]] };
        let limits = display.normalised(&normalisation).limits;
        assert_eq!(limits, [[1.0, 3.0], [0.0, 2.0], [1.0, 3.0]]);
    }

    #[test]
    fn a_panel_shows_reference_map_and_errors() {
        let display = DisplayBands { bands: [0; 3], limits: [[0.0, 10.0]; 3] };
        let names = ["a".to_owned(), "b".to_owned()];
        let panel = Panel::new(
            "block".into(),
            &pixels(),
            &display,
            &names,
            &[0, 1, IGNORE],
            &[0, 0, 1],
            &classes(),
        );
        assert_eq!(row(&panel.reference), [[10, 20, 30], [40, 50, 60], hatch(2)]);
        assert_eq!(row(&panel.map), [[10, 20, 30], [10, 20, 30], [40, 50, 60]]);
        assert_eq!(row(&panel.errors), [RIGHT.0, WRONG.0, hatch(2)]);
        assert_eq!((panel.overall_accuracy, panel.bands.as_str()), (0.5, "band a in grey"));
    }

    #[test]
    fn pictures_are_not_transposed() {
        let picture = class_picture(&[0, 0, 1, 1, 1, 1], [3, 2], &classes());
        assert_eq!(picture.dimensions(), (2, 3));
        assert_eq!(picture.get_pixel(1, 0).0, [10, 20, 30]);
        assert_eq!(picture.get_pixel(0, 1).0, [40, 50, 60]);
    }

    #[test]
    fn bands_are_guessed_by_name_then_by_number() {
        let guess = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&it| it.to_owned()).collect();
            DisplayBands::guess(&names, &vec![[0.0, 1.0]; names.len()]).bands
        };
        assert_eq!(guess(&["NIR", "Blue", "Red edge", "green_1"]), [2, 3, 1]);
        assert_eq!(guess(&["1", "2", "3", "4", "5", "7"]), [2, 1, 0]);
        assert_eq!(guess(&["1", "2", "3", "4"]), [0, 1, 2]);
        assert_eq!(guess(&["1", "2"]), [0, 0, 0]);
    }
}
