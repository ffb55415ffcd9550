//! Where two run files differ.

use toml::{Table, Value};

use crate::run::RunFile;

/// The first key in which two run files differ, with the value of each; none if they are equal.
pub(super) fn first_difference(left: &RunFile, right: &RunFile) -> Option<[String; 3]> {
    let table = |it| Value::Table(Table::try_from(it).expect("a run file is plain data"));
    let found = in_values(&table(left), &table(right), "");
    assert_eq!(found.is_none(), left == right, "a difference that the text does not show");
    found
}

fn in_values(left: &Value, right: &Value, key: &str) -> Option<[String; 3]> {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match (left, right) {
        (Value::Table(left), Value::Table(right)) => {
            let names = left.keys().chain(right.keys().filter(|it| !left.contains_key(*it)));
            names.into_iter().find_map(|name| match (left.get(name), right.get(name)) {
                (Some(left), Some(right)) => in_values(left, right, &below(name)),
                (left, right) => Some([below(name), shown(left), shown(right)]),
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let mut pairs = left.iter().zip(right).enumerate();
            pairs.find_map(|(index, (left, right))| {
                in_values(left, right, &below(&index.to_string()))
            })
        }
        (left, right) if left == right => None,
        (left, right) => Some([key.to_owned(), shown(Some(left)), shown(Some(right))]),
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or("nothing".to_owned(), Value::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::made_up::plan;

    #[test]
    fn the_first_key_that_differs_is_named() {
        let (_site, plan) = plan("[[variant]]\nname = 'a'\nset = ['model.width=8']\n");
        let base = &plan.runs[0].run_file;
        assert_eq!(first_difference(base, base), None);
        let other = RunFile { name: base.name.clone(), ..plan.runs[1].run_file.clone() };
        let found = first_difference(base, &other).unwrap();
        assert_eq!(found, ["model.width", "64", "8"]);
        let mut other = base.clone();
        other.data.nodata = Some(3.0);
        let found = first_difference(base, &other).unwrap();
        assert_eq!(found, ["data.nodata", "nothing", "3.0"]);
        let mut other = base.clone();
        other.data.scenes[0].labels = Some("b.tif".to_owned());
        assert_eq!(first_difference(base, &other).unwrap()[0], "data.scene.0.labels");
    }
}
