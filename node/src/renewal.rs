//! Rotation of person codes at the node: once the brokers make codes in a newer version, every body's own codes are
//! renewed, page by page, and the aliases of a version that is over go.
//!
//! What must hold: a person is never without a code that the brokers know; nothing is removed before every broker says
//! that the version is over; the work is bounded per step, waits for nobody's requests, and goes on after a restart
//! where it was left. What was done stands in the body's log.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chukei_crypto::person_code::FIRST_VERSION;
use chukei_relay_client::codes::{CodeVersions, RenewError, renew};
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::request_id;
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::{Kind, PersonCode};
use chukei_wire::limits::RENEW_BATCH_CODES;
use chukei_wire::message::control::RenewReply;

use crate::access::grant::{Grant, Write, duty_write};
use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::audit::AuditError;
use crate::hosted::codes::CodePage;
use crate::hosted::rows::RowError;
use crate::outbound::announce::hop_header;

/// How often brokers are asked which versions live.
const LOOK: Duration = Duration::from_secs(2);
/// Time for one message to a broker.
const WAIT: Duration = Duration::from_secs(10);

/// What the node knows of the versions of codes.
#[derive(Default)]
pub struct CodeRenewals {
    versions: ArcSwapOption<CodeVersions>,
    /// Bodies with a code of an older version that came, or was left, after they had been brought up.
    behind: Mutex<HashSet<BodyCode>>,
}

impl CodeRenewals {
    /// Whether codes of this version are refused by every broker.
    pub fn is_over(&self, version: u8) -> bool {
        self.versions.load().as_ref().is_some_and(|versions| versions.is_over(version))
    }

    /// The body has a new code of this version.
    pub fn acquired(&self, body: BodyCode, version: u8) {
        if self.versions.load().as_ref().is_some_and(|versions| version < versions.current()) {
            self.mark(body);
        }
    }

    fn mark(&self, body: BodyCode) {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner).insert(body);
    }

    fn take_behind(&self, body: BodyCode) -> bool {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner).remove(&body)
    }
}

#[derive(Debug, thiserror::Error)]
enum RenewalError {
    #[error("data: {0}")]
    Row(#[from] RowError),
    #[error("log: {0}")]
    Audit(#[from] AuditError),
    #[error("broker: {0}")]
    Broker(#[from] RenewError),
    #[error("the brokers' versions have changed meanwhile")]
    Changed,
    #[error("stopping")]
    Stopping,
}

/// Renews until the node stops.
pub async fn run(node: Arc<Node>) {
    let mut brought: HashMap<BodyCode, CodeVersions> = HashMap::new();
    while node.sleep(LOOK).await {
        let Some((versions, broker)) = ask(&node).await else { continue };
        node.code_renewals.versions.store(Some(Arc::new(versions.clone())));
        for body in node.bodies.iter() {
            let code = body.code();
            if body.gate().pass().is_err() {
                continue;
            }
            let behind = node.code_renewals.take_behind(code);
            if brought.get(&code) == Some(&versions) && !behind {
                continue;
            }
            let scope = BodyScope::of_duty(body.clone(), &node.name);
            let step = Step { node: &node, broker: &broker, versions: &versions };
            match step.bring(&duty_write(&scope, "renew_codes")).await {
                Ok(()) => drop(brought.insert(code, versions.clone())),
                Err(RenewalError::Stopping) => return,
                Err(error) => {
                    brought.remove(&code);
                    tracing::warn!(body = %code, %error, "person codes to be renewed later");
                }
            }
        }
        let pending = node.bodies.codes().filter(|code| brought.get(code) != Some(&versions)).count();
        node.metrics.code_renewals_pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
        node.metrics.code_version.set(i64::from(versions.current()));
    }
}

/// What every broker in reach tells, and one of those that make codes in the version to have them in.
async fn ask(node: &Node) -> Option<(CodeVersions, PeerConnection)> {
    let mut told: Vec<(PeerConnection, RenewReply)> = Vec::new();
    for broker in node.brokers() {
        for body in node.bodies.iter() {
            match exchange(node, &broker, body.code(), Vec::new()).await {
                Ok(reply) => {
                    told.push((broker.clone(), reply));
                    break;
                }
                // Another body may be known there.
                Err(RenewError::NotAnswered(_)) => {}
                Err(error) => {
                    tracing::debug!(broker = broker.identity().name(), %error, "versions of codes not told");
                    break;
                }
            }
        }
    }
    let replies: Vec<RenewReply> = told.iter().map(|(_, reply)| reply.clone()).collect();
    let versions = CodeVersions::of(&replies, node.brokers_configured())?;
    let broker = told.into_iter().find(|(_, reply)| reply.current == versions.current());
    broker.map(|(broker, _)| (versions, broker))
}

async fn exchange(
    node: &Node,
    broker: &PeerConnection,
    body: BodyCode,
    codes: Vec<PersonCode>,
) -> Result<RenewReply, RenewError> {
    let header = || {
        let request_id = request_id::fresh(node.clock.now_ms())?;
        Ok(hop_header(Kind::RenewCodes, Some(body), request_id, WAIT))
    };
    renew(broker, codes, header).await
}

/// One body's way to the versions that live.
struct Step<'a> {
    node: &'a Node,
    broker: &'a PeerConnection,
    versions: &'a CodeVersions,
}

impl Step<'_> {
    async fn bring(&self, grant: &Grant<Write>) -> Result<(), RenewalError> {
        for version in FIRST_VERSION..self.versions.current() {
            if self.versions.is_renewable(version) {
                self.renew_version(grant, version).await?;
            } else if self.versions.is_over(version) {
                self.drop_version(grant, version).await?;
            }
        }
        Ok(())
    }

    /// Renews every code of `version`; the aliases stay as long as the version lives.
    async fn renew_version(&self, grant: &Grant<Write>, version: u8) -> Result<(), RenewalError> {
        let mut after = None;
        loop {
            let page = self.page(grant, version, after.as_ref()).await?;
            let next = page.next.clone();
            if !page.behind.is_empty() {
                self.renew_page(grant, page).await?;
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
            tokio::task::yield_now().await;
        }
    }

    async fn page(
        &self,
        grant: &Grant<Write>,
        version: u8,
        after: Option<&chukei_store::RowKey>,
    ) -> Result<CodePage, RenewalError> {
        if self.node.is_draining() {
            return Err(RenewalError::Stopping);
        }
        Ok(grant.body().code_page(grant, version, after, RENEW_BATCH_CODES).await?)
    }

    async fn renew_page(&self, grant: &Grant<Write>, page: CodePage) -> Result<(), RenewalError> {
        let body = grant.body();
        let codes = page.behind.iter().map(|person| person.record.code).collect();
        let reply = exchange(self.node, self.broker, body.code(), codes).await?;
        if reply.current != self.versions.current() {
            return Err(RenewalError::Changed);
        }
        let asked = page.behind.len() as u64;
        let renewed: Vec<_> = page.behind.into_iter().zip(reply.codes).collect();
        let renewed: Vec<_> =
            renewed.into_iter().filter_map(|(person, code)| Some((person, code?))).collect();
        let refused = asked - renewed.len() as u64;
        let done = body.renew_codes(grant, &renewed).await?;
        if done.taken > 0 {
            // Two persons of one code: the broker or this store is not what it should be (R30, R35).
            self.node.metrics.alarm("person_code", &body.code());
        }
        if done.left > 0 {
            self.node.code_renewals.mark(body.code());
        }
        let actor = grant.scope().actor();
        let counts = [done.renewed, refused + done.taken];
        let party = format!("body/{}", body.code());
        body.audit().codes_renewed(actor, party, reply.current, counts, self.node.clock.now_ms()).await?;
        tracing::info!(body = %body.code(), version = reply.current, renewed = done.renewed, refused, "codes renewed");
        Ok(())
    }

    /// Removes the aliases of a version that no broker accepts. Who has no newer code by now can be reached again only
    /// by enrolling anew.
    async fn drop_version(&self, grant: &Grant<Write>, version: u8) -> Result<(), RenewalError> {
        let mut left_behind = 0;
        loop {
            let page = self.page(grant, version, None).await?;
            if page.is_empty() {
                break;
            }
            left_behind += page.behind.len();
            grant.body().drop_codes(grant, &page).await?;
        }
        if left_behind > 0 {
            tracing::warn!(body = %grant.body().code(), version, left_behind, "persons without a code that lives");
        }
        Ok(())
    }
}
