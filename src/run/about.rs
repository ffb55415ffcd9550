//! What only people know of a run's data: the `[about]` table of a run file.

use std::{fs, path::Path};

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use toml::Table;

use super::{check_keys, in_one_line};
use crate::error::{Error, Result};

/// The `[about]` table: words for readers of the manifest and of the model card. They change no
/// result.
///
/// Source: the items that Maxwell, Bester & Ramezan 2022 ask to be documented and that files do not
/// tell, <https://doi.org/10.3390/rs14225760>.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct About {
    /// Where the scenes lie, such as "Wake County, North Carolina".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study_area: Option<String>,
    /// Sensor and provider of the images, such as "Landsat 7 ETM+, USGS, Level 1".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imagery_source: Option<String>,
    /// When the images were taken, such as "2000-03-31" or "summers of 2019 to 2021".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imagery_date: Option<String>,
    /// What was done to the images before, such as "surface reflectance, pan-sharpened".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<String>,
    /// Who made the labels, from what, by which rules, and how they were checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_protocol: Option<String>,
    /// What belongs to which class, where the names leave it open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_definitions: Option<String>,
    /// Smallest patch that the labels show, such as "0.5 ha".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_mapping_unit: Option<String>,
    /// Under which terms data and model may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// What to cite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<String>,
}

impl About {
    /// Reads these keys from a TOML file of their own.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, [`Error::Malformed`] if it is not TOML, and
    /// [`Error::Config`] with the key that is unknown or no text.
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        let malformed = |error| Error::malformed(path, "file of descriptions", in_one_line(&error));
        let table: Table = toml::from_str(&text).map_err(malformed)?;
        check_keys(&table, &schema_for!(Self).to_value())?;
        table.try_into().map_err(malformed)
    }

    /// What this states, and of what it does not state that of `other`. A blank text states nothing.
    pub fn or(self, other: &Self) -> Self {
        let other = other.clone();
        let or = |own, other| stated(own).or(stated(other));
        Self {
            study_area: or(self.study_area, other.study_area),
            imagery_source: or(self.imagery_source, other.imagery_source),
            imagery_date: or(self.imagery_date, other.imagery_date),
            preprocessing: or(self.preprocessing, other.preprocessing),
            label_protocol: or(self.label_protocol, other.label_protocol),
            class_definitions: or(self.class_definitions, other.class_definitions),
            minimum_mapping_unit: or(self.minimum_mapping_unit, other.minimum_mapping_unit),
            licence: or(self.licence, other.licence),
            citation: or(self.citation, other.citation),
        }
    }

    /// Every item with what it is called, in the order of the run file.
    pub fn items(&self) -> [(&'static str, Option<&str>); 9] {
        [
            ("study area", self.study_area.as_deref()),
            ("imagery source", self.imagery_source.as_deref()),
            ("imagery date", self.imagery_date.as_deref()),
            ("preprocessing", self.preprocessing.as_deref()),
            ("label protocol", self.label_protocol.as_deref()),
            ("class definitions", self.class_definitions.as_deref()),
            ("minimum mapping unit", self.minimum_mapping_unit.as_deref()),
            ("licence", self.licence.as_deref()),
            ("citation", self.citation.as_deref()),
        ]
    }

    /// Whether nothing is stated.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The text, unless it is blank.
fn stated(text: Option<String>) -> Option<String> {
    text.filter(|it| !it.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_an_item_under_its_own_name() {
        let schema = schema_for!(About).to_value();
        let keys: Vec<String> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(|it| it.replace('_', " "))
            .collect();
        for key in &keys {
            let text = format!("{} = 'found'", key.replace(' ', "_"));
            let about: About = toml::from_str(&text).unwrap();
            let stated: Vec<_> = about.items().into_iter().filter(|it| it.1.is_some()).collect();
            assert_eq!(stated, [(key.as_str(), Some("found"))]);
        }
        assert_eq!(keys.len(), About::default().items().len());
        assert!(About::default().is_empty());
    }

    #[test]
    fn what_is_stated_later_comes_first() {
        let about = |text: &str| toml::from_str::<About>(text).unwrap();
        let found = about("licence = 'a'\ncitation = ' '")
            .or(&about("licence = 'b'\ncitation = 'c'\nstudy_area = ''"));
        assert_eq!(found, about("licence = 'a'\ncitation = 'c'"));
    }
}
