//! The form of a catalogue file, and the checks that make it a [`Catalogue`].
//!
//! A file is an operator's input: errors name the code at fault. Unknown keys are refused, so that a misspelt
//! one cannot change a rule silently.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Deserialize;

use super::{Affair, Catalogue, Dataset, Item, ItemKind, VALUE_MAX};
use crate::codes::{AffairCode, InfoItemCode, InfoNameCode, LayoutVersion};
use crate::day::Day;
use crate::text;

const FILE_MAX: usize = 1024 * 1024;
const NAME_MAX: usize = 100;
const LEVEL_MAX: u8 = 9;
const DATE_LENGTH: usize = 8;

/// Why a catalogue file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// Longer than 1 MiB.
    #[error("the catalogue is longer than 1 MiB")]
    TooLong,
    /// Not TOML, an unknown or missing key, a code without its form.
    #[error("the catalogue does not parse: {0}")]
    Syntax(String),
    /// `valid_from` is no date YYYYMMDD.
    #[error("valid_from is not a date YYYYMMDD")]
    ValidFrom,
    /// A code stands twice.
    #[error("{0} stands twice")]
    Repeated(String),
    /// A name is empty, too long or not printable.
    #[error("the name of {0} is empty, longer than 100 characters or not printable")]
    Name(String),
    /// A length or level outside its range, or a date not of 8 characters.
    #[error("the level or length of {0} is out of range")]
    Range(String),
    /// No layout, no dataset, or a dataset without items.
    #[error("{0} lists nothing")]
    Empty(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    valid_from: String,
    layouts: Vec<LayoutVersion>,
    #[serde(default)]
    affair: Vec<FileAffair>,
    #[serde(default)]
    dataset: Vec<FileDataset>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAffair {
    code: AffairCode,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDataset {
    code: InfoNameCode,
    name: String,
    responsible: String,
    #[serde(default)]
    item: Vec<FileItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileItem {
    code: InfoItemCode,
    name: String,
    level: u8,
    #[serde(rename = "type")]
    kind: ItemKind,
    max_length: usize,
}

pub(super) fn parse(text: &str) -> Result<Catalogue, CatalogueError> {
    if text.len() > FILE_MAX {
        return Err(CatalogueError::TooLong);
    }
    let file: File =
        toml::from_str(text).map_err(|error| CatalogueError::Syntax(error.message().to_owned()))?;
    check_name(&file.version, "the version")?;
    if file.layouts.is_empty() || file.dataset.is_empty() {
        return Err(CatalogueError::Empty("the catalogue".to_owned()));
    }
    Ok(Catalogue {
        valid_from: Day::parse_compact(&file.valid_from).map_err(|_| CatalogueError::ValidFrom)?,
        version: file.version,
        layouts: file.layouts,
        affairs: collect(file.affair, affair)?,
        datasets: collect(file.dataset, dataset)?,
    })
}

/// Checks entries one by one and keys them by code, each code once.
fn collect<F, K: Ord + std::fmt::Display, V>(
    entries: Vec<F>,
    check: impl Fn(F) -> Result<(K, V), CatalogueError>,
) -> Result<BTreeMap<K, V>, CatalogueError> {
    let mut map = BTreeMap::new();
    for entry in entries {
        let (code, value) = check(entry)?;
        match map.entry(code) {
            Entry::Occupied(taken) => return Err(CatalogueError::Repeated(taken.key().to_string())),
            Entry::Vacant(free) => free.insert(value),
        };
    }
    Ok(map)
}

fn affair(file: FileAffair) -> Result<(AffairCode, Affair), CatalogueError> {
    check_name(&file.name, file.code.as_str())?;
    Ok((file.code, Affair { code: file.code, name: file.name }))
}

fn dataset(file: FileDataset) -> Result<(InfoNameCode, Dataset), CatalogueError> {
    check_name(&file.name, file.code.as_str())?;
    check_name(&file.responsible, file.code.as_str())?;
    if file.item.is_empty() {
        return Err(CatalogueError::Empty(file.code.to_string()));
    }
    let items = collect(file.item, item)?;
    Ok((file.code, Dataset { code: file.code, name: file.name, responsible: file.responsible, items }))
}

fn item(file: FileItem) -> Result<(InfoItemCode, Item), CatalogueError> {
    check_name(&file.name, file.code.as_str())?;
    let ranged = (1..=LEVEL_MAX).contains(&file.level) && (1..=VALUE_MAX).contains(&file.max_length);
    if !ranged || (file.kind == ItemKind::Date && file.max_length != DATE_LENGTH) {
        return Err(CatalogueError::Range(file.code.to_string()));
    }
    let FileItem { code, name, level, kind, max_length } = file;
    Ok((code.clone(), Item { code, name, level, kind, max_length }))
}

fn check_name(name: &str, of: &str) -> Result<(), CatalogueError> {
    if text::fits_line(name, NAME_MAX) { Ok(()) } else { Err(CatalogueError::Name(of.to_owned())) }
}
