//! From class index back to the user's own codes.

use crate::{label::Classes, raster::LegendEntry};

/// The codes of a map and the value of its pixels without data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapCodes {
    /// Code of each class.
    pub codes: Vec<u16>,
    /// Value that no class has, for pixels without data.
    pub nodata: u16,
}

impl MapCodes {
    /// The codes of `classes`. Pixels without data are 0 if no class has that code, else the
    /// highest code of 8 bits, else of 16 bits, that no class has.
    pub fn new(classes: &Classes) -> Self {
        let codes: Vec<u16> = classes.iter().map(|class| class.code).collect();
        let fits_byte = codes.iter().all(|&code| code <= 255);
        let highest = if fits_byte && codes.len() < 256 { 255 } else { u16::MAX };
        let nodata = std::iter::once(0)
            .chain((1..=highest).rev())
            .find(|candidate| !codes.contains(candidate))
            .expect("255 classes leave a code");
        Self { codes, nodata }
    }

    /// Whether all values fit into 8 bits.
    pub fn fits_byte(&self) -> bool {
        self.nodata <= 255 && self.codes.iter().all(|&code| code <= 255)
    }
}

/// Names and colours of the codes of a map.
pub fn legend(classes: &Classes) -> Vec<LegendEntry> {
    classes
        .iter()
        .map(|class| LegendEntry {
            code: class.code,
            name: class.name.clone(),
            color: class.color.0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::{Class, Color};

    #[track_caller]
    fn check(codes: &[u16], nodata: u16, fits_byte: bool) {
        let class = |&code| Class { code, name: code.to_string(), color: Color([0; 3]) };
        let found = MapCodes::new(&Classes::new(codes.iter().map(class).collect()).unwrap());
        assert_eq!((found.nodata, found.fits_byte()), (nodata, fits_byte));
    }

    #[test]
    fn nodata_is_a_value_that_no_class_has() {
        check(&[1, 2, 255], 0, true);
        check(&[0, 2], 255, true);
        check(&[0, 255], 254, true);
        check(&[1, 300], 0, false);
        check(&[0, 300], u16::MAX, false);
    }
}
