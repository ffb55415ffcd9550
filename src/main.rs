//! swath
fn main() {}
