//! Refusals of the rules and failures of the store, as the result names that callers see.

use chukei_crypto::seal::SealError;
use chukei_domain::outcome::Refusal;
use chukei_store::StoreError;
use chukei_wire::result::ResultName;

use crate::hosted::rows::RowError;

/// The result name of a refusal: the two vocabularies share their names.
pub fn result_of(refusal: Refusal) -> ResultName {
    let name = refusal.as_str();
    ResultName::ALL.iter().copied().find(|result| result.as_str() == name).unwrap_or(ResultName::BadFormat)
}

/// The result name of a failure to use stored data.
pub fn result_of_row_error(error: &RowError) -> ResultName {
    match error {
        RowError::Seal(SealError::KeyDestroyed) => ResultName::KeyDestroyed,
        RowError::Seal(SealError::IntegrityFailure) | RowError::Malformed => ResultName::IntegrityFailure,
        RowError::Store(StoreError::Busy) => ResultName::Overloaded,
        RowError::Keyfile(error) if error.code() == "KEY_DESTROYED" => ResultName::KeyDestroyed,
        RowError::Keyfile(_) => ResultName::NotReady,
        RowError::Store(_) | RowError::Seal(_) | RowError::Keyring(_) | RowError::Shut(_) => {
            ResultName::NotReady
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_the_result_name_that_callers_know() {
        for refusal in Refusal::ALL {
            assert_eq!(result_of(*refusal).as_str(), refusal.as_str());
        }
    }
}
