//! What an act has brought out: records of the log, a copy of the keyring; and the text that one is about, for whoever
//! is to approve it.
//!
//! What must hold: what was decided for one person goes to that person, after the waiting period, and is in the log
//! before it leaves; a copy of the keyring leaves once.

use chukei_domain::act::Subject;
use chukei_domain::event::{ActStep, RECORD_MAX, Record};
use chukei_keys::MAX_KEYRING_BYTES;
use chukei_store::keyring_place::KeyringPlace;
use chukei_wire::id::ActId;
use chukei_wire::limits::ACT_PIECE_MAX;
use chukei_wire::result::ResultName;

use super::asking::tell;
use super::persons::Deciding;
use super::proven::ProvenRecords;
use super::{ActError, rows};
use crate::access::grant::{Export, Grant};
use crate::app::Node;
use crate::audit::{BadRecord, Walk};
use crate::hosted::rows::RowError;
use crate::rotation::blocking;

/// What leaves.
pub(crate) enum Brought {
    /// All of it.
    Whole(Vec<u8>),
    /// Records, as many as are asked for.
    Records(Box<Records>),
    /// The same, with what proves them.
    Proven(Box<ProvenRecords>),
}

/// Fetches it; records with what proves them, where that is wanted.
pub(crate) async fn fetch(
    node: &Node,
    grant: &Grant<Export>,
    id: ActId,
    proven: bool,
) -> Result<Brought, ActError> {
    let (body, at) = (grant.scope().body(), node.moment());
    let by = Deciding::with_role(body, grant.scope().actor(), at.latest_ms)?;
    let _changing = body.acting().changing().await;
    let mut known = rows::load(body, id.0).await?.ok_or(ResultName::NotFound)?;
    if known.row.act.subject.digest().is_some() {
        let text = rows::text(body, id.0).await?.ok_or(ResultName::NotFound)?;
        return Ok(Brought::Whole(text.into_bytes()));
    }
    known.row.act.fetch(by.identity(), at)?;
    let brought = match &known.row.act.subject {
        Subject::AuditExport { from_ms, until_ms } if proven => {
            let records = ProvenRecords::of(body, *from_ms, *until_ms, known.row.act.log_at).await?;
            Brought::Proven(Box::new(records))
        }
        Subject::AuditExport { from_ms, until_ms } => Brought::Records(Box::new(Records {
            walk: body.audit().walk_kept(),
            from_ms: *from_ms,
            until_ms: *until_ms,
            last: known.row.act.log_at,
        })),
        _ => Brought::Whole(keyring(grant).await?),
    };
    tell(body, grant.scope().by(), &known.row.act, ActStep::Fetched, ResultName::Done, at).await?;
    known.save(body).await?;
    Ok(brought)
}

/// The keyring as sealed as it lies there.
async fn keyring(grant: &Grant<Export>) -> Result<Vec<u8>, ActError> {
    let body = grant.scope().body();
    let place = body.keyring_place().clone();
    let read = blocking(body, move |_| Ok(place.read(MAX_KEYRING_BYTES)?));
    let sealed = read.await?.ok_or(RowError::Malformed)?;
    let long = u64::try_from(sealed.len()).is_ok_and(|length| length > MAX_KEYRING_BYTES);
    if long { Err(RowError::Malformed.into()) } else { Ok(sealed) }
}

/// Some records, and those that follow.
pub(crate) struct Piece {
    /// What follows.
    pub(crate) rest: Box<Records>,
    /// Each record behind its length.
    pub(crate) bytes: Vec<u8>,
    /// How many they are.
    pub(crate) count: u64,
}

/// Records of the log between two moments, up to the one that was the last when the act was begun.
pub(crate) struct Records {
    walk: Walk,
    from_ms: u64,
    until_ms: u64,
    last: u64,
}

impl Records {
    /// The next piece, with whole records only; `None` behind the last. Blocking file I/O.
    pub(crate) fn piece(mut self: Box<Self>) -> Result<Option<Piece>, BadRecord> {
        let (mut bytes, mut count) = (Vec::new(), 0);
        while bytes.len() < ACT_PIECE_MAX - RECORD_MAX - 4 {
            let Some(record) = self.next()? else { break };
            let record = record.to_bytes().map_err(|_| BadRecord)?;
            let length = u32::try_from(record.len()).map_err(|_| BadRecord)?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&record);
            count += 1;
        }
        Ok((count > 0).then_some(Piece { rest: self, bytes, count }))
    }

    fn next(&mut self) -> Result<Option<Record>, BadRecord> {
        loop {
            let Some(record) = self.walk.next().transpose()? else { return Ok(None) };
            if record.seq > self.last {
                return Ok(None);
            }
            if (self.from_ms..self.until_ms).contains(&record.at_ms) {
                return Ok(Some(record));
            }
        }
    }
}
