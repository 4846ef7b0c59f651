//! Which keys of logs were found to be certified: one check by public-key work for each, not for each head.
//!
//! What must hold: a key counts only as long as the peer list names the identity that has certified it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_relay_client::log_key::{LogKey, LogKeyError};
use chukei_relay_client::peers::PeerList;
use chukei_wire::body_code::BodyCode;
use chukei_wire::result::ResultName;

/// The key of each body that was checked last, with the identity that has certified it. Bodies of the peer list alone
/// are in it, which bounds it.
#[derive(Default)]
pub(super) struct CertifiedKeys(Mutex<HashMap<BodyCode, (LogKey, Vec<u8>)>>);

impl CertifiedKeys {
    /// Whether the body has certified this key.
    pub(super) fn check(&self, key: &LogKey, peers: &PeerList) -> Result<(), ResultName> {
        if self.knows(key, peers) {
            return Ok(());
        }
        let by = key.certified_by(peers).map_err(|error| match error {
            LogKeyError::UnknownBody => ResultName::NotFound,
            LogKeyError::NotCertified | LogKeyError::Unusable => ResultName::BadSignature,
        })?;
        self.keys().insert(key.body, (key.clone(), by.to_vec()));
        Ok(())
    }

    fn knows(&self, key: &LogKey, peers: &PeerList) -> bool {
        let keys = self.keys();
        let Some((known, by)) = keys.get(&key.body) else { return false };
        known == key && peers.body(&key.body).is_some_and(|body| body.identities.contains(by))
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<BodyCode, (LogKey, Vec<u8>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
