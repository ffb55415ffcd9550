//! What the values of a class map mean.

/// Name and colour of one value of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegendEntry {
    /// The value.
    pub code: u16,
    /// What to call it.
    pub name: String,
    /// Red, green, blue.
    pub color: [u8; 3],
}
