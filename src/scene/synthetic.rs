//! A scene made by code: fields, forest, a river, roads, and clouds over nodata.

use rand::Rng;

use crate::{
    label::{Class, Classes, Color},
    random::{Purpose, generator},
};

/// Names of the bands, in order.
pub const BAND_NAMES: [&str; 5] = ["blue", "green", "red", "nir", "swir1"];

/// Pixels that differ in reflectance by their class alone, before light and noise; reflectance
/// times 10,000.
const SIGNATURES: [[f32; 5]; 5] = [
    [900.0, 1200.0, 1600.0, 2300.0, 3000.0],  // bare soil
    [400.0, 800.0, 500.0, 4200.0, 1900.0],    // crop
    [250.0, 450.0, 300.0, 2900.0, 1200.0],    // forest
    [500.0, 450.0, 300.0, 150.0, 80.0],       // water
    [1300.0, 1400.0, 1500.0, 1800.0, 2100.0], // road
];

const SOIL: u8 = 0;
const CROP: u8 = 1;
const FOREST: u8 = 2;
const WATER: u8 = 3;
const ROAD: u8 = 4;

/// A made-up scene of five bands and five classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntheticScene {
    /// Height, in pixels.
    pub rows: usize,
    /// Width, in pixels.
    pub cols: usize,
    /// Reflectance times 10,000, `[band, row, col]`; 0 under clouds.
    pub values: Vec<u16>,
    /// Class index, `[row, col]`, also under clouds.
    pub labels: Vec<u8>,
}

/// The classes of a made-up scene; codes with gaps, as real land-cover products have.
pub fn synthetic_classes() -> Classes {
    let class =
        |code, name: &str, color| Class { code, name: name.to_owned(), color: Color(color) };
    Classes::new(vec![
        class(10, "bare soil", [221, 170, 51]),
        class(20, "crop", [153, 204, 102]),
        class(30, "forest", [17, 119, 51]),
        class(40, "water", [51, 102, 187]),
        class(50, "road", [90, 90, 90]),
    ])
    .expect("codes and names differ")
}

/// Makes a scene of `rows` x `cols` pixels, the same for the same arguments.
///
/// Fields are Voronoi cells of soil or crop, each with its own tone; forest grows where smooth
/// noise is high and is rough; the river bends through; two roads cross. Light changes slowly over
/// the scene, every value is noisy, and about a tenth of the pixels lie under clouds, which are
/// nodata (0). Colour alone does not tell all classes apart: young crops look like soil.
pub fn synthetic_scene(rows: usize, cols: usize, seed: u64) -> SyntheticScene {
    let mut rng = generator(seed, Purpose::Synthetic, 0, 0);
    let fields = Fields::new(rows, cols, &mut rng);
    let [forest, rough, light, clouds] =
        [24.0, 3.0, 200.0, 40.0].map(|scale| Noise::new(rows, cols, scale, &mut rng));
    let river_phase = rng.random_range(0.0..6.0f32);
    let road_slopes = [rng.random_range(-0.6..-0.2f32), rng.random_range(0.2..0.8f32)];

    let n_pixels = rows * cols;
    let mut values = vec![0; SIGNATURES[0].len() * n_pixels];
    let mut labels = vec![SOIL; n_pixels];
    for row in 0..rows {
        for col in 0..cols {
            let (y, x) = (row as f32, col as f32);
            let (cell_class, tone) = fields.at(y, x);
            let river = cols as f32 * (0.5 + 0.2 * (y * 9.0 / rows as f32 + river_phase).sin());
            let on_road = road_slopes.iter().enumerate().any(|(index, slope)| {
                let start = rows as f32 * (0.35 + 0.4 * index as f32);
                (y - start - slope * (x - cols as f32 / 2.0)).abs() < 1.6
            });
            let class = match () {
                () if (x - river).abs() < 5.0 + 2.0 * rough.at(y / 4.0, x / 4.0) => WATER,
                () if on_road => ROAD,
                () if 0.58 < forest.at(y, x) => FOREST,
                () => cell_class,
            };
            let index = row * cols + col;
            labels[index] = class;
            let is_cloudy = 0.68 < clouds.at(y, x);
            let texture = match class {
                FOREST => 0.75 + 0.5 * rough.at(y, x),
                SOIL | CROP => tone,
                _ => 1.0,
            };
            let light = 0.85 + 0.3 * light.at(y, x);
            for (band, reflectance) in SIGNATURES[usize::from(class)].iter().enumerate() {
                let noise = 1.0 + 0.08 * (rng.random::<f32>() + rng.random::<f32>() - 1.0);
                let value = (reflectance * texture * light * noise).max(1.0) as u16;
                values[band * n_pixels + index] = if is_cloudy { 0 } else { value };
            }
        }
    }
    SyntheticScene { rows, cols, values, labels }
}

/// Voronoi cells, each soil or crop with its own tone.
struct Fields {
    cells: Vec<([f32; 2], u8, f32)>,
}

impl Fields {
    fn new(rows: usize, cols: usize, rng: &mut impl Rng) -> Self {
        let n_cells = (rows * cols / 700).max(2);
        let cell = |_| {
            let place = [rng.random::<f32>() * rows as f32, rng.random::<f32>() * cols as f32];
            let class = if rng.random::<f32>() < 0.5 { SOIL } else { CROP };
            (place, class, rng.random_range(0.65..1.35f32))
        };
        Self { cells: (0..n_cells).map(cell).collect() }
    }

    /// Class and tone of the nearest cell.
    fn at(&self, row: f32, col: f32) -> (u8, f32) {
        let distance = |place: [f32; 2]| (place[0] - row).powi(2) + (place[1] - col).powi(2);
        let nearest = self
            .cells
            .iter()
            .min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)))
            .expect("there are at least two cells");
        (nearest.1, nearest.2)
    }
}

/// Smooth noise in `[0, 1)`: random values on a coarse lattice, interpolated in between.
struct Noise {
    scale: f32,
    lattice_cols: usize,
    lattice: Vec<f32>,
}

impl Noise {
    /// Noise whose bumps are about `scale` pixels wide.
    fn new(rows: usize, cols: usize, scale: f32, rng: &mut impl Rng) -> Self {
        let n = |length: usize| (length as f32 / scale) as usize + 2;
        let lattice_cols = n(cols);
        let lattice = (0..n(rows) * lattice_cols).map(|_| rng.random()).collect();
        Self { scale, lattice_cols, lattice }
    }

    fn at(&self, row: f32, col: f32) -> f32 {
        let (row, col) = (row / self.scale, col / self.scale);
        let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
        let (down, right) = (smooth(row.fract()), smooth(col.fract()));
        let value = |r: usize, c: usize| {
            self.lattice[(row as usize + r) * self.lattice_cols + col as usize + c]
        };
        let between = |r| value(r, 0) * (1.0 - right) + value(r, 1) * right;
        between(0) * (1.0 - down) + between(1) * down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_every_class_and_some_clouds() {
        let scene = synthetic_scene(150, 170, 7);
        for class in 0..5 {
            let share = scene.labels.iter().filter(|&&it| it == class).count() as f64 / 25_500.0;
            assert!(0.01 < share && share < 0.7, "class {class}: {share}");
        }
        let clouds = scene.values[..25_500].iter().filter(|&&it| it == 0).count() as f64 / 25_500.0;
        assert!(0.02 < clouds && clouds < 0.3, "{clouds}");
        assert_eq!(scene, synthetic_scene(150, 170, 7));
        assert_ne!(scene, synthetic_scene(150, 170, 8));
    }
}
