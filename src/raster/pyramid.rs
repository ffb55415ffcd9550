//! Cuts rows that come from top to bottom into tiles, at every resolution of a map.

/// Side of a tile, in pixels. Overviews go on until one tile holds the whole map.
pub(super) const TILE_PX: usize = 256;

/// A map and its overviews, each half as wide and high as the one before.
///
/// Nearest neighbour: the pixel `(row, col)` of an overview is `(2 row, 2 col)` of the level
/// before. Memory is two rows of tiles, whatever the height of the map.
pub(super) struct Pyramid<T> {
    levels: Vec<Level<T>>,
    n_bands: usize,
    /// What edge tiles hold beyond the map.
    padding: T,
}

struct Level<T> {
    rows: usize,
    cols: usize,
    /// Rows that have come.
    n_seen: usize,
    /// `[row, col, band]`, the rows of the tiles that are not complete.
    pending: Vec<T>,
}

/// A complete row of tiles of one level, each `[row, col, band]` and of full size.
pub(super) struct TileRow<T> {
    pub(super) level: usize,
    pub(super) tiles: Vec<Vec<T>>,
}

impl<T: Copy> Pyramid<T> {
    pub(super) fn new(rows: usize, cols: usize, n_bands: usize, padding: T) -> Self {
        let levels = sizes(rows, cols)
            .into_iter()
            .map(|[rows, cols]| Level { rows, cols, n_seen: 0, pending: Vec::new() })
            .collect();
        Self { levels, n_bands, padding }
    }

    /// Adds the next row, `[col, band]`, and returns the rows of tiles that it completes.
    pub(super) fn push(&mut self, row: &[T]) -> Vec<TileRow<T>> {
        let mut complete = Vec::new();
        let mut row = row.to_vec();
        for (index, level) in self.levels.iter_mut().enumerate() {
            level.pending.extend_from_slice(&row);
            level.n_seen += 1;
            if level.n_seen % TILE_PX == 0 || level.n_seen == level.rows {
                let tiles = cut(&level.pending, level.cols, self.n_bands, self.padding);
                level.pending.clear();
                complete.push(TileRow { level: index, tiles });
            }
            if level.n_seen % 2 == 0 {
                break; // The next level takes every second row, from the first.
            }
            row = row.chunks_exact(self.n_bands).step_by(2).flatten().copied().collect();
        }
        complete
    }
}

/// `[rows, cols]` of the map and its overviews.
pub(super) fn sizes(rows: usize, cols: usize) -> Vec<[usize; 2]> {
    let mut sizes = vec![[rows, cols]];
    let mut size = [rows, cols];
    while TILE_PX < size[0].max(size[1]) {
        size = size.map(|side| side.div_ceil(2));
        sizes.push(size);
    }
    sizes
}

fn cut<T: Copy>(pending: &[T], cols: usize, n_bands: usize, padding: T) -> Vec<Vec<T>> {
    let tile = |first: usize| {
        let mut tile = vec![padding; TILE_PX * TILE_PX * n_bands];
        let width = TILE_PX.min(cols - first) * n_bands;
        let lines = tile.chunks_exact_mut(TILE_PX * n_bands);
        for (line, row) in lines.zip(pending.chunks_exact(cols * n_bands)) {
            line[..width].copy_from_slice(&row[first * n_bands..][..width]);
        }
        tile
    };
    (0..cols).step_by(TILE_PX).map(tile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts the tiles of a level together again.
    fn level(rows: usize, cols: usize, n_bands: usize, level: usize) -> Vec<usize> {
        let mut pyramid = Pyramid::new(rows, cols, n_bands, usize::MAX);
        let [out_rows, out_cols] = sizes(rows, cols)[level];
        let mut tile_rows = Vec::new();
        for row in 0..rows {
            let values: Vec<usize> =
                (0..cols * n_bands).map(|at| row * cols * n_bands + at).collect();
            tile_rows.extend(pyramid.push(&values).into_iter().filter(|it| it.level == level));
        }
        let mut image = Vec::new();
        for row in 0..out_rows {
            for col in 0..out_cols {
                let tile = &tile_rows[row / TILE_PX].tiles[col / TILE_PX];
                let pixel = (row % TILE_PX * TILE_PX + col % TILE_PX) * n_bands;
                image.extend_from_slice(&tile[pixel..][..n_bands]);
            }
        }
        image
    }

    #[track_caller]
    fn check(rows: usize, cols: usize, n_bands: usize) {
        for (index, [out_rows, out_cols]) in sizes(rows, cols).into_iter().enumerate() {
            let step = 1 << index;
            let wanted: Vec<usize> = (0..out_rows)
                .flat_map(|row| (0..out_cols).map(move |col| (row * step) * cols + col * step))
                .flat_map(|pixel| (0..n_bands).map(move |band| pixel * n_bands + band))
                .collect();
            assert!(level(rows, cols, n_bands, index) == wanted, "level {index}");
        }
    }

    #[test]
    fn levels_halve_down_to_one_tile() {
        assert_eq!(sizes(256, 256), [[256, 256]]);
        assert_eq!(sizes(257, 10), [[257, 10], [129, 5]]);
        assert_eq!(sizes(1000, 600), [[1000, 600], [500, 300], [250, 150]]);
    }

    #[test]
    fn every_level_takes_every_second_pixel_of_the_one_before() {
        check(1, 1, 1);
        check(257, 300, 1);
        check(700, 260, 3);
        check(515, 1030, 1);
    }
}
