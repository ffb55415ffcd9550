//! Refuses values of another kind than their key wants, such as a text in place of a number.

use serde_json::Value as Schema;
use toml::Value;

use super::keys::alternatives;
use crate::error::{Error, Result, nearest};

/// Checks the kind of `value`, and the range of whole numbers, against the schema of the key `name`.
///
/// # Errors
///
/// [`Error::Config`] that lists what the key accepts.
pub(super) fn check_kind(value: &Value, schema: &Schema, root: &Schema, name: &str) -> Result<()> {
    let schemas = alternatives(schema, root);
    let kinds: Vec<Kind> = schemas.iter().copied().flat_map(Kind::of_schema).collect();
    if kinds.is_empty() || kinds.iter().any(|kind| kind.accepts(value)) {
        return Ok(());
    }
    let mut wanted: Vec<String> = kinds.iter().map(Kind::text).collect();
    wanted.dedup();
    // Some say it better themselves.
    let own = schemas.iter().find_map(|it| it.get("x-wanted")?.as_str());
    let mut rule = format!("wanted {}", own.map_or(wanted.join(" or "), str::to_owned));
    let choices = kinds.iter().filter_map(|kind| match kind {
        Kind::Choice(choice) => Some(*choice),
        _ => None,
    });
    if let Some(near) = value.as_str().and_then(|text| nearest(text, choices)) {
        rule += &format!("; did you mean `{near}`?");
    }
    Err(Error::config(name, shown(value), rule))
}

/// Checks that a list of `found` items is as long as the schema of the key `name` wants it.
///
/// # Errors
///
/// [`Error::Config`] that says how long it must be.
pub(super) fn check_length(found: usize, schema: &Schema, root: &Schema, name: &str) -> Result<()> {
    let length = |it: &Schema| {
        let limit = |key: &str| it.get(key).and_then(Schema::as_u64);
        let is_list = it.get("type").is_some_and(|it| {
            it == "array" || it.as_array().is_some_and(|it| it.iter().any(|it| it == "array"))
        });
        is_list.then(|| [limit("minItems").unwrap_or(0), limit("maxItems").unwrap_or(u64::MAX)])
    };
    let lengths: Vec<[u64; 2]> =
        alternatives(schema, root).into_iter().filter_map(length).collect();
    let fits = |&[low, high]: &[u64; 2]| (low..=high).contains(&(found as u64));
    let Some([low, high]) = lengths.first().filter(|_| !lengths.iter().any(fits)) else {
        return Ok(());
    };
    let wanted = match (low, high) {
        (low, high) if low == high => format!("a list of {low}"),
        (low, &u64::MAX) => format!("a list of {low} or more"),
        (low, high) => format!("a list of {low} to {high}"),
    };
    Err(Error::config(name, format!("a list of {found}"), format!("wanted {wanted}")))
}

/// What a key accepts.
enum Kind<'a> {
    /// Within these bounds.
    Whole(i64, i64),
    Number,
    Flag,
    Text,
    /// This text.
    Choice(&'a str),
    List,
    Table,
}

impl<'a> Kind<'a> {
    /// What a schema accepts by itself, without those it refers to.
    fn of_schema(schema: &'a Schema) -> Vec<Self> {
        let types: Vec<&str> = match schema.get("type") {
            Some(Schema::String(only)) => vec![only],
            Some(Schema::Array(several)) => several.iter().filter_map(Schema::as_str).collect(),
            _ => Vec::new(),
        };
        types.into_iter().flat_map(|it| Self::of_type(it, schema)).collect()
    }

    fn of_type(name: &str, schema: &'a Schema) -> Vec<Self> {
        match name {
            "integer" => {
                let [low, high] = bounds(schema);
                vec![Self::Whole(low, high)]
            }
            "number" => vec![Self::Number],
            "boolean" => vec![Self::Flag],
            "array" => vec![Self::List],
            "object" => vec![Self::Table],
            "string" => {
                let several = schema.get("enum").and_then(Schema::as_array).into_iter().flatten();
                let choices = schema.get("const").into_iter().chain(several);
                let choices: Vec<_> =
                    choices.filter_map(Schema::as_str).map(Self::Choice).collect();
                if choices.is_empty() { vec![Self::Text] } else { choices }
            }
            _ => Vec::new(), // `null`: the key may be left out.
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Whole(low, high), Value::Integer(it)) => (*low..=*high).contains(it),
            (Self::Choice(choice), Value::String(it)) => choice == it,
            (Self::Number, Value::Integer(_) | Value::Float(_))
            | (Self::Flag, Value::Boolean(_))
            | (Self::Text, Value::String(_))
            | (Self::List, Value::Array(_))
            | (Self::Table, Value::Table(_)) => true,
            _ => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Whole(low, high) => format!("a whole number from {low} to {high}"),
            Self::Number => "a number".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Choice(choice) => format!("`{choice}`"),
            Self::List => "a list".to_owned(),
            Self::Table => "a table of keys".to_owned(),
        }
    }
}

/// Smallest and largest whole number; TOML itself has none beyond 64 bits with sign.
fn bounds(schema: &Schema) -> [i64; 2] {
    let [low, high] = match schema.get("format").and_then(Schema::as_str) {
        Some("uint8") => [0, u8::MAX.into()],
        Some("uint16") => [0, u16::MAX.into()],
        Some("uint32") => [0, u32::MAX.into()],
        Some("uint64" | "uint") => [0, i64::MAX],
        Some("int32") => [i32::MIN.into(), i32::MAX.into()],
        _ => [i64::MIN, i64::MAX],
    };
    let limit = |key: &str| schema.get(key).and_then(Schema::as_i64);
    [limit("minimum").unwrap_or(low), limit("maximum").unwrap_or(high)]
}

/// A value on one line; tables and lists only as what they are.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Table(_) => "{…}".to_owned(),
        Value::Array(_) => "[…]".to_owned(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        model::Encoder,
        run::{RunFile, check_keys},
    };
    use toml::Table;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let table: Table = toml::from_str(text).unwrap();
        let found = check_keys(&table, &RunFile::schema());
        assert_eq!(found.err().map(|it| it.to_string()).as_deref(), expected);
    }

    #[test]
    fn values_of_the_right_kind_pass() {
        check("seed = 9223372036854775807\n[optimizer]\nlr = 1", None);
        check("[split]\ntest = 0.2\nvalidation = [[0, 64]]\ntrain = { a = [[1, 2]] }", None);
        check("[model]\nencoder = 'resnet34'\n[[data.scene]]\nimages = ['a', 'b']", None);
    }

    #[test]
    fn values_of_another_kind_are_named_with_what_is_wanted() {
        check("train = 3", Some("config `train` = 3: wanted a table of keys"));
        let wanted = "config `train.epochs` = 2.5: wanted a whole number from 0 to 4294967295";
        check("[train]\nepochs = 2.5", Some(wanted));
        let wanted = "config `seed` = -1: wanted a whole number from 0 to 9223372036854775807";
        check("seed = -1", Some(wanted));
        let wanted = "config `split.hide` = \"yes\": wanted true or false";
        check("[split]\nhide = 'yes'", Some(wanted));
        let wanted = "config `data.nodata` = \"none\": wanted a number";
        check("[data]\nnodata = 'none'", Some(wanted));
        let wanted = "config `data.scene` = {…}: wanted a list";
        check("[data.scene]\nimages = 'a'", Some(wanted));
    }

    #[test]
    fn a_choice_lists_the_others_and_the_nearest() {
        let known: Vec<String> = Encoder::ALL.iter().map(|it| format!("`{}`", it.name())).collect();
        let wanted = format!(
            "config `model.encoder` = \"resnet43\": wanted {} or `own`; did you mean `resnet34`?",
            known.join(" or ")
        );
        check("[model]\nencoder = 'resnet43'", Some(&wanted));
    }

    #[test]
    fn a_list_of_another_length_is_refused() {
        let message = "config `train.accumulate` = a list of 1: wanted a list of 2";
        check("[train]\naccumulate = [[0]]", Some(message));
        check("[train]\naccumulate = [[0, 1]]", None);
        let message = "config `model.rates` = a list of 2: wanted a list of 3";
        check("[model]\nrates = [1, 2]", Some(message));
        let message = "config `optimizer.betas` = a list of 3: wanted a list of 2";
        check("[optimizer]\nbetas = [0.1, 0.2, 0.3]", Some(message));
    }

    #[test]
    fn a_table_without_a_key_that_it_needs_is_refused() {
        let message = "config `train.early_stopping` = {…}: needs the key `patience`";
        check("[train]\nearly_stopping = {}", Some(message));
        check("[train]\nearly_stopping = { patience = 1 }", None);
    }
}
