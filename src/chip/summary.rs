//! What a split holds, for people and for the manifest.

use std::fmt::Write;

use serde::Serialize;

use crate::{
    chip::SceneSplit,
    error::{Error, Result},
    label::Classes,
    scene::Role,
};

/// Blocks and labelled pixels of one role, over all scenes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleSummary {
    /// Which role.
    pub role: Role,
    /// Number of its blocks.
    pub n_blocks: usize,
    /// Labelled pixels of each class index in them.
    pub class_counts: Vec<u64>,
}

/// What a split holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitSummary {
    /// Train, validation, test.
    pub roles: Vec<RoleSummary>,
    /// Blocks without a role, in no list or without a labelled pixel.
    pub n_unused_blocks: usize,
}

impl SplitSummary {
    /// Adds up the blocks of all scenes.
    pub fn new(splits: &[SceneSplit]) -> Self {
        let n_blocks: usize = splits.iter().map(|split| split.grid().n_blocks()).sum();
        let roles = Role::ALL.map(|role| role_summary(splits, role)).to_vec();
        let n_used: usize = roles.iter().map(|it| it.n_blocks).sum();
        Self { roles, n_unused_blocks: n_blocks - n_used }
    }

    /// Roles with blocks, and the index of a class that occurs elsewhere but not in them.
    pub fn absent(&self) -> Vec<(Role, usize)> {
        let n_classes = self.roles.first().map_or(0, |it| it.class_counts.len());
        let mut absent = Vec::new();
        for it in self.roles.iter().filter(|it| it.n_blocks > 0) {
            for class in 0..n_classes {
                let occurs = self.roles.iter().any(|it| it.class_counts[class] > 0);
                if occurs && it.class_counts[class] == 0 {
                    absent.push((it.role, class));
                }
            }
        }
        absent
    }

    /// Refuses classes that cannot be learned.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the classes without a labelled pixel in any training block.
    pub fn check_training(&self, classes: &Classes) -> Result<()> {
        let training = self.roles.iter().filter(|it| it.role == Role::Train);
        for RoleSummary { class_counts, .. } in training {
            let unlearnable = classes.iter().zip(class_counts).filter(|(_, n)| **n == 0);
            let names: Vec<_> = unlearnable.map(|(class, _)| class.name.as_str()).collect();
            if !names.is_empty() {
                let what = format!("training pixels of {}", names.join(", "));
                let wanted = "at least one; list other training blocks, raise `chips.fraction`, \
                              leave the class out of `data.class`, or ignore its code";
                return Err(Error::data(what, "none", wanted));
            }
        }
        Ok(())
    }

    /// A table of classes and roles, in percent of the labelled pixels of each role, at most 80
    /// columns wide.
    pub fn text(&self, classes: &Classes) -> String {
        let mut text = String::new();
        let mut line = |name: &str, cells: Vec<String>| {
            let name: String = name.chars().take(30).collect();
            let cells: String = cells.iter().map(|cell| format!("{cell:>14}")).collect();
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{name:<30}{cells}");
        };
        let cells = |cell: &dyn Fn(&RoleSummary) -> String| self.roles.iter().map(cell).collect();
        line("", cells(&|it| it.role.to_string()));
        line("blocks", cells(&|it| it.n_blocks.to_string()));
        line("labelled pixels", cells(&|it| it.class_counts.iter().sum::<u64>().to_string()));
        for (index, class) in classes.iter().enumerate() {
            line(&class.name, cells(&|it| percent(&it.class_counts, index)));
        }
        let _ = writeln!(text, "{} blocks without a role", self.n_unused_blocks);
        for (role, class) in self.absent() {
            let _ = writeln!(text, "no pixel of {} in {role}", classes.class(class).name);
        }
        text += self.without_evaluation();
        text
    }

    /// What it means that a role has no block.
    fn without_evaluation(&self) -> &'static str {
        let is_empty = |role| self.roles.iter().all(|it| it.role != role || it.n_blocks == 0);
        match (is_empty(Role::Validation), is_empty(Role::Test)) {
            (true, true) => {
                "no validation and no test block: nothing can be evaluated, and the last epoch is\n\
                 kept; blocks may be too large (`split.block_px`)\n"
            }
            (true, false) => "no validation block: the last epoch is kept\n",
            (false, true) => "no test block: the figures are those of the validation blocks\n",
            (false, false) => "",
        }
    }
}

fn role_summary(splits: &[SceneSplit], role: Role) -> RoleSummary {
    let mut summary = RoleSummary { role, n_blocks: 0, class_counts: Vec::new() };
    for split in splits {
        for index in 0..split.grid().n_blocks() {
            let counts = &split.counts(index).classes;
            summary.class_counts.resize(counts.len(), 0);
            if split.role(index) == Some(role) {
                summary.n_blocks += 1;
                for (sum, n) in summary.class_counts.iter_mut().zip(counts) {
                    *sum += n;
                }
            }
        }
    }
    summary
}

fn percent(class_counts: &[u64], index: usize) -> String {
    let sum: u64 = class_counts.iter().sum();
    match sum {
        0 => "-".to_owned(),
        sum => format!("{:.1} %", 100.0 * class_counts[index] as f64 / sum as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chip::{BlockCounts, BlockGrid},
        label::{Class, Color},
    };

    fn classes() -> Classes {
        let class = |code, name: &str| Class { code, name: name.into(), color: Color([0; 3]) };
        Classes::new(vec![class(3, "water"), class(9, "forest")]).unwrap()
    }

    fn summary(test: [u64; 2]) -> SplitSummary {
        let counts =
            [[10, 30], [20, 20], [5, 0], test].map(|it| BlockCounts { classes: it.into() });
        let roles = vec![Some(Role::Train), Some(Role::Train), None, Some(Role::Test)];
        let split = SceneSplit::new(BlockGrid::new(4, 4, 2), roles, counts.into(), 0, false);
        SplitSummary::new(&[split])
    }

    #[test]
    fn adds_up_blocks_and_pixels_by_role() {
        let summary = summary([7, 1]);
        let of_role = |it: &RoleSummary| (it.role, it.n_blocks, it.class_counts.clone());
        let wanted = [
            (Role::Train, 2, vec![30, 50]),
            (Role::Validation, 0, vec![0, 0]),
            (Role::Test, 1, vec![7, 1]),
        ];
        assert_eq!(summary.roles.iter().map(of_role).collect::<Vec<_>>(), wanted);
        assert_eq!(summary.n_unused_blocks, 1);
    }

    #[test]
    fn says_which_class_a_split_lacks() {
        assert_eq!(summary([7, 1]).absent(), []);
        assert_eq!(summary([0, 1]).absent(), [(Role::Test, 0)]);
        let mut nowhere = summary([0, 1]);
        nowhere.roles[0].class_counts[0] = 0;
        assert_eq!(nowhere.absent(), []);
        let text = summary([0, 1]).text(&classes());
        assert!(text.contains("no pixel of water in test"), "{text}");
        assert!(text.contains("37.5 %") && text.lines().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn says_what_a_role_without_blocks_means() {
        let text = |n_blocks: [usize; 2]| {
            let mut summary = summary([7, 1]);
            summary.roles[1].n_blocks = n_blocks[0];
            summary.roles[2].n_blocks = n_blocks[1];
            summary.text(&classes())
        };
        assert!(text([0, 0]).contains("nothing can be evaluated"));
        assert!(text([0, 1]).contains("no validation block: the last epoch"));
        assert!(text([1, 0]).contains("no test block: the figures are those of the validation"));
        assert!(!text([1, 1]).contains("no test block"));
    }

    #[test]
    fn a_class_without_training_pixels_is_refused_by_name() {
        let mut summary = summary([7, 1]);
        summary.check_training(&classes()).unwrap();
        summary.roles[0].class_counts[1] = 0;
        let error = summary.check_training(&classes()).unwrap_err().to_string();
        assert!(error.starts_with("training pixels of forest: found none"), "{error}");
    }
}
