//! Colours for classes that come without.

use super::Color;

/// Colours that people with colour-blindness can tell apart.
///
/// Source: Okabe and Ito 2008, <https://jfly.uni-koeln.de/color/>, without black; then the
/// "muted" scheme of Tol 2021, <https://personal.sron.nl/~pault/>, without its near doubles.
const PALETTE: [[u8; 3]; 13] = [
    [0x00, 0x72, 0xb2],
    [0xe6, 0x9f, 0x00],
    [0x00, 0x9e, 0x73],
    [0xcc, 0x79, 0xa7],
    [0xf0, 0xe4, 0x42],
    [0xd5, 0x5e, 0x00],
    [0x56, 0xb4, 0xe9],
    [0x88, 0x22, 0x55],
    [0x33, 0x22, 0x88],
    [0x99, 0x99, 0x33],
    [0x11, 0x77, 0x33],
    [0xcc, 0x66, 0x77],
    [0xaa, 0x44, 0x99],
];

/// The colour of the class at `index`: from a palette safe for colour-blindness, whose colours
/// come back darker each time all are used.
pub fn generated_color(index: usize) -> Color {
    let darker = (index / PALETTE.len()) as f64;
    let factor = 0.7_f64.powf(darker);
    Color(PALETTE[index % PALETTE.len()].map(|part| (f64::from(part) * factor).round() as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colours_differ() {
        let colors: std::collections::BTreeSet<_> =
            (0..3 * PALETTE.len()).map(|index| generated_color(index).0).collect();
        assert_eq!(colors.len(), 3 * PALETTE.len());
        assert_eq!(generated_color(0), Color([0x00, 0x72, 0xb2]));
    }
}
