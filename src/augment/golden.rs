//! What other programs make of a small image, for the tests of this folder.

use serde_json::Value;

use crate::chip::Chip;

pub(super) fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/golden/augmentations.json")).unwrap()
}

/// A plane of numbers with its rows and columns.
pub(super) fn plane(json: &Value) -> (Vec<u8>, usize, usize) {
    let rows: Vec<Vec<u8>> = serde_json::from_value(json.clone()).unwrap();
    (rows.concat(), rows.len(), rows[0].len())
}

/// Compares a change of values with `case` of the 4 x 5 px, 2-band image divided by 255.
///
/// The image becomes the upper left of a chip of 5 x 5 px; values that the other program clipped to
/// 0 or 1 are left out.
#[track_caller]
pub(super) fn check_values(case: &str, change: impl Fn(&mut Chip)) {
    let golden = golden();
    let values =
        |json: &Value| -> Vec<Vec<[f32; 2]>> { serde_json::from_value(json.clone()).unwrap() };
    let mut chip = Chip {
        n_bands: 2,
        size_px: 5,
        values: vec![0.0; 50],
        labels: vec![0; 25],
        valid: (0..25).map(|index| index < 20).collect(),
        missing: Vec::new(),
        distances: None,
    };
    for (index, pixel) in values(&golden["image_uint8_hwc"]).concat().into_iter().enumerate() {
        chip.values[index] = pixel[0] / 255.0;
        chip.values[25 + index] = pixel[1] / 255.0;
    }
    change(&mut chip);
    let mut n_compared = 0;
    for (index, pixel) in
        values(&golden["brightness_contrast"][case]).concat().into_iter().enumerate()
    {
        for (band, &want) in pixel[..2].iter().enumerate() {
            if 0.0 < want && want < 1.0 {
                let got = chip.values[25 * band + index];
                assert!((got - want).abs() < 1e-6, "{got} is not {want}");
                n_compared += 1;
            }
        }
    }
    assert!(n_compared > 20, "{n_compared} values compared");
}
