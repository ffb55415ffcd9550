//! Colours of the drawings.

use kuva::render::color::Color as SceneColor;

use crate::label::Color;

/// What a mark is painted with: a role that follows the page's light or dark look, or one colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Paint {
    /// Text and axes.
    Ink,
    /// Text of less weight.
    Faint,
    /// Grid lines and frames.
    Rule,
    /// One of four colours of data, told apart by colour-blind readers (Okabe & Ito 2008).
    Series(usize),
    /// The same in every look.
    Fixed(Color),
}

/// Where the drawing will be seen.
#[derive(Clone, Copy)]
pub(super) enum Look {
    /// In a file of its own, on white.
    File,
    /// Inside the page, whose style sheet sets the colours.
    Page,
}

const SERIES: [Color; 4] =
    [Color([0, 114, 178]), Color([230, 159, 0]), Color([0, 158, 115]), Color([204, 121, 167])];

impl Paint {
    pub(super) fn seen_in(self, look: Look) -> SceneColor {
        match (self, look) {
            (Self::Fixed(color), _) => rgb(color),
            (Self::Ink, Look::File) => SceneColor::Rgb(27, 31, 36),
            (Self::Faint, Look::File) => SceneColor::Rgb(87, 96, 106),
            (Self::Rule, Look::File) => SceneColor::Rgb(216, 222, 228),
            (Self::Series(index), Look::File) => rgb(SERIES[index % SERIES.len()]),
            (Self::Ink, Look::Page) => variable("ink"),
            (Self::Faint, Look::Page) => variable("faint"),
            (Self::Rule, Look::Page) => variable("rule"),
            (Self::Series(index), Look::Page) => {
                variable(&format!("series-{}", index % SERIES.len()))
            }
        }
    }
}

fn rgb(Color([red, green, blue]): Color) -> SceneColor {
    SceneColor::Rgb(red, green, blue)
}

fn variable(name: &str) -> SceneColor {
    SceneColor::Css(format!("var(--{name})").into())
}
