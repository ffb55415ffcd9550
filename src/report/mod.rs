//! Report: plots and one self-contained page.
