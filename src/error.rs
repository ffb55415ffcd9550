//! The one error type of the library: things that go wrong outside this code.
//!
//! A broken invariant of ours is a panic, not an [`Error`].

use std::{fmt::Display, io, path::Path, path::PathBuf};

/// The library's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every message names the file or config key, what was found, and what was wanted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },

    /// The file breaks the rules of its own format.
    #[error("{path} is not a valid {format}: {reason}", path = path.display())]
    Malformed { path: PathBuf, format: &'static str, reason: String },

    /// The file is valid but uses something we do not implement.
    #[error("{path} uses {feature}, which is not supported; {hint}", path = path.display())]
    Unsupported { path: PathBuf, feature: String, hint: String },

    /// Two files that must describe the same pixels do not.
    #[error(
        "{left} and {right} differ in {what}: {left_value} vs {right_value}",
        left = left.display(), right = right.display()
    )]
    Mismatch {
        left: PathBuf,
        right: PathBuf,
        what: &'static str,
        left_value: String,
        right_value: String,
    },

    /// A setting of the run file or command line is outside its allowed range.
    #[error("{place} `{key}` = {value}: {rule}", place = place(key))]
    Config { key: String, value: String, rule: String },

    /// The data of a file, or of all scenes together, cannot be used as asked.
    #[error("{what}: found {found}, wanted {wanted}")]
    Data { what: String, found: String, wanted: String },

    /// Training and evaluation pixels overlap.
    #[error("the split leaks: {0}")]
    Leak(String),

    /// Loss or gradients are no longer finite numbers.
    #[error(
        "{what} is {value} at step {step} (epoch {epoch}, lr {lr:e}); lower `optimizer.lr`, set \
         `train.clip_norm`, or check the image for extreme values with `swath info`"
    )]
    Diverged { what: &'static str, value: f64, step: u64, epoch: u32, lr: f64 },

    /// The caller asked to stop; what was reached is saved.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// A setting `key` whose `value` breaks `rule`.
    pub fn config(key: impl Display, value: impl Display, rule: impl Display) -> Self {
        Self::Config { key: key.to_string(), value: value.to_string(), rule: rule.to_string() }
    }

    /// Data that cannot be used: `what` names the file or the set.
    pub fn data(what: impl Display, found: impl Display, wanted: impl Display) -> Self {
        Self::Data { what: what.to_string(), found: found.to_string(), wanted: wanted.to_string() }
    }

    /// A closure for `map_err` that remembers what was done to which file.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// A file that breaks the rules of its own format.
    pub fn malformed(path: &Path, format: &'static str, reason: impl Display) -> Self {
        Self::Malformed { path: path.to_owned(), format, reason: reason.to_string() }
    }
}

/// Where a setting stands.
fn place(key: &str) -> &'static str {
    if key.starts_with("--") { "option" } else { "config" }
}

/// The known word that a typo most likely meant.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|it| (strsim::damerau_levenshtein(word, it), it))
        .min()
        .filter(|(distance, it)| *distance <= 2.max(it.len() / 3))
        .map(|(_, it)| it)
}
