//! Windows around pixels of a drawn class.

use rand::Rng;

use super::{ChipRef, training_samples, weighted::Weighted};
use crate::{
    chip::{Origins, SceneSplit},
    error::Result,
    label::IGNORE,
    random::{Purpose, generator},
    raster::Window,
    scene::Sample,
};

/// Pixels that are kept of each class, 12 bytes each.
const MAX_PIXELS: u64 = 1 << 17;

/// Draws a class, then one of its training pixels, then the allowed window whose centre is nearest
/// to it.
///
/// Of a class with more than 131,072 training pixels that many are drawn at the start, each with the
/// same probability, and windows are centred on those.
#[derive(Clone, Debug)]
pub struct ClassCentred {
    classes: Weighted,
    pixels: Vec<Vec<Pixel>>,
    size_px: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Pixel {
    scene: u32,
    row: u32,
    col: u32,
}

impl ClassCentred {
    /// For windows of `size_px` around the classes, as often as `shares` says relative to each other,
    /// one for each. Reads every training pixel once; none if no class with a share has a pixel.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub fn measure(
        splits: &[SceneSplit],
        size_px: u32,
        shares: &[f64],
        seed: u64,
        read: impl Fn(usize, Window) -> Result<Sample>,
    ) -> Result<Option<Self>> {
        let pixels = pixels_by_class(splits, shares, seed, read)?;
        let share =
            |(share, pixels): (&f64, &Vec<Pixel>)| if pixels.is_empty() { 0.0 } else { *share };
        let shares: Vec<f64> = shares.iter().zip(&pixels).map(share).collect();
        Ok(Weighted::new(&shares).map(|classes| Self { classes, pixels, size_px }))
    }

    /// A draw of the windows that `origins` allow, one entry a scene; none if no allowed window
    /// holds the pixel.
    pub fn draw(&self, origins: &[Origins], rng: &mut impl Rng) -> Option<ChipRef> {
        let pixels = &self.pixels[self.classes.draw(rng)];
        let Pixel { scene, row, col } = pixels[rng.random_range(0..pixels.len())];
        let corner = |at: u32| at.saturating_sub(self.size_px / 2);
        let scene = scene as usize;
        let window = origins[scene].nearest(corner(row), corner(col))?;
        let holds = |start: u32, end: u32, at: u32| start <= at && at < end;
        let is_in =
            holds(window.row, window.row_end(), row) && holds(window.col, window.col_end(), col);
        is_in.then_some(ChipRef { scene, window })
    }
}

/// The training pixels of each class that has a share, or [`MAX_PIXELS`] of them.
fn pixels_by_class(
    splits: &[SceneSplit],
    shares: &[f64],
    seed: u64,
    read: impl Fn(usize, Window) -> Result<Sample>,
) -> Result<Vec<Vec<Pixel>>> {
    let mut kept = vec![Vec::new(); shares.len()];
    let mut n_seen = vec![0_u64; shares.len()];
    let mut rng = generator(seed, Purpose::Centre, 0, 0);
    for part in training_samples(splits, read) {
        let (scene, window, sample) = part?;
        let has_share = |label: u8| label != IGNORE && 0.0 < shares[usize::from(label)];
        let labelled = sample.labels.iter().enumerate().filter(|(_, label)| has_share(**label));
        for (index, &label) in labelled {
            let (row, col) = (index as u32 / window.cols, index as u32 % window.cols);
            let pixel = Pixel { scene: scene as u32, row: window.row + row, col: window.col + col };
            let (kept, n_seen) = (&mut kept[usize::from(label)], &mut n_seen[usize::from(label)]);
            *n_seen += 1;
            if *n_seen <= MAX_PIXELS {
                kept.push(pixel);
                continue;
            }
            // Vitter 1985, algorithm R: each pixel so far is kept with the same probability.
            let place = rng.random_range(0..*n_seen);
            if place < MAX_PIXELS {
                kept[place as usize] = pixel;
            }
        }
    }
    Ok(kept)
}
