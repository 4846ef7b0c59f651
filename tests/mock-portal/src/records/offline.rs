//! Receipts verified by anybody: from a folder of files, with the keys that lie beside them and nothing else.
//!
//! What must hold: the first file that does not verify is named. Deliberately absent: any trust in the folder's keys; whoever
//! verifies compares them with those that the peer list gives.

use std::collections::BTreeMap;
use std::path::Path;

use chukei_crypto::tlog::{Pins, RECEIPT_MAX, Receipt, Standing, VerifierKey};
use chukei_relay_client::log_key::LogOrigin;
use chukei_wire::body_code::BodyCode;
use chukei_wire::result::ResultName;

use super::files::{KEYS, KeysFile, receipts};
use super::seen::{Seen, chained};
use super::wrong::Wrong;
use super::{lesser, merged, standing_name};
use crate::failure::Failure;
use crate::protocol::{VerifiedBody, VerifiedReceipts};

/// Receipts of one folder, at most.
const RECEIPTS_MAX: usize = 65_536;
/// Bytes of a file of keys, at most.
const KEYS_MAX: u64 = 1024 * 1024;

/// Verifies every receipt in `folder`.
pub(crate) fn verify(folder: &Path) -> Result<VerifiedReceipts, Failure> {
    let pins = pins(&folder.join(KEYS))?;
    let mut bodies: BTreeMap<BodyCode, (Standing, Vec<Seen>)> = BTreeMap::new();
    let paths = receipts(folder, RECEIPTS_MAX).map_err(|error| unreadable(folder, &error))?;
    for path in &paths {
        let bytes = read(path, RECEIPT_MAX as u64)?;
        let (body, standing, seen) = one(&bytes, &pins).map_err(|wrong| refused(path, wrong))?;
        let (least, all) = bodies.entry(body).or_insert((standing, Vec::new()));
        *least = lesser(*least, standing);
        all.push(seen);
    }
    let mut verified = Vec::with_capacity(bodies.len());
    for (body, (standing, mut seen)) in bodies {
        seen.sort_by_key(|place| place.number);
        chained(&seen).map_err(|fault| fault.failure(body))?;
        verified.push(VerifiedBody {
            body: body.to_string(),
            standing: standing_name(standing).to_owned(),
            shown: seen.len() as u64,
            records: merged::merged(&seen),
        });
    }
    Ok(VerifiedReceipts { verified: true, receipts: paths.len() as u64, bodies: verified })
}

/// One receipt: whose log it is of, how far it is witnessed, and what it shows.
pub(crate) fn one(bytes: &[u8], pins: &[Pins]) -> Result<(BodyCode, Standing, Seen), Wrong> {
    let receipt = Receipt::parse(bytes).map_err(|_| Wrong::Opening)?;
    let origin = receipt.checkpoint.unverified().origin();
    let of_log: LogOrigin = origin.parse().map_err(|_| Wrong::Checkpoint)?;
    let pins = pins.iter().find(|pins| pins.origin() == origin).ok_or(Wrong::Checkpoint)?;
    let proven = receipt.verify(pins).map_err(|_| Wrong::NotInLog)?;
    if proven.witnessed.standing == Standing::Unwitnessed {
        return Err(Wrong::Checkpoint);
    }
    let seen = Seen::read(of_log.body, receipt.index, &receipt.opening)?;
    Ok((of_log.body, proven.witnessed.standing, seen))
}

fn pins(path: &Path) -> Result<Vec<Pins>, Failure> {
    let malformed = || Failure::refused(ResultName::BadFormat);
    let file: KeysFile = serde_json::from_slice(&read(path, KEYS_MAX)?).map_err(|_| malformed())?;
    let pins = file.logs.iter().map(|log| {
        let keys: Result<Vec<VerifierKey>, _> = log.keys.iter().map(|key| key.parse()).collect();
        Pins::new(&log.origin, keys.map_err(|_| malformed())?).map_err(|_| malformed())
    });
    pins.collect()
}

fn read(path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(max + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > max { Err(Failure::refused(ResultName::BadFormat)) } else { Ok(bytes) }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}

fn refused(path: &Path, wrong: Wrong) -> Failure {
    let refused = Failure::refused(ResultName::IntegrityFailure);
    Failure { message: format!("{}: {}", path.display(), wrong.as_str()), ..refused }
}
