//! A drawing of simple marks, written as SVG or PNG.

use base64::{Engine, engine::general_purpose::STANDARD};
use image::{
    ExtendedColorType, ImageEncoder, RgbImage,
    codecs::png::{CompressionType, FilterType, PngEncoder},
    imageops,
};
use kuva::{
    RasterBackend,
    backend::svg::SvgBackend,
    render::render::{Primitive, Scene},
};

use super::{
    mark::{Mark, primitive},
    paint::Look,
    text::{self, escape},
};

pub(super) use super::{
    mark::{Anchor, Area, Text},
    paint::Paint,
};

/// Pixels of a PNG per unit of the drawing.
const PNG_SCALE: u32 = 2;

/// Fonts of the SVG files; the first is the one that PNG files are drawn with.
const FONTS: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// Marks and pictures on a sheet; later marks cover earlier ones, pictures cover all marks.
pub(super) struct Drawing {
    width: f64,
    height: f64,
    marks: Vec<Mark>,
    pictures: Vec<(Area, RgbImage)>,
}

impl Drawing {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width: width.ceil(), height: height.ceil(), marks: Vec::new(), pictures: Vec::new() }
    }

    pub(super) fn fill(&mut self, area: Area, paint: Paint) {
        self.marks.push(Mark::Fill { area, paint, opacity: 1.0 });
    }

    /// Fills so that the share `opacity`, in `[0, 1]`, hides what lies below.
    pub(super) fn tint(&mut self, area: Area, paint: Paint, opacity: f64) {
        self.marks.push(Mark::Fill { area, paint, opacity });
    }

    pub(super) fn frame(&mut self, area: Area, paint: Paint, width: f64) {
        self.marks.push(Mark::Frame { area, paint, width });
    }

    pub(super) fn line(&mut self, points: Vec<(f64, f64)>, paint: Paint, width: f64) {
        self.marks.push(Mark::Line { points, paint, width, dashed: false });
    }

    pub(super) fn dashed_line(&mut self, points: Vec<(f64, f64)>, paint: Paint, width: f64) {
        self.marks.push(Mark::Line { points, paint, width, dashed: true });
    }

    pub(super) fn dot(&mut self, x: f64, y: f64, radius: f64, paint: Paint) {
        self.marks.push(Mark::Dot { x, y, radius, paint });
    }

    /// Writes a text whose base line starts, is centred or ends at the point.
    pub(super) fn text(&mut self, x: f64, y: f64, text: Text) {
        self.marks.push(Mark::Text { x, y, text });
    }

    /// Lays a picture over all marks; of one with more pixels than a PNG shows, some are left out.
    pub(super) fn picture(&mut self, area: Area, image: &RgbImage) {
        let longest = f64::from(PNG_SCALE) * area.width.max(area.height);
        self.pictures.push((area, at_most(image, longest.ceil() as u32)));
    }

    /// An SVG file that stands alone; `title` is what it shows.
    pub(super) fn to_svg(&self, title: &str) -> String {
        let (width, height, title) = (self.width, self.height, escape(title));
        let head = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" font-family=\"{FONTS}\" role=\"img\">\
             <title>{title}</title>"
        );
        self.svg_with_head(&head, Look::File)
    }

    /// An SVG element for the page; `title` is what it shows, for readers who cannot see it.
    pub(super) fn to_inline_svg(&self, title: &str) -> String {
        let (width, height, title) = (self.width, self.height, escape(title));
        let head = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             style=\"max-width:{width}px\" role=\"img\" aria-label=\"{title}\">"
        );
        self.svg_with_head(&head, Look::Page)
    }

    /// A PNG file, two pixels a unit.
    pub(super) fn to_png(&self) -> Vec<u8> {
        let mut scene = self.scene(Look::File);
        let is_upright = |mark: &Primitive| matches!(mark, Primitive::Text { rotate: Some(_), .. });
        scene.elements.retain(|mark| !is_upright(mark));
        let mut sheet = pixels(&scene);
        for mark in &self.marks {
            if let Mark::Text { x, y, text } = mark
                && text.upright
            {
                write_upright(&mut sheet, *x, *y, text);
            }
        }
        for (area, image) in &self.pictures {
            let scaled = |length: f64| (length * f64::from(PNG_SCALE)).round() as u32;
            let (width, height) = (scaled(area.width).max(1), scaled(area.height).max(1));
            let image = imageops::resize(image, width, height, imageops::FilterType::Nearest);
            let (left, top) = (i64::from(scaled(area.left)), i64::from(scaled(area.top)));
            imageops::replace(&mut sheet, &image, left, top);
        }
        png_bytes(&sheet)
    }

    /// kuva's own head has no `viewBox`, so it is replaced.
    fn svg_with_head(&self, head: &str, look: Look) -> String {
        let svg = SvgBackend::new().render_scene(&self.scene(look));
        let start = svg.find('>').expect("an SVG element") + 1;
        let end = svg.rfind("</svg>").expect("an SVG element");
        let pictures: String = self.pictures.iter().map(svg_picture).collect();
        format!("{head}{}{pictures}</svg>", &svg[start..end])
    }

    fn scene(&self, look: Look) -> Scene {
        let mut scene = Scene::new(self.width, self.height);
        if matches!(look, Look::Page) {
            scene.background_color = None;
        }
        for mark in &self.marks {
            scene.add(primitive(mark, look));
        }
        scene
    }
}

/// Writes a text from bottom to top. kuva turns pixels of text coarsely, so we turn the letters.
fn write_upright(sheet: &mut RgbImage, x: f64, y: f64, text: &Text) {
    let size = f64::from(text.size);
    let (length, height, base_line) =
        (text::width(&text.content, text.size), 1.6 * size, 1.2 * size);
    let start = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => length / 2.0,
        Anchor::End => length,
    };
    let mut line = Drawing::new(length, height);
    line.text(start, base_line, Text { upright: false, ..text.clone() });
    let line = imageops::rotate270(&pixels(&line.scene(Look::File)));

    let scaled = |length: f64| (length * f64::from(PNG_SCALE)).round() as i64;
    let top = scaled(y + start) - i64::from(line.height());
    let left = scaled(x - base_line);
    for (col, row, pixel) in line.enumerate_pixels() {
        let place = (u32::try_from(left + i64::from(col)), u32::try_from(top + i64::from(row)));
        let (Ok(col), Ok(row)) = place else { continue };
        if let Some(below) = sheet.get_pixel_mut_checked(col, row) {
            below.0 = std::array::from_fn(|channel| below.0[channel].min(pixel.0[channel]));
        }
    }
}

/// The scene as pixels, [`PNG_SCALE`] a unit.
fn pixels(scene: &Scene) -> RgbImage {
    let backend = RasterBackend::new().with_scale(PNG_SCALE as f32);
    let png = backend.render_scene(scene).expect("draws into memory");
    image::load_from_memory(&png).expect("a PNG of our own").to_rgb8()
}

fn svg_picture((area, image): &(Area, RgbImage)) -> String {
    let Area { left, top, width, height } = area;
    format!(
        "<image x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" \
         preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" href=\"{}\"/>",
        data_uri(image)
    )
}

/// The picture with every so many pixels, so that no side is longer than `longest_px`.
pub(super) fn at_most(image: &RgbImage, longest_px: u32) -> RgbImage {
    let (width, height) = image.dimensions();
    let longest = width.max(height);
    if longest <= longest_px {
        return image.clone();
    }
    let scaled = |length: u32| (length * longest_px / longest).max(1);
    imageops::resize(image, scaled(width), scaled(height), imageops::FilterType::Nearest)
}

/// The picture as a PNG inside a link.
pub(super) fn data_uri(image: &RgbImage) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png_bytes(image)))
}

fn png_bytes(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (compression, filter) = (CompressionType::Default, FilterType::Adaptive);
    let encoder = PngEncoder::new_with_quality(&mut bytes, compression, filter);
    let (width, height) = image.dimensions();
    encoder.write_image(image, width, height, ExtendedColorType::Rgb8).expect("writes into memory");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing() -> Drawing {
        let mut drawing = Drawing::new(40.0, 30.0);
        let area = Area { left: 2.0, top: 3.0, width: 10.0, height: 5.0 };
        drawing.fill(area, Paint::Ink);
        drawing.text(1.0, 20.0, Text::new("a < $b$ & c", 8));
        let red = RgbImage::from_pixel(2, 2, image::Rgb([200, 0, 0]));
        drawing.picture(Area { left: 20.0, ..area }, &red);
        drawing
    }

    #[test]
    fn pictures_have_no_more_pixels_than_are_seen() {
        let mut drawing = Drawing::new(40.0, 30.0);
        let area = Area { left: 0.0, top: 0.0, width: 10.0, height: 5.0 };
        for (size, wanted) in [((300, 150), (20, 10)), ((20, 10), (20, 10)), ((3, 2), (3, 2))] {
            drawing.picture(area, &RgbImage::new(size.0, size.1));
            assert_eq!(drawing.pictures.last().unwrap().1.dimensions(), wanted);
        }
    }

    #[test]
    fn an_svg_file_has_fixed_colours_and_keeps_its_text() {
        let svg = drawing().to_svg("a \"title\"");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
        assert!(svg.contains("viewBox=\"0 0 40 30\"") && !svg.contains("var(--"));
        assert!(svg.contains(">a &lt; $b$ &amp; c</text>"), "{svg}");
        assert!(svg.contains("<title>a &quot;title&quot;</title>"));
    }

    #[test]
    fn an_svg_of_the_page_takes_the_colours_of_the_page() {
        let svg = drawing().to_inline_svg("title");
        assert!(svg.contains("fill=\"var(--ink)\"") && !svg.contains("fill=\"white\""), "{svg}");
        assert!(svg.contains("href=\"data:image/png;base64,"));
    }

    #[test]
    fn an_upright_text_of_a_png_stands_above_its_start() {
        let mut drawing = Drawing::new(40.0, 60.0);
        drawing.text(20.0, 50.0, Text::new("LLL", 12).upright());
        let png = image::load_from_memory(&drawing.to_png()).unwrap().to_rgb8();
        let dark: Vec<_> = png.enumerate_pixels().filter(|(_, _, it)| it.0[0] < 128).collect();
        let (cols, rows): (Vec<_>, Vec<_>) = dark.iter().map(|(col, row, _)| (*col, *row)).unzip();
        // The feet of the letters are on the right, their stems run to the left.
        let n_in = |wanted: u32| cols.iter().filter(|col| **col == wanted).count();
        let range = |of: &[u32]| (*of.iter().min().unwrap(), *of.iter().max().unwrap());
        let ((left, right), (top, bottom)) = (range(&cols), range(&rows));
        assert!(20 <= left && (38..=40).contains(&right), "columns {left} to {right}");
        assert!(2 * n_in(left) < n_in(right - 1), "{} and {}", n_in(left), n_in(right - 1));
        assert!(55 <= top && (90..100).contains(&bottom), "rows {top} to {bottom}");
    }

    #[test]
    fn a_png_shows_marks_and_pictures_where_they_are() {
        let png = image::load_from_memory(&drawing().to_png()).unwrap().to_rgb8();
        assert_eq!(png.dimensions(), (80, 60));
        assert_eq!(png.get_pixel(14, 10).0, [27, 31, 36]);
        assert_eq!(png.get_pixel(50, 10).0, [200, 0, 0]);
        assert_eq!(png.get_pixel(70, 50).0, [255; 3]);
    }
}
