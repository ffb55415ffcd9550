//! The figures of a report, in the order of the page.

use super::{
    ReportData,
    class_bars::{class_balance, class_bars},
    confusion_picture::confusion_picture,
    drawing::Drawing,
    panel_figure::panel_figure,
    split_map::split_map,
    training_curves::training_curves,
};

/// A drawing with the stem of its file names and what it shows.
pub(super) struct Figure {
    pub(super) stem: String,
    pub(super) title: String,
    pub(super) drawing: Drawing,
}

/// All figures of a report.
pub(super) struct Figures {
    /// One for each split with figures, in their order.
    pub(super) class_bars: Vec<Figure>,
    /// One for each split with figures, in their order.
    pub(super) confusions: Vec<Figure>,
    pub(super) panels: Vec<Figure>,
    pub(super) split_maps: Vec<Figure>,
    pub(super) class_balance: Option<Figure>,
    pub(super) training: Option<Figure>,
}

impl Figures {
    pub(super) fn new(data: &ReportData) -> Self {
        let figure = |stem: String, title: String, drawing| Figure { stem, title, drawing };
        let of_splits =
            |stem: &str, title: &str, draw: &dyn Fn(&crate::score::Metrics) -> Drawing| {
                let draw = |split: &super::SplitMetrics| {
                    let stem = format!("{stem}_{}", file_name(&split.name));
                    figure(stem, format!("{title}, {} split", split.name), draw(&split.metrics))
                };
                data.splits.iter().map(draw).collect()
            };
        let panels = data.panels.iter().enumerate().map(|(index, panel)| {
            let title = format!("Image, reference, map and errors: {}", panel.title);
            figure(format!("panel_{}", index + 1), title, panel_figure(panel, &data.classes))
        });
        let split_maps = data.scenes.iter().enumerate().map(|(index, scene)| {
            let title = format!("Blocks of the split in {}", scene.name);
            figure(format!("split_{}", index + 1), title, split_map(scene))
        });
        let balance = || {
            let title = "Share of each class in each split and in training".to_owned();
            let drawing = class_balance(&data.roles, &data.epochs, &data.classes);
            figure("class_balance".to_owned(), title, drawing)
        };
        let training = training_curves(&data.epochs, &data.steps).map(|drawing| {
            let title = "Loss, validation scores and learning rate over the epochs".to_owned();
            figure("training_curves".to_owned(), title, drawing)
        });
        Self {
            class_bars: of_splits(
                "class_bars",
                "IoU, precision and recall of each class",
                &|metrics| class_bars(metrics, &data.classes),
            ),
            confusions: of_splits("confusion", "Confusion matrix", &confusion_picture),
            panels: panels.collect(),
            split_maps: split_maps.collect(),
            class_balance: (!data.roles.is_empty()).then(balance),
            training,
        }
    }

    /// Whether a figure may have this stem.
    pub(super) fn is_stem(stem: &str) -> bool {
        let after = |start: &str| stem.strip_prefix(start);
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        after("class_bars_").or(after("confusion_")).is_some()
            || after("panel_").or(after("split_")).is_some_and(is_number)
            || ["class_balance", "training_curves"].contains(&stem)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Figure> {
        self.class_bars
            .iter()
            .chain(&self.confusions)
            .chain(&self.panels)
            .chain(&self.split_maps)
            .chain(&self.class_balance)
            .chain(&self.training)
    }
}

/// The letters and digits of a name; a file name everywhere.
fn file_name(name: &str) -> String {
    name.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' }).collect()
}
