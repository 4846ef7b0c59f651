//! The outcome of one policy for every combination of classes, worked out by Cedar when the policy is loaded.
//!
//! What must hold: facts of the same classes have the same outcome (`usage` sees to that), so that a row is the exact
//! outcome and not an approximation. A row that no facts can reach holds [`Outcome::Fault`].

use cedar_policy::PolicySet;

use crate::evaluation::{Outcome, Owned, Sample, outcome, request};
use crate::limits::TABLE_MAX;
use crate::reading::{Reading, Value};
use crate::usage::{Classes, Dimension};
use crate::vocabulary::{ActionSet, Vocabulary};

const ROWS_IN_BYTE: usize = 4;
/// Bytes that a key seldom exceeds.
const KEY: usize = 128;

/// Outcomes, two bits each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table(Box<[u8]>);

impl Table {
    /// Works out every row; `None` where a dimension has no classes, or the rows are too many.
    pub(crate) fn fill(
        vocabulary: &Vocabulary,
        policies: &PolicySet,
        actions: ActionSet,
        dimensions: &[Dimension],
    ) -> Option<Self> {
        let rows = rows(dimensions, actions)?;
        let mut table = Self(vec![0; rows.div_ceil(ROWS_IN_BYTE)].into());
        for row in 0..rows {
            let found = sample(vocabulary, actions, dimensions, row)
                .map_or(Outcome::Fault, |sample| outcome(request(vocabulary, &sample).as_ref(), policies));
            let bits = match found {
                Outcome::Silent => 0,
                Outcome::Fires => 1,
                Outcome::Fault => 2,
            };
            if let Some(byte) = table.0.get_mut(row / ROWS_IN_BYTE) {
                *byte |= bits << (row % ROWS_IN_BYTE * 2);
            }
        }
        Some(table)
    }

    /// The outcome for these facts.
    pub(crate) fn outcome(
        &self,
        dimensions: &[Dimension],
        actions: ActionSet,
        reading: &Reading<'_>,
    ) -> Outcome {
        let mut row = 0;
        for dimension in dimensions {
            let (Some(count), Some(class)) = (dimension.count(actions), dimension.class(actions, reading))
            else {
                return Outcome::Fault;
            };
            row = row * count + class;
        }
        self.row(row)
    }

    /// Whether whatever is of this class of the dimension `at` is silent, whatever the others are.
    pub(crate) fn is_silent(
        &self,
        dimensions: &[Dimension],
        actions: ActionSet,
        at: usize,
        class: usize,
    ) -> bool {
        let Some(rows) = rows(dimensions, actions) else { return false };
        let count = |dimension: &Dimension| dimension.count(actions);
        let Some(classes) = dimensions.get(at).and_then(count) else { return false };
        let Some(stride) = dimensions.iter().skip(at + 1).map(count).product::<Option<usize>>() else {
            return false;
        };
        let of_class = (0..rows).filter(|row| row / stride.max(1) % classes.max(1) == class);
        of_class.map(|row| self.row(row)).all(|outcome| outcome == Outcome::Silent)
    }

    fn row(&self, row: usize) -> Outcome {
        let byte = self.0.get(row / ROWS_IN_BYTE).copied().unwrap_or(u8::MAX);
        match byte >> (row % ROWS_IN_BYTE * 2) & 3 {
            0 => Outcome::Silent,
            1 => Outcome::Fires,
            _ => Outcome::Fault,
        }
    }

    /// Bytes it takes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.0.len()
    }
}

fn rows(dimensions: &[Dimension], actions: ActionSet) -> Option<usize> {
    dimensions.iter().try_fold(1_usize, |rows, dimension| {
        rows.checked_mul(dimension.count(actions)?).filter(|rows| *rows <= TABLE_MAX)
    })
}

/// Values that stand for the classes of `row`; `None` where there are none.
fn sample(
    vocabulary: &Vocabulary,
    actions: ActionSet,
    dimensions: &[Dimension],
    mut row: usize,
) -> Option<Sample> {
    let mut sample = Sample { action: usize::try_from(actions.trailing_zeros()).ok()?, values: Vec::new() };
    for dimension in dimensions.iter().rev() {
        let count = dimension.count(actions)?;
        let class = row % count;
        row /= count;
        if dimension.classes == Classes::Actions {
            sample.action =
                (0..vocabulary.actions().len()).filter(|place| actions >> place & 1 == 1).nth(class)?;
        } else {
            sample.values.push((dimension.attribute, dimension.representative(class)?));
        }
    }
    Some(sample)
}

impl Dimension {
    /// How many classes there are; `None` where each value is its own.
    fn count(&self, actions: ActionSet) -> Option<usize> {
        match &self.classes {
            Classes::Bool => Some(2),
            Classes::Longs(numbers) => Some(numbers.len() * 2 + 1),
            Classes::Texts(texts) => Some(texts.len() + 1),
            Classes::Members(texts) => {
                u32::try_from(texts.len()).ok().and_then(|members| 1_usize.checked_shl(members))
            }
            Classes::Actions => usize::try_from(actions.count_ones()).ok(),
            Classes::Exact => None,
        }
    }

    /// The class of these facts.
    fn class(&self, actions: ActionSet, reading: &Reading<'_>) -> Option<usize> {
        match (&self.classes, reading.value(self.attribute)) {
            (Classes::Bool, Value::Bool(value)) => Some(usize::from(value)),
            (Classes::Longs(numbers), Value::Long(value)) => Some(interval(numbers, value)),
            (Classes::Texts(texts), Value::Text(value)) => {
                Some(texts.iter().position(|text| **text == *value).unwrap_or(texts.len()))
            }
            (Classes::Members(texts), Value::Texts(values)) => {
                Some(texts.iter().rev().fold(0, |bits, text| bits << 1 | usize::from(values.contains(text))))
            }
            (Classes::Actions, _) => {
                let below = actions & !(u64::MAX.checked_shl(u32::try_from(reading.action()).ok()?)?);
                usize::try_from(below.count_ones()).ok()
            }
            _ => None,
        }
    }

    /// A value of this class.
    fn representative(&self, class: usize) -> Option<Owned> {
        match &self.classes {
            Classes::Bool => Some(Owned::Bool(class == 1)),
            Classes::Longs(numbers) => number_of(numbers, class).map(Owned::Long),
            Classes::Texts(texts) => {
                let text = texts.get(class).map_or_else(|| other(texts), |text| text.to_string());
                Some(Owned::Text(text))
            }
            Classes::Members(texts) => {
                let held = texts.iter().enumerate().filter(|(place, _)| class >> place & 1 == 1);
                Some(Owned::Texts(held.map(|(_, text)| text.to_string()).collect()))
            }
            Classes::Actions | Classes::Exact => None,
        }
    }
}

/// Even: below, between or above the numbers; odd: one of them.
fn interval(numbers: &[i64], value: i64) -> usize {
    let below = numbers.iter().take_while(|number| **number < value).count();
    below * 2 + usize::from(numbers.get(below) == Some(&value))
}

/// A number of the class; `None` where there is no room between two numbers.
fn number_of(numbers: &[i64], class: usize) -> Option<i64> {
    let at = numbers.get(class / 2).copied();
    if class % 2 == 1 {
        return at;
    }
    let below = (class / 2).checked_sub(1).and_then(|place| numbers.get(place)).copied();
    match (below, at) {
        (None, None) => Some(0),
        (None, Some(above)) => above.checked_sub(1),
        (Some(below), None) => below.checked_add(1),
        (Some(below), Some(above)) => below.checked_add(1).filter(|number| *number < above),
    }
}

/// A text that is none of these.
fn other(texts: &[Box<str>]) -> String {
    let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    "-".repeat(longest + 1)
}

/// What a policy without a table looks at, as the key under which its outcome is remembered: classes where there are
/// some, else the very values; each part with its length, so that two different facts never make one key by chance.
pub(crate) fn key(
    number: u64,
    dimensions: &[Dimension],
    actions: ActionSet,
    reading: &Reading<'_>,
) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(KEY);
    key.extend_from_slice(&number.to_be_bytes());
    for dimension in dimensions {
        if dimension.classes == Classes::Exact {
            put_value(&mut key, reading.value(dimension.attribute));
        } else {
            put(&mut key, &dimension.class(actions, reading)?.to_be_bytes());
        }
    }
    Some(key)
}

fn put_value(key: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Bool(value) => put(key, &[u8::from(value)]),
        Value::Long(value) => put(key, &value.to_be_bytes()),
        Value::Text(value) => put(key, value.as_bytes()),
        Value::Texts(values) => {
            let values = values.sorted();
            put(key, &values.len().to_be_bytes());
            values.into_iter().for_each(|value| put(key, value.as_bytes()));
        }
    }
}

fn put(key: &mut Vec<u8>, bytes: &[u8]) {
    key.extend_from_slice(&bytes.len().to_be_bytes());
    key.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
