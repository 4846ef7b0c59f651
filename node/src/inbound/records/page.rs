//! One page of a person's records: which places are open, and what proves them.
//!
//! What must hold: a place is opened only under a checkpoint that a broker has cosigned, with a proof that was verified
//! here, and only with what it is told together with; a place that is not says its number alone, and takes the same work
//! where it is hidden (R50).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chukei_crypto::tlog::{Proof, verify_inclusion};
use chukei_domain::event::{Place, Previous};
use chukei_wire::limits::RECORDS_PAGE;
use chukei_wire::message::records::{
    KnownHead, OpenPlace, RecordPlace, RecordsReply, RecordsRequest, StatedLog,
};
use chukei_wire::result::ResultName;

use crate::audit::{BadRecord, ShownRecord};
use crate::checkpoints::{Places, ProofError, Snapshot, Vouched};
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonRecord;
use crate::hosted::rows::RowError;
use crate::inbound::records::pairs::{Pairs, REACH};
use crate::inbound::subject::Refused;

/// Records looked at at a time for the other half of a pair.
const STEP: u64 = 64;
/// Places opened before others have their turn.
const WORK: usize = 16;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    /// The tree is not known here yet, or the work broke off.
    #[error("not ready")]
    NotReady,
    /// Rows of the tree.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// A record cannot be read, or is not what its leaf says.
    #[error("a record is not what its leaf says")]
    Record,
    /// A proof could not be made.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl From<BadRecord> for PageError {
    fn from(_: BadRecord) -> Self {
        Self::Record
    }
}

impl PageError {
    /// What the portal is told instead.
    pub(super) fn refused(&self, person: &PersonRecord) -> Refused {
        match self {
            Self::NotReady => Refused::because(ResultName::NotReady, Some(person)),
            Self::Rows(error) | Self::Proof(ProofError::Rows(error)) => Refused::stored(error, Some(person)),
            Self::Record | Self::Proof(_) => {
                tracing::error!(error = %self, "records about a person cannot be proven");
                Refused::because(ResultName::IntegrityFailure, Some(person))
            }
        }
    }
}

/// The page that is asked for.
pub(super) async fn page(
    body: &HostedBody,
    person: &PersonRecord,
    request: &RecordsRequest,
) -> Result<RecordsReply, PageError> {
    let from = request.from;
    if !body.audit().tree().is_open() {
        return Err(PageError::NotReady);
    }
    let places = Places::of(body, person.person.id).await?;
    let count = places.count();
    let numbers = from..=count.min(from.saturating_add(RECORDS_PAGE as u64 - 1));
    let vouched = vouched(body, &places, request.known)?;
    let (log, mut open) = match &vouched {
        Some(vouched) => (
            Some(stated(body, vouched, request.known).await?),
            Opening::new(body, person, places, vouched).open(numbers.clone()).await?,
        ),
        None => (None, BTreeMap::new()),
    };
    Ok(RecordsReply {
        result: ResultName::Done,
        log,
        count,
        places: numbers.map(|number| RecordPlace { number, open: open.remove(&number) }).collect(),
    })
}

/// The checkpoint to prove it by: none that is smaller than what is known already, of this epoch.
fn vouched(
    body: &HostedBody,
    places: &Places,
    known: Option<KnownHead>,
) -> Result<Option<Arc<Vouched>>, PageError> {
    let (_, epoch) = body.audit().tree().head();
    let known = known.filter(|known| known.epoch == epoch).map_or(0, |known| known.size);
    let vouched = body.vouched().over(places.last().max(known.checked_sub(1)));
    let reached = vouched.as_ref().filter(|vouched| vouched.tree.epoch() == epoch);
    let reached = reached.map_or(0, |vouched| vouched.tree.head().size);
    if reached < known { Err(PageError::NotReady) } else { Ok(vouched) }
}

/// The checkpoint as it is given, with what proves that it continues the known one.
async fn stated(
    body: &HostedBody,
    vouched: &Vouched,
    known: Option<KnownHead>,
) -> Result<StatedLog, PageError> {
    let (epoch, size) = (vouched.tree.epoch(), vouched.tree.head().size);
    let grown = match known.filter(|known| known.epoch == epoch && known.size <= size) {
        Some(known) => vouched.tree.clone().consistency(body, known.size).await?,
        None => Proof::default(),
    };
    Ok(StatedLog {
        key: vouched.key.public,
        certificate: vouched.key.signature,
        checkpoint: vouched.note(),
        grown: grown.to_bytes(),
    })
}

/// The work on one page.
struct Opening<'a> {
    body: &'a HostedBody,
    person: &'a PersonRecord,
    places: Places,
    tree: Snapshot,
    /// What was looked at: shown records by their number.
    seen: BTreeMap<u64, ShownRecord>,
    pairs: Pairs,
}

impl<'a> Opening<'a> {
    fn new(body: &'a HostedBody, person: &'a PersonRecord, places: Places, vouched: &Vouched) -> Self {
        let (tree, seen) = (vouched.tree.clone(), BTreeMap::new());
        Self { body, person, places, tree, seen, pairs: Pairs::default() }
    }

    /// The open ones of these places.
    async fn open(mut self, page: RangeInclusive<u64>) -> Result<BTreeMap<u64, OpenPlace>, PageError> {
        let mut open = BTreeMap::new();
        if page.is_empty() {
            return Ok(open);
        }
        self.look(page.clone()).await?;
        self.look_behind(&page).await?;
        self.look_before(&page).await?;
        self.places.read(self.body, page.start().saturating_sub(1)..=*page.end()).await?;
        for (done, number) in page.enumerate() {
            if done % WORK == WORK - 1 {
                tokio::task::yield_now().await;
            }
            let Some(record) = self.seen.remove(&number) else { continue };
            let Some(datasets) = self.pairs.whole(number, record.shown()) else { continue };
            // 不開示該当フラグ.
            let hidden = self.person.flags.hides(datasets);
            let place = self.opened(number, record).await?;
            if !hidden {
                open.insert(number, place);
            }
        }
        Ok(open)
    }

    /// Looks at those of these records that are under the checkpoint.
    async fn look(&mut self, numbers: RangeInclusive<u64>) -> Result<(), PageError> {
        self.places.read(self.body, numbers.clone()).await?;
        let mut indexes = Vec::new();
        for number in numbers {
            let index = self.places.index(number).ok_or(RowError::Malformed)?;
            if index < self.tree.head().size {
                indexes.push((number, index));
            }
        }
        let log = self.body.audit().clone();
        let read = move || -> Result<Vec<_>, BadRecord> {
            indexes.into_iter().map(|(number, index)| Ok((number, log.shown_at(index)?))).collect()
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|_| PageError::NotReady)??;
        for (number, record) in read.into_iter().filter_map(|(number, record)| Some((number, record?))) {
            // The exit check (R30).
            if record.person != self.person.person.id {
                return Err(PageError::Record);
            }
            self.pairs.take(number, record.shown());
            self.seen.insert(number, record);
        }
        Ok(())
    }

    /// Looks behind the page for ends of what begins on it.
    async fn look_behind(&mut self, page: &RangeInclusive<u64>) -> Result<(), PageError> {
        let (mut at, last) = (*page.end(), self.places.count().min(page.end().saturating_add(REACH)));
        while at < last && self.on(page).any(|record| self.pairs.lacks_end(record.shown())) {
            let to = last.min(at.saturating_add(STEP));
            self.look(at + 1..=to).await?;
            at = to;
        }
        Ok(())
    }

    /// Looks before the page for what ends on it.
    async fn look_before(&mut self, page: &RangeInclusive<u64>) -> Result<(), PageError> {
        let (mut at, first) = (*page.start(), page.start().saturating_sub(REACH).max(1));
        while at > first && self.on(page).any(|record| self.pairs.lacks_begin(record.shown())) {
            let from = first.max(at.saturating_sub(STEP));
            self.look(from..=at - 1).await?;
            at = from;
        }
        Ok(())
    }

    fn on(&self, page: &RangeInclusive<u64>) -> impl Iterator<Item = &ShownRecord> {
        self.seen.range(page.clone()).map(|(_, record)| record)
    }

    /// The record of this number, opened and proven.
    async fn opened(&mut self, number: u64, record: ShownRecord) -> Result<OpenPlace, PageError> {
        let index = self.places.index(number).ok_or(RowError::Malformed)?;
        let previous = match number.checked_sub(1).filter(|before| *before > 0) {
            None => None,
            Some(before) => {
                let index = self.places.index(before).ok_or(RowError::Malformed)?;
                Some(Previous { index, leaf: self.tree.leaf(self.body, index).await? })
            }
        };
        let opening = record.opening(Place { number, previous })?;
        let proof = self.tree.inclusion(self.body, index).await?;
        let proven = verify_inclusion(&proof, index, &opening.leaf().hash(), &self.tree.head());
        proven.map_err(|_| PageError::Record)?;
        Ok(OpenPlace { index, opening: opening.to_bytes().to_vec(), proof: proof.to_bytes() })
    }
}
