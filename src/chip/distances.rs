//! Signed distances to the border of each class.

use crate::chip::Chip;

impl Chip {
    /// Measures the distances that boundary losses want, from the labels as they are now.
    pub fn measure_distances(&mut self, n_classes: usize) {
        let size = self.size_px;
        let of_class = |class: usize| {
            let is_class: Vec<bool> =
                self.labels.iter().map(|&it| usize::from(it) == class).collect();
            signed_distances(&is_class, [size, size])
        };
        self.distances = Some((0..n_classes).flat_map(of_class).collect());
    }
}

/// Distance of each pixel to a region, in pixels: outside to its nearest pixel, inside minus the
/// distance to the nearest pixel outside, plus one; `[row, col]`. Without a border all are 0.
///
/// ```text
/// φ = d(i, region)             outside
/// φ = -(d(i, rest) - 1)        inside: 0 for pixels at the border
/// ```
///
/// Source: Kervadec et al. 2019, <https://arxiv.org/abs/1812.07032>, in the convention of the
/// authors' code.
///
/// # Panics
///
/// If there are not as many pixels as rows times columns.
pub fn signed_distances(is_region: &[bool], [rows, cols]: [usize; 2]) -> Vec<f32> {
    assert_eq!(is_region.len(), rows * cols, "pixels of {rows} rows x {cols} columns");
    let n_region = is_region.iter().filter(|&&it| it).count();
    if n_region == 0 || n_region == is_region.len() {
        return vec![0.0; is_region.len()];
    }
    let is_rest: Vec<bool> = is_region.iter().map(|it| !it).collect();
    let to_region = squared_distances(is_region, [rows, cols]);
    let to_rest = squared_distances(&is_rest, [rows, cols]);
    let signed = |((&is_inside, to_region), to_rest): ((&bool, f64), f64)| {
        if is_inside { (1.0 - to_rest.sqrt()) as f32 } else { to_region.sqrt() as f32 }
    };
    is_region.iter().zip(to_region).zip(to_rest).map(signed).collect()
}

/// Squared distance of each pixel to the nearest one of `is_target`, of which there is one.
///
/// Source: Felzenszwalb and Huttenlocher 2012, algorithm 1, doi:10.4086/toc.2012.v008a019.
pub(crate) fn squared_distances(is_target: &[bool], [rows, cols]: [usize; 2]) -> Vec<f64> {
    // Larger than any squared distance, and finite: infinities have no parabola.
    let far = ((rows + cols) * (rows + cols)) as f64;
    let mut squared: Vec<f64> = is_target.iter().map(|&it| if it { 0.0 } else { far }).collect();
    let mut line = Vec::new();
    for col in 0..cols {
        line.clear();
        line.extend((0..rows).map(|row| squared[row * cols + col]));
        for (row, value) in lower_envelope(&line).into_iter().enumerate() {
            squared[row * cols + col] = value;
        }
    }
    for row in squared.chunks_mut(cols) {
        let values = lower_envelope(row);
        row.copy_from_slice(&values);
    }
    squared
}

/// `min_q (p - q)² + f(q)` for every place `p` of a line.
fn lower_envelope(f: &[f64]) -> Vec<f64> {
    /// A parabola, and from where on it is the lowest.
    struct Piece {
        vertex: usize,
        start: f64,
    }
    let mut pieces: Vec<Piece> = Vec::with_capacity(f.len());
    let height = |vertex: usize| f[vertex] + (vertex * vertex) as f64;
    for vertex in 0..f.len() {
        let mut start = f64::NEG_INFINITY;
        while let Some(last) = pieces.last() {
            let distance = 2.0 * (vertex - last.vertex) as f64;
            start = (height(vertex) - height(last.vertex)) / distance;
            if last.start < start {
                break;
            }
            pieces.pop();
            start = f64::NEG_INFINITY;
        }
        pieces.push(Piece { vertex, start });
    }
    let mut values = Vec::with_capacity(f.len());
    let mut at = 0;
    for place in 0..f.len() {
        while pieces.get(at + 1).is_some_and(|next| next.start < place as f64) {
            at += 1;
        }
        let vertex = pieces[at].vertex;
        let offset = place.abs_diff(vertex) as f64;
        values.push(offset * offset + f[vertex]);
    }
    values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn golden(key: &str) -> Vec<Vec<f64>> {
        let all: Value =
            serde_json::from_str(include_str!("../../tests/golden/losses_odyssey.json")).unwrap();
        serde_json::from_value(all["distance_maps"][key].clone()).unwrap()
    }

    #[test]
    fn distances_are_those_of_the_reference() {
        let mask = golden("mask");
        let is_region: Vec<bool> = mask.iter().flatten().map(|&it| 0.5 < it).collect();
        let found = signed_distances(&is_region, [mask.len(), mask[0].len()]);
        for (found, wanted) in found.iter().zip(golden("sdf_kervadec").iter().flatten()) {
            assert!((f64::from(*found) - wanted).abs() < 1e-6, "{found} and {wanted}");
        }
    }

    #[test]
    fn without_a_border_there_is_no_distance() {
        for is_region in [false, true] {
            assert_eq!(signed_distances(&[is_region; 6], [2, 3]), [0.0; 6]);
        }
    }

    proptest! {
        #[test]
        fn every_distance_is_the_least_of_all(
            (cols, is_target) in (1_usize..9)
                .prop_flat_map(|cols| (Just(cols), prop::collection::vec(any::<bool>(), cols * 7)))
        ) {
            prop_assume!(is_target.contains(&true));
            let found = squared_distances(&is_target, [7, cols]);
            let place = |index: usize| [index / cols, index % cols];
            for (index, found) in found.into_iter().enumerate() {
                let targets = (0..is_target.len()).filter(|&it| is_target[it]);
                let squared = |it: usize| {
                    let ([row, col], [r, c]) = (place(index), place(it));
                    (row.abs_diff(r).pow(2) + col.abs_diff(c).pow(2)) as f64
                };
                let wanted = targets.map(squared).fold(f64::INFINITY, f64::min);
                prop_assert_eq!(found, wanted);
            }
        }
    }
}
