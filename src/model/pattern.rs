//! Which parameters a pattern means.

use crate::error::{Error, Result};

/// Whether `pattern` means the parameter called `name`.
///
/// Without `*` it is the name itself or parts that it begins with: `encoder.layer1` means
/// `encoder.layer1.0.conv1.weight`, not `encoder.layer10.weight`. Each `*` stands for any text.
///
/// # Example
///
/// ```
/// use swath::model::matches;
///
/// assert!(matches("encoder.layer1", "encoder.layer1.0.conv1.weight"));
/// assert!(!matches("encoder.layer1", "encoder.layer10.weight"));
/// assert!(matches("*.bn1.*", "encoder.layer1.0.bn1.weight"));
/// ```
pub fn matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains('*') {
        let Some(rest) = name.strip_prefix(pattern) else { return false };
        return rest.is_empty() || rest.starts_with('.');
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Checks a pattern by itself.
///
/// # Errors
///
/// [`Error::Config`] with `key` if it is empty or holds what no name holds.
pub fn check_pattern(key: &str, pattern: &str) -> Result<()> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || ['_', '.', '*'].contains(&it);
    if pattern.is_empty() || !pattern.chars().all(is_part) {
        let rule = "must be a name of parameters, or a pattern of one with `*`";
        return Err(Error::config(key, format!("{pattern:?}"), rule));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        assert_eq!(matches(pattern, name), expected, "{pattern} and {name}");
    }

    #[test]
    fn names_and_their_beginnings_match() {
        check("encoder", "encoder.conv1.weight", true);
        check("encoder.conv1.weight", "encoder.conv1.weight", true);
        check("encoder.conv", "encoder.conv1.weight", false);
        check("conv1", "encoder.conv1.weight", false);
        check("decoder.blocks.1", "decoder.blocks.10.conv1.0.weight", false);
    }

    #[test]
    fn stars_stand_for_any_text() {
        check("*", "encoder.conv1.weight", true);
        check("*.bias", "encoder.bn1.bias", true);
        check("*.bias", "encoder.bn1.bias.x", false);
        check("encoder.*.conv2.*", "encoder.layer1.0.conv2.weight", true);
        check("encoder.*.conv2.*", "decoder.blocks.0.conv2.0.weight", false);
        check("a*ab", "ab", false);
        check("*weight*weight", "weight", false);
    }

    #[test]
    fn what_no_name_holds_is_refused() {
        assert!(check_pattern("model.freeze", "encoder.*").is_ok());
        for pattern in ["", "encoder layer1", "encoder/"] {
            assert!(check_pattern("model.freeze", pattern).is_err(), "{pattern}");
        }
    }
}
