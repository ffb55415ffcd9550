//! The longest valley of a curve.

/// Index about half-way down the longest valley, for [`Rule::Valley`](super::Rule) and
/// [`Rule::Arcgis`](super::Rule).
///
/// A fall is a sequence of points from left to right, neighbours or not, each below the one before.
/// With `n` points in the longest one, and `end` the last of them (the first such, if several falls
/// are as long; `n = 0`, `end = 0` if none has two points):
///
/// ```text
/// start = end - n
/// index = start + floor(n / 3) + floor(n / 6)
/// ```
///
/// Source: fastai 2 (`valley`) and arcgis.learn 2.4.4 (`_find_lr`), both by Esri. It differs for a
/// fall of 2 points at the start, whose index -1 is the last point in Python; here it is the first.
pub(super) fn valley(loss: &[f64]) -> usize {
    let Fall { end, n_points } = longest_fall(loss);
    (end + n_points / 3 + n_points / 6).saturating_sub(n_points)
}

#[derive(Debug, PartialEq)]
struct Fall {
    end: usize,
    n_points: usize,
}

fn longest_fall(loss: &[f64]) -> Fall {
    let mut longest = Fall { end: 0, n_points: 0 };
    let mut n_points_to = Vec::with_capacity(loss.len()); // Of the longest fall that ends there.
    for (end, last) in loss.iter().enumerate() {
        let above = loss[..end].iter().zip(&n_points_to).filter(|(it, _)| last < it);
        let n_points = 1 + above.map(|(_, &n_points)| n_points).max().unwrap_or(0);
        n_points_to.push(n_points);
        if longest.n_points.max(1) < n_points {
            longest = Fall { end, n_points };
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(loss: &[f64], wanted: Fall, wanted_index: usize) {
        assert_eq!(longest_fall(loss), wanted);
        assert_eq!(valley(loss), wanted_index);
    }

    // 9 8 6 5 3 1 has 6 points: start 7 - 6, index 1 + 2 + 1.
    #[test]
    fn points_of_a_fall_need_not_be_neighbours() {
        check(&[9.0, 8.0, 9.5, 6.0, 7.0, 5.0, 3.0, 1.0], Fall { end: 7, n_points: 6 }, 4);
    }

    // 3 2 1 and 5 4 3: the first.
    #[test]
    fn the_first_of_equally_long_falls_counts() {
        check(&[3.0, 2.0, 1.0, 5.0, 4.0, 3.0], Fall { end: 2, n_points: 3 }, 0);
    }

    #[test]
    fn equal_losses_are_no_fall() {
        check(&[1.0, 1.0, 1.0], Fall { end: 0, n_points: 0 }, 0);
        check(&[], Fall { end: 0, n_points: 0 }, 0);
        check(&[2.0, 2.0, 1.0, 1.0], Fall { end: 2, n_points: 2 }, 0);
    }

    #[test]
    fn an_index_before_the_first_point_is_the_first() {
        check(&[2.0, 1.0, 9.0], Fall { end: 1, n_points: 2 }, 0);
    }

    #[test]
    fn the_index_is_one_of_the_curve() {
        for n_points in 1..60 {
            let falling: Vec<f64> = (0..n_points).map(|it| -f64::from(it)).collect();
            for n_before in 0..4 {
                let loss = [vec![f64::MIN; n_before], falling.clone()].concat();
                let index = valley(&loss);
                assert!(index < loss.len(), "{index} of {}", loss.len());
            }
        }
    }
}
