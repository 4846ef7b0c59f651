//! The events of this crate, by the moments that leave them.

use chukei_domain::codes::{AffairCode, InfoNameCode};
use chukei_domain::event::{Event, Request, Target, TwoPersonAct, Why};
use chukei_relay_client::permit::VerifiedPermit;
use chukei_store::EngineKind;
use chukei_store::image::Restored;
use chukei_store::journal::{Appending, Slack};
use chukei_wire::header::Header;
use chukei_wire::id::{DeliveryId, HeaderHash, NoticeId};
use chukei_wire::result::ResultName;

use crate::audit::by::By;
use crate::audit::log::{AuditError, AuditLog, Draft};
use crate::audit::open::Ending;
use crate::hosted::notices::NoticeStub;
use crate::hosted::persons::PersonId;

/// A request of the portal, as events tell of it.
pub struct Told {
    actor: String,
    affair: Option<AffairCode>,
    request: Request,
}

/// What was decided on a request of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answer may leave.
    Authorised,
    /// It may not.
    Refused,
}

impl Told {
    /// What header and permit say of a request.
    pub fn of(header: &Header, hash: HeaderHash, permit: &VerifiedPermit, actor: &str) -> Self {
        // Header codes were checked for shape; one that is no dataset code is refused before any event.
        let datasets: Vec<InfoNameCode> =
            header.datasets.iter().filter_map(|code| code.parse().ok()).collect();
        let request = Request {
            request: header.request_id.0,
            header: hash.0,
            channel: header.channel.map(|channel| channel.0),
            portal: header.portal.clone().unwrap_or_default(),
            broker: permit.broker().to_owned(),
            legal_basis: permit.legal_basis().to_owned(),
            permit_number: permit.number(),
            datasets,
            authn_ref: header.authn_ref.map(|hash| hash.0),
            why: Why::default(),
        };
        let affair = header.affair.as_deref().and_then(|affair| affair.parse().ok());
        Self { actor: actor.to_owned(), affair, request }
    }

    /// With what decided it.
    pub fn because(mut self, why: Why) -> Self {
        self.request.why = why;
        self
    }
}

/// A call at the entrance for staff, as events tell of it.
#[derive(Clone, Copy)]
pub struct CallTold<'a> {
    /// Who calls.
    pub actor: &'a str,
    /// The request.
    pub header: &'a Header,
    /// What decided it.
    pub why: &'a Why,
}

impl CallTold<'_> {
    fn draft(self, result: ResultName, event: Event) -> Draft {
        let draft = Draft::new(self.actor, self.header.kind.as_str(), result, event);
        self.header.affair.as_deref().into_iter().fold(draft, Draft::for_affair)
    }
}

impl AuditLog {
    /// A call is about to be served. Queued at once; `slack` is how long it may wait for others.
    pub fn called(&self, slack: Slack, told: CallTold<'_>, now_ms: u64) -> Appending {
        let event = Event::Called { request: told.header.request_id.0, why: told.why.clone() };
        self.queue_within(slack, told.draft(ResultName::Pending, event), now_ms).1
    }

    /// A call is refused. Queued at once; `slack` is how long it may wait for others.
    pub fn call_refused(
        &self,
        slack: Slack,
        told: CallTold<'_>,
        result: ResultName,
        now_ms: u64,
    ) -> Appending {
        let event = Event::CallRefused { request: told.header.request_id.0, why: told.why.clone() };
        self.queue_within(slack, told.draft(result, event), now_ms).1
    }

    /// A call ended, having concerned `count` things. Queued, not waited for: what the call did has its own events.
    pub fn call_ended(&self, told: CallTold<'_>, result: ResultName, count: u64, now_ms: u64) {
        let event = Event::CallEnded { request: told.header.request_id.0, count };
        self.note(told.draft(result, event), now_ms);
    }

    /// A request of the portal was decided: queued, with the index of its leaf. Durable before anything is released; `slack`
    /// is how long it may wait for others.
    pub fn decided(
        &self,
        slack: Slack,
        told: Told,
        verdict: Verdict,
        person: Option<PersonId>,
        result: ResultName,
        now_ms: u64,
    ) -> (Option<u64>, Appending) {
        let event = match verdict {
            Verdict::Authorised => Event::Authorised(told.request),
            Verdict::Refused => Event::Refused(told.request),
        };
        let draft = Draft::new(&told.actor, "self_info", result, event);
        let draft = draft.about(person.map(Target::Person)).within(told.affair);
        self.queue_within(slack, draft, now_ms)
    }

    /// The records about a person were asked for by the portal; durable before anything is released.
    pub async fn records_asked(
        &self,
        told: Told,
        person: Option<PersonId>,
        result: ResultName,
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let event = Event::RecordsAsked(told.request);
        let draft = Draft::new(&told.actor, "person_records", result, event);
        self.write(draft.about(person.map(Target::Person)).within(told.affair), now_ms).await
    }

    /// What became of an authorised request: queued. Whoever drops what is returned leaves it to the next start.
    pub(super) fn outcome_of(&self, ending: &Ending, now_ms: u64) -> Appending {
        let Ending { actor, request, target, outcome } = ending;
        let event = Event::Outcome { request: request.0, outcome: *outcome };
        let draft = Draft::new(actor.as_str(), "self_info", ResultName::Done, event);
        self.queue_within(Slack::UNAWAITED, draft.about(*target), now_ms).1
    }

    /// A batch of persons was enrolled: registered, unchanged and rejected rows.
    pub async fn enrolled(&self, by: By<'_>, counts: [u64; 3], now_ms: u64) -> Result<(), AuditError> {
        let [enrolled, unchanged, rejected] = counts;
        let event = Event::PersonEnrolled { enrolled, unchanged, rejected };
        self.write(Draft::done(by, "person_enroll", event), now_ms).await
    }

    /// Codes of persons were renewed: renewed and refused ones.
    pub async fn codes_renewed(
        &self,
        actor: &str,
        party: String,
        version: u8,
        counts: [u64; 2],
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let [renewed, refused] = counts;
        let event = Event::CodesRenewed { party, version, renewed, refused };
        self.write(Draft::done(actor, "renew_codes", event), now_ms).await
    }

    /// A batch of copies was imported: registered, unchanged and rejected rows.
    pub async fn imported(&self, by: By<'_>, counts: [u64; 3], now_ms: u64) -> Result<(), AuditError> {
        let [registered, unchanged, rejected] = counts;
        let event = Event::CopiesImported { registered, unchanged, rejected };
        self.write(Draft::done(by, "copy_import", event), now_ms).await
    }

    /// A person's own information is withheld from now on (R50).
    pub async fn blocked(
        &self,
        by: By<'_>,
        person: PersonId,
        datasets: &[InfoNameCode],
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let event = Event::PersonBlocked { datasets: datasets.to_vec() };
        let draft = Draft::done(by, "person_block", event).about(Some(Target::Person(person)));
        self.write(draft, now_ms).await
    }

    /// A person's own information is given out again (R50).
    pub async fn unblocked(
        &self,
        actor: &str,
        person: PersonId,
        datasets: &[InfoNameCode],
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let event = Event::PersonUnblocked { datasets: datasets.to_vec() };
        let draft = Draft::done(actor, "person_unblock", event).about(Some(Target::Person(person)));
        self.write(draft, now_ms).await
    }

    /// A person's exchange records are hidden from them from now on (R50).
    pub async fn undisclosed(
        &self,
        by: By<'_>,
        person: PersonId,
        version: u64,
        datasets: &[InfoNameCode],
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let event = Event::RecordsUndisclosed { version, datasets: datasets.to_vec() };
        let draft = Draft::done(by, "person_undisclose", event).about(Some(Target::Person(person)));
        self.write(draft, now_ms).await
    }

    /// A person's exchange records are shown to them again (R50).
    pub async fn disclosed(
        &self,
        actor: &str,
        person: PersonId,
        version: u64,
        datasets: &[InfoNameCode],
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let event = Event::RecordsDisclosed { version, datasets: datasets.to_vec() };
        let draft = Draft::done(actor, "disclose_records", event).about(Some(Target::Person(person)));
        self.write(draft, now_ms).await
    }

    /// A step of an act that two persons decide (R23).
    pub async fn two_person_act(
        &self,
        by: By<'_>,
        person: Option<PersonId>,
        told: TwoPersonAct,
        result: ResultName,
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let draft = Draft::new(by, "act", result, Event::Act(told));
        self.write(draft.about(person.map(Target::Person)), now_ms).await
    }

    /// A notice was registered.
    pub async fn notice_registered(
        &self,
        by: By<'_>,
        stub: &NoticeStub,
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let event = Event::NoticeRegistered { targets: stub.targets, expiry_day: stub.expiry_day };
        let draft = Draft::new(by, "notice_send", ResultName::Registered, event);
        let draft = draft.about(Some(Target::Notice(stub.id.0))).for_affair(&stub.affair);
        self.write(draft, now_ms).await
    }

    /// The portal answered deliveries of a notice. The journal keeps its order: once the last is durable, all are.
    pub async fn notices_delivered(
        &self,
        actor: &str,
        notice: NoticeId,
        answers: &[(DeliveryId, ResultName)],
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let draft = |(delivery, result): &(DeliveryId, ResultName)| {
            let event = Event::NoticeDelivered { delivery: delivery.0 };
            let draft = Draft::new(actor, "notice_delivery", *result, event);
            draft.about(Some(Target::Notice(notice.0)))
        };
        let Some((last, others)) = answers.split_last() else { return Ok(()) };
        others.iter().for_each(|answer| self.note(draft(answer), now_ms));
        self.write(draft(last), now_ms).await
    }

    /// States and answers of a notice were pulled.
    pub async fn notice_polled(
        &self,
        actor: &str,
        notice: NoticeId,
        states: u32,
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let event = Event::NoticeStatusRead { states };
        let draft = Draft::done(actor, "notice_poll", event).about(Some(Target::Notice(notice.0)));
        self.write(draft, now_ms).await
    }

    /// Keys were rotated, destroyed or retired.
    pub async fn keys_changed(
        &self,
        by: By<'_>,
        action: &str,
        event: Event,
        now_ms: u64,
    ) -> Result<(), AuditError> {
        self.write(Draft::done(by, action, event), now_ms).await
    }

    /// Rows and log came back from a backup.
    pub async fn restored(&self, actor: &str, restored: Restored, now_ms: u64) -> Result<(), AuditError> {
        let event = Event::LogRestored { backup: restored.backup, last: restored.last_number };
        let draft = Draft::new(actor, "restore", ResultName::Done, event);
        self.write(draft, now_ms).await
    }

    /// Records older than `before_ms` are about to be given up: `first` is the first that stays.
    pub async fn given_up(
        &self,
        actor: &str,
        first: u64,
        before_ms: u64,
        now_ms: u64,
    ) -> Result<(), AuditError> {
        self.write(Draft::done(actor, "retention", Event::LogGivenUp { first, before_ms }), now_ms).await
    }

    /// The register is about to be what the founding document says.
    pub async fn register_founded(
        &self,
        actor: &str,
        document: [u8; 32],
        entries: u32,
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let event = Event::RegisterFounded { document, entries };
        self.write(Draft::done(actor, "register_found", event), now_ms).await
    }

    /// The register is about to change.
    pub async fn register_changed(
        &self,
        by: By<'_>,
        action: &str,
        version: u64,
        [put, removed]: [Vec<String>; 2],
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let event = Event::RegisterChanged { version, put, removed };
        self.write(Draft::done(by, action, event), now_ms).await
    }

    /// Rows went to another engine.
    pub async fn moved(&self, by: By<'_>, engines: [EngineKind; 2], now_ms: u64) -> Result<(), AuditError> {
        let [from, to] = engines.map(|engine| engine.to_string());
        self.write(Draft::done(by, "move", Event::RowsMoved { from, to }), now_ms).await
    }

    /// A step of an erasure (R23).
    pub async fn erasure(
        &self,
        actor: &str,
        target: Option<Target>,
        event: Event,
        now_ms: u64,
    ) -> Result<(), AuditError> {
        let draft = Draft::new(actor, "erase", ResultName::Erased, event);
        self.write(draft.about(target), now_ms).await
    }

    /// The keys of a purpose's day are destroyed.
    pub async fn erased(&self, actor: &str, purpose: &str, day: u32, now_ms: u64) -> Result<(), AuditError> {
        let event = Event::Erased { purpose: purpose.to_owned(), day };
        self.write(Draft::new(actor, "expiry", ResultName::Erased, event), now_ms).await
    }
}
