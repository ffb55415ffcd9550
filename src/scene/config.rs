//! What a run file says about its data.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    label::Class,
    raster::{NodataRule, RasterOptions},
    scene::Role,
};

/// The `[data]` table of a run file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Bands to use, in this order, by name or by number from 1; by default all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bands: Option<Vec<BandChoice>>,
    /// Codes of label rasters that stand for "no label".
    pub ignore: Vec<i64>,
    /// Stored value that marks missing pixels, in place of what the image files say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodata: Option<f64>,
    /// Whether a pixel is missing when any of its bands is, or only when all are.
    pub nodata_rule: NodataRule,
    /// Largest tile or strip of an image or label raster that is read, in MiB once decoded.
    pub max_block_mib: u32,
    /// The classes, in the order of their index; by default those found in the label rasters.
    #[serde(rename = "class", skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// The scenes.
    #[serde(rename = "scene")]
    pub scenes: Vec<SceneConfig>,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            bands: None,
            ignore: Vec::new(),
            nodata: None,
            nodata_rule: NodataRule::default(),
            max_block_mib: RasterOptions::default().max_block_mib,
            classes: Vec::new(),
            scenes: Vec::new(),
        }
    }
}

impl DataConfig {
    /// Makes paths that are relative to `folder` independent of it.
    pub fn resolve_paths(&mut self, folder: &Path) {
        let resolve = |path: &mut String| *path = folder.join(&path).to_string_lossy().into_owned();
        for scene in &mut self.scenes {
            match &mut scene.images {
                ImageList::One(path) => resolve(path),
                ImageList::Many(paths) => paths.iter_mut().for_each(resolve),
            }
            scene.labels.iter_mut().for_each(resolve);
        }
    }

    /// Checks what can be checked without the files.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a code is that of a class and stands for no label, or
    /// `max_block_mib` is 0.
    pub fn check(&self) -> Result<()> {
        for class in &self.classes {
            if self.ignore.contains(&i64::from(class.code)) {
                let rule = format!("is the code of class `{}`; remove one of the two", class.name);
                return Err(Error::config("data.ignore", class.code, rule));
            }
        }
        if self.max_block_mib == 0 {
            return Err(Error::config("data.max_block_mib", 0, "must be at least 1"));
        }
        Ok(())
    }

    /// How the images of one of `n_scenes` scenes are opened, which share the memory for decoded
    /// blocks.
    ///
    /// # Errors
    ///
    /// Those of [`Self::check`].
    pub fn raster_options(&self, n_scenes: usize) -> Result<RasterOptions> {
        self.check()?;
        let defaults = RasterOptions::default();
        let names = |bands: &Vec<BandChoice>| bands.iter().map(BandChoice::text).collect();
        Ok(RasterOptions {
            bands: self.bands.as_ref().map(names),
            nodata: self.nodata,
            nodata_rule: self.nodata_rule,
            max_block_mib: self.max_block_mib,
            cache_mib: (defaults.cache_mib / u32::try_from(n_scenes.max(1)).unwrap_or(u32::MAX))
                .max(1),
        })
    }
}

/// A band, by name or number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "wanted the name of a band, or its number from 1")]
pub enum BandChoice {
    /// Number, counted from 1 over all files of a scene.
    Number(u32),
    /// Name, as the file has it.
    Name(String),
}

impl BandChoice {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

/// One `[[data.scene]]` of a run file: one scene, or many by a pattern.
///
/// Each entry of `images` is a layer of the band stack. An entry with a `*` stands for many scenes:
/// the text that the `*` matches (at least one character of one file or folder name) is the key of
/// the scene, and every layer and the labels must have the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SceneConfig {
    /// GeoTIFFs on one grid, whose bands are stacked in this order; relative to the run file.
    pub images: ImageList,
    /// GeoTIFF of class codes on the same grid; may be left out where nothing is learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// What the whole scene is used for, with `split.method = "files"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// One path or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "wanted a path or a list of paths")]
pub enum ImageList {
    /// A single file with all bands.
    One(String),
    /// The layers of the stack, from first to last.
    Many(Vec<String>),
}

impl ImageList {
    /// The layers, from first to last.
    pub fn layers(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Many(paths) => paths,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "bands = [\"red\", 4]\nignore = [0]\nnodata = 0.0\n\
                        [[class]]\ncode = 3\nname = \"water\"\ncolor = \"#0000ff\"\n\
                        [[scene]]\nimages = \"a.tif\"\nlabels = \"l.tif\"\n\
                        [[scene]]\nimages = [\"*_1.tif\", \"*_2.tif\"]\nrole = \"test\"\n";

    #[test]
    fn the_table_reads_what_it_writes() {
        let config: DataConfig = toml::from_str(TEXT).unwrap();
        assert_eq!(config.scenes[1].images.layers(), ["*_1.tif", "*_2.tif"]);
        assert_eq!(config.scenes[1].role, Some(Role::Test));
        assert_eq!(config.raster_options(1).unwrap().bands.unwrap(), ["red", "4"]);
        assert_eq!(
            toml::from_str::<DataConfig>(&toml::to_string(&config).unwrap()).unwrap(),
            config
        );
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        let message = |text: &str| toml::from_str::<DataConfig>(text).unwrap_err().to_string();
        assert!(message("[[scene]]\nimages = 3").contains("wanted a path or a list of paths"));
        assert!(
            message("[[scene]]\nimages = \"a\"\nlabel = \"b\"").contains("unknown field `label`")
        );
        assert!(
            DataConfig { max_block_mib: 0, ..DataConfig::default() }.raster_options(1).is_err()
        );
    }
}
