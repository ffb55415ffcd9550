//! What there is to train and to score on, for people and for the manifest.

use std::fmt::Write;

use serde::Serialize;

use crate::{
    chip::{PoolSummary, Sampler, SceneSplit, evaluation_windows},
    scene::Role,
};

/// How many windows there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChipsSummary {
    /// Side of a chip, in pixels.
    pub size_px: u32,
    /// Training chips drawn each epoch.
    pub n_chips_per_epoch: u32,
    /// Different training windows of each scene.
    pub n_origins: Vec<u64>,
    /// The pool that training chips come from, if there is one.
    pub pool: Option<PoolSummary>,
    /// Windows that cover the validation blocks.
    pub n_validation_windows: usize,
    /// Windows that cover the test blocks.
    pub n_test_windows: usize,
}

impl ChipsSummary {
    /// Counts the windows of `sampler`, and those without margin over the blocks of `splits`.
    pub fn new(splits: &[SceneSplit], sampler: &Sampler) -> Self {
        let size_px = sampler.size_px();
        Self {
            size_px,
            n_chips_per_epoch: sampler.n_chips(),
            n_origins: sampler.origins().iter().map(|origins| origins.count()).collect(),
            pool: sampler.pool(),
            n_validation_windows: evaluation_windows(splits, Role::Validation, size_px, 0).count(),
            n_test_windows: evaluation_windows(splits, Role::Test, size_px, 0).count(),
        }
    }

    /// A few lines of text. With more than ten scenes, only their sum.
    pub fn text(&self, names: &[&str]) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            let name: String = name.chars().take(40).collect();
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{name:<40}{value:>14}");
        };
        line("chip size", format!("{} px", self.size_px));
        line("training chips per epoch", self.n_chips_per_epoch.to_string());
        line("distinct training windows", self.n_origins.iter().sum::<u64>().to_string());
        if (2..=10).contains(&names.len()) {
            for (name, n) in names.iter().zip(&self.n_origins) {
                line(&format!("  {name}"), n.to_string());
            }
        }
        if let Some(PoolSummary { n_windows, n_background, n_listed }) = self.pool {
            line("windows of the pool", n_windows.to_string());
            if let Some(n) = n_background {
                line("  background among them", n.to_string());
            }
            if let Some(n) = n_listed {
                line("  windows of a list", n.to_string());
            }
        }
        line("validation windows", self.n_validation_windows.to_string());
        line("test windows", self.n_test_windows.to_string());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chip::{BlockCounts, BlockGrid, ChipsConfig},
        label::Classes,
    };

    // 8 x 12 px, blocks of 4, the last two columns of blocks tested: training windows of 3 px have
    // 6 x 2 origins in the first column, and 64 px of tested blocks take 2 x 2 windows each.
    #[test]
    fn counts_windows_to_train_and_to_score_on() {
        let grid = BlockGrid::new(8, 12, 4);
        let roles = [Some(Role::Train), Some(Role::Test), Some(Role::Test)].repeat(2);
        let counts = vec![BlockCounts { classes: vec![16] }; 6];
        let splits = [SceneSplit::new(grid, roles, counts, 0, false)];
        let config = ChipsConfig { size_px: 3, ..ChipsConfig::default() };
        let classes = Classes::numbered(1);
        let read = |_, _| unreachable!("uniform sampling reads nothing");
        let sampler = Sampler::new(&splits, &config, &classes, 0, read).unwrap();
        let summary = ChipsSummary::new(&splits, &sampler);
        let wanted = ChipsSummary {
            size_px: 3,
            n_chips_per_epoch: 4,
            n_origins: vec![12],
            n_validation_windows: 0,
            n_test_windows: 16,
            pool: None,
        };
        assert_eq!(summary, wanted);
        let text = summary.text(&["a", "b"]);
        assert!(text.contains("  a") && text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
