//! Writing a legend as GDAL's `.aux.xml` sidecar.

use std::fmt::Write;

use quick_xml::escape::escape;

use super::LegendEntry;

/// Lists by value (names, colours) are written up to this value; the table goes on beyond it.
const MAX_LISTED: u16 = 4095;

/// The sidecar of a map: names and colours of its values.
///
/// Category names are what gdalinfo shows, the attribute table is what QGIS and ArcGIS show, and
/// the colour table serves maps whose type has none in TIFF.
pub(super) fn document(legend: &[LegendEntry]) -> String {
    let mut xml = "<PAMDataset>\n  <PAMRasterBand band=\"1\">\n".to_owned();
    let highest = legend.iter().map(|entry| entry.code).max().unwrap_or(0);
    if highest <= MAX_LISTED {
        let by_code = |code| legend.iter().find(|entry| entry.code == code);
        xml.push_str("    <CategoryNames>\n");
        for code in 0..=highest {
            let name = by_code(code).map_or("", |entry| entry.name.as_str());
            line(&mut xml, format_args!("      <Category>{}</Category>", escape(name)));
        }
        xml.push_str("    </CategoryNames>\n    <ColorTable>\n");
        for code in 0..=highest {
            let ([red, green, blue], alpha) =
                by_code(code).map_or(([0; 3], 0), |entry| (entry.color, 255));
            line(
                &mut xml,
                format_args!(
                    "      <Entry c1=\"{red}\" c2=\"{green}\" c3=\"{blue}\" c4=\"{alpha}\"/>"
                ),
            );
        }
        xml.push_str("    </ColorTable>\n");
    }
    attribute_table(&mut xml, legend);
    xml.push_str("  </PAMRasterBand>\n</PAMDataset>\n");
    xml
}

/// Column types and usages are GDAL's `GDALRATFieldType` and `GDALRATFieldUsage`.
fn attribute_table(xml: &mut String, legend: &[LegendEntry]) {
    const COLUMNS: [(&str, u8, u8); 5] =
        [("Value", 0, 5), ("Class", 2, 2), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8)];
    xml.push_str("    <GDALRasterAttributeTable tableType=\"thematic\">\n");
    for (index, (name, kind, usage)) in COLUMNS.into_iter().enumerate() {
        line(
            xml,
            format_args!(
                "      <FieldDefn index=\"{index}\"><Name>{name}</Name><Type>{kind}</Type>\
                 <Usage>{usage}</Usage></FieldDefn>"
            ),
        );
    }
    for (index, entry) in legend.iter().enumerate() {
        let (code, name, [red, green, blue]) = (entry.code, escape(&entry.name), entry.color);
        line(
            xml,
            format_args!(
                "      <Row index=\"{index}\"><F>{code}</F><F>{name}</F><F>{red}</F><F>{green}</F>\
                 <F>{blue}</F></Row>"
            ),
        );
    }
    xml.push_str("    </GDALRasterAttributeTable>\n");
}

fn line(xml: &mut String, text: std::fmt::Arguments) {
    writeln!(xml, "{text}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::{super::Sidecar, *};

    #[track_caller]
    fn check(legend: &[(u16, &str, [u8; 3])]) {
        let entry = |&(code, name, color): &(u16, &str, [u8; 3])| LegendEntry {
            code,
            name: name.into(),
            color,
        };
        let folder = tempfile::tempdir().unwrap();
        let raster = folder.path().join("map.tif");
        let xml = document(&legend.iter().map(entry).collect::<Vec<_>>());
        std::fs::write(folder.path().join("map.tif.aux.xml"), xml).unwrap();
        let notes = &Sidecar::beside(&raster).unwrap().bands[0];
        for (code, name, color) in legend {
            assert!(notes.names.contains(&(i64::from(*code), (*name).to_owned())), "{notes:?}");
            assert!(notes.colors.contains(&(i64::from(*code), *color)), "{notes:?}");
        }
        assert_eq!(notes.names.len(), legend.len());
    }

    #[test]
    fn what_is_written_is_read_again() {
        check(&[(1, "water", [0, 0, 255]), (7, "roads & <rails> \"x\"", [1, 2, 3])]);
        check(&[(0, "a", [9, 9, 9]), (65535, "far", [4, 5, 6])]);
    }
}
