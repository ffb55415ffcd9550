//! Markdown of a model card: tables, numbers, settings.

use serde::Serialize;
use toml::{Table, Value};

/// What stands where nobody said anything.
pub(super) const NOT_STATED: &str = "not stated";

/// A table; its columns are right-aligned where the head begins with `>`.
pub(super) fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(heads.iter().map(|it| it.trim_start_matches('>').to_owned()).collect());
    let rule = |head: &&str| if head.starts_with('>') { "--:" } else { "---" }.to_owned();
    text += &line(heads.iter().map(rule).collect());
    for row in rows {
        text += &line(row.iter().map(|cell| escape(cell)).collect());
    }
    text
}

/// A table of names and values.
pub(super) fn facts(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let row = |(name, value): (&'static str, String)| vec![name.to_owned(), value];
    table(&["", ""], rows.into_iter().map(row))
}

/// A text that stays in its cell, in one line, and is read as it is written.
pub(super) fn escape(cell: &str) -> String {
    let mut text = String::new();
    for it in cell.chars() {
        match it {
            '|' | '\\' | '`' | '*' | '<' => text.extend(['\\', it]),
            it if it.is_control() => text.push(' '),
            it => text.push(it),
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A figure with four digits; a dash if there is nothing to count.
pub(super) fn figure(value: f64) -> String {
    if value.is_nan() { "-".to_owned() } else { format!("{value:.4}") }
}

/// A number with commas between thousands.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|it| std::str::from_utf8(it).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}

/// The settings of a table as a code block of TOML, without the keys `left_out`.
pub(super) fn settings(of: &impl Serialize, left_out: &[&str]) -> String {
    let mut table = Table::try_from(of).expect("settings are plain data");
    for key in left_out {
        table.remove(*key);
    }
    // Lists in one line.
    let text = toml::to_string(&table).expect("settings are plain data");
    format!("```toml\n{}\n```\n", text.trim())
}

/// The keys of a table that hold no table, with their values.
pub(super) fn plain_keys(of: &impl Serialize) -> Vec<Vec<String>> {
    let table = Table::try_from(of).expect("settings are plain data");
    let is_plain = |value: &Value| !matches!(value, Value::Table(_));
    let plain = table.into_iter().filter(|(_, value)| is_plain(value));
    plain
        .map(|(key, value)| match value {
            Value::String(text) => vec![key, text],
            value => vec![key, value.to_string()],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_in_their_row() {
        let found = table(&["class", ">px"], [vec!["a|b\nc\u{1b}<d".to_owned(), count(1_234_567)]]);
        assert_eq!(found, "| class | px |\n| --- | --: |\n| a\\|b c \\<d | 1,234,567 |\n");
        assert_eq!([count(0), count(999), count(1000)], ["0", "999", "1,000"]);
    }
}
