//! Accuracy figures of a confusion matrix.

use serde::{Deserialize, Deserializer, Serialize};

use super::Confusion;
use crate::label::Classes;

/// Accuracy figures of a map against its reference.
///
/// With `n[i][j]` pixels mapped as `i` whose reference is `j`, shares `p = n / sum(n)`, row sums
/// `p[i+]` (map) and column sums `p[+i]` (reference):
///
/// ```text
/// overall accuracy         OA  = sum_i p[ii]
/// kappa                    (OA - e) / (1 - e)            e = sum_i p[i+] * p[+i]
/// MICE                     (OA - s) / (1 - s)            s = sum_i p[+i]^2
/// quantity disagreement    sum_i |p[i+] - p[+i]| / 2
/// allocation disagreement  1 - OA - quantity disagreement
/// ```
///
/// A figure without any pixel to count is NaN (0/0), `null` in JSON. Means over classes skip the
/// classes whose figure is NaN; [`Self::absent_classes`] and [`Self::never_mapped_classes`] name
/// them. So a class without reference pixels that is mapped nonetheless counts in the mean IoU
/// (as 0), and a class that is in the reference but never mapped counts in mean IoU and macro F1
/// (as 0).
///
/// Source: Congalton & Green 2019 (precision = user's accuracy, recall = producer's accuracy);
/// Pontius & Millones 2011 (quantity and allocation disagreement),
/// <https://doi.org/10.1080/01431161.2011.552923>; Shao et al. 2021 (MICE),
/// <https://doi.org/10.1016/j.rse.2021.112566>, without the 1e-5 that the R package `micer` adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Share of pixels whose mapped class is the reference class, in `[0, 1]`.
    #[serde(deserialize_with = "number_or_nan")]
    pub overall_accuracy: f64,
    /// Overall accuracy of a map that says everywhere the most frequent reference class.
    #[serde(deserialize_with = "number_or_nan")]
    pub majority_rate: f64,
    /// Mean of the classes' intersection over union, in `[0, 1]`.
    #[serde(deserialize_with = "number_or_nan")]
    pub mean_iou: f64,
    /// Mean of the classes' F1, in `[0, 1]`, as scikit-learn's macro F1.
    #[serde(deserialize_with = "number_or_nan")]
    pub macro_f1_mean: f64,
    /// Harmonic mean of macro precision and macro recall, in `[0, 1]`, as geodl's macro F1.
    #[serde(deserialize_with = "number_or_nan")]
    pub macro_f1_harmonic: f64,
    /// Mean of the classes' precision, in `[0, 1]`.
    #[serde(deserialize_with = "number_or_nan")]
    pub macro_precision: f64,
    /// Mean of the classes' recall, in `[0, 1]`.
    #[serde(deserialize_with = "number_or_nan")]
    pub macro_recall: f64,
    /// Share of pixels that are wrong because the map's class shares differ from the reference's.
    #[serde(deserialize_with = "number_or_nan")]
    pub quantity_disagreement: f64,
    /// Share of pixels that are wrong although the shares agree: right classes, wrong places.
    #[serde(deserialize_with = "number_or_nan")]
    pub allocation_disagreement: f64,
    /// Map image classification efficacy: 0 for guessing by the reference shares, at most 1.
    #[serde(deserialize_with = "number_or_nan")]
    pub mice: f64,
    /// Cohen's kappa; depends on the class shares, so compare maps by the other figures.
    #[serde(deserialize_with = "number_or_nan")]
    pub kappa: f64,
    /// Pixels with map and reference.
    pub n_pixels: u64,
    /// Pixels with a reference that the map leaves empty; they count in no other figure.
    pub n_unmapped: u64,
    /// Names of the classes without a reference pixel.
    pub absent_classes: Vec<String>,
    /// Names of the classes with reference pixels that the map never uses.
    pub never_mapped_classes: Vec<String>,
    /// Figures of each class, in the order of the class index.
    pub classes: Vec<ClassMetrics>,
    /// Pixel counts: rows = map, columns = reference, in the order of `classes`.
    pub confusion: Vec<Vec<u64>>,
}

/// Accuracy figures of one class: `d` pixels right, `row` mapped as it, `col` in the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Name of the class.
    pub name: String,
    /// Code of the class in label rasters and maps.
    pub code: u16,
    /// Intersection over union, `d / (row + col - d)`; NaN if neither mapped nor in the reference.
    #[serde(deserialize_with = "number_or_nan")]
    pub iou: f64,
    /// Precision or user's accuracy, `d / row`; NaN if never mapped.
    #[serde(deserialize_with = "number_or_nan")]
    pub precision: f64,
    /// Recall or producer's accuracy, `d / col`; NaN if not in the reference.
    #[serde(deserialize_with = "number_or_nan")]
    pub recall: f64,
    /// F1 or Dice, `2 d / (row + col)`; NaN if not in the reference.
    #[serde(deserialize_with = "number_or_nan")]
    pub f1: f64,
    /// Reference pixels, `col`.
    pub support: u64,
    /// Mapped pixels, `row`.
    pub mapped: u64,
    /// Mapped area, `row` times the area of a pixel, in square units of the map's CRS.
    ///
    /// It counts the mapped pixels, with all errors of the map.
    #[serde(deserialize_with = "number_or_nan")]
    pub area: f64,
}

impl Metrics {
    /// Figures of `confusion`, with class names and the area of a pixel in square map units.
    ///
    /// # Panics
    ///
    /// If `classes` and `confusion` differ in their number of classes.
    pub fn new(confusion: &Confusion, classes: &Classes, pixel_area: f64) -> Self {
        assert_eq!(classes.len(), confusion.n_classes(), "numbers of classes differ");
        let per_class: Vec<_> = classes
            .iter()
            .enumerate()
            .map(|(index, class)| {
                ClassMetrics::new(confusion, index, class.name.clone(), class.code, pixel_area)
            })
            .collect();
        let names = |is_wanted: fn(&ClassMetrics) -> bool| {
            per_class.iter().filter(|class| is_wanted(class)).map(|it| it.name.clone()).collect()
        };
        let mean = |figure: fn(&ClassMetrics) -> f64| mean_of_numbers(per_class.iter().map(figure));

        let n_pixels = confusion.n_pixels();
        let overall_accuracy = ratio(confusion.n_right(), n_pixels);
        let agreement = Agreement::new(confusion);
        let most_frequent = per_class.iter().map(|class| class.support).max().unwrap_or(0);
        let (macro_precision, macro_recall) = (mean(|it| it.precision), mean(|it| it.recall));
        Self {
            overall_accuracy,
            majority_rate: ratio(most_frequent, n_pixels),
            mean_iou: mean(|it| it.iou),
            macro_f1_mean: mean(|it| it.f1),
            macro_f1_harmonic: harmonic_mean(macro_precision, macro_recall),
            macro_precision,
            macro_recall,
            quantity_disagreement: agreement.quantity_disagreement,
            allocation_disagreement: 1.0 - overall_accuracy - agreement.quantity_disagreement,
            mice: beyond(overall_accuracy, agreement.by_reference_shares),
            kappa: beyond(overall_accuracy, agreement.by_both_shares),
            n_pixels,
            n_unmapped: confusion.n_unmapped(),
            absent_classes: names(|it| it.support == 0),
            never_mapped_classes: names(|it| 0 < it.support && it.mapped == 0),
            classes: per_class,
            confusion: confusion.rows(),
        }
    }
}

impl ClassMetrics {
    fn new(confusion: &Confusion, index: usize, name: String, code: u16, pixel_area: f64) -> Self {
        let right = confusion.count(index, index);
        let (mapped, support) = (confusion.n_mapped(index), confusion.n_reference(index));
        Self {
            name,
            code,
            iou: ratio(right, mapped + support - right),
            precision: ratio(right, mapped),
            recall: ratio(right, support),
            f1: if support == 0 { f64::NAN } else { ratio(2 * right, mapped + support) },
            support,
            mapped,
            area: mapped as f64 * pixel_area,
        }
    }
}

/// Sums over the shares of the map's and the reference's classes.
struct Agreement {
    quantity_disagreement: f64,
    by_both_shares: f64,
    by_reference_shares: f64,
}

impl Agreement {
    fn new(confusion: &Confusion) -> Self {
        let n_pixels = confusion.n_pixels();
        let mut sums =
            Self { quantity_disagreement: 0.0, by_both_shares: 0.0, by_reference_shares: 0.0 };
        for class in 0..confusion.n_classes() {
            let map = ratio(confusion.n_mapped(class), n_pixels);
            let reference = ratio(confusion.n_reference(class), n_pixels);
            sums.quantity_disagreement += (map - reference).abs() / 2.0;
            sums.by_both_shares += map * reference;
            sums.by_reference_shares += reference * reference;
        }
        sums
    }
}

/// `part / whole`, NaN for 0/0.
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// How far `accuracy` lies beyond `expected`, as a share of the way to 1; NaN if `expected` is 1.
fn beyond(accuracy: f64, expected: f64) -> f64 {
    (accuracy - expected) / (1.0 - expected)
}

/// `2 a b / (a + b)`, and 0 if both are 0.
fn harmonic_mean(a: f64, b: f64) -> f64 {
    if a + b == 0.0 { 0.0 } else { 2.0 * a * b / (a + b) }
}

/// Mean of those that are numbers; NaN if there are none.
fn mean_of_numbers(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values
        .filter(|value| !value.is_nan())
        .fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}

/// Reads what `serde_json` writes for NaN.
fn number_or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::label::{Class, Color};

    const GOLDEN: &str = include_str!("../../tests/golden/accuracy.json");

    fn metrics(rows: &[Vec<u64>]) -> Metrics {
        let class = |code| Class { code, name: format!("class {code}"), color: Color([0; 3]) };
        let codes = 0..u16::try_from(rows.len()).unwrap();
        let classes = Classes::new(codes.map(class).collect()).unwrap();
        Metrics::new(&Confusion::from_rows(rows).unwrap(), &classes, 100.0)
    }

    #[track_caller]
    fn assert_close(got: f64, want: f64, what: &str) {
        let both_nan = got.is_nan() && want.is_nan();
        assert!(both_nan || (got - want).abs() < 1e-12, "{what}: got {got}, want {want}");
    }

    /// A golden figure; 0/0 is written as the text `nan`.
    fn figure(value: &Value) -> f64 {
        value.as_f64().unwrap_or(f64::NAN)
    }

    #[track_caller]
    fn check_golden(case: &str) {
        let golden: Value = serde_json::from_str(GOLDEN).unwrap();
        let golden = &golden[case];
        let rows: Vec<Vec<f64>> =
            serde_json::from_value(golden["matrix_rows_pred_cols_ref"].clone()).unwrap();
        let rows: Vec<Vec<u64>> =
            rows.iter().map(|row| row.iter().map(|&count| count as u64).collect()).collect();
        let got = metrics(&rows);

        let figures = [
            ("OA", got.overall_accuracy),
            ("mIoU", got.mean_iou),
            ("kappa", got.kappa),
            ("quantity_disagreement", got.quantity_disagreement),
            ("allocation_disagreement", got.allocation_disagreement),
            ("map_image_classification_efficacy_MICE", got.mice),
            ("macro_UA", got.macro_precision),
        ];
        for (key, got) in figures {
            assert_close(got, figure(&golden[key]), key);
        }
        if got.absent_classes.is_empty() {
            assert_close(got.macro_recall, figure(&golden["macro_PA"]), "macro_PA");
            assert_close(got.macro_f1_mean, figure(&golden["macro_F1_sklearn"]), "macro F1");
            assert_close(got.macro_f1_harmonic, figure(&golden["macro_F1_geodl"]), "geodl F1");
        }
        for (index, class) in got.classes.iter().enumerate() {
            assert_close(class.precision, figure(&golden["UA_precision"][index]), "precision");
            assert_close(class.recall, figure(&golden["PA_recall"][index]), "recall");
            assert_close(class.f1, figure(&golden["F1"][index]), "F1");
            assert_close(class.iou, figure(&golden["IoU"][index]), "IoU");
        }
    }

    #[test]
    fn agrees_with_scikit_learn_and_geodl() {
        check_golden("multiclass");
        check_golden("empty_reference_class");
    }

    #[test]
    fn agrees_on_two_classes() {
        let golden: Value = serde_json::from_str(GOLDEN).unwrap();
        let golden = &golden["binary"];
        let got = metrics(&[vec![900, 10], vec![30, 60]]);
        let (no, yes) = (&got.classes[0], &got.classes[1]);
        for (key, got) in [
            ("OA", got.overall_accuracy),
            ("Recall", yes.recall),
            ("Precision", yes.precision),
            ("F1", yes.f1),
            ("IoU", yes.iou),
            ("Specificity", no.recall),
            ("NPV", no.precision),
            ("kappa", got.kappa),
        ] {
            assert_close(got, figure(&golden[key]), key);
        }
        assert_close(got.majority_rate, 0.93, "majority rate");
    }

    // By hand: class 2 is mapped twice without any reference; class 1 has recall 2/4.
    #[test]
    fn an_absent_class_is_named_and_skipped() {
        let got = metrics(&[vec![6, 1, 0], vec![0, 2, 0], vec![1, 1, 0]]);
        assert_eq!(got.absent_classes, ["class 2"]);
        assert_close(got.macro_recall, (6.0 / 7.0 + 2.0 / 4.0) / 2.0, "macro recall");
        assert_close(got.macro_f1_mean, (12.0 / 14.0 + 4.0 / 6.0) / 2.0, "macro F1");
        assert_close(got.mean_iou, (6.0 / 8.0 + 2.0 / 4.0 + 0.0) / 3.0, "mean IoU");
    }

    // By hand: everything is mapped as class 0, so class 1 has F1 0 and IoU 0, not 0/0.
    #[test]
    fn a_class_never_mapped_scores_zero() {
        let got = metrics(&[vec![6, 2], vec![0, 0]]);
        assert_eq!(got.never_mapped_classes, ["class 1"]);
        assert!(got.classes[1].precision.is_nan());
        assert_close(got.macro_f1_mean, 12.0 / 14.0 / 2.0, "macro F1");
        assert_close(got.mean_iou, 6.0 / 8.0 / 2.0, "mean IoU");
        assert_close(got.overall_accuracy, got.majority_rate, "majority rate");
    }

    #[test]
    fn no_pixel_at_all_gives_no_number() {
        let got = metrics(&[vec![0, 0], vec![0, 0]]);
        for figure in [got.overall_accuracy, got.mean_iou, got.kappa, got.mice] {
            assert!(figure.is_nan());
        }
        assert_eq!(got.absent_classes.len(), 2);
    }

    #[test]
    fn area_is_pixels_mapped_times_pixel_area() {
        let got = metrics(&[vec![6, 1], vec![0, 2]]);
        assert_close(got.classes[0].area, 700.0, "area");
    }
}
