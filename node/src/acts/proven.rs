//! Records that an act of two persons has brought out, with what proves them outside of the node: the tree before the first,
//! every leaf up to the last, and the way from there to a checkpoint that brokers have cosigned.
//!
//! What must hold: what is proven is what the log's tree has; nothing leaves that the checkpoint does not cover.

use std::sync::Arc;

use chukei_crypto::tlog::{Frontier, Tiles, prove_consistency};
use chukei_wire::codec::encode;
use chukei_wire::limits::ACT_PIECE_MAX;
use chukei_wire::message::audit::{ExportEnds, ExportItem};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;

use super::ActError;
use crate::audit::{BadRecord, HandedOut, Handout};
use crate::checkpoints::{StoredTree, Vouched};
use crate::hosted::HostedBody;

/// Bytes of the longest item of an export: a record with its salt.
const ITEM_MAX: usize = 12 * 1024;

/// Records on their way out.
pub(crate) struct ProvenRecords {
    begins: Option<ExportItem>,
    handout: Option<Handout<StoredTree>>,
    ends: Option<ExportItem>,
}

/// Some of it, and what follows.
pub(crate) struct ProvenPiece {
    pub(crate) rest: Box<ProvenRecords>,
    /// Each item behind its length in four bytes.
    pub(crate) bytes: Vec<u8>,
    /// Records among them.
    pub(crate) count: u64,
}

impl ProvenRecords {
    /// Records of the body's log between two moments, up to record `last`. NOT_READY while no broker has cosigned a
    /// checkpoint that covers them.
    pub(crate) async fn of(
        body: &Arc<HostedBody>,
        from_ms: u64,
        until_ms: u64,
        last: u64,
    ) -> Result<Self, ActError> {
        let log = body.audit().clone();
        let span = blocking(move || log.span(from_ms, until_ms, last)).await?;
        let covered = span.map(|span| span.last - 1);
        let vouched = body.vouched().over(covered).ok_or(ResultName::NotReady)?;
        if covered.is_some_and(|last| last >= vouched.tree.head().size) {
            return Err(ResultName::NotReady.into());
        }
        let (body, vouched) = (body.clone(), vouched.clone());
        let tiles = || StoredTree::at(&body, &vouched.tree);
        let [handed, edges] = [tiles(), tiles()];
        let (log, code) = (body.audit().clone(), body.code());
        blocking(move || {
            let (first, last) = span.map_or((1, 0), |span| (span.first, span.last));
            let (head, mut tiles) = (vouched.tree.head(), Tiles::new(edges, vouched.tree.head().size));
            let before = Frontier::read(&mut tiles, first - 1).map_err(|_| BadRecord)?;
            let roots = before.roots().iter().map(|root| ByteBuf::from(root.to_vec())).collect();
            let grown = prove_consistency(&mut tiles, last, head.size).map_err(|_| BadRecord)?;
            Ok(Self {
                begins: Some(ExportItem::Begins { body: code, first, roots }),
                handout: span.map(|span| Handout::new(&log, span, head, handed)),
                ends: Some(ExportItem::Ends(Box::new(ends(last, grown.to_bytes(), &vouched)))),
            })
        })
        .await
    }

    /// The next piece; `None` behind the last. Blocking file I/O.
    pub(crate) fn piece(mut self: Box<Self>) -> Result<Option<ProvenPiece>, BadRecord> {
        let (mut bytes, mut count) = (Vec::new(), 0);
        while bytes.len() < ACT_PIECE_MAX - ITEM_MAX {
            let Some(item) = self.next()? else { break };
            count += u64::from(matches!(item, ExportItem::Record { .. }));
            let item = encode(&item).map_err(|_| BadRecord)?;
            let length = u32::try_from(item.len()).map_err(|_| BadRecord)?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&item);
        }
        Ok((!bytes.is_empty()).then_some(ProvenPiece { rest: self, bytes, count }))
    }

    fn next(&mut self) -> Result<Option<ExportItem>, BadRecord> {
        if let Some(begins) = self.begins.take() {
            return Ok(Some(begins));
        }
        let handed = match &mut self.handout {
            Some(handout) => handout.next()?,
            None => None,
        };
        Ok(match handed {
            Some(HandedOut::Record(number, opening)) => {
                Some(ExportItem::Record { number, opening: ByteBuf::from(opening.to_bytes().to_vec()) })
            }
            Some(HandedOut::Leaf(number, leaf)) => Some(ExportItem::Leaf { number, leaf }),
            None => self.ends.take(),
        })
    }
}

fn ends(last: u64, proof: Vec<u8>, vouched: &Vouched) -> ExportEnds {
    ExportEnds {
        last,
        proof: ByteBuf::from(proof),
        checkpoint: ByteBuf::from(vouched.note()),
        key: vouched.key.public,
        certificate: vouched.key.signature,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BadRecord> + Send + 'static,
) -> Result<T, ActError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| ResultName::NotReady)?;
    done.map_err(|BadRecord| ResultName::IntegrityFailure.into())
}
