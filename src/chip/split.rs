//! Which blocks train, validate and test.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    chip::{
        BlockCounts, BlockGrid, BlockOrigin, SceneSplit,
        stratify::{Shares, stratify},
    },
    error::{Error, Result},
    scene::Role,
};

/// The `[split]` table of a run file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SplitConfig {
    /// Whether blocks of pixels or whole scenes get a role.
    pub method: SplitMethod,
    /// Side of a block, in pixels; by default twice `chips.size_px`.
    pub block_px: Option<u32>,
    /// Blocks to train on; by default all that the other two leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<BlockChoice>,
    /// Blocks to choose settings and the best checkpoint on.
    pub validation: BlockChoice,
    /// Blocks that the final figures come from.
    pub test: BlockChoice,
    /// Pixels this near to a validation or test block are not trained on.
    pub buffer_px: u32,
    /// Whether training windows may reach into validation and test blocks, whose pixels (values and
    /// labels) are then hidden as nodata; if not, training windows keep away from them.
    pub hide: bool,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self {
            method: SplitMethod::Blocks,
            block_px: None,
            train: None,
            validation: BlockChoice::Share(0.2),
            test: BlockChoice::Share(0.2),
            buffer_px: 0,
            hide: false,
        }
    }
}

impl SplitConfig {
    /// Side of a block for chips of `chip_px`, in pixels.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if it is 0 or above 1,048,576.
    pub fn block_px(&self, chip_px: u32) -> Result<u32> {
        let block_px = self.block_px.unwrap_or_else(|| chip_px.saturating_mul(2));
        if !(1..=1 << 20).contains(&block_px) {
            return Err(Error::config("split.block_px", block_px, "must lie in 1..=1048576"));
        }
        Ok(block_px)
    }

    /// The shares of the blocks that no list names.
    fn shares(&self) -> Result<Shares> {
        let share = |key, choice: &BlockChoice| match choice {
            BlockChoice::Share(share) if (0.0..=1.0).contains(share) => Ok(*share),
            BlockChoice::Share(share) => Err(Error::config(key, share, "must lie in 0..=1")),
            BlockChoice::List(_) | BlockChoice::Scenes(_) => Ok(0.0),
        };
        let validation = share("split.validation", &self.validation)?;
        let test = share("split.test", &self.test)?;
        let train = match &self.train {
            Some(choice) => share("split.train", choice)?,
            None => (1.0 - validation - test).max(0.0),
        };
        let sum = train + validation + test;
        if sum > 1.0 + 1e-9 {
            let rule = "train, validation and test must not add up to more than 1";
            return Err(Error::config("split", sum, rule));
        }
        Ok(Shares { train, validation, test })
    }
}

/// What gets a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SplitMethod {
    /// Blocks of `block_px`, by list or by share; every scene may hold all roles.
    #[default]
    Blocks,
    /// Whole scenes, by their `role`; shares are not looked at, lists of blocks are refused.
    Files,
}

/// The blocks of one role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "wanted a share, a list of blocks, or a table of lists by scene")]
#[schemars(extend("x-wanted" = "a share such as 0.2, a list of blocks such as [[0, 64], [64, 128]] \
                                (row and column of the upper-left pixel), or a table of such lists \
                                by scene"))]
pub enum BlockChoice {
    /// This share of the labelled pixels, `[0, 1]`, in blocks drawn by the seed from those that no
    /// list names.
    Share(f64),
    /// The blocks with these upper-left pixels, if there is one scene.
    List(Vec<BlockOrigin>),
    /// The same, by the name of the scene.
    Scenes(BTreeMap<String, Vec<BlockOrigin>>),
}

/// What a split needs to know of a scene.
#[derive(Clone, Debug)]
pub struct SplitScene {
    /// Name that the run file's lists use.
    pub name: String,
    /// Role of the whole scene, for [`SplitMethod::Files`].
    pub role: Option<Role>,
    /// Its blocks.
    pub grid: BlockGrid,
    /// Labelled pixels of each block, in the order of `grid`.
    pub counts: Vec<BlockCounts>,
}

/// Gives the blocks of all scenes their roles.
///
/// Listed blocks get theirs first; the shares are dealt from the rest, over all scenes together and
/// stratified by class (see [`SplitSummary::absent`](crate::chip::SplitSummary::absent) for what
/// could not be had). A block without a labelled pixel gets no role.
///
/// # Errors
///
/// [`Error::Config`] if a setting is out of range, a listed block does not exist, has no labelled
/// pixel or is listed twice or beside `method = "files"`, a scene has a role where it must not or
/// none where it must, or no block is left to train on. [`Error::Data`] if no scene has a pixel
/// with data and a label.
pub fn split(scenes: Vec<SplitScene>, config: &SplitConfig, seed: u64) -> Result<Vec<SceneSplit>> {
    if scenes.iter().flat_map(|scene| &scene.counts).all(|it| it.n_pixels() == 0) {
        let wanted = "at least one; check nodata and ignored codes";
        return Err(Error::data("pixels with both data and a label", "none in any scene", wanted));
    }
    let roles = match config.method {
        SplitMethod::Blocks => roles_of_blocks(&scenes, config, seed)?,
        SplitMethod::Files => roles_of_files(&scenes, config)?,
    };
    if !roles.iter().flatten().any(|&role| role == Some(Role::Train)) {
        let rule = "leaves no block with a labelled pixel to train on; make blocks smaller or the \
                    other splits less";
        return Err(Error::config("split", "no training block", rule));
    }
    let splits = scenes.into_iter().zip(roles).map(|(scene, roles)| {
        SceneSplit::new(scene.grid, roles, scene.counts, config.buffer_px, config.hide)
    });
    Ok(splits.collect())
}

/// Roles of the blocks of one scene.
type Roles = Vec<Option<Role>>;

fn roles_of_files(scenes: &[SplitScene], config: &SplitConfig) -> Result<Vec<Roles>> {
    for (role, choice) in choices(config) {
        if let Some(BlockChoice::List(_) | BlockChoice::Scenes(_)) = choice {
            let rule = "is only for split.method = \"blocks\"";
            return Err(Error::config(format!("split.{role}"), "a list", rule));
        }
    }
    let of_scene = |scene: &SplitScene| {
        let Some(role) = scene.role else {
            let rule = "needs a role (train, validation or test), as split.method = \"files\"";
            return Err(Error::config("data.scene.role", format!("none for {}", scene.name), rule));
        };
        let of_block = |it: &BlockCounts| (it.n_pixels() > 0).then_some(role);
        Ok(scene.counts.iter().map(of_block).collect())
    };
    scenes.iter().map(of_scene).collect()
}

fn roles_of_blocks(scenes: &[SplitScene], config: &SplitConfig, seed: u64) -> Result<Vec<Roles>> {
    for scene in scenes {
        if let Some(role) = scene.role {
            let found = format!("{role} for {}", scene.name);
            let rule = "is only for split.method = \"files\"";
            return Err(Error::config("data.scene.role", found, rule));
        }
    }
    let mut roles: Vec<Roles> = scenes.iter().map(|it| vec![None; it.counts.len()]).collect();
    for (role, choice) in choices(config) {
        if let Some(choice) = choice {
            give_listed(scenes, role, choice, &mut roles)?;
        }
    }
    deal_rest(scenes, &config.shares()?, seed, &mut roles);
    Ok(roles)
}

/// The setting of each role.
fn choices(config: &SplitConfig) -> [(Role, Option<&BlockChoice>); 3] {
    [
        (Role::Train, config.train.as_ref()),
        (Role::Validation, Some(&config.validation)),
        (Role::Test, Some(&config.test)),
    ]
}

/// Gives `role` to the blocks that `choice` lists.
fn give_listed(
    scenes: &[SplitScene],
    role: Role,
    choice: &BlockChoice,
    roles: &mut [Roles],
) -> Result<()> {
    let key = format!("split.{role}");
    let mut give = |scene: usize, origins: &[BlockOrigin]| {
        for &origin in origins {
            let index = listed_block(&scenes[scene], origin, &key)?;
            if let Some(other) = roles[scene][index].replace(role) {
                let rule = format!("is already listed for {other}");
                return Err(Error::config(&key, text(origin), rule));
            }
        }
        Ok(())
    };
    match choice {
        BlockChoice::Share(_) => Ok(()),
        BlockChoice::List(origins) if scenes.len() == 1 => give(0, origins),
        BlockChoice::List(_) => {
            let rule = format!("wanted a table of lists by scene: {}", names(scenes));
            Err(Error::config(key, format!("one list for {} scenes", scenes.len()), rule))
        }
        BlockChoice::Scenes(lists) => {
            for (name, origins) in lists {
                let Some(scene) = scenes.iter().position(|it| it.name == *name) else {
                    let rule = format!("is no scene; there are {}", names(scenes));
                    return Err(Error::config(key, name, rule));
                };
                give(scene, origins)?;
            }
            Ok(())
        }
    }
}

fn listed_block(scene: &SplitScene, origin: BlockOrigin, key: &str) -> Result<usize> {
    let (name, grid) = (&scene.name, &scene.grid);
    let Some(index) = grid.index_of(origin) else {
        let rule = format!(
            "is no block of {name}: rows below {} and columns below {}, both multiples of {}",
            grid.rows(),
            grid.cols(),
            grid.block_px()
        );
        return Err(Error::config(key, text(origin), rule));
    };
    if scene.counts[index].n_pixels() == 0 {
        let rule = format!("has no pixel with both data and a label in {name}");
        return Err(Error::config(key, text(origin), rule));
    }
    Ok(index)
}

/// Deals the blocks that have no role yet; those without a labelled pixel go to none.
fn deal_rest(scenes: &[SplitScene], shares: &Shares, seed: u64, roles: &mut [Roles]) {
    let (mut rest, mut counts, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    for (scene, its_roles) in scenes.iter().zip(roles) {
        for (role, block) in its_roles.iter_mut().zip(&scene.counts) {
            match role {
                Some(role) => listed.push((*role, block)),
                None => {
                    rest.push(role);
                    counts.push(block);
                }
            }
        }
    }
    let dealt = stratify(&counts, &listed, shares, seed);
    for (role, dealt) in rest.into_iter().zip(dealt) {
        *role = dealt;
    }
}

fn text(origin: BlockOrigin) -> String {
    format!("[{}, {}]", origin.row, origin.col)
}

fn names(scenes: &[SplitScene]) -> String {
    let names: Vec<_> = scenes.iter().map(|scene| scene.name.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(name: &str, rows: u32, cols: u32) -> SplitScene {
        let grid = BlockGrid::new(rows, cols, 4);
        let counts = vec![BlockCounts { classes: vec![9, 3] }; grid.n_blocks()];
        SplitScene { name: name.into(), role: None, grid, counts }
    }

    #[track_caller]
    fn check(scenes: &[SplitScene], config: &str) -> Vec<SceneSplit> {
        split(scenes.to_vec(), &toml::from_str(config).unwrap(), 7).unwrap()
    }

    #[track_caller]
    fn check_refused(scenes: &[SplitScene], config: &str, wanted: &str) {
        let config = toml::from_str(config).unwrap();
        let error = split(scenes.to_vec(), &config, 7).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }

    fn origins(split: &SceneSplit, role: Role) -> Vec<[u32; 2]> {
        split.origins(role).map(Into::into).collect()
    }

    #[test]
    fn listed_blocks_get_their_role_and_others_none() {
        let config = "train = [[0, 4]]\nvalidation = [[4, 0], [4, 4]]\ntest = [[8, 0]]";
        let splits = check(&[scene("a", 10, 8)], config);
        assert_eq!(origins(&splits[0], Role::Train), [[0, 4]]);
        assert_eq!(origins(&splits[0], Role::Validation), [[4, 0], [4, 4]]);
        assert_eq!(origins(&splits[0], Role::Test), [[8, 0]]);
        assert_eq!(splits[0].role_at(0, 0), None);
    }

    #[test]
    fn lists_by_scene_leave_the_rest_to_training() {
        let config = "validation = { b = [[0, 0]] }\ntest = { a = [[4, 4]] }";
        let splits = check(&[scene("a", 8, 8), scene("b", 8, 4)], config);
        assert_eq!(origins(&splits[0], Role::Train), [[0, 0], [0, 4], [4, 0]]);
        assert_eq!(origins(&splits[0], Role::Test), [[4, 4]]);
        assert_eq!(origins(&splits[1], Role::Train), [[4, 0]]);
        assert_eq!(origins(&splits[1], Role::Validation), [[0, 0]]);
    }

    #[test]
    fn shares_are_of_the_blocks_that_no_list_names() {
        let splits = check(&[scene("a", 44, 4)], "test = [[0, 0]]\nvalidation = 0.3");
        let n_blocks = Role::ALL.map(|role| splits[0].blocks(role).count());
        assert_eq!(n_blocks, [7, 3, 1]);
    }

    #[test]
    fn blocks_without_a_label_get_no_role() {
        let mut scene = scene("a", 40, 4);
        scene.counts[3].classes.fill(0);
        let splits = check(std::slice::from_ref(&scene), "");
        assert_eq!(splits[0].role(3), None);
        let n_with_role = (0..10).filter(|&index| splits[0].role(index).is_some()).count();
        assert_eq!(n_with_role, 9);
        check_refused(
            &[scene],
            "test = [[12, 0]]",
            "`split.test` = [12, 0]: has no pixel with both",
        );
    }

    #[test]
    fn whole_files_get_the_role_of_their_scene() {
        let mut scenes = [scene("a", 8, 8), scene("b", 8, 4)];
        check_refused(&scenes, "method = \"files\"", "none for a: needs a role");
        scenes[0].role = Some(Role::Test);
        scenes[1].role = Some(Role::Train);
        let splits = check(&scenes, "method = \"files\"");
        assert_eq!(splits[0].blocks(Role::Test).count(), 4);
        assert_eq!(splits[1].blocks(Role::Train).count(), 2);
        check_refused(&scenes, "", "test for a: is only for split.method");
        for key in ["train", "validation", "test"] {
            for list in ["[[0, 0]]", "{ a = [[0, 0]] }"] {
                let wanted =
                    format!("`split.{key}` = a list: is only for split.method = \"blocks\"");
                check_refused(&scenes, &format!("method = \"files\"\n{key} = {list}"), &wanted);
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_key_and_value() {
        let one = [scene("a", 8, 8)];
        let two = [scene("a", 8, 8), scene("b", 8, 4)];
        check_refused(
            &one,
            "test = [[0, 2]]",
            "`split.test` = [0, 2]: is no block of a: rows below 8",
        );
        check_refused(&one, "test = [[8, 0]]", "is no block of a");
        check_refused(&one, "test = [[0, 0], [0, 0]]", "is already listed for test");
        check_refused(&one, "train = [[0, 0]]\ntest = [[0, 0]]", "is already listed for train");
        check_refused(&two, "test = [[0, 0]]", "one list for 2 scenes: wanted a table of lists");
        check_refused(&two, "test = { c = [] }", "`split.test` = c: is no scene; there are a, b");
        check_refused(&one, "test = 1.5", "`split.test` = 1.5: must lie in 0..=1");
        check_refused(&one, "test = 0.6\nvalidation = 0.6", "must not add up to more than 1");
        check_refused(&one, "test = 0.5\nvalidation = 0.5", "leaves no block");
        let mut empty = scene("a", 8, 8);
        empty.counts.iter_mut().for_each(|it| it.classes.fill(0));
        check_refused(&[empty], "", "found none in any scene");
        assert!(SplitConfig { block_px: Some(0), ..SplitConfig::default() }.block_px(9).is_err());
    }

    #[test]
    fn the_table_reads_what_it_writes_and_refuses_the_rest() {
        let config: SplitConfig =
            toml::from_str("train = 0.5\nvalidation = { a = [[0, 64]] }\ntest = [[64, 0]]")
                .unwrap();
        assert_eq!(config.block_px(64).unwrap(), 128);
        let again = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(config, again);
        let error = toml::from_str::<SplitConfig>("test = \"some\"").unwrap_err();
        assert!(error.message().contains("wanted a share"), "{error}");
        assert!(toml::from_str::<SplitConfig>("tests = 0.2").is_err());
    }
}
