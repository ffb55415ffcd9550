//! Chips: which windows are trained and scored on.
