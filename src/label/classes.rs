//! Class codes, names and colours.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, nearest};

/// Class index of a pixel that has no label. Never a class: there are at most 255 classes.
pub const IGNORE: u8 = 255;

/// Adds the labelled pixels of each class to `counts`.
///
/// # Panics
///
/// If a label is neither [`IGNORE`] nor an index of `counts`.
pub fn count_labels<'a>(labels: impl IntoIterator<Item = &'a u8>, counts: &mut [u64]) {
    for &label in labels.into_iter().filter(|label| **label != IGNORE) {
        counts[usize::from(label)] += 1;
    }
}

/// One class of the label raster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Value of this class in label rasters and maps, 0 to 65535.
    pub code: u16,
    /// Name shown in tables, plots and maps.
    pub name: String,
    /// Colour in maps and plots, as `#rrggbb`.
    pub color: Color,
}

/// An RGB colour, written `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Color(pub [u8; 3]);

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.to_string()
    }
}

impl TryFrom<String> for Color {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wanted = || format!("colour `{text}`: wanted `#rrggbb`");
        let digits = text.strip_prefix('#').filter(|it| it.len() == 6).ok_or_else(wanted)?;
        let value = u32::from_str_radix(digits, 16).map_err(|_| wanted())?;
        let [_, red, green, blue] = value.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

/// The classes of a run: distinct codes and names, in the order of their class index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Class>", into = "Vec<Class>")]
pub struct Classes(Vec<Class>);

impl Classes {
    /// Checks and keeps the order of `classes`; index 0 is the first.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with no class, more than 255, or two with the same code or name.
    pub fn new(classes: Vec<Class>) -> Result<Self> {
        if !(1..=usize::from(IGNORE)).contains(&classes.len()) {
            return Err(Error::config("data.class", classes.len(), "wanted 1 to 255 classes"));
        }
        for (index, class) in classes.iter().enumerate() {
            for other in &classes[..index] {
                if other.code == class.code {
                    return Err(Error::config("data.class.code", class.code, "occurs twice"));
                }
                if other.name == class.name {
                    return Err(Error::config("data.class.name", &class.name, "occurs twice"));
                }
            }
        }
        Ok(Self(classes))
    }

    /// Number of classes.
    #[allow(clippy::len_without_is_empty)] // Never empty.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The classes in the order of their index.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Class> {
        self.0.iter()
    }

    /// The class of an index below [`Self::len`].
    pub fn class(&self, index: usize) -> &Class {
        &self.0[index]
    }

    /// Index of the class with this code.
    pub fn index_of(&self, code: i64) -> Option<u8> {
        let index = self.0.iter().position(|class| i64::from(class.code) == code)?;
        u8::try_from(index).ok()
    }

    /// Index of the class called `name`, which the setting `key` names.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the most similar class if there is none of this name.
    pub fn named(&self, name: &str, key: &str) -> Result<u8> {
        if let Some(index) = self.0.iter().position(|class| class.name == name) {
            return Ok(u8::try_from(index).expect("at most 255 classes"));
        }
        let names = || self.0.iter().map(|class| class.name.as_str());
        let rule = match nearest(name, names()) {
            Some(near) => format!("no class has this name; did you mean `{near}`?"),
            None => format!(
                "no class has this name; there are {}",
                names().collect::<Vec<_>>().join(", ")
            ),
        };
        Err(Error::config(key, format!("{name:?}"), rule))
    }
}

#[cfg(test)]
impl Classes {
    /// `n` classes called `a`, `b` and so on, with codes from 1.
    pub(crate) fn numbered(n: u16) -> Self {
        let name = |index| char::from(b'a' + index as u8).to_string();
        let class = |index| Class { code: index + 1, name: name(index), color: Color([0; 3]) };
        Self::new((0..n).map(class).collect()).expect("names and codes differ")
    }
}

impl TryFrom<Vec<Class>> for Classes {
    type Error = Error;

    fn try_from(classes: Vec<Class>) -> Result<Self> {
        Self::new(classes)
    }
}

impl From<Classes> for Vec<Class> {
    fn from(classes: Classes) -> Self {
        classes.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_reads_what_it_writes() {
        let color = Color::try_from("#0a7Fff".to_owned()).unwrap();
        assert_eq!((color.0, color.to_string().as_str()), ([10, 127, 255], "#0a7fff"));
        assert!(Color::try_from("#0a7ff".to_owned()).is_err());
    }

    #[test]
    fn a_code_that_occurs_twice_is_refused() {
        let class = |code, name: &str| Class { code, name: name.into(), color: Color([0; 3]) };
        assert!(Classes::new(vec![class(3, "a"), class(3, "b")]).is_err());
        let classes = Classes::new(vec![class(3, "a"), class(9, "b")]).unwrap();
        assert_eq!((classes.index_of(9), classes.index_of(0)), (Some(1), None));
    }
}
