//! Reading files that staff hand in: comma-separated rows in UTF-8 or Windows-31J, in bounded memory.
//!
//! What must hold: a line or record of any size costs a fixed amount of memory; a half-written record never
//! takes a good row with it; a file is refused before anything of it is used, or its rows are read one by one.
//! Deliberately absent: what the columns mean.

pub(crate) mod columns;
pub(crate) mod encoding;
pub(crate) mod fields;
pub(crate) mod lines;
pub(crate) mod records;
pub(crate) mod survey;
#[cfg(test)]
mod tests;
