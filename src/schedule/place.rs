//! Where a curve stands in a run file, and what its numbers must be like.

use std::fmt::Display;

use super::{CurveKind, Unit};
use crate::error::{Error, Result};

/// What a curve drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The learning rate; momentum may run the other way.
    Rate,
    /// Something else.
    Other,
    /// A part of another curve.
    Piece,
}

/// Where a curve stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Name of its table.
    pub table: &'a str,
    /// Name of the key that it drives.
    pub key: &'a str,
    /// Value of that key.
    pub base: f64,
    /// How long the run is in units of the curve, if that is known yet.
    pub run: Option<f64>,
    /// What it drives.
    pub role: Role,
}

impl Place<'_> {
    pub(super) fn error(&self, key: &str, found: impl Display, rule: impl Display) -> Error {
        Error::config(format!("{}.{key}", self.table), found, rule)
    }

    pub(super) fn positive(&self, key: &str, value: f64) -> Result<f64> {
        if 0.0 < value { Ok(value) } else { Err(self.error(key, value, "must be above 0")) }
    }

    pub(super) fn not_negative(&self, key: &str, value: f64) -> Result<f64> {
        if 0.0 <= value { Ok(value) } else { Err(self.error(key, value, "must be 0 or more")) }
    }

    /// A key without default.
    pub(super) fn given<T>(&self, key: &str, value: Option<T>, kind: CurveKind) -> Result<T> {
        let rule = || format!("is needed for kind = \"{}\"", kind.name());
        value.ok_or_else(|| self.error(key, "nothing", rule()))
    }

    /// A time that must come before the run ends.
    pub(super) fn within_run(&self, key: &str, time: f64, unit: Unit) -> Result<f64> {
        match self.run {
            Some(run) if run < time => {
                let rule = format!("is more than the {} of the run", counted(run, unit));
                Err(self.error(key, time, rule))
            }
            _ => Ok(time),
        }
    }

    /// `min` as factor of the value.
    pub(super) fn lowest(&self, min: f64) -> Result<f64> {
        self.not_negative("min", min)?;
        if self.base < min {
            let rule = format!("must not be above `{}` = {}", self.key, self.base);
            return Err(self.error("min", min, rule));
        }
        Ok(if self.base == 0.0 { 1.0 } else { min / self.base })
    }
}

pub(super) fn counted(n: f64, unit: Unit) -> String {
    let unit = match unit {
        Unit::Step => "steps",
        Unit::Epoch => "epochs",
    };
    format!("{n} {unit}")
}
