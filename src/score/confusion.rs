//! Counts of mapped against reference classes.

use crate::{
    error::{Error, Result},
    label::IGNORE,
};

/// How many pixels of each reference class were mapped as which class.
///
/// Rows are the map, columns the reference. Counts are whole numbers, so parts may be merged in
/// any order.
///
/// # Example
///
/// ```
/// use swath::score::Confusion;
///
/// let mut confusion = Confusion::new(2);
/// confusion.add(1, 0); // Mapped as class 1, but the reference says 0.
/// assert_eq!(confusion.count(1, 0), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    n_classes: usize,
    counts: Vec<u64>, // [map, reference]
    n_unmapped: u64,
}

impl Confusion {
    /// No pixel counted yet.
    ///
    /// # Panics
    ///
    /// If `n_classes` is not in 1 to 255.
    pub fn new(n_classes: usize) -> Self {
        assert!((1..=usize::from(IGNORE)).contains(&n_classes), "{n_classes} classes");
        Self { n_classes, counts: vec![0; n_classes * n_classes], n_unmapped: 0 }
    }

    /// From one row per mapped class, as [`Self::rows`] returns them.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if the rows are not a square of 1 to 255 classes.
    pub fn from_rows(rows: &[Vec<u64>]) -> Result<Self> {
        let n_classes = rows.len();
        if !(1..=usize::from(IGNORE)).contains(&n_classes) {
            return Err(Error::data("confusion matrix", format!("{n_classes} rows"), "1 to 255"));
        }
        if let Some(row) = rows.iter().find(|row| row.len() != n_classes) {
            let found = format!("a row of {} counts", row.len());
            return Err(Error::data("confusion matrix", found, format!("{n_classes} in each row")));
        }
        Ok(Self { n_classes, counts: rows.concat(), n_unmapped: 0 })
    }

    /// Counts one pixel by its class indices.
    ///
    /// A pixel without reference ([`IGNORE`]) is not counted. A pixel with reference that the map
    /// leaves empty is in no cell of the matrix, only in [`Self::n_unmapped`].
    ///
    /// # Panics
    ///
    /// If an index is neither a class nor [`IGNORE`].
    pub fn add(&mut self, map: u8, reference: u8) {
        if reference == IGNORE {
            return;
        }
        let (row, col) = (usize::from(map), usize::from(reference));
        assert!(col < self.n_classes, "reference {reference} of {} classes", self.n_classes);
        if map == IGNORE {
            self.n_unmapped += 1;
            return;
        }
        assert!(row < self.n_classes, "map {map} of {} classes", self.n_classes);
        self.counts[row * self.n_classes + col] += 1;
    }

    /// Counts the pixels of a window, given in the same order.
    ///
    /// # Panics
    ///
    /// If the lengths differ, or as [`Self::add`].
    pub fn add_all(&mut self, map: &[u8], reference: &[u8]) {
        assert_eq!(map.len(), reference.len(), "map and reference differ in size");
        for (&map, &reference) in map.iter().zip(reference) {
            self.add(map, reference);
        }
    }

    /// Adds the counts of `other`.
    ///
    /// # Panics
    ///
    /// If the numbers of classes differ.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.n_classes, other.n_classes, "numbers of classes differ");
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.n_unmapped += other.n_unmapped;
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Pixels mapped as class `map` whose reference is class `reference`.
    ///
    /// # Panics
    ///
    /// If an index is not below the number of classes.
    pub fn count(&self, map: usize, reference: usize) -> u64 {
        assert!(map < self.n_classes && reference < self.n_classes, "no class {map}, {reference}");
        self.counts[map * self.n_classes + reference]
    }

    /// Pixels mapped as class `map`.
    pub fn n_mapped(&self, map: usize) -> u64 {
        (0..self.n_classes).map(|reference| self.count(map, reference)).sum()
    }

    /// Mapped pixels whose reference is class `reference`.
    pub fn n_reference(&self, reference: usize) -> u64 {
        (0..self.n_classes).map(|map| self.count(map, reference)).sum()
    }

    /// Pixels whose mapped class is the reference class.
    pub fn n_right(&self) -> u64 {
        (0..self.n_classes).map(|class| self.count(class, class)).sum()
    }

    /// Pixels with map and reference.
    pub fn n_pixels(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Pixels with a reference that the map leaves empty.
    pub fn n_unmapped(&self) -> u64 {
        self.n_unmapped
    }

    /// The counts, one row per mapped class.
    pub fn rows(&self) -> Vec<Vec<u64>> {
        self.counts.chunks(self.n_classes).map(<[u64]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_map_and_columns_the_reference() {
        let mut confusion = Confusion::new(3);
        confusion.add_all(&[0, 2, 2, 1], &[0, 1, 1, 1]);
        assert_eq!(confusion.rows(), [vec![1, 0, 0], vec![0, 1, 0], vec![0, 2, 0]]);
        assert_eq!((confusion.n_mapped(2), confusion.n_reference(1)), (2, 3));
        assert_eq!((confusion.n_right(), confusion.n_pixels()), (2, 4));
        assert_eq!(Confusion::from_rows(&confusion.rows()).unwrap(), confusion);
    }

    #[test]
    fn ignored_pixels_change_nothing() {
        let mut confusion = Confusion::new(2);
        confusion.add_all(&[0, 1, IGNORE], &[IGNORE; 3]);
        assert_eq!(confusion, Confusion::new(2));
    }

    #[test]
    fn empty_map_pixels_are_counted_apart() {
        let mut confusion = Confusion::new(2);
        confusion.add_all(&[IGNORE, 1], &[0, 1]);
        assert_eq!((confusion.n_unmapped(), confusion.n_pixels()), (1, 1));
    }

    #[test]
    fn merging_parts_is_counting_the_whole() {
        let (map, reference) = ([0, 1, 1, 0, IGNORE], [0, 1, 0, 1, 1]);
        let mut whole = Confusion::new(2);
        whole.add_all(&map, &reference);
        for cut in 0..=map.len() {
            let (mut left, mut right) = (Confusion::new(2), Confusion::new(2));
            left.add_all(&map[..cut], &reference[..cut]);
            right.add_all(&map[cut..], &reference[cut..]);
            right.merge(&left);
            assert_eq!(right, whole);
        }
    }

    #[test]
    fn only_a_square_of_counts_is_a_confusion() {
        assert!(Confusion::from_rows(&[]).is_err());
        assert!(Confusion::from_rows(&[vec![1, 2], vec![3]]).is_err());
    }

    #[test]
    #[should_panic(expected = "map 2 of 2 classes")]
    fn an_index_that_is_no_class_panics() {
        Confusion::new(2).add(2, 0);
    }
}
