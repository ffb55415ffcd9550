//! Refuses keys that no table of the run file knows, and names the nearest known one; and values of
//! another kind than their key wants.

use serde_json::Value as Schema;
use toml::{Table, Value};

use super::kinds::{check_kind, check_length, shown};
use crate::error::{Error, Result, nearest};

/// Checks every key of `table` and the kind of its value against the JSON Schema of the run file.
///
/// # Errors
///
/// [`Error::Config`] with the full name of the first unknown key, or of the first key whose value
/// is of another kind.
pub fn check_keys(table: &Table, schema: &Schema) -> Result<()> {
    check_table(table, schema, schema, "")
}

/// Refuses a table without a key that it must have; [`Error::Config`] names both. The outermost table
/// is for its reader to refuse.
fn check_required(table: &Table, schema: &Schema, root: &Schema, name: &str) -> Result<()> {
    let described =
        alternatives(schema, root).into_iter().find(|it| it.get("properties").is_some());
    let required = described.and_then(|it| it.get("required")?.as_array());
    let mut required = required.into_iter().flatten().filter_map(Schema::as_str);
    match required.find(|it| !table.contains_key(*it)) {
        Some(key) => Err(Error::config(name, "{…}", format!("needs the key `{key}`"))),
        None => Ok(()),
    }
}

fn check_table(table: &Table, schema: &Schema, root: &Schema, prefix: &str) -> Result<()> {
    let Some(known) = properties(schema, root) else {
        // Free keys, such as names of scenes: all have values of one form.
        let of_all = alternatives(schema, root).into_iter();
        let of_all =
            of_all.filter_map(|it| it.get("additionalProperties")).find(|it| it.is_object());
        return of_all.map_or(Ok(()), |below| {
            let mut values = table.iter();
            values.try_for_each(|(key, it)| check_value(it, below, root, &format!("{prefix}{key}")))
        });
    };
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        let Some(below) = known.get(key) else {
            return Err(unknown_key(&name, key, value, known.keys()));
        };
        check_value(value, below, root, &name)?;
    }
    Ok(())
}

fn check_value(value: &Value, schema: &Schema, root: &Schema, name: &str) -> Result<()> {
    check_kind(value, schema, root, name)?;
    match value {
        Value::Table(table) => {
            check_table(table, schema, root, &format!("{name}."))?;
            check_required(table, schema, root, name)
        }
        Value::Array(items) => {
            check_length(items.len(), schema, root, name)?;
            let Some(below) = alternatives(schema, root).into_iter().find_map(|it| it.get("items"))
            else {
                return Ok(());
            };
            items.iter().try_for_each(|item| check_value(item, below, root, name))
        }
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => Ok(()),
    }
}

pub(super) fn properties<'a>(
    schema: &'a Schema,
    root: &'a Schema,
) -> Option<&'a serde_json::Map<String, Schema>> {
    alternatives(schema, root).into_iter().find_map(|it| it.get("properties")?.as_object())
}

/// The schema itself, what it refers to, and what its `anyOf` offers.
pub(super) fn alternatives<'a>(schema: &'a Schema, root: &'a Schema) -> Vec<&'a Schema> {
    let mut found = vec![schema];
    if let Some(name) = schema.get("$ref").and_then(Schema::as_str) {
        let pointer = name.trim_start_matches('#');
        found.extend(root.pointer(pointer).into_iter().flat_map(|it| alternatives(it, root)));
    }
    for list in ["anyOf", "oneOf", "allOf"] {
        let items = schema.get(list).and_then(Schema::as_array).into_iter().flatten();
        found.extend(items.flat_map(|it| alternatives(it, root)));
    }
    found
}

fn unknown_key<'a>(
    name: &str,
    key: &str,
    value: &Value,
    known: impl Iterator<Item = &'a String>,
) -> Error {
    match nearest(key, known.map(String::as_str)) {
        Some(it) => Error::config(name, shown(value), format!("no such key; did you mean `{it}`?")),
        None => Error::config(name, shown(value), "no such key; `swath schema` lists them all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let schema = serde_json::json!({
            "properties": {
                "seed": {},
                "chips": { "$ref": "#/$defs/Chips" },
                "scene": { "type": "array", "items": { "$ref": "#/$defs/Scene" } },
            },
            "$defs": {
                "Chips": { "properties": { "size_px": {} } },
                "Scene": { "anyOf": [{ "properties": { "images": {} } }, { "type": "null" }] },
            },
        });
        let found = check_keys(&toml::from_str(text).unwrap(), &schema);
        assert_eq!(found.err().map(|it| it.to_string()).as_deref(), expected);
    }

    #[test]
    fn known_keys_pass() {
        check("seed = 1\n[chips]\nsize_px = 2\n[[scene]]\nimages = []", None);
    }

    #[test]
    fn the_values_of_free_keys_are_checked_by_name() {
        let schema = super::super::RunFile::schema();
        let split = |text: &str| {
            let text = format!("[[data.scene]]\nimages = 'a'\n[split]\ntest = {text}");
            let found = check_keys(&toml::from_str(&text).unwrap(), &schema);
            found.err().map(|it| it.to_string())
        };
        assert_eq!(split("{ a = [[0, 64]], b = [] }"), None);
        for (text, wanted) in [
            (
                "{ a = [[0, 64]], b = [[0, 64, 3]] }",
                "`split.test.b` = a list of 3: wanted a list of 2",
            ),
            ("{ a = 3 }", "`split.test.a` = 3: wanted a list"),
            ("{ a = [[0, 'x']] }", "`split.test.a` = \"x\": wanted a whole number"),
        ] {
            let found = split(text).unwrap_or_default();
            assert!(found.contains(wanted), "{found}");
        }
    }

    #[test]
    fn a_typo_is_named_in_full_with_the_nearest_key() {
        let hint = "config `chips.sise_px` = 2: no such key; did you mean `size_px`?";
        check("[chips]\nsise_px = 2", Some(hint));
        let hint = "config `scene.image` = \"a\": no such key; did you mean `images`?";
        check("[[scene]]\nimage = 'a'", Some(hint));
    }

    #[test]
    fn a_key_like_no_other_points_to_the_schema() {
        check(
            "colour = 1",
            Some("config `colour` = 1: no such key; `swath schema` lists them all"),
        );
    }
}
