//! Why a weight file cannot be read, before it is known which file it is.

use std::path::Path;

use crate::error::Error;

/// What is wrong with the bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// They break the rules of their format.
    Malformed(String),
    /// They use what we do not read; the hint says what to do.
    Unsupported { feature: String, hint: &'static str },
}

impl Fault {
    /// The error for the file at `path`.
    pub fn at(self, path: &Path) -> Error {
        match self {
            Self::Malformed(reason) => Error::malformed(path, "weight file", reason),
            Self::Unsupported { feature, hint } => {
                Error::Unsupported { path: path.to_owned(), feature, hint: hint.to_owned() }
            }
        }
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Malformed(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self::Malformed(reason.to_owned())
    }
}

/// A name from a file as a message may hold it: on one line, without control characters, of a
/// readable length.
pub(super) fn shown(name: &str) -> String {
    const LONGEST: usize = 120;
    let mut text: String = name.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if LONGEST < name.chars().count() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_files_cannot_break_a_message() {
        assert_eq!(shown("encoder.conv1.weight"), "encoder.conv1.weight");
        assert_eq!(shown("a\nerror: \u{1b}[2J"), "a\\nerror: \\u{1b}[2J");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), 121);
    }
}
