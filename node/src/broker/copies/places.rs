//! Where entries and their copies lie in journals.

use chukei_crypto::hash::sha256;
use chukei_relay_client::permit::EVIDENCE_PARTITION;
use chukei_wire::message::copies::CopyOf;
use data_encoding::HEXLOWER;

use crate::broker::{exchange, witness};

/// Longest name of a broker that stands in the name of its partitions as it is.
const PLAIN_MAX: usize = 32;

/// The partition of the broker's own entries.
pub(super) fn own(of: CopyOf) -> &'static str {
    match of {
        CopyOf::Records => exchange::OWNER,
        CopyOf::Permits => EVIDENCE_PARTITION,
        CopyOf::Witness => witness::OWNER,
    }
}

/// The partition of the copies that are held for a broker of this name.
pub(super) fn copies(owner: &str, of: CopyOf) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let kind = of.as_str();
    if owner.len() <= PLAIN_MAX && owner.bytes().all(plain) {
        return format!("copies-{kind}-{owner}");
    }
    let digest = HEXLOWER.encode(&sha256(owner.as_bytes()));
    format!("copies-{kind}-{}", digest.get(..40).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_place_of_its_own_that_a_journal_takes() {
        let names = ["broker-b", "broker.b", "broker_b", &"b".repeat(32), &"b".repeat(33), &"b".repeat(64)];
        let mut places: Vec<String> =
            names.iter().flat_map(|name| CopyOf::ALL.map(|of| copies(name, of))).collect();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(places.iter().all(|place| place.len() <= 64 && place.bytes().all(plain)));
        assert_eq!(places[0], "copies-records-broker-b");
        let all = places.len();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), all);
    }
}
