//! The coordinate reference system of a raster, as its GeoKeys.

use serde::{Deserialize, Serialize};

/// GeoKeys of OGC GeoTIFF 1.1 (19-008r4) that are read here.
mod key {
    pub(super) const MODEL_TYPE: u16 = 1024;
    pub(super) const RASTER_TYPE: u16 = 1025;
    pub(super) const CITATION: u16 = 1026;
    pub(super) const GEOGRAPHIC_TYPE: u16 = 2048;
    pub(super) const GEOGRAPHIC_CITATION: u16 = 2049;
    pub(super) const PROJECTED_TYPE: u16 = 3072;
    pub(super) const PROJECTED_CITATION: u16 = 3073;
    pub(super) const LINEAR_UNITS: u16 = 3076;
    pub(super) const VERTICAL_CITATION: u16 = 4097;
}

/// Tag of the numbers and of the texts that keys may point into.
const DOUBLES_TAG: u16 = 34736;
const ASCII_TAG: u16 = 34737;
/// The code for "defined by the other keys".
const USER_DEFINED: u16 = 32767;

/// A coordinate reference system: the three GeoKey tags of a GeoTIFF, carried as found.
///
/// They are copied, not interpreted, so that a user-defined system without an EPSG code survives
/// from image to map. A raster without a system has none of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crs {
    directory: Vec<u16>,
    doubles: Vec<f64>,
    ascii: String,
}

#[derive(PartialEq)]
enum Value<'a> {
    Short(u16),
    Doubles(&'a [f64]),
    Ascii(&'a str),
}

impl Crs {
    /// The system of the tags GeoKeyDirectory (34735), GeoDoubleParams (34736) and
    /// GeoAsciiParams (34737).
    pub fn from_keys(directory: Vec<u16>, doubles: Vec<f64>, ascii: String) -> Self {
        Self { directory, doubles, ascii }
    }

    /// The system of an EPSG code: projected, or geographic for codes from 4000 to 4999.
    pub fn from_epsg(code: u16) -> Self {
        let (model, kind) = if (4000..5000).contains(&code) {
            (2, key::GEOGRAPHIC_TYPE)
        } else {
            (1, key::PROJECTED_TYPE)
        };
        #[rustfmt::skip]
        let directory = vec![
            1, 1, 0, 3,
            key::MODEL_TYPE, 0, 1, model,
            key::RASTER_TYPE, 0, 1, 1,
            kind, 0, 1, code,
        ];
        Self { directory, doubles: Vec::new(), ascii: String::new() }
    }

    /// The contents of the three tags, in the order of [`Self::from_keys`].
    pub fn to_keys(&self) -> (&[u16], &[f64], &str) {
        (&self.directory, &self.doubles, &self.ascii)
    }

    /// Whether the raster says nothing about its system.
    pub fn is_none(&self) -> bool {
        self.system().next().is_none()
    }

    /// EPSG code, if the system has one.
    pub fn epsg(&self) -> Option<u16> {
        let code = match self.short(key::MODEL_TYPE) {
            Some(2) => self.short(key::GEOGRAPHIC_TYPE),
            _ => self.short(key::PROJECTED_TYPE),
        };
        code.filter(|&code| code != 0 && code != USER_DEFINED)
    }

    /// What to call the system in messages and reports; `none` without one.
    pub fn name(&self) -> String {
        if let Some(code) = self.epsg() {
            return format!("EPSG:{code}");
        }
        if self.is_none() {
            return "none".to_owned();
        }
        let citations = [key::PROJECTED_CITATION, key::CITATION, key::GEOGRAPHIC_CITATION];
        // Some programs list parts: `GCS Name = NAD83|Datum = ...`.
        let name = |citation: &str| {
            let first = citation.split('|').next().unwrap_or_default();
            first.rsplit(" = ").next().unwrap_or_default().to_owned()
        };
        let names = citations.into_iter().filter_map(|id| self.ascii(id)).map(name);
        match names.into_iter().find(|name| !["", "unnamed", "unknown"].contains(&name.as_str())) {
            Some(name) => format!("user-defined ({name})"),
            None => "user-defined".to_owned(),
        }
    }

    /// Unit of map coordinates, as it is written behind a number: `m`, `°`, `ft`, `px` for a raster
    /// without a system, or `map units` where neither the keys nor a code known here say.
    pub fn unit_name(&self) -> &'static str {
        if self.is_none() {
            return "px";
        }
        match (self.short(key::MODEL_TYPE), self.short(key::LINEAR_UNITS)) {
            (Some(2), _) => "°",
            (_, Some(9001)) => "m",
            (_, Some(9002 | 9003)) => "ft",
            (_, None) if self.epsg().is_some_and(is_metric) => "m",
            (_, Some(_) | None) => "map units",
        }
    }

    /// Whether both describe the same system: the same EPSG code, or the same keys apart from
    /// names and the raster type.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self.epsg(), other.epsg()) {
            (Some(left), Some(right)) => left == right,
            (None, None) => {
                self.system().count() == other.system().count()
                    && self.system().all(|(id, value)| {
                        other.value(id).is_some_and(|other| nearly_equal(&value, &other))
                    })
            }
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Whether map positions in the tags are those of pixel centres, not corners.
    pub(crate) fn pixel_is_point(&self) -> bool {
        self.short(key::RASTER_TYPE) == Some(2)
    }

    /// Keys that say where positions are on Earth, in the file's order.
    fn system(&self) -> impl Iterator<Item = (u16, Value<'_>)> {
        const OTHER: [u16; 5] = [
            key::RASTER_TYPE,
            key::CITATION,
            key::GEOGRAPHIC_CITATION,
            key::PROJECTED_CITATION,
            key::VERTICAL_CITATION,
        ];
        self.values().filter(|(id, _)| !OTHER.contains(id))
    }

    fn values(&self) -> impl Iterator<Item = (u16, Value<'_>)> {
        let entries = self.directory.get(4..).unwrap_or_default().chunks_exact(4);
        let n_keys = self.directory.get(3).copied().unwrap_or(0);
        entries.take(usize::from(n_keys)).filter_map(|entry| {
            let (count, start) = (usize::from(entry[2]), usize::from(entry[3]));
            let value = match entry[1] {
                0 => Value::Short(entry[3]),
                DOUBLES_TAG => Value::Doubles(self.doubles.get(start..start + count)?),
                ASCII_TAG => Value::Ascii(
                    self.ascii.get(start..start + count)?.trim_end_matches(['|', '\0']),
                ),
                _ => return None,
            };
            Some((entry[0], value))
        })
    }

    fn value(&self, id: u16) -> Option<Value<'_>> {
        self.values().find(|(other, _)| *other == id).map(|(_, value)| value)
    }

    fn short(&self, id: u16) -> Option<u16> {
        if let Some(Value::Short(code)) = self.value(id) { Some(code) } else { None }
    }

    fn ascii(&self, id: u16) -> Option<&str> {
        if let Some(Value::Ascii(text)) = self.value(id) { Some(text) } else { None }
    }
}

/// Whether an EPSG code is one of the common projected systems in metres.
///
/// Source: EPSG Geodetic Parameter Dataset, <https://epsg.org>.
fn is_metric(epsg: u16) -> bool {
    matches!(
        epsg,
        // Universal transverse Mercator: WGS 84, WGS 72, NAD83, NAD27, ETRS89, GDA94, GDA2020.
        32601..=32660 | 32701..=32760 | 32201..=32260 | 32301..=32360 | 26901..=26923
        | 26701..=26722 | 25828..=25838 | 28348..=28358 | 7846..=7859
        // Mercator, Europe, polar stereographic, equal-area grids.
        | 3857 | 3395 | 3034 | 3035 | 3413 | 3031 | 5070 | 6933 | 3577
        // Countries and states: France, Great Britain, Sweden, Finland, New Zealand, Canada,
        // North Carolina.
        | 2154 | 27700 | 3006 | 3067 | 2193 | 3979 | 32119
    )
}

/// Equal, with numbers to 1e-9 of their size: programs write them with different digits.
fn nearly_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Doubles(left), Value::Doubles(right)) => {
            left.len() == right.len()
                && left.iter().zip(*right).all(|(a, b)| (a - b).abs() <= 1e-9 * a.abs().max(1.0))
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A user-defined Lambert system whose standard parallel is `latitude`.
    fn lambert(latitude: f64, citation: &str) -> Crs {
        let length = u16::try_from(citation.len() + 1).unwrap();
        #[rustfmt::skip]
        let directory = vec![
            1, 1, 0, 4,
            1024, 0, 1, 1,
            1026, 34737, length, 0,
            3072, 0, 1, 32767,
            3078, 34736, 1, 0,
        ];
        Crs::from_keys(directory, vec![latitude], format!("{citation}|"))
    }

    #[test]
    fn epsg_and_name_come_from_the_keys() {
        assert_eq!(
            (Crs::from_epsg(32119).epsg(), Crs::from_epsg(4326).epsg()),
            (Some(32119), Some(4326))
        );
        assert_eq!(Crs::from_epsg(32119).name(), "EPSG:32119");
        assert_eq!(
            (lambert(36.0, "NAD83").epsg(), lambert(36.0, "NAD83").name().as_str()),
            (None, "user-defined (NAD83)")
        );
        assert_eq!(lambert(36.0, "GCS Name = A b|Datum = c").name(), "user-defined (A b)");
        assert_eq!(lambert(36.0, "PCS Name = unknown").name(), "user-defined");
        assert_eq!(Crs::default().name(), "none");
    }

    #[test]
    fn the_unit_is_said_only_where_it_is_known() {
        let with_unit = |code, unit| {
            let mut crs = Crs::from_epsg(code);
            crs.directory[3] += 1;
            crs.directory.extend([key::LINEAR_UNITS, 0, 1, unit]);
            crs
        };
        for (crs, unit) in [
            (Crs::default(), "px"),
            (Crs::from_epsg(4326), "°"),
            (Crs::from_epsg(32633), "m"),
            (Crs::from_epsg(32119), "m"),
            (Crs::from_epsg(25832), "m"),
            (Crs::from_epsg(3857), "m"),
            // New York Long Island, in US survey feet.
            (Crs::from_epsg(2263), "map units"),
            (with_unit(2263, 9003), "ft"),
            (with_unit(2263, 9001), "m"),
            (with_unit(32633, 9036), "map units"),
            (lambert(36.0, "a"), "map units"),
        ] {
            assert_eq!(crs.unit_name(), unit, "{}", crs.name());
        }
    }

    #[test]
    fn names_do_not_matter_but_parameters_do() {
        assert!(lambert(36.0, "a").same_as(&lambert(36.0 + 1e-12, "other")));
        assert!(!lambert(36.0, "a").same_as(&lambert(36.1, "a")));
        assert!(!lambert(36.0, "a").same_as(&Crs::default()));
        assert!(!lambert(36.0, "a").same_as(&Crs::from_epsg(32119)));
        assert!(Crs::default().same_as(&Crs::default()));
    }

    #[test]
    fn keys_that_point_outside_are_skipped() {
        let crs = Crs::from_keys(
            vec![1, 1, 0, 9, 3078, 34736, 9, 65535, 1026, 34737, 5, 2],
            vec![],
            "é".into(),
        );
        assert!(crs.is_none());
        assert!(Crs::from_keys(vec![1], vec![], String::new()).is_none());
    }
}
