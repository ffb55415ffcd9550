//! Register blocks: their size is known when compiling, chosen when running.

use crate::simd::Vector;

/// The most rows of any register block.
pub(super) const MOST_ROWS: usize = 12;

/// The most rows of a register block beside `vectors` vectors: sums, one row of weights and one number
/// spread over a vector share the registers. Each row has a pointer, and more than 12 pointers do not fit
/// into the other registers.
pub(super) fn most_rows<V: Vector>(vectors: usize) -> usize {
    ((V::REGISTERS - vectors - 1) / vectors).min(MOST_ROWS)
}

/// `total` rows in blocks of at most `most`, as equal as can be: `(blocks, rows)` of the larger and of
/// the smaller size, the larger first.
pub(super) fn balance(total: usize, most: usize) -> [(usize, usize); 2] {
    let blocks = total.div_ceil(most).max(1);
    let rows = total.div_ceil(blocks);
    let larger = total - blocks * rows.saturating_sub(1);
    [(larger.min(blocks), rows), (blocks - larger.min(blocks), rows.saturating_sub(1))]
}

/// Whether such a block fits: others are not compiled.
pub(super) const fn fits<V: Vector>(rows: usize, vectors: usize) -> bool {
    rows * vectors + vectors < V::REGISTERS
}

/// `sized!(V, vectors, rows, function(arguments))` calls `function::<V, ROWS, VECTORS>(arguments)`.
macro_rules! sized {
    ($v:ty, $vectors:expr, $rows:expr, $function:ident $arguments:tt) => {
        $crate::conv::sized::sized!(@ $v, $vectors, $rows, $function $arguments,
            [1 2 3 4 5 6 7 8 9 10 11 12] [1 2 3 4 5 6 7 8 9 10 11 12])
    };
    (@ $v:ty, $vectors:expr, $rows:expr, $function:ident $arguments:tt,
        [$($one:literal)*] [$($two:literal)*]) => {
        match ($vectors, $rows) {
            $((1, $one) if const { $crate::conv::sized::fits::<$v>($one, 1) } => $function::<$v, $one, 1> $arguments,)*
            $((2, $two) if const { $crate::conv::sized::fits::<$v>($two, 2) } => $function::<$v, $two, 2> $arguments,)*
            (vectors, rows) => unreachable!("no block of {rows} rows beside {vectors} vectors"),
        }
    };
}

pub(super) use sized;

#[cfg(test)]
mod tests {
    use super::balance;

    #[test]
    fn blocks_cover_all_rows() {
        for most in 1..20 {
            for total in 1..200 {
                let [(blocks, rows), (others, fewer)] = balance(total, most);
                assert_eq!(blocks * rows + others * fewer, total);
                assert!(rows <= most && blocks + others == total.div_ceil(most));
            }
        }
    }
}
