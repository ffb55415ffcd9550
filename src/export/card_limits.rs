//! The limitations that a model card states.

use super::{card::Card, card_text::escape};
use crate::chip::SplitMethod;

/// What the figures of a run do not say, as a list.
pub(super) fn limitations(Card { run, metrics, .. }: &Card) -> String {
    let evaluated = |split| metrics.splits.get(split).map(|it| (split, it));
    let (test, validation) = (evaluated("test"), evaluated("validation"));
    let shown = test.or(validation);
    let split = &run.run_file.split;
    let mut lines = Vec::new();
    match (test, validation) {
        (None, None) => {
            lines.push("Nothing was evaluated: how accurate it is, no file tells.".into())
        }
        (None, Some(_)) => lines.push(
            "There are no test blocks: the figures are those of the validation blocks, which were \
             looked at while training, and may flatter."
                .to_owned(),
        ),
        (Some(_), None) => {}
        (Some(_), Some(_)) => lines.push(
            "Validation blocks were looked at while training, and their figures may flatter."
                .into(),
        ),
    }
    if let Some((name, _)) = shown {
        lines.push(format!(
            "Accuracy holds for the {name} blocks of these scenes. Other places, dates, seasons and \
             sensors were not tested."
        ));
        if split.method == SplitMethod::Blocks {
            lines.push(format!(
                "They lie near training blocks, and near pixels are alike: expect less elsewhere.{}",
                if split.buffer_px == 0 { " No buffer is between (`split.buffer_px`)." } else { "" }
            ));
        }
        lines.push("Labels count as truth; their errors are errors of the figures.".to_owned());
    }
    if test.is_some() {
        lines.push("Whether settings were chosen on the test blocks, no file tells.".to_owned());
    }
    lines.push(
        "Counted pixels are no estimate of areas: that needs a sample and its errors.".to_owned(),
    );
    lines.push(
        "The model wants the bands above, in this order and these units, and pixels of the same size."
            .to_owned(),
    );
    for (names, what) in shown.iter().flat_map(|(_, it)| {
        [
            (&it.absent_classes, "Not in the blocks of the figures"),
            (&it.never_mapped_classes, "Never mapped there"),
        ]
    }) {
        if !names.is_empty() {
            lines.push(format!("{what}: {}.", escape(&names.join(", "))));
        }
    }
    lines.iter().map(|it| format!("- {it}\n")).collect()
}
