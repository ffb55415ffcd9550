//! A run file with every key explained.

use std::{collections::BTreeSet, fmt::Write};

use serde_json::Value as Schema;
use toml::{Table, Value};

use super::{
    RunFile,
    keys::{alternatives, properties},
};
use crate::schedule::CurveKind;

const WIDTH: usize = 80;

/// Keys of a table without a value that are all written.
const LONG: usize = 24;

/// The run file as TOML with every key: what it means as a comment, keys without a value commented
/// out. It reads back as the same run file.
pub fn commented(run_file: &RunFile) -> String {
    let schema = RunFile::schema();
    let table = Table::try_from(run_file).expect("a run file is plain data");
    let mut text = String::new();
    write_table(&mut text, &table, &schema, &schema, "", true);
    text
}

fn write_table(
    text: &mut String,
    table: &Table,
    schema: &Schema,
    root: &Schema,
    path: &str,
    explain: bool,
) {
    let Some(known) = properties(schema, root) else { return };
    // In the order of the settings, then those without a value.
    let unset = known.keys().filter(|key| !table.contains_key(key.as_str()));
    let keys: Vec<(&String, &Schema)> =
        table.keys().chain(unset).filter_map(|key| known.get_key_value(key)).collect();
    // Plain keys come before tables, or TOML would take them for keys of the table above.
    let is_plain = |key: &str, below: &Schema| match table.get(key) {
        Some(value) => !is_table(below, root) && !is_tables(value),
        None => !is_table(below, root) && items(below, root).is_none(),
    };
    let is_curve = path == "schedule";
    let waits = |key: &str| is_curve && !table.contains_key(key) && is_of_a_kind(key);
    for &(key, below) in keys.iter().filter(|it| is_plain(it.0, it.1) && !waits(it.0)) {
        write_key(text, key, table.get(key), below, root, explain);
    }
    let mut written = BTreeSet::new();
    for kind in CurveKind::ALL.into_iter().filter(|_| is_curve && explain) {
        let (name, own) = (kind.name(), kind.keys());
        text.push('\n');
        comment(text, format!("Keys of kind = \"{name}\": {}.", own.join(", ")));
        for key in own.iter().filter(|it| waits(it)) {
            if let Some(below) = known.get(*key).filter(|it| is_plain(key, it))
                && written.insert(key)
            {
                write_key(text, key, None, below, root, explain);
            }
        }
    }
    for (key, below) in keys {
        let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match table.get(key) {
            Some(Value::Table(inner)) if is_table(below, root) => {
                text.push('\n');
                if explain {
                    comment(text, describe(below, root));
                }
                let _ = writeln!(text, "[{name}]");
                write_table(text, inner, below, root, &name, explain);
            }
            Some(value @ Value::Array(tables)) if is_tables(value) => {
                let below = items(below, root);
                for (index, item) in tables.iter().enumerate() {
                    let Value::Table(item) = item else { continue };
                    let _ = writeln!(text, "\n[[{name}]]");
                    write_table(text, item, below.unwrap_or(root), root, &name, index == 0);
                }
            }
            None if explain => {
                let list = items(below, root);
                let Some(keys) = properties(list.unwrap_or(below), root) else { continue };
                text.push('\n');
                comment(text, describe(below, root));
                let _ = match list {
                    Some(_) => writeln!(text, "# [[{name}]]"),
                    None => writeln!(text, "# [{name}]"),
                };
                // Of curves, whose keys stand above, the first one is enough.
                let n_shown = if keys.contains_key("kind") && LONG < keys.len() { 0 } else { LONG };
                let shown = keys.keys().take(n_shown);
                let kind = (n_shown == 0).then_some("kind");
                for key in shown.map(String::as_str).chain(kind) {
                    let _ = writeln!(text, "# {key} =");
                }
            }
            _ => {}
        }
    }
}

/// A key with its value, or commented out without one.
fn write_key(
    text: &mut String,
    key: &str,
    value: Option<&Value>,
    schema: &Schema,
    root: &Schema,
    explain: bool,
) {
    if explain {
        comment(text, describe(schema, root));
    }
    // Writing into a string cannot fail.
    let _ = match value {
        Some(value) => writeln!(text, "{key} = {value}"),
        None if explain => writeln!(text, "# {key} ="),
        None => Ok(()),
    };
}

/// Whether only some kinds of curves have this key.
fn is_of_a_kind(key: &str) -> bool {
    CurveKind::ALL.iter().any(|kind| kind.keys().contains(&key))
}

/// Whether the schema is that of a table with known keys.
fn is_table(schema: &Schema, root: &Schema) -> bool {
    properties(schema, root).is_some()
}

/// The schema of the tables of a list.
fn items<'a>(schema: &'a Schema, root: &'a Schema) -> Option<&'a Schema> {
    let items = alternatives(schema, root).into_iter().find_map(|it| it.get("items"))?;
    is_table(items, root).then_some(items)
}

fn is_tables(value: &Value) -> bool {
    matches!(value, Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_table))
}

/// The description of a key, or of its type, with the values that it may have.
fn describe(schema: &Schema, root: &Schema) -> String {
    let all = alternatives(schema, root);
    let mut text = all
        .iter()
        .find_map(|it| it.get("description"))
        .and_then(Schema::as_str)
        .unwrap_or_default()
        .to_owned();
    let choices: Vec<&str> = all
        .iter()
        .filter_map(|it| it.get("const").and_then(Schema::as_str))
        .chain(
            all.iter()
                .filter_map(|it| it.get("enum")?.as_array())
                .flatten()
                .filter_map(Schema::as_str),
        )
        .collect();
    if 1 < choices.len() {
        text += &format!(" One of {}.", choices.join(", "));
    }
    text
}

/// `text` as comment lines of at most 80 columns.
fn comment(text: &mut String, comment: String) {
    let mut line = String::from("#");
    for word in comment.split_whitespace() {
        if WIDTH < line.len() + 1 + word.len() && line.len() > 1 {
            *text += &line;
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line += word;
    }
    if line.len() > 1 {
        *text += &line;
        text.push('\n');
    }
}
