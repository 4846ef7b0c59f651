//! Announcements: which bodies a node may speak for, by the bodies' own signatures.
//!
//! What must hold: a delegation counts only under an identity that the signed peer list gives the body, for
//! the node that shows it, and while it lasts. One bad delegation does not hold back the others of a node that
//! hosts many bodies; it is reported and left out.

use chukei_crypto::sign::verify_p256;
use chukei_relay_client::peers::PeerList;
use chukei_wire::body_code::BodyCode;
use chukei_wire::codec::encode;
use chukei_wire::limits::DELEGATIONS_MAX;
use chukei_wire::message::control::{Announce, Delegation, DelegationClaims};
use chukei_wire::result::ResultName;

/// What of an announcement stands.
#[derive(Debug, Default)]
pub(super) struct Verified {
    /// Delegations that count.
    pub(super) standing: Vec<Standing>,
    /// Bodies whose delegation does not.
    pub(super) faulty: Vec<BodyCode>,
    /// Why the first of those does not.
    pub(super) first_fault: Option<ResultName>,
}

/// A delegation that counts, as long as the peer list names the identity that signed it.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// What it says.
    pub(super) claims: DelegationClaims,
    /// The body's identity that signed it, SubjectPublicKeyInfo.
    pub(super) identity: Vec<u8>,
}

/// Checks the announcement of the node named `node`.
pub(super) fn verify(announce: Announce, node: &str, peers: &PeerList, now_ms: u64) -> Verified {
    if announce.delegations.len() > DELEGATIONS_MAX {
        return Verified { first_fault: Some(ResultName::BadFormat), ..Verified::default() };
    }
    let mut verified = Verified::default();
    for delegation in announce.delegations {
        match check(&delegation, node, peers, now_ms) {
            Ok(identity) => {
                let identity = identity.to_vec();
                verified.standing.push(Standing { claims: delegation.claims, identity });
            }
            Err(fault) => {
                tracing::warn!(node, body = %delegation.claims.body, %fault, "delegation left out");
                verified.first_fault.get_or_insert(fault);
                verified.faulty.push(delegation.claims.body);
            }
        }
    }
    verified
}

/// The identity that has signed a delegation which counts.
fn check<'a>(
    delegation: &Delegation,
    node: &str,
    peers: &'a PeerList,
    now_ms: u64,
) -> Result<&'a [u8], ResultName> {
    let claims = &delegation.claims;
    if claims.node != node || claims.not_after_ms < now_ms {
        return Err(ResultName::NotAuthorised);
    }
    let body = peers.body(&claims.body).ok_or(ResultName::NotFound)?;
    let bytes = encode(claims).map_err(|_| ResultName::BadFormat)?;
    let signed = |spki: &&[u8]| verify_p256(spki, &bytes, &delegation.signature).is_ok();
    body.identities.iter().find(signed).ok_or(ResultName::BadSignature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chukei_crypto::sign::{IdentityKey, SigningKey};
    use chukei_relay_client::peers::{BodyPeer, Hex, Identities, PEERS_PURPOSE, PeerListFile};
    use chukei_relay_client::signed::sign;

    const NOW: u64 = 1_795_219_200_000;

    fn identity() -> IdentityKey {
        IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap()
    }

    fn list(body: &IdentityKey) -> PeerList {
        let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let peer = BodyPeer {
            code: "982016".parse().unwrap(),
            name: "海鳴市".into(),
            identities: Identities::one(body.public_spki()),
            acquisition_public: Hex(vec![4; 65]),
        };
        let file = PeerListFile {
            version: 1,
            issued_ms: 0,
            not_after_ms: u64::MAX,
            bodies: vec![peer],
            portals: Vec::new(),
            brokers: Vec::new(),
            registry: Hex(vec![0; 32]),
        };
        let json = file.to_json().unwrap();
        let signature = data_encoding::HEXLOWER.decode(sign(PEERS_PURPOSE, &json, &root).as_bytes()).unwrap();
        PeerList::verify(&json, &signature, &root.public(), NOW).unwrap()
    }

    fn claims() -> DelegationClaims {
        DelegationClaims {
            body: "982016".parse().unwrap(),
            node: "node-a".into(),
            epoch: 1,
            not_after_ms: NOW + 1,
        }
    }

    fn signed(claims: DelegationClaims, key: &IdentityKey) -> Delegation {
        let signature = key.sign(&encode(&claims).unwrap()).unwrap().to_vec();
        Delegation { claims, signature }
    }

    fn fault(delegation: Delegation, peers: &PeerList) -> Option<ResultName> {
        let verified = verify(Announce { delegations: vec![delegation] }, "node-a", peers, NOW);
        assert_eq!(verified.standing.len() + verified.faulty.len(), 1);
        verified.first_fault
    }

    #[test]
    fn a_delegation_counts_only_as_the_body_signed_it() {
        let key = identity();
        let peers = list(&key);
        assert_eq!(fault(signed(claims(), &key), &peers), None);
        assert_eq!(fault(signed(claims(), &identity()), &peers), Some(ResultName::BadSignature));
        let mut altered = signed(claims(), &key);
        altered.claims.epoch += 1;
        assert_eq!(fault(altered, &peers), Some(ResultName::BadSignature));
    }

    #[test]
    fn another_nodes_an_old_or_an_unlisted_bodys_delegation_does_not_count() {
        let key = identity();
        let peers = list(&key);
        let other = DelegationClaims { node: "node-b".into(), ..claims() };
        assert_eq!(fault(signed(other, &key), &peers), Some(ResultName::NotAuthorised));
        let old = DelegationClaims { not_after_ms: NOW - 1, ..claims() };
        assert_eq!(fault(signed(old, &key), &peers), Some(ResultName::NotAuthorised));
        let unlisted = DelegationClaims { body: "982024".parse().unwrap(), ..claims() };
        assert_eq!(fault(signed(unlisted, &key), &peers), Some(ResultName::NotFound));
    }

    #[test]
    fn a_bad_delegation_leaves_the_others_standing_and_too_many_stand_for_none() {
        let key = identity();
        let peers = list(&key);
        let both = vec![signed(claims(), &identity()), signed(claims(), &key)];
        let verified = verify(Announce { delegations: both }, "node-a", &peers, NOW);
        assert_eq!((verified.standing.len(), verified.faulty.len()), (1, 1));
        let many = vec![signed(claims(), &key); DELEGATIONS_MAX + 1];
        let verified = verify(Announce { delegations: many }, "node-a", &peers, NOW);
        assert_eq!((verified.standing.len(), verified.first_fault), (0, Some(ResultName::BadFormat)));
    }
}
