//! `audit follow`: a live copy of the body's sealed log on another machine, which notices what the log's own machine may not tell:
//! that it goes back, contradicts itself or falls silent (R43).
//!
//! What must hold: a follower has no keys (R2) and believes only keys of the signed peer list; what its state names is durable, and
//! a stop anywhere leads back there, so that nothing is skipped; what came with an alarm is not taken.

mod alarm;
mod copy;
mod syslog;

use std::time::{Duration, Instant};

use chukei_relay_client::peers::PeerList;
use chukei_wire::header::Kind;
use chukei_wire::message::audit::{AuditFollowPage, AuditFollowRequest};
use serde_json::{Value, json};

use super::trusted;
use crate::cli::FollowArgs;
use crate::failure::{Exit, Failure};
use crate::link::{Conversation, Fault, NodeLink};
use crate::report::Report;

use alarm::Watch;
use copy::{Copy, Refused};
use syslog::{Once, Syslog};

/// Pause where nothing is to be had.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest pause before a node that is out of reach is tried again.
const BACKOFF: Duration = Duration::from_secs(30);
/// How often a status line is written.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// `audit follow`: until it is stopped, or caught up where that is wanted, or the log is another one.
pub(crate) async fn follow(
    link: &mut NodeLink,
    args: FollowArgs,
    json: bool,
) -> Result<(Report, Option<Exit>), Failure> {
    let body = link.body().ok_or_else(|| Failure::usage("BAD_USAGE", "団体の利用者で実行してください"))?;
    let mut copy = Copy::open(&args.to, body)?;
    let (syslog, mut once) = receiver(&args, &copy)?;
    let mut watch = Watch::new(args.silence, args.metrics.clone());
    let mut talk: Option<Conversation> = None;
    let (mut backoff, mut told) = (PAUSE, None::<Instant>);
    loop {
        let page = next(link, &mut talk, &copy).await;
        let page = match page {
            Ok(page) => page,
            Err(Fault::Final(failure)) if failure.exit != Exit::Unavailable => return Err(failure),
            Err(Fault::Final(failure) | Fault::Later(_, failure)) => {
                // The node may be away for long: that is told, and it is tried for ever.
                talk = None;
                watch.look(&copy, None)?;
                tracing::warn!(code = failure.code, "the log cannot be followed now");
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF);
                continue;
            }
        };
        backoff = PAUSE;
        let peers: PeerList = trusted::peers(&args.trusted, link.now_ms())?;
        let caught_up = match copy.take(&page, &peers) {
            Ok(caught_up) => caught_up,
            Err(Refused::Io(failure)) => return Err(failure),
            Err(Refused::Another(what)) => {
                watch.contradicted(&copy, &page)?;
                return Ok(contradicted(&copy, what));
            }
        };
        if let Some(syslog) = &syslog {
            syslog.reached(copy.next());
            watch.sent(syslog.next());
        }
        watch.look(&copy, Some(&page))?;
        if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) || (args.once && caught_up) {
            told = Some(Instant::now());
            tell(&status(&copy, &page, &watch), json && !args.once);
        }
        if args.once && caught_up {
            if let Some(once) = once.take() {
                once.finish(copy.next()).await?;
            }
            let json = status(&copy, &page, &watch);
            let text = format!("操作ログを{}件目まで写しました: {}", copy.next() - 1, args.to.display());
            return Ok((Report { json, text }, None));
        }
        if caught_up {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The way to a receiver of events, where one is named: beside the copying, or behind it where that is to end.
fn receiver(args: &FollowArgs, copy: &Copy) -> Result<(Option<Syslog>, Option<Once>), Failure> {
    let Some(to) = &args.syslog else { return Ok((None, None)) };
    let (to, body, next) = ((to.as_str(), args.syslog_ca.as_deref()), copy.body(), copy.next());
    Ok(match args.once {
        false => (Some(Syslog::begin(to, &args.to, body, next)?), None),
        true => (None, Some(Once::open(to, &args.to, body, next)?)),
    })
}

async fn next(
    link: &mut NodeLink,
    talk: &mut Option<Conversation>,
    copy: &Copy,
) -> Result<AuditFollowPage, Fault> {
    let mut current = match talk.take() {
        Some(open) => open,
        None => link.open(Kind::AuditFollow).await?,
    };
    current.say(&AuditFollowRequest { from: copy.next(), size: copy.size() }).await?;
    let page = current.hear().await?;
    *talk = Some(current);
    Ok(page)
}

fn status(copy: &Copy, page: &AuditFollowPage, watch: &Watch) -> Value {
    json!({
        "body": copy.body().to_string(),
        "entries": copy.next() - 1,
        "leaves": copy.size(),
        "checkpoint": copy.witnessed(),
        "lag_entries": (page.last + 1).saturating_sub(copy.next()),
        "silent_seconds": watch.silent().as_secs(),
        "silent": watch.is_silent(),
    })
}

/// One status line: for scripts on standard output, for people where logs go.
fn tell(status: &Value, as_json: bool) {
    if as_json {
        use std::io::Write;
        // A reader that has gone away is no reason to stop following.
        let _ = writeln!(std::io::stdout(), "{status}");
    } else {
        tracing::info!(%status, "following");
    }
}

fn contradicted(copy: &Copy, what: &'static str) -> (Report, Option<Exit>) {
    let json = json!({
        "code": "INTEGRITY_FAILURE",
        "message": "操作ログが写しと食い違います。操作を止めて管理者に連絡してください",
        "body": copy.body().to_string(),
        "entries": copy.next() - 1,
        "reason": what,
    });
    let text = format!(
        "エラー: 操作ログが手元の写しと食い違います({what})。写しは残し、操作を止めて管理者に連絡してください (INTEGRITY_FAILURE)"
    );
    (Report { json, text }, Some(Exit::Refused))
}
