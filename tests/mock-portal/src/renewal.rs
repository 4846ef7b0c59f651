//! Rotation of person codes at the portal: once the brokers make codes in a newer version, the portal's own are renewed
//! page by page, and the aliases of a version that is over go.
//!
//! What must hold: a person is never without a code that the brokers know; nothing is removed before every broker says
//! that the version is over; the work goes on after a restart where it was left.

use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::person_code::FIRST_VERSION;
use chukei_relay_client::codes::{CodeVersions, RenewError, renew};
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::Dialer;
use chukei_wire::header::{Direction, Kind, PersonCode};
use chukei_wire::limits::RENEW_BATCH_CODES;
use chukei_wire::message::control::RenewReply;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::core::Core;
use crate::request;
use crate::storage::VaultError;
use crate::storage::codes::CodePage;

/// How often brokers are asked which versions live.
const LOOK: Duration = Duration::from_secs(2);
/// How often persons are looked through although nothing has changed: a code may have been on its way meanwhile.
const AGAIN: Duration = Duration::from_secs(600);
/// Time for one message to a broker, milliseconds.
const TRY_MS: u32 = 10_000;

#[derive(Debug, thiserror::Error)]
enum RenewalError {
    #[error("store: {0}")]
    Vault(#[from] VaultError),
    #[error("broker: {0}")]
    Broker(#[from] RenewError),
    #[error("versions or persons have changed meanwhile")]
    Changed,
}

/// Renews until `stop` changes to true.
pub(crate) async fn run(core: Arc<Core>, links: Arc<Dialer>, mut stop: watch::Receiver<bool>) {
    let mut brought: Option<(CodeVersions, Instant)> = None;
    // A dropped sender ends it as well.
    while timeout(LOOK, stop.wait_for(|stop| *stop)).await.is_err() {
        let Some((versions, broker)) = ask(&core, &links).await else { continue };
        if brought.as_ref().is_some_and(|(for_these, at)| *for_these == versions && at.elapsed() < AGAIN) {
            continue;
        }
        core.metrics.code_version.set(i64::from(versions.current()));
        core.metrics.code_renewals_pending.set(1);
        match bring(&core, &broker, &versions).await {
            Ok(()) => {
                core.metrics.code_renewals_pending.set(0);
                brought = Some((versions, Instant::now()));
            }
            Err(error) => tracing::warn!(%error, "person codes to be renewed later"),
        }
    }
}

/// What every broker in reach tells, and one of those that make codes in the version to have them in.
async fn ask(core: &Core, links: &Dialer) -> Option<(CodeVersions, PeerConnection)> {
    let mut told = Vec::new();
    for broker in links.all() {
        match exchange(core, &broker, Vec::new()).await {
            Ok(reply) => told.push((broker, reply)),
            Err(error) => tracing::debug!(%error, "versions of codes not told"),
        }
    }
    let replies: Vec<RenewReply> = told.iter().map(|(_, reply)| reply.clone()).collect();
    let versions = CodeVersions::of(&replies, links.targets())?;
    let broker = told.into_iter().find(|(_, reply)| reply.current == versions.current());
    broker.map(|(broker, _)| (versions, broker))
}

async fn exchange(
    core: &Core,
    broker: &PeerConnection,
    codes: Vec<PersonCode>,
) -> Result<RenewReply, RenewError> {
    let header = || {
        let mut header = request::header(core.clock.now_ms(), Kind::RenewCodes, Direction::Hop, TRY_MS)?;
        header.portal = Some(core.name.clone());
        Ok(header)
    };
    renew(broker, codes, header).await
}

async fn bring(core: &Core, broker: &PeerConnection, versions: &CodeVersions) -> Result<(), RenewalError> {
    for version in FIRST_VERSION..versions.current() {
        if versions.is_renewable(version) {
            let mut after = None;
            loop {
                let page = core.vault.code_page(version, after.as_ref(), RENEW_BATCH_CODES).await?;
                let next = page.next.clone();
                renew_page(core, broker, versions, page).await?;
                match next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        } else if versions.is_over(version) {
            loop {
                let page = core.vault.code_page(version, None, RENEW_BATCH_CODES).await?;
                if page.is_empty() {
                    break;
                }
                core.vault.drop_codes(&page).await?;
            }
        }
    }
    Ok(())
}

async fn renew_page(
    core: &Core,
    broker: &PeerConnection,
    versions: &CodeVersions,
    page: CodePage,
) -> Result<(), RenewalError> {
    if page.behind.is_empty() {
        return Ok(());
    }
    let codes = page.behind.iter().map(|person| person.code).collect();
    let reply = exchange(core, broker, codes).await?;
    if reply.current != versions.current() {
        return Err(RenewalError::Changed);
    }
    let asked = page.behind.len();
    let renewed = page.behind.into_iter().zip(reply.codes);
    let renewed: Vec<_> = renewed.filter_map(|(person, code)| Some((person, code?))).collect();
    if !renewed.is_empty() && !core.vault.renew_codes(&renewed).await? {
        return Err(RenewalError::Changed);
    }
    tracing::info!(version = reply.current, renewed = renewed.len(), "codes renewed");
    if renewed.len() < asked {
        tracing::warn!(refused = asked - renewed.len(), "codes that the broker does not know");
    }
    Ok(())
}
