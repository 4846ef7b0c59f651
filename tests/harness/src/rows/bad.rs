//! Bad rows of every kind: each takes a good row and spoils it in one way, or in two to test which comes first.

use super::generator::Row;

/// Valid by its check digit, and nobody's.
const INDIVIDUAL_NUMBER: &str = "123456789018";

/// One way to spoil a row, and the result it must have.
pub(crate) struct Fault {
    pub(crate) result: &'static str,
    pub(crate) spoil: fn(&mut Row),
}

macro_rules! faults {
    ($($result:literal: |$row:ident| $spoil:expr;)*) => {
        &[$(Fault { result: $result, spoil: |$row: &mut Row| { $spoil; } }),*]
    };
}

/// Faults that need nothing but the row itself. Duplicates are made by the generator, which knows earlier rows.
pub(crate) const FAULTS: &[Fault] = faults! {
    "FORBIDDEN_IDENTIFIER": |row| row.value = format!("番号{INDIVIDUAL_NUMBER}です");
    "FORBIDDEN_IDENTIFIER": |row| row.value = "１２３４５６７８９０１８".into();
    "FORBIDDEN_IDENTIFIER": |row| row.value = "1234-5678-9018".into();
    "FORBIDDEN_IDENTIFIER": |row| row.value = "1234 5678 9018".into();
    "FORBIDDEN_IDENTIFIER": |row| row.record_id = INDIVIDUAL_NUMBER.into();
    "FORBIDDEN_IDENTIFIER": |row| { row.publication_date = "20241301".into(); row.reason = INDIVIDUAL_NUMBER.into() };
    "BAD_FORMAT": |row| row.record_id.clear();
    "BAD_FORMAT": |row| row.record_id = "R".repeat(33);
    "BAD_FORMAT": |row| row.record_id.push('.');
    "BAD_FORMAT": |row| row.body = "98201".into();
    "BAD_FORMAT": |row| { row.addressee.pop() };
    "BAD_FORMAT": |row| row.dataset = "TM2".into();
    "BAD_FORMAT": |row| row.item = "項目".into();
    "BAD_FORMAT": |row| row.record_key = "1a".into();
    "BAD_FORMAT": |row| row.layout = "1".into();
    "BAD_FORMAT": |row| row.publication_date = "20240230".into();
    "BAD_FORMAT": |row| row.publication_end = "2024/01/01".into();
    "BAD_FORMAT": |row| row.publication_end = "20230101".into();
    "BAD_FORMAT": |row| row.delete = "2".into();
    "BAD_FORMAT": |row| { row.item = row.text_item.clone(); row.value = "長".repeat(1_001) };
    "BAD_FORMAT": |row| row.extra = Some("one column too many".into());
    "BAD_FORMAT": |row| { row.body = "982017".into(); row.publication_date = "tomorrow".into() };
    "BAD_CHECK_DIGIT": |row| row.body = "982017".into();
    "BAD_CHECK_DIGIT": |row| { row.body = "142052".into(); row.dataset = "TM99999999999999".into() };
    "NOT_FOUND": |row| row.body = "142051".into();
    "UNKNOWN_INFO_NAME": |row| row.dataset = "TM99999999999999".into();
    "UNKNOWN_INFO_NAME": |row| { row.item = "NO-SUCH-ITEM".into(); row.addressee = row.nobody.clone() };
    "NOT_FOUND": |row| row.addressee = row.nobody.clone();
    "NOT_FOUND": |row| { row.addressee = row.nobody.clone(); row.value.clear(); row.reason.clear() };
    "REASON_OF_NULL_REQUIRED": |row| { row.value.clear(); row.reason.clear(); row.delete.clear() };
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_result_of_an_import_is_provoked() {
        let results: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.result).collect();
        let expected = BTreeSet::from([
            "FORBIDDEN_IDENTIFIER",
            "BAD_FORMAT",
            "BAD_CHECK_DIGIT",
            "NOT_FOUND",
            "UNKNOWN_INFO_NAME",
            "REASON_OF_NULL_REQUIRED",
        ]);
        assert_eq!(results, expected, "and DUPLICATE_RECORD_ID, which the generator makes");
    }
}
