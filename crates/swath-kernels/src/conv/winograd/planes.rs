//! The 36 planes of transformed numbers, and the 4×4 tiles of an output that they stand for.

/// Numbers in a square of transformed numbers.
pub(super) const SQUARE: usize = 36;

/// Numbers between planes beside their own: one cache line. Else, where a plane's size is a multiple of
/// 4 KiB, the same place of all planes would meet in one set of the first-level cache.
const GAP: usize = 16;

/// 36 planes of `rows` × `width` numbers.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    /// Numbers in a row.
    pub width: usize,
    /// Numbers from one plane to the next.
    pub stride: usize,
}

impl Planes {
    pub(super) fn new(rows: usize, width: usize) -> Planes {
        Planes { width, stride: rows * width + GAP }
    }

    /// Numbers in all planes.
    pub(super) fn length(self) -> usize {
        SQUARE * self.stride
    }
}

/// The 4×4 tiles of a batch of outputs, row by row, image by image; the last of a row or column may
/// reach over the edge.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    /// Rows and columns of an output.
    size: [usize; 2],
    number: [usize; 2],
    batch: usize,
}

/// A tile's place.
pub(super) struct Tile {
    pub image: usize,
    /// Its first row and column.
    pub row: usize,
    pub col: usize,
    /// Its rows and columns inside the output.
    pub rows: usize,
    pub cols: usize,
}

impl Tiles {
    pub(super) fn new(batch: usize, size: [usize; 2]) -> Tiles {
        Tiles { size, number: size.map(|n| n.div_ceil(4)), batch }
    }

    pub(super) fn total(self) -> usize {
        self.batch * self.number[0] * self.number[1]
    }

    #[inline(always)]
    pub(super) fn get(self, index: usize) -> Tile {
        let [down, right] = self.number;
        let (row, col) = (index / right % down * 4, index % right * 4);
        Tile {
            image: index / (down * right),
            row,
            col,
            rows: (self.size[0] - row).min(4),
            cols: (self.size[1] - col).min(4),
        }
    }
}
