//! The catalogue: which datasets, items, layouts and affairs exist, as dated data (R13).
//!
//! What must hold: a catalogue that parses is consistent (each code once, each item with a usable length), so
//! that a lookup needs no further check. Deliberately absent: any dataset or item named in code.

use std::collections::BTreeMap;

use crate::codes::{AffairCode, InfoItemCode, InfoNameCode, LayoutVersion};
use crate::day::Day;
use crate::text;

mod file;

pub use file::CatalogueError;

/// Characters of the longest text value.
pub const VALUE_MAX: usize = 1_000;

const BUILTIN: &str = include_str!("../catalogue/20240101.toml");

/// One version of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    version: String,
    valid_from: Day,
    layouts: Vec<LayoutVersion>,
    affairs: BTreeMap<AffairCode, Affair>,
    datasets: BTreeMap<InfoNameCode, Dataset>,
}

/// A number-use affair (事務).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affair {
    /// Its code.
    pub code: AffairCode,
    /// Its name.
    pub name: String,
}

/// A dataset (特定個人情報).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Its code.
    pub code: InfoNameCode,
    /// Its name as a person is shown it.
    pub name: String,
    /// What kind of body is responsible for it, e.g. 市町村.
    pub responsible: String,
    items: BTreeMap<InfoItemCode, Item>,
}

/// An item of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its code, unique within the dataset.
    pub code: InfoItemCode,
    /// Its name as a person is shown it.
    pub name: String,
    /// Depth in the layout, from 1.
    pub level: u8,
    /// What a value looks like.
    pub kind: ItemKind,
    /// Characters of the longest value, 1 to [`VALUE_MAX`].
    pub max_length: usize,
}

/// What the value of an item looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// Any assigned characters, none for private use.
    Text,
    /// Optional minus sign, digits, optional fraction.
    Number,
    /// A calendar date, YYYYMMDD.
    Date,
    /// ASCII letters and digits.
    Code,
}

impl ItemKind {
    /// The name in files and listings: `text`, `number`, `date` or `code`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Date => "date",
            Self::Code => "code",
        }
    }

    fn accepts(self, value: &str) -> bool {
        match self {
            Self::Text => text::is_assigned(value),
            Self::Number => is_number(value),
            Self::Date => Day::parse_compact(value).is_ok(),
            Self::Code => value.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        }
    }
}

fn is_number(value: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = value.strip_prefix('-').unwrap_or(value);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

impl Item {
    /// Whether a value that is not empty has this item's form and length.
    pub fn accepts(&self, value: &str) -> bool {
        text::fits(value, self.max_length) && self.kind.accepts(value)
    }
}

impl Dataset {
    /// The item of this code.
    pub fn item(&self, code: &str) -> Option<&Item> {
        self.items.get(&code.parse::<InfoItemCode>().ok()?)
    }

    /// Items in the order of their codes; never empty.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }
}

impl Catalogue {
    /// The version built in: valid from 2024-01-01.
    pub fn builtin() -> Result<Self, CatalogueError> {
        Self::parse(BUILTIN)
    }

    /// Reads a catalogue file (TOML, at most 1 MiB). Unknown keys and inconsistent entries are refused.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        file::parse(text)
    }

    /// Name of the version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// First day on which it is in force.
    pub fn valid_from(&self) -> Day {
        self.valid_from
    }

    /// Whether it knows this version of the standard layout.
    pub fn knows_layout(&self, layout: &LayoutVersion) -> bool {
        self.layouts.contains(layout)
    }

    /// The dataset of this code.
    pub fn dataset(&self, code: &str) -> Option<&Dataset> {
        self.datasets.get(&code.parse::<InfoNameCode>().ok()?)
    }

    /// Datasets in the order of their codes.
    pub fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        self.datasets.values()
    }

    /// The item of these codes.
    pub fn item(&self, dataset: &str, item: &str) -> Option<&Item> {
        self.dataset(dataset)?.item(item)
    }

    /// Every item with its dataset, in the order of the codes.
    pub fn items(&self) -> impl Iterator<Item = (&Dataset, &Item)> {
        self.datasets.values().flat_map(|dataset| dataset.items().map(move |item| (dataset, item)))
    }

    /// The affair of this code.
    pub fn affair(&self, code: &str) -> Option<&Affair> {
        self.affairs.get(&code.parse::<AffairCode>().ok()?)
    }

    /// Affairs in the order of their codes.
    pub fn affairs(&self) -> impl Iterator<Item = &Affair> {
        self.affairs.values()
    }
}

#[cfg(test)]
mod tests;
