//! Codes and files given as arguments, checked before they leave this machine: an individual number never does (R10).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use chukei_domain::codes::{AddresseeNumber, InfoNameCode};
use chukei_domain::individual_number;
use chukei_wire::result::ResultName;

use crate::cli::Withheld;
use crate::failure::Failure;

/// An integrated addressee number.
pub(super) fn addressee(text: String) -> Result<String, Failure> {
    let valid = text.parse::<AddresseeNumber>().is_ok();
    checked(text, valid)
}

/// A dataset code.
pub(super) fn dataset(text: String) -> Result<String, Failure> {
    let valid = text.parse::<InfoNameCode>().is_ok();
    checked(text, valid)
}

/// The addressee number and dataset codes of what is withheld, or is to be no longer.
pub(super) fn withheld(what: Withheld) -> Result<(String, Vec<String>), Failure> {
    let datasets = what.datasets.into_iter().map(dataset).collect::<Result<_, _>>()?;
    Ok((addressee(what.person)?, datasets))
}

/// The text of a file of at most `max` bytes of UTF-8.
pub(super) fn read_text(path: &Path, max: usize) -> Result<String, Failure> {
    let unreadable = |what: &str| Failure::usage("BAD_FILE", format!("{}: {what}", path.display()));
    let file =
        File::open(path).map_err(|_| unreadable("ファイルを開けません。場所と権限を確認してください"))?;
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = String::new();
    let read = file.take(limit).read_to_string(&mut text);
    read.map_err(|_| unreadable("UTF-8のテキストではありません"))?;
    if text.len() > max {
        Err(unreadable(&format!("長すぎます({} KiBまで)", max / 1024)))
    } else {
        Ok(text)
    }
}

fn checked(text: String, valid: bool) -> Result<String, Failure> {
    if individual_number::find(&text) {
        return Err(Failure::of_result(ResultName::ForbiddenIdentifier));
    }
    if valid { Ok(text) } else { Err(Failure::of_result(ResultName::BadFormat)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r10_an_individual_number_is_refused_by_its_own_name() {
        assert!(addressee("000009820160101".to_owned()).is_ok());
        assert!(dataset("TM00000000000002".to_owned()).is_ok());
        assert_eq!(addressee("123456789018".to_owned()).unwrap_err().code, "FORBIDDEN_IDENTIFIER");
        assert_eq!(addressee("12345".to_owned()).unwrap_err().code, "BAD_FORMAT");
        assert_eq!(dataset("TM2".to_owned()).unwrap_err().code, "BAD_FORMAT");
    }
}
