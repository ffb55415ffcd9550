//! Tags of a map: colours, missing value, georeferencing and band names.

use quick_xml::escape::escape;
use tiff_core::{ColorMap, Tag, TagValue};

use super::{Affine, Grid, LegendEntry, MapLayout};

pub(super) fn color_map(legend: &[LegendEntry]) -> ColorMap {
    let mut planes = [[0_u16; 256]; 3];
    for entry in legend {
        for (plane, part) in planes.iter_mut().zip(entry.color) {
            if let Some(value) = plane.get_mut(usize::from(entry.code)) {
                *value = u16::from(part) * 257;
            }
        }
    }
    let [red, green, blue] = planes.map(|plane| plane.to_vec());
    ColorMap::new(red, green, blue).expect("the planes have one length")
}

pub(super) fn nodata_text(nodata: f64) -> String {
    if nodata.is_nan() { "nan".to_owned() } else { nodata.to_string() }
}

/// Transform and GeoKeys; none for a raster without georeferencing.
pub(super) fn grid_tags(grid: &Grid) -> Vec<Tag> {
    let mut tags = Vec::new();
    let center = if grid.crs.pixel_is_point() { 0.5 } else { 0.0 };
    let [x, y] = grid.affine.map_position(center, center);
    let a = &grid.affine.0;
    if grid.affine.is_north_up() {
        tags.push(Tag::new(33550, TagValue::Double(vec![a[1], -a[5], 0.0])));
        tags.push(Tag::new(33922, TagValue::Double(vec![0.0, 0.0, 0.0, x, y, 0.0])));
    } else if grid.affine != Affine::IDENTITY {
        #[rustfmt::skip]
        let matrix = vec![
            a[1], a[2], 0.0, x,
            a[4], a[5], 0.0, y,
            0.0, 0.0, 0.0, 0.0,
            0.0, 0.0, 0.0, 1.0,
        ];
        tags.push(Tag::new(34264, TagValue::Double(matrix)));
    }
    let (directory, doubles, ascii) = grid.crs.to_keys();
    if !directory.is_empty() {
        tags.push(Tag::new(34735, TagValue::Short(directory.to_vec())));
    }
    if !doubles.is_empty() {
        tags.push(Tag::new(34736, TagValue::Double(doubles.to_vec())));
    }
    if !ascii.is_empty() {
        tags.push(Tag::new(34737, TagValue::Ascii(ascii.to_owned())));
    }
    tags
}

pub(super) fn band_names(layout: &MapLayout) -> Option<Tag> {
    let item = |(sample, name): (usize, &String)| {
        // GDAL takes one escaping off as XML, and one more.
        let name = escape(name.as_str());
        let name = escape(&*name);
        format!("<Item name=\"DESCRIPTION\" sample=\"{sample}\" role=\"description\">{name}</Item>")
    };
    let items: String = layout
        .band_names
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_empty())
        .map(item)
        .collect();
    if items.is_empty() {
        return None;
    }
    let text = format!("<GDALMetadata>{items}</GDALMetadata>");
    // Kept to ASCII, as the tag's type says.
    let ascii = text.chars().map(|character| match character {
        ' '..='~' => character.to_string(),
        other => format!("&#{};", u32::from(other)),
    });
    Some(Tag::new(42112, TagValue::Ascii(ascii.collect())))
}
