//! Which column of a file is which, by its header in English or Japanese, in any order.

/// A column that a kind of file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Name in the English form.
    pub(crate) english: &'static str,
    /// Name in the Japanese form.
    pub(crate) japanese: &'static str,
}

/// Why a header was refused. Names from the file are kept only where they cannot be a person's data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderFault {
    /// Not one known column: the file has no header, or is another kind of file.
    #[error("1行目に列名がありません")]
    NoHeader,
    /// Columns that this kind of file does not have.
    #[error("不明な列があります: {0}")]
    Unknown(String),
    /// Columns that are not there.
    #[error("列が足りません: {0}")]
    Missing(String),
    /// Columns that stand more than once.
    #[error("同じ列が重複しています: {0}")]
    Repeated(String),
}

/// Where in a file's rows each known column stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    positions: Vec<usize>,
}

impl Columns {
    /// Finds every column of `known` in `header`, which may have no other.
    pub(crate) fn find(header: &[String], known: &[Column]) -> Result<Self, HeaderFault> {
        let names: Vec<&str> = header.iter().map(|name| name.trim()).collect();
        let is = |name: &str, column: &Column| name == column.english || name == column.japanese;
        let unknown: Vec<usize> = (0..names.len())
            .filter(|&at| !names.get(at).is_some_and(|name| known.iter().any(|column| is(name, column))))
            .collect();
        if unknown.len() == names.len() {
            return Err(HeaderFault::NoHeader);
        }
        if !unknown.is_empty() {
            return Err(HeaderFault::Unknown(describe(&unknown, &names)));
        }
        let mut positions = Vec::with_capacity(known.len());
        let (mut missing, mut repeated) = (Vec::new(), Vec::new());
        for column in known {
            let mut found = (0..names.len()).filter(|&at| names.get(at).is_some_and(|name| is(name, column)));
            match (found.next(), found.next()) {
                (Some(at), None) => positions.push(at),
                (Some(_), Some(_)) => repeated.push(column.english),
                (None, _) => missing.push(column.english),
            }
        }
        if !repeated.is_empty() {
            return Err(HeaderFault::Repeated(repeated.join(", ")));
        }
        if !missing.is_empty() {
            return Err(HeaderFault::Missing(missing.join(", ")));
        }
        Ok(Self { positions })
    }

    /// How many fields a row has.
    pub(crate) fn width(&self) -> usize {
        self.positions.len()
    }

    /// The fields of a row in the order of the known columns.
    pub(crate) fn arrange<T: Default>(&self, mut row: Vec<T>) -> Vec<T> {
        let take = |&at: &usize| row.get_mut(at).map(std::mem::take).unwrap_or_default();
        self.positions.iter().map(take).collect()
    }
}

/// Names as they may be shown: a row of data that stands where a header should is not repeated.
fn describe(positions: &[usize], names: &[&str]) -> String {
    let shown = |&at: &usize| {
        let name = names.get(at).copied().unwrap_or_default();
        let harmless = !name.is_empty()
            && name.chars().count() <= 40
            && !name.chars().any(|c| c.is_numeric() || c.is_control());
        if harmless { format!("{}列目「{name}」", at + 1) } else { format!("{}列目", at + 1) }
    };
    positions.iter().map(shown).collect::<Vec<_>>().join(", ")
}
