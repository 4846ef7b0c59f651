//! `audit search`: events of the body's log by operator, action, person, time, result and request.

use chukei_wire::header::Kind;
use chukei_wire::limits::AUDIT_SEARCH_PAGE;
use chukei_wire::message::audit::{AuditEvent, AuditSearchPage, AuditSearchRequest};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

use crate::cli::SearchArgs;
use crate::failure::Failure;
use crate::japan_time;
use crate::link::NodeLink;
use crate::report::Report;

/// `audit search`.
pub(crate) async fn search(link: &mut NodeLink, args: SearchArgs) -> Result<Report, Failure> {
    let wanted = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let asked = AuditSearchRequest {
        actor: args.by,
        action: args.action,
        person: args.person,
        from_ms: args.from,
        until_ms: args.until,
        result: args.result,
        request: args.request,
        newest_first: !args.oldest_first,
        after: None,
        limit: u32::try_from(wanted.min(AUDIT_SEARCH_PAGE)).unwrap_or(u32::MAX),
    };
    let question = |after: Option<ByteBuf>| AuditSearchRequest {
        after: after.and_then(|after| after.first_chunk().map(|after| u64::from_be_bytes(*after))),
        ..asked.clone()
    };
    let (mut events, mut more) = (Vec::new(), false);
    link.pages(Kind::AuditSearch, question, |page: AuditSearchPage| {
        events.extend(page.events);
        more = page.next.is_some() || events.len() > wanted;
        page.next.filter(|_| events.len() < wanted).map(|next| ByteBuf::from(next.to_be_bytes()))
    })
    .await?;
    events.truncate(wanted);
    let shown: Vec<Value> = events.iter().map(event).collect();
    let mut lines: Vec<String> = events.iter().map(line).collect();
    lines.push(format!(
        "{}件{}",
        events.len(),
        if more { "(続きがあります。--limit か期間を変えてください)" } else { "" }
    ));
    Ok(Report { json: json!({ "events": shown, "more": more }), text: lines.join("\n") })
}

fn event(event: &AuditEvent) -> Value {
    json!({
        "seq": event.number,
        "at_ms": event.at_ms,
        "actor": event.actor,
        "action": event.action,
        "event": event.event,
        "result": event.result,
        "affair": event.affair,
        "person": event.person,
        "request": event.request.map(|request| request.to_string()),
        "device": event.device,
        "reasons": event.reasons,
        "on_behalf_of": event.on_behalf_of,
    })
}

fn line(event: &AuditEvent) -> String {
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}",
        event.number,
        japan_time::print(event.at_ms),
        event.actor,
        event.action,
        event.event,
        event.result,
        event.person.as_deref().unwrap_or("-"),
    )
}
