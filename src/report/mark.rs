//! Marks of a drawing.

use kuva::render::{
    color::Color as SceneColor,
    render::{Primitive, TextAnchor},
};

use super::paint::{Look, Paint};

/// Which end of a text its position is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text with its size in units of the drawing.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) content: String,
    pub(super) size: u32,
    pub(super) anchor: Anchor,
    pub(super) paint: Paint,
    pub(super) bold: bool,
    /// Reads from bottom to top.
    pub(super) upright: bool,
}

impl Text {
    pub(super) fn new(content: impl Into<String>, size: u32) -> Self {
        let (anchor, paint) = (Anchor::Start, Paint::Ink);
        Self { content: content.into(), size, anchor, paint, bold: false, upright: false }
    }

    pub(super) fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(super) fn paint(self, paint: Paint) -> Self {
        Self { paint, ..self }
    }

    pub(super) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) fn upright(self) -> Self {
        Self { upright: true, ..self }
    }
}

/// A rectangle of the drawing; `left` and `top` are its upper-left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn right(self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(self) -> f64 {
        self.top + self.height
    }
}

/// What a drawing is made of.
pub(super) enum Mark {
    Fill { area: Area, paint: Paint, opacity: f64 },
    Frame { area: Area, paint: Paint, width: f64 },
    Line { points: Vec<(f64, f64)>, paint: Paint, width: f64, dashed: bool },
    Dot { x: f64, y: f64, radius: f64, paint: Paint },
    Text { x: f64, y: f64, text: Text },
}

/// The mark as kuva draws it.
pub(super) fn primitive(mark: &Mark, look: Look) -> Primitive {
    match mark {
        Mark::Fill { area, paint, opacity } => Primitive::Rect {
            x: area.left,
            y: area.top,
            width: area.width,
            height: area.height,
            fill: paint.seen_in(look),
            stroke: None,
            stroke_width: None,
            opacity: (*opacity < 1.0).then_some(*opacity),
        },
        Mark::Frame { area, paint, width } => Primitive::Rect {
            x: area.left,
            y: area.top,
            width: area.width,
            height: area.height,
            fill: SceneColor::None,
            stroke: Some(paint.seen_in(look)),
            stroke_width: Some(*width),
            opacity: None,
        },
        Mark::Line { points, paint, width, dashed } => Primitive::PolyLine {
            points: points.clone(),
            stroke: paint.seen_in(look),
            stroke_width: *width,
            stroke_dasharray: dashed.then(|| "6 4".to_owned()),
        },
        Mark::Dot { x, y, radius, paint } => Primitive::Circle {
            cx: *x,
            cy: *y,
            r: *radius,
            fill: paint.seen_in(look),
            fill_opacity: None,
            stroke: None,
            stroke_width: None,
        },
        Mark::Text { x, y, text } => Primitive::Text {
            x: *x,
            y: *y,
            content: text.content.replace('$', "\\$"), // kuva reads `$...$` as mathematics.
            size: text.size,
            anchor: match text.anchor {
                Anchor::Start => TextAnchor::Start,
                Anchor::Middle => TextAnchor::Middle,
                Anchor::End => TextAnchor::End,
            },
            rotate: text.upright.then_some(-90.0),
            bold: text.bold,
            color: Some(text.paint.seen_in(look)),
        },
    }
}
