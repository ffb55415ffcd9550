//! Weights and factors of losses, as a run file sets them.

use super::{
    Factor, LossConfig, LossKind,
    tests::{criteria, labels, logits, run},
};
use crate::label::{ClassCounts, ClassWeights};

fn weighted(kind: LossKind, weights: &[f64]) -> f64 {
    let class_weights = Some(ClassWeights::Given(weights.to_vec()));
    let config = LossConfig { kind, class_weights, ..LossConfig::default() };
    let criterion = config.build(&ClassCounts::new(3, vec![vec![9, 3, 1]])).unwrap();
    run(&criterion, &logits(2.0), &labels()).0
}

#[test]
fn class_weights_count_in_every_loss_that_has_them() {
    for (name, criterion) in criteria() {
        let kind = name.split(' ').next().unwrap();
        let kind: LossKind = serde_json::from_value(kind.into()).unwrap();
        if !name.ends_with("\"{}\"") || !kind.has_class_weights() || kind == LossKind::Compound {
            continue;
        }
        let plain = run(&criterion, &logits(2.0), &labels()).0;
        assert!((weighted(kind, &[1.0; 3]) / plain - 1.0).abs() < 1e-12, "{name}");
        assert!((weighted(kind, &[5.0, 1.0, 0.5]) / plain - 1.0).abs() > 1e-6, "{name}");
    }
}

/// Pixel losses are means over pixels, region losses and Lovász means over classes.
#[test]
fn the_loss_of_all_classes_is_the_weighted_mean_of_theirs() {
    let counts: Vec<f64> =
        (0..3).map(|class| labels().iter().filter(|it| **it == class).count() as f64).collect();
    let pixels = [LossKind::CrossEntropy, LossKind::Focal];
    let regions = [LossKind::Dice, LossKind::Jaccard, LossKind::Tversky, LossKind::Lovasz];
    for (kinds, sizes) in [(&pixels[..], counts), (&regions[..], vec![1.0; 3])] {
        for &kind in kinds {
            let weights = [1.0, 2.0, 4.0];
            let (mut sum, mut weight) = (0.0, 0.0);
            for class in 0..3 {
                let mut only = [0.0; 3];
                only[class] = 1.0;
                sum += weights[class] * sizes[class] * weighted(kind, &only);
                weight += weights[class] * sizes[class];
            }
            let found = weighted(kind, &weights);
            assert!((found / (sum / weight) - 1.0).abs() < 1e-6, "{}: {found}", kind.name());
        }
    }
}

#[test]
fn factors_go_from_their_first_to_their_last_value() {
    let check = |first, step, last, wanted: [f64; 3]| {
        let factor = Factor::Steps { first, step, last };
        assert_eq!([0, 1, 1000].map(|epoch| factor.at(epoch)), wanted);
    };
    check(1.0, -0.25, 0.01, [1.0, 0.75, 0.01]);
    check(0.0, 0.25, 0.99, [0.0, 0.25, 0.99]);
    check(1.0, 0.0, 0.01, [1.0; 3]);
    check(1.0, -0.0, 0.01, [1.0; 3]);
    assert_eq!(Factor::Constant(3.0).at(7), 3.0);
}

#[test]
fn a_list_for_the_classes_may_be_of_any_length_until_the_classes_are_known() {
    let read = |text: &str| toml::from_str::<LossConfig>(text).unwrap();
    let seven = "[1, 2, 3, 4, 5, 6, 7]";
    for text in [
        format!("kind = 'bce'\npositive_weights = {seven}"),
        format!("kind = 'bce'\npositive_weights = {seven}\nclass_weights = 'balanced'"),
        format!("kind = 'compound'\n[[term]]\nkind = 'bce'\npositive_weights = {seven}"),
    ] {
        read(&text).check(64).unwrap();
        read(&text).build(&ClassCounts::uniform(7)).unwrap();
        assert!(read(&text).build(&ClassCounts::uniform(3)).is_err());
    }
    let both = "kind = 'bce'\npositive_weights = [1, 2]\nclass_weights = [1, 2, 3]";
    assert!(read(both).check(64).is_err());
    for huge in ["kind = 'focal'\ngamma = 1e300", "class_weights = [1e308, 1]"] {
        assert!(read(huge).check(64).is_err(), "{huge}");
    }
}

#[test]
fn terms_have_curves_over_the_epochs() {
    let read = |schedule: &str| -> LossConfig {
        let text = format!(
            "kind = 'compound'\n[[term]]\nkind = 'cross-entropy'\n\
             [[term]]\nkind = 'dice'\nweight = 2\nschedule = {{ {schedule} }}"
        );
        toml::from_str(&text).unwrap()
    };
    let counts = ClassCounts::uniform(2);
    let linear = read("kind = 'linear', start_factor = 0, length = 4");
    let criterion = linear.build_for(&counts, 10).unwrap();
    let factors = [0, 2, 4, 9].map(|epoch| criterion.terms()[1].factor.at(epoch));
    assert_eq!(factors, [0.0, 1.0, 2.0, 2.0]);
    assert_eq!(criterion.terms()[0].factor.at(5), 1.0);
    assert!(!criterion.is_single_mean());
    for (schedule, wanted) in [
        ("kind = 'cosine', length = 12", "loss.term.1.schedule.length"),
        ("kind = 'cosine', min = 3", "`loss.term.1.weight` = 2"),
        ("kind = 'plateau'", "follows the checks"),
        ("kind = 'cosine', unit = 'step'", "loss.term.1.schedule.unit"),
    ] {
        let error = read(schedule).build_for(&counts, 10).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}
