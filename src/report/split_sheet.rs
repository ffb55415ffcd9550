//! The blocks of every scene on one sheet.

use super::{
    PictureFile, SceneView,
    drawing::{Drawing, Text},
    split_map::{draw_split_map, map_height},
    text::{self, shorten, thousands},
};
use crate::error::Result;

/// Height of the line with the name of a scene.
const HEAD: f64 = 24.0;

/// Draws each of these scenes with its blocks; more than one scene in two columns. A last line says
/// how many of all `n_scenes` are not there.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) if the file cannot be written.
pub fn draw_split(scenes: &[SceneView], n_scenes: usize, file: &PictureFile) -> Result<()> {
    file.write(&split_sheet(scenes, n_scenes), "Blocks of the split")
}

fn split_sheet(scenes: &[SceneView], n_scenes: usize) -> Drawing {
    let (n_columns, width) = if scenes.len() < 2 { (1, 840.0) } else { (2, 600.0) };
    let heights: Vec<f64> = scenes
        .chunks(n_columns)
        .map(|row| HEAD + row.iter().map(|it| map_height(it, width)).fold(0.0, f64::max))
        .collect();
    let n_more = n_scenes - scenes.len();
    let foot = if n_more == 0 { 0.0 } else { HEAD };
    let height = heights.iter().sum::<f64>() + foot;
    let mut drawing = Drawing::new(width * n_columns as f64, height);
    let mut top = 0.0;
    for (row, height) in scenes.chunks(n_columns).zip(heights) {
        for (index, scene) in row.iter().enumerate() {
            let left = width * index as f64;
            let size = format!(": {} rows × {} columns", scene.rows, scene.cols);
            let name = shorten(&scene.name, 14, width - 30.0 - text::width(&size, 14));
            let about = Text::new(name + &size, 14).bold();
            drawing.text(left + 14.0, top + 20.0, about);
            draw_split_map(&mut drawing, (left, top + HEAD), width, scene);
        }
        top += height;
    }
    if 0 < n_more {
        let about = format!("{} more scenes are not shown", thousands(n_more as u64));
        drawing.text(14.0, top + 14.0, Text::new(about, 14).bold());
    }
    drawing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up::made_up;

    #[test]
    fn every_scene_is_on_the_sheet() {
        let scene = made_up(&["water", "forest"]).scenes.remove(0);
        for n in [1, 2, 5] {
            let scenes: Vec<_> = (0..n)
                .map(|index| SceneView { name: format!("scene {index}"), ..scene.clone() })
                .collect();
            let svg = split_sheet(&scenes, n + 1200).to_svg("");
            assert!(svg.contains(">1\u{202f}200 more scenes are not shown<"), "{svg}");
            for scene in &scenes {
                assert!(
                    svg.contains(&format!(">{}: 400 rows × 520 columns<", scene.name)),
                    "{svg}"
                );
            }
            assert_eq!(svg.matches("<image ").count(), 4 * n); // The scene and three patches.
        }
    }
}
