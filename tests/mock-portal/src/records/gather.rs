//! Every page of a body's records about a person, one after the other, each under a checkpoint that continues the one before.
//!
//! What must hold: what is gathered is judged under one checkpoint, the smallest, whatever the log has grown by between two
//! pages; what contradicts a checkpoint that was verified before is kept as evidence, and told.

use chukei_crypto::tlog::{Receipt, SignedCheckpoint, Standing};
use chukei_relay_client::dial::Dialer;
use chukei_wire::result::ResultName;

use super::fetch::{self, Asked};
use super::files::{self, PinnedLog};
use super::growth::is_older;
use super::page::{Open, Page, Vouched};
use super::seen::{Seen, under};
use super::wrong::{Fault, Wrong};
use super::{Wanted, lesser, refused};
use crate::core::Core;
use crate::failure::Failure;
use crate::protocol::{Part, ReceiptFile};
use crate::socket::server::Replies;
use crate::storage::reached::{Contradiction, KnownLog};

/// Places of one person at one body that are fetched, at most.
const PLACES_MAX: u64 = 65_536;
/// Receipts given out at a time.
const RECEIPTS_AT_ONCE: usize = 64;

/// What was fetched of one body.
pub(super) struct Gathered {
    /// Places there are.
    pub(super) count: u64,
    /// The open ones, of one checkpoint.
    pub(super) seen: Vec<Seen>,
    /// Least that a page is witnessed by.
    pub(super) standing: Option<Standing>,
    /// The smallest checkpoint and the newest one; absent where the log states nothing, or did not for some page.
    pub(super) logs: Option<(KnownLog, KnownLog)>,
    /// Pages there were.
    pub(super) pages: u64,
    /// What receipts are made of, where they are wanted.
    receipts: Vec<(Open, usize)>,
    checkpoints: Vec<SignedCheckpoint>,
}

/// What gathering goes by.
pub(super) struct Gathering<'a> {
    pub(super) core: &'a Core,
    pub(super) links: &'a Dialer,
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) replies: &'a Replies,
    pub(super) asked: &'a Asked,
    /// The newest checkpoint that was verified before.
    pub(super) known: Option<&'a KnownLog>,
}

impl Gathering<'_> {
    /// Fetches every page. With `verify` or receipts, what is not proven is refused.
    pub(super) async fn gather(&self, pinned: &mut Vec<PinnedLog>) -> Result<Gathered, Failure> {
        let mut gathered = Gathered {
            count: 0,
            seen: Vec::new(),
            standing: None,
            logs: None,
            pages: 0,
            receipts: Vec::new(),
            checkpoints: Vec::new(),
        };
        let mut known = self.known.cloned();
        let mut unstated = false;
        let mut from = 1;
        loop {
            let page = self.page(from, known.as_ref()).await?;
            if page.count < gathered.count {
                return Err(refused(self.core, self.asked.body, Wrong::Fewer.into()));
            }
            if let Some(stated) = &page.stated {
                let shown = stated.log();
                if let Some(Vouched { pins, standing }) = self.vouched(&page, known.as_ref(), &shown).await? {
                    gathered.standing =
                        Some(gathered.standing.map_or(standing, |least| lesser(least, standing)));
                    files::pin(pinned, self.asked.body, &pins);
                }
                let least = gathered.logs.take().map_or_else(|| shown.clone(), |(least, _)| least);
                gathered.logs = Some((least, shown.clone()));
                known = Some(shown);
            } else {
                unstated = true;
            }
            from += page.places;
            let last = from > page.count || page.places == 0;
            gathered.take(page, self.wanted.receipts);
            if last {
                gathered.judge_as_one(unstated);
                return Ok(gathered);
            }
        }
    }

    async fn page(&self, from: u64, known: Option<&KnownLog>) -> Result<Page, Failure> {
        let Self { core, links, asked, .. } = *self;
        let reply = fetch::page(core, links, asked, from, known.map(KnownLog::named)).await?;
        let page = Page::read(asked.body, from, reply).map_err(|fault| refused(core, asked.body, fault))?;
        if page.count > PLACES_MAX {
            return Err(Failure::refused(ResultName::Overloaded));
        }
        Ok(page)
    }

    /// What the page's checkpoint is worth, where that is asked for.
    async fn vouched(
        &self,
        page: &Page,
        known: Option<&KnownLog>,
        shown: &KnownLog,
    ) -> Result<Option<Vouched>, Failure> {
        let Self { core, asked, .. } = *self;
        if !self.wanted.verify && !self.wanted.receipts {
            let older = known.is_some_and(|known| is_older(known, shown));
            return if older { Err(refused(core, asked.body, Wrong::Stale.into())) } else { Ok(None) };
        }
        let kept = core.vault.contradiction(asked.body, shown.epoch).await;
        if let Some(kept) = kept.map_err(|error| core.store_failed(&error))? {
            self.give_notes(&kept).await?;
            return Err(refused(core, asked.body, Wrong::Fork.into()));
        }
        match page.verify(&core.peers.load(), known) {
            Ok(vouched) => Ok(vouched),
            Err(fault) => Err(self.against(fault, known, shown).await?),
        }
    }

    /// Keeps and gives out what contradicts, or does not continue, the known checkpoint.
    async fn against(
        &self,
        fault: Fault,
        known: Option<&KnownLog>,
        shown: &KnownLog,
    ) -> Result<Failure, Failure> {
        let (core, body) = (self.core, self.asked.body);
        if let (Wrong::Fork | Wrong::NotGrown, Some(known)) = (fault.wrong, known) {
            let at_ms = core.clock.now_ms();
            let notes = Contradiction { known: known.note.clone(), shown: shown.note.clone(), at_ms };
            // Signed words of the log about itself: nobody is in them.
            tracing::error!(%body, known = notes.known, shown = notes.shown, "two checkpoints of one log");
            if fault.wrong == Wrong::Fork {
                core.metrics.alarm("log_fork", &body);
                let kept = core.vault.keep_contradiction(body, shown.epoch, &notes).await;
                kept.map_err(|error| core.store_failed(&error))?;
            }
            self.give_notes(&notes).await?;
        }
        Ok(refused(core, body, fault))
    }

    async fn give_notes(&self, notes: &Contradiction) -> Result<(), Failure> {
        if !self.wanted.receipts {
            return Ok(());
        }
        let named = [("known", &notes.known), ("shown", &notes.shown)];
        let files = named.map(|(which, note)| ReceiptFile {
            name: files::checkpoint_name(self.asked.body, which),
            text: note.clone(),
        });
        self.replies.part(Part::Receipts(files.into())).await
    }

    /// Gives out the receipts of what is open.
    pub(super) async fn give_out(&self, gathered: &Gathered) -> Result<(), Failure> {
        for some in gathered.receipts.chunks(RECEIPTS_AT_ONCE) {
            let file = |(open, under): &(Open, usize)| {
                let checkpoint = gathered.checkpoints.get(*under)?.clone();
                let (opening, index) = (open.opening.clone(), open.seen.index);
                let receipt = Receipt { opening, index, proof: open.proof.clone(), checkpoint };
                let name = files::name(self.asked.body, open.seen.number);
                Some(ReceiptFile { name, text: receipt.to_text().to_string() })
            };
            self.replies.part(Part::Receipts(some.iter().filter_map(file).collect())).await?;
        }
        Ok(())
    }
}

impl Gathered {
    fn take(&mut self, page: Page, receipts: bool) {
        self.count = page.count;
        self.pages += 1;
        self.seen.extend(page.open.iter().map(|open| open.seen.clone()));
        if let Some(stated) = page.stated.filter(|_| receipts) {
            let under = self.checkpoints.len();
            self.checkpoints.push(stated.checkpoint);
            self.receipts.extend(page.open.into_iter().map(|open| (open, under)));
        }
    }

    /// Leaves what is open under the smallest checkpoint; nothing, where some page came under none.
    fn judge_as_one(&mut self, unstated: bool) {
        if unstated {
            self.logs = None;
        }
        let least = self.logs.as_ref().map_or(0, |(least, _)| least.size);
        if self.pages > 1 {
            self.seen = under(std::mem::take(&mut self.seen), least);
            let open: std::collections::BTreeSet<u64> = self.seen.iter().map(|place| place.number).collect();
            self.receipts.retain(|(receipt, _)| open.contains(&receipt.seen.number));
        }
    }

    /// Whether the log was restored between two pages: nothing is said of two logs as one.
    pub(super) fn is_of_two_epochs(&self) -> bool {
        self.logs.as_ref().is_some_and(|(least, newest)| least.epoch != newest.epoch)
    }
}
