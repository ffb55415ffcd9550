//! A legend as a QGIS style.

use quick_xml::escape::escape;

use super::LegendEntry;

/// The text of a `.qml` file that paints band 1 by its values.
pub(super) fn document(legend: &[LegendEntry]) -> String {
    let entry = |entry: &LegendEntry| {
        let [red, green, blue] = entry.color;
        let (code, name) = (entry.code, escape(&entry.name));
        format!(
            "        <paletteEntry value=\"{code}\" label=\"{name}\" \
             color=\"#{red:02x}{green:02x}{blue:02x}\" alpha=\"255\"/>\n"
        )
    };
    let entries: String = legend.iter().map(entry).collect();
    format!(
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n\
         <qgis version=\"3.0\" styleCategories=\"Symbology\">\n  <pipe>\n    \
         <rasterrenderer type=\"paletted\" band=\"1\" opacity=\"1\" alphaBand=\"-1\">\n      \
         <colorPalette>\n{entries}      </colorPalette>\n    </rasterrenderer>\n  </pipe>\n</qgis>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{super::xml, *};

    #[test]
    fn every_value_has_its_colour_and_name() {
        let legend = [LegendEntry { code: 300, name: "a & \"b\"".into(), color: [255, 0, 10] }];
        let root = xml::parse(&document(&legend)).unwrap();
        let renderer = root.child("pipe").and_then(|pipe| pipe.child("rasterrenderer")).unwrap();
        assert_eq!(renderer.attribute("type"), Some("paletted"));
        let entry = renderer.child("colorPalette").and_then(|it| it.child("paletteEntry")).unwrap();
        let read = ["value", "label", "color"].map(|name| entry.attribute(name).unwrap());
        assert_eq!(read, ["300", "a & \"b\"", "#ff000a"]);
    }
}
