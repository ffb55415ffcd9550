//! What GDAL's XML says about bands: the `.aux.xml` file beside a raster, and tag 42112 in it.

use std::{
    borrow::Cow,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use quick_xml::escape::unescape;

use super::xml::{self, Element};
use crate::error::{Error, Result};

/// Larger sidecars are refused, in bytes: GDAL's are a few KiB.
const MAX_BYTES: u64 = 64 << 20;

/// Names of values.
type Names = Vec<(i64, String)>;
/// Colours of values.
type Colors = Vec<(i64, [u8; 3])>;

/// Notes on a raster: `bands[0]` is band 1.
#[derive(Debug, Default)]
pub(crate) struct Sidecar {
    pub(crate) bands: Vec<BandNotes>,
    /// Whether it says where the pixels lie.
    pub(crate) has_position: bool,
    /// Whether it names a coordinate reference system.
    pub(crate) has_crs: bool,
}

/// Notes on one band; what is not said is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BandNotes {
    pub(crate) description: Option<String>,
    pub(crate) nodata: Option<f64>,
    pub(crate) scale: Option<f64>,
    pub(crate) offset: Option<f64>,
    /// Name of a value, from the category list or the attribute table.
    pub(crate) names: Names,
    /// Colour of a value, from the colour table or the attribute table.
    pub(crate) colors: Colors,
}

impl Sidecar {
    /// Reads `RASTER.aux.xml`; empty if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, [`Error::Malformed`] if it is not XML.
    pub(crate) fn beside(raster: &Path) -> Result<Self> {
        let path = path_beside(raster);
        let Ok(metadata) = fs::metadata(&path) else { return Ok(Self::default()) };
        if metadata.len() > MAX_BYTES {
            return Err(Error::malformed(&path, "GDAL sidecar", "it is larger than 64 MiB"));
        }
        let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        let root = xml::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|reason| Error::malformed(&path, "GDAL sidecar", reason))?;
        Ok(Self::of_pam(&root))
    }

    /// Reads the text of tag 42112 (GDAL_METADATA).
    pub(crate) fn of_tag(text: &str) -> Result<Self, String> {
        let mut sidecar = Self::default();
        for item in xml::parse(text)?.all("Item") {
            let Some(Ok(sample)) = item.attribute("sample").map(str::parse) else { continue };
            let Some(notes) = sidecar.band_mut(sample) else { continue };
            match item.attribute("role") {
                Some("description") => notes.description = filled(&unescaped_again(&item.text)),
                Some("scale") => notes.scale = item.text.parse().ok(),
                Some("offset") => notes.offset = item.text.parse().ok(),
                _ => {}
            }
        }
        Ok(sidecar)
    }

    /// These notes on a band (counted from 0), completed by `fallback`'s.
    pub(crate) fn band_or(&self, band: usize, fallback: &Self) -> BandNotes {
        let first = self.bands.get(band).cloned().unwrap_or_default();
        let second = fallback.bands.get(band).cloned().unwrap_or_default();
        BandNotes {
            description: first.description.or(second.description),
            nodata: first.nodata.or(second.nodata),
            scale: first.scale.or(second.scale),
            offset: first.offset.or(second.offset),
            names: if first.names.is_empty() { second.names } else { first.names },
            colors: if first.colors.is_empty() { second.colors } else { first.colors },
        }
    }

    fn of_pam(root: &Element) -> Self {
        let has = |name| root.child(name).is_some();
        let mut sidecar = Self {
            has_position: has("GeoTransform") || has("GCPList"),
            has_crs: has("SRS"),
            ..Self::default()
        };
        for element in root.all("PAMRasterBand") {
            let Some(Ok(number)) = element.attribute("band").map(str::parse::<usize>) else {
                continue;
            };
            let Some(notes) = number.checked_sub(1).and_then(|band| sidecar.band_mut(band)) else {
                continue;
            };
            let number_of = |name| element.text_of(name).and_then(|text| text.parse().ok());
            notes.description = element.text_of("Description").and_then(filled);
            notes.nodata = number_of("NoDataValue");
            notes.scale = number_of("Scale");
            notes.offset = number_of("Offset");
            notes.names = category_names(element);
            notes.colors = color_table(element);
            if let Some(table) = element.child("GDALRasterAttributeTable") {
                let (names, colors) = attribute_table(table);
                for (code, name) in names {
                    if notes.names.iter().all(|(other, _)| *other != code) {
                        notes.names.push((code, name));
                    }
                }
                for (code, color) in colors {
                    if notes.colors.iter().all(|(other, _)| *other != code) {
                        notes.colors.push((code, color));
                    }
                }
            }
        }
        sidecar
    }

    /// The notes of a band, made where they are missing; `None` for a band number no TIFF has.
    fn band_mut(&mut self, band: usize) -> Option<&mut BandNotes> {
        if band >= usize::from(u16::MAX) {
            return None;
        }
        if self.bands.len() <= band {
            self.bands.resize(band + 1, BandNotes::default());
        }
        Some(&mut self.bands[band])
    }
}

/// The path of the sidecar: `.aux.xml` after the whole file name.
pub(crate) fn path_beside(raster: &Path) -> PathBuf {
    let mut path = OsString::from(raster);
    path.push(".aux.xml");
    path.into()
}

/// GDAL escapes the values of the tag twice; other programs once.
fn unescaped_again(text: &str) -> Cow<'_, str> {
    unescape(text).unwrap_or(Cow::Borrowed(text))
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Names of the values 0, 1, 2, ...; empty names stand for values without one.
fn category_names(band: &Element) -> Names {
    let Some(list) = band.child("CategoryNames") else { return Vec::new() };
    let names = (0..).zip(list.all("Category"));
    names.filter_map(|(code, category)| Some((code, filled(&category.text)?))).collect()
}

/// Colours of the values 0, 1, 2, ....
fn color_table(band: &Element) -> Colors {
    let Some(table) = band.child("ColorTable") else { return Vec::new() };
    let color = |entry: &Element| {
        let part = |name| entry.attribute(name)?.parse().ok();
        Some([part("c1")?, part("c2")?, part("c3")?])
    };
    (0..).zip(table.all("Entry")).filter_map(|(code, entry)| Some((code, color(entry)?))).collect()
}

/// Names and colours of a raster attribute table.
///
/// The usage codes of its columns are GDAL's `GDALRATFieldUsage`.
fn attribute_table(table: &Element) -> (Names, Colors) {
    const NAME: &str = "2";
    const MIN: &str = "3";
    const MIN_MAX: &str = "5";
    let columns: Vec<&Element> = table.all("FieldDefn").collect();
    let column =
        |usage: &str| columns.iter().position(|column| column.text_of("Usage") == Some(usage));
    let named = |wanted: &str| {
        columns.iter().position(|column| {
            column.text_of("Name").is_some_and(|name| name.eq_ignore_ascii_case(wanted))
        })
    };
    let code_column = column(MIN_MAX).or(column(MIN)).or(named("value"));
    let name_column = column(NAME).or(named("class_name")).or(named("class"));
    let color_columns = ["6", "7", "8"].map(column);

    let (mut names, mut colors) = (Vec::new(), Vec::new());
    for row in table.all("Row") {
        let cells: Vec<&str> = row.all("F").map(|cell| cell.text.as_str()).collect();
        let cell = |index: Option<usize>| cells.get(index?).copied();
        let Some(code) = cell(code_column).and_then(integer) else { continue };
        names.extend(cell(name_column).and_then(filled).map(|name| (code, name)));
        let part = |index| cell(index).and_then(integer).and_then(|part| u8::try_from(part).ok());
        if let [Some(red), Some(green), Some(blue)] = color_columns.map(part) {
            colors.push((code, [red, green, blue]));
        }
    }
    (names, colors)
}

/// An integer, also where it is written as `3.0`.
fn integer(text: &str) -> Option<i64> {
    let value: f64 = text.parse().ok()?;
    (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_and_scales_bands() {
        let text = r#"<GDALMetadata>
            <Item name="DESCRIPTION" sample="1" role="description">near &amp;amp; infrared</Item>
            <Item name="DESCRIPTION" sample="0" role="description">a &amp; b</Item>
            <Item name="SCALE" sample="0" role="scale">0.0001</Item>
            <Item name="OFFSET" sample="0" role="offset">-0.1</Item>
            <Item name="AREA">9</Item>
            <Item name="DESCRIPTION" sample="99999999" role="description">far</Item>
        </GDALMetadata>"#;
        let sidecar = Sidecar::of_tag(text).unwrap();
        assert_eq!(sidecar.bands.len(), 2);
        assert_eq!((sidecar.bands[0].scale, sidecar.bands[0].offset), (Some(0.0001), Some(-0.1)));
        let name = |band: usize| sidecar.bands[band].description.as_deref();
        assert_eq!((name(0), name(1)), (Some("a & b"), Some("near & infrared")));
    }

    #[test]
    fn a_sidecar_names_and_colours_values() {
        let document = r#"<PAMDataset><Metadata/><PAMRasterBand band="2">
            <Description>class</Description><NoDataValue>0</NoDataValue>
            <CategoryNames><Category/><Category>water</Category></CategoryNames>
            <ColorTable><Entry c1="0" c2="0" c3="0" c4="0"/><Entry c1="1" c2="2" c3="3" c4="255"/></ColorTable>
            <Histograms/>
            <GDALRasterAttributeTable>
              <FieldDefn index="0"><Name>Value</Name><Type>0</Type><Usage>5</Usage></FieldDefn>
              <FieldDefn index="1"><Name>Label</Name><Type>2</Type><Usage>2</Usage></FieldDefn>
              <FieldDefn index="2"><Name>R</Name><Type>0</Type><Usage>6</Usage></FieldDefn>
              <FieldDefn index="3"><Name>G</Name><Type>0</Type><Usage>7</Usage></FieldDefn>
              <FieldDefn index="4"><Name>B</Name><Type>0</Type><Usage>8</Usage></FieldDefn>
              <Row index="0"><F>1</F><F>sea</F><F>9</F><F>9</F><F>9</F></Row>
              <Row index="1"><F>70.0</F><F>forest</F><F>4</F><F>5</F><F>6</F></Row>
              <Row index="2"><F>71</F></Row>
            </GDALRasterAttributeTable>
        </PAMRasterBand><PAMRasterBand band="0"/></PAMDataset>"#;
        let sidecar = Sidecar::of_pam(&xml::parse(document).unwrap());
        let notes = &sidecar.bands[1];
        assert_eq!(notes.nodata, Some(0.0));
        assert_eq!(notes.names, [(1, "water".to_owned()), (70, "forest".to_owned())]);
        assert_eq!(notes.colors, [(0, [0, 0, 0]), (1, [1, 2, 3]), (70, [4, 5, 6])]);
    }

    #[test]
    fn a_broken_sidecar_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let raster = folder.path().join("a.tif");
        assert!(Sidecar::beside(&raster).unwrap().bands.is_empty());
        std::fs::write(folder.path().join("a.tif.aux.xml"), "<PAMDataset>").unwrap();
        let message = Sidecar::beside(&raster).unwrap_err().to_string();
        assert!(message.contains("a.tif.aux.xml") && message.contains("not closed"), "{message}");
    }
}
