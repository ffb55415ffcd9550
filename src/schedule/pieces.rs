//! Curves made of curves.

use super::{
    Curve, CurveConfig, Piece, Unit,
    place::{Place, Role, counted},
};
use crate::error::{Error, Result};

impl CurveConfig {
    /// The parts, with the names of their tables.
    pub(super) fn pieces(&self, place: Place<'_>) -> Result<Vec<(Self, String)>> {
        let pieces = self.pieces.as_deref().unwrap_or_default();
        if pieces.is_empty() {
            let rule = format!("needs at least one `[[{}.piece]]`", place.table);
            return Err(place.error("kind", self.kind.name(), rule));
        }
        let named = |(index, piece): (usize, &Self)| {
            let table = format!("{}.piece.{index}", place.table);
            if let Some(unit) = piece.unit
                && unit != self.unit()
            {
                let rule = format!("must be that of {}, or left out", place.table);
                return Err(Error::config(format!("{table}.unit"), name_of(unit), rule));
            }
            if piece.cycle_momentum == Some(true) {
                let rule = "is for a cycle that is not part of another curve";
                return Err(Error::config(format!("{table}.cycle_momentum"), true, rule));
            }
            Ok((Self { unit: Some(self.unit()), ..piece.clone() }, table))
        };
        pieces.iter().enumerate().map(named).collect()
    }

    /// One after the other; the last takes what the others leave.
    pub(super) fn sequence(&self, place: Place<'_>) -> Result<Curve> {
        let pieces = self.pieces(place)?;
        let n_pieces = pieces.len();
        let (mut start, mut done) = (0.0, Vec::new());
        for (index, (piece, table)) in pieces.into_iter().enumerate() {
            let is_last = index + 1 == n_pieces;
            let rest = place.run.map(|run| run - start);
            let length = match piece.length.or(if is_last { rest } else { None }) {
                Some(length) => length,
                None if is_last => 1.0,
                None => {
                    let rule = "is needed for every part of a sequence but the last";
                    return Err(Error::config(format!("{table}.length"), "nothing", rule));
                }
            };
            let found = format!("parts up to {}", counted(start + length, self.unit()));
            if let Some(rest) = rest
                && (rest < length || rest <= 0.0 || is_last && length < rest)
            {
                let run = counted(start + rest, self.unit());
                let rule = format!("must together be as long as the run, {run}");
                return Err(place.error("piece", found, rule));
            }
            let within = Place { table: &table, role: Role::Piece, run: Some(length), ..place };
            done.push(Piece { start, curve: piece.curve(within)? });
            start += length;
        }
        Ok(Curve::Sequence(done))
    }
}

fn name_of(unit: Unit) -> &'static str {
    match unit {
        Unit::Step => "step",
        Unit::Epoch => "epoch",
    }
}
