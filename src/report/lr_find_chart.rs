//! What sweeps over learning rates found.

use super::{
    PictureFile,
    drawing::{Area, Drawing, Paint, Text},
    line_chart::{Curve, LineChart, Style, line_chart},
    text::shorten,
};
use crate::{
    error::Result,
    lr_find::{Found, Rule},
};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 360.0;
const HEAD: f64 = 36.0;

/// Draws the losses of all sweeps over the rate, and what the rules suggest.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) if the file cannot be written.
pub fn draw_lr_find(found: &Found, file: &PictureFile) -> Result<()> {
    file.write(&lr_find_chart(found), "Loss over the learning rate")
}

fn lr_find_chart(found: &Found) -> Drawing {
    let mut drawing = Drawing::new(WIDTH, HEAD + HEIGHT + 28.0);
    let about = match found.sweeps.len() {
        1 => "Learning-rate finder".to_owned(),
        n => format!("Learning-rate finder, {n} sweeps; thin: lowest and highest loss of all"),
    };
    drawing.text(16.0, 22.0, Text::new(shorten(&about, 14, WIDTH - 32.0), 14).bold());
    let band = &found.band;
    let over = |losses: &[f64]| -> Vec<(f64, f64)> {
        band.lr.iter().zip(losses).map(|(lr, loss)| (lr.log10(), *loss)).collect()
    };
    let mut curves = Vec::new();
    if 1 < found.sweeps.len() {
        for (name, losses) in [("lowest", &band.min), ("highest", &band.max)] {
            let (points, paint) = (over(losses), Paint::Faint);
            curves.push(Curve { name: name.into(), points, paint, style: Style::Thin });
        }
    }
    let (points, paint) = (over(&band.median), Paint::Series(0));
    curves.push(Curve { name: "smoothed loss".into(), points, paint, style: Style::Line });
    let low = band.min.iter().copied().fold(f64::INFINITY, f64::min);
    let high = found.highest_shown();
    let space = if low < high { 0.05 * (high - low) } else { 0.1 };
    let settings = &found.settings;
    let chart = LineChart {
        x_label: "learning rate, as power of ten",
        y_label: "loss",
        x_values: [settings.start_lr.log10(), settings.end_lr.log10()],
        y_values: if low <= high { [low - space, high + space] } else { [0.0, 1.0] },
        curves,
    };
    let area = Area { left: 0.0, top: HEAD, width: WIDTH, height: HEIGHT };
    let [x_axis, y_axis] = line_chart(&mut drawing, area, &chart);
    let rates = rates(found);
    let mut left = 90.0;
    for (index, (rule, lr)) in rates.iter().enumerate() {
        let letter = char::from(b'A' + index as u8);
        let (x, y) = (x_axis.at(lr.log10()), y_axis.at(loss_at(found, *lr)));
        drawing.dot(x, y, 4.0, Paint::Series(1));
        // One above the other where rules agree.
        let beside = rates[..index].iter().filter(|(_, other)| (other / lr).ln().abs() < 0.15);
        let above = 14.0 * beside.count() as f64;
        drawing.text(x + 6.0, y - 6.0 - above, Text::new(letter.to_string(), 12).bold());
        let about = format!("{letter}  {} {lr:.2e}", rule.name());
        drawing.text(left, HEAD + HEIGHT + 16.0, Text::new(about, 12));
        left += 150.0;
    }
    drawing
}

/// What the rules that found something agree on.
fn rates(found: &Found) -> Vec<(Rule, f64)> {
    let agreed = found.agreements.iter();
    agreed.filter_map(|(rule, it)| Some((*rule, it.as_ref()?.agreed_lr))).collect()
}

/// The median loss at the rate of the sweeps next to `lr`.
fn loss_at(found: &Found, lr: f64) -> f64 {
    let distance = |it: &f64| (it.ln() - lr.ln()).abs();
    let pairs = found.band.lr.iter().zip(&found.band.median);
    let nearest = pairs.min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)));
    nearest.map_or(f64::NAN, |(_, loss)| *loss)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lr_find::{LossCurve, LrFindConfig, agree, agree_on_range, band};

    /// Two sweeps over a made-up curve.
    fn found() -> Found {
        let settings = LrFindConfig::default();
        let rates = settings.rates();
        let lr: Vec<f64> = (0..90).map(|it| rates.lr(it)).collect();
        let curve = |shift: f64| {
            let loss = lr.iter().map(|lr| {
                let x = lr.log10() + 2.0 + shift;
                1.0 / (1.0 + (1.5 * (x + 1.5)).exp()) + (x.max(0.0)).powi(2) + 0.3
            });
            LossCurve::new(lr.clone(), loss.collect(), 100).unwrap()
        };
        let curves = [curve(0.0), curve(0.4)];
        Found {
            version: 1,
            band: band(&curves).unwrap(),
            agreements: Rule::ALL.map(|rule| (rule, agree(rule, &curves))).to_vec(),
            range: agree_on_range(&curves),
            settings,
            sweeps: Vec::new(),
        }
    }

    #[test]
    fn every_rule_that_found_something_is_marked() {
        let found = found();
        let svg = lr_find_chart(&found).to_svg("");
        assert!(4 <= rates(&found).len());
        for (rule, _) in rates(&found) {
            assert!(svg.contains(&format!("  {} ", rule.name())), "{} in {svg}", rule.name());
        }
        assert!(svg.contains("<circle"), "{svg}");
    }

    #[test]
    fn nothing_found_is_an_empty_chart() {
        let band = band(&[]).unwrap();
        let found = Found { band, agreements: Vec::new(), range: None, ..found() };
        assert!(lr_find_chart(&found).to_svg("").contains("smoothed loss"));
    }
}
