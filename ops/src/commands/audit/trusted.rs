//! The signed peer list by which somebody outside of a node believes what a log has signed.

use chukei_relay_client::peers::PeerList;

use crate::cli::Trusted;
use crate::failure::Failure;

/// The list, as the root has signed it.
pub(super) fn peers(trusted: &Trusted, now_ms: u64) -> Result<PeerList, Failure> {
    PeerList::load(&trusted.peers, &trusted.root, now_ms).map_err(|error| {
        let message = format!("相手先一覧を使用できません: {error}。--peers と --root を確認してください");
        Failure::usage("BAD_PEERS", message)
    })
}
