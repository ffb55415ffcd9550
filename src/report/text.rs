//! Texts of the report: numbers for readers, widths, line breaks, HTML.

/// A text as it stands in HTML and SVG, in content as in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // HTML allows no other control characters, written out or not.
            '\n' | '\t' => escaped.push(letter),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A share as a decimal fraction with three digits; a dash if there is none.
pub(super) fn share(value: f64) -> String {
    if value.is_nan() { "–".to_owned() } else { format!("{value:.3}") }
}

/// A share as percent with one digit; a dash if there is none.
pub(super) fn percent(value: f64) -> String {
    if value.is_nan() { "–".to_owned() } else { format!("{:.1} %", 100.0 * value) }
}

/// A whole number in groups of three digits.
pub(super) fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index != 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}'); // A narrow space where lines do not break.
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with at most three digits and `k`, `M` or `G`.
pub(super) fn short_count(value: u64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let number = value as f64;
    for (factor, unit) in units {
        if factor <= number {
            let scaled = number / factor;
            let n_decimals = usize::from(scaled < 9.95);
            return format!("{scaled:.n_decimals$}{unit}");
        }
    }
    value.to_string()
}

/// A quantity with four significant digits.
pub(super) fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { "–".to_owned() };
    }
    let magnitude = value.abs().log10().floor();
    if !(-4.0..9.0).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    format!("{value:.*}", (3.0 - magnitude).max(0.0) as usize)
}

/// A duration for readers, such as `2 min 13 s`.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "–".to_owned();
    }
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min {seconds} s"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Width of a text in the widest font it may be shown in, in units of its size.
///
/// The advance widths of DejaVu Sans, rounded up by kinds of letters.
pub(super) fn width(text: &str, size: u32) -> f64 {
    let ems: f64 =
        text.chars()
            .map(|letter| match letter {
                'i' | 'j' | 'l' | '|' | '\'' => 0.29,
                ' ' | '.' | ',' | ':' | ';' | '!' | 'I' | 'f' | 't' | 'r' | '(' | ')' | '/'
                | '-' => 0.41,
                'm' | 'w' | 'M' | 'W' | '%' | '…' | '@' => 1.0,
                'a'..='z' | '0'..='9' => 0.64,
                'A'..='Z' => 0.76,
                letter if letter < '\u{250}' => 0.72,
                _ => 1.0,
            })
            .sum();
    ems * f64::from(size)
}

/// The text, or as much of it as fits into `max_width`, with an ellipsis.
pub(super) fn shorten(text: &str, size: u32, max_width: f64) -> String {
    if width(text, size) <= max_width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if max_width < width(&kept, size) + width("…", size) {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end())
}

/// At most `max_lines` lines no wider than `max_width`, broken between words where it can be.
pub(super) fn wrap(text: &str, size: u32, max_width: f64, max_lines: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.reverse();
    while let Some(word) = words.pop() {
        let longer = match lines.last() {
            Some(line) => format!("{line} {word}"),
            None => word.to_owned(),
        };
        if lines.is_empty() || width(&longer, size) <= max_width {
            lines.pop();
            lines.push(longer);
        } else if lines.len() < max_lines {
            lines.push(word.to_owned());
        } else {
            lines.pop();
            lines.push(longer); // Too long: cut below.
        }
    }
    lines.iter().map(|line| shorten(line, size, max_width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_escaped() {
        let wanted = "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt; &amp; \u{fffd}\n";
        assert_eq!(escape("<b a='1' c=\"2\"> & \u{1b}\n"), wanted);
    }

    #[test]
    fn numbers_are_written_for_readers() {
        assert_eq!([share(0.12345), share(f64::NAN)], ["0.123", "–"]);
        assert_eq!([percent(0.12345), percent(f64::NAN)], ["12.3 %", "–"]);
        let grouped = [0, 999, 1_000, 1_234_567].map(|it| thousands(it).replace('\u{202f}', "_"));
        assert_eq!(grouped, ["0", "999", "1_000", "1_234_567"]);
        let counts = [999, 1_234, 12_345, 999_600, 1_234_567].map(short_count);
        assert_eq!(counts, ["999", "1.2k", "12k", "1000k", "1.2M"]);
        let quantities = [0.0, 0.123456, 12.3456, 1234.56, 1e-7, f64::NAN].map(significant);
        assert_eq!(quantities, ["0", "0.1235", "12.35", "1235", "1.000e-7", "–"]);
        let durations = [1.23, 59.9, 133.0, 7325.0].map(duration);
        assert_eq!(durations, ["1.2 s", "1 min 0 s", "2 min 13 s", "2 h 2 min"]);
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        let name = "Deciduous and mixed forest with a Donaudampfschifffahrtsgesellschaftskapitän";
        for max_lines in 1..5 {
            let lines = wrap(name, 11, 120.0, max_lines);
            assert!(lines.len() <= max_lines);
            for line in &lines {
                assert!(width(line, 11) <= 120.0, "{line}");
            }
        }
        assert_eq!(wrap("water", 11, 120.0, 2), ["water"]);
        assert_eq!(wrap("bare soil", 11, 40.0, 2), ["bare", "soil"]);
    }
}
