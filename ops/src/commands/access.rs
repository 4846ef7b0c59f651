//! `access explain` and `signal`: why something would be allowed or refused, and reports about devices.

use chukei_access::PolicyBook;
use chukei_wire::header::Kind;
use chukei_wire::message::access::{ExplainReply, ExplainRequest, PolicySaid, SignalRequest};
use chukei_wire::result::ResultName;
use serde_json::{Value, json};

use crate::cli::{Condition, ExplainArgs};
use crate::failure::Failure;
use crate::link::{Fault, NodeLink};
use crate::report::Report;

/// Policies that one explanation may hold.
const POLICIES_MAX: u32 = 1_000;

/// `access explain`.
pub(crate) async fn explain(link: &mut NodeLink, args: ExplainArgs) -> Result<Report, Failure> {
    let all = args.all;
    let request = request(link, args);
    let (reply, policies) = link
        .persist(async |link| {
            let mut talk = link.open(Kind::AccessExplain).await?;
            talk.say(&request).await?;
            talk.finish().await?;
            let reply: ExplainReply = talk.hear().await.map_err(unknown)?;
            let mut policies: Vec<PolicySaid> = Vec::new();
            for _ in 0..reply.policies.min(POLICIES_MAX) {
                policies.push(talk.hear().await?);
            }
            talk.end().await?;
            Ok((reply, policies))
        })
        .await?;
    let told: Vec<&PolicySaid> = policies.iter().filter(|policy| all || tells(&reply, policy)).collect();
    let (outcome, headline) = match reply.refused {
        None => ("permit", "許可されます / permitted".to_owned()),
        Some(ResultName::StepUpRequired) => {
            ("step_up", "追加の認証の後に許可されます / permitted after a step-up".to_owned())
        }
        Some(result) => ("deny", format!("許可されません / refused: {result}")),
    };
    let json = json!({
        "outcome": outcome,
        "result": reply.refused.map(ResultName::as_str),
        "reasons": reply.reasons,
        "policy_version": reply.version,
        "policies": told.iter().map(|policy| shown(policy)).collect::<Vec<Value>>(),
    });
    let lines: Vec<String> = told.iter().map(|policy| line(policy)).collect();
    Ok(Report { json, text: format!("{headline}\n{}\n版 {}", lines.join("\n"), reply.version) })
}

/// What was not found may be the action: its names are told.
fn unknown(fault: Fault) -> Fault {
    match fault {
        Fault::Final(failure) if failure.code == ResultName::NotFound.as_str() => {
            let book = PolicyBook::new();
            let actions: Vec<&str> = book.iter().flat_map(PolicyBook::actions).collect();
            let message = format!(
                "操作名または操作者がありません。--action と --identity を確認してください。操作名: {}",
                actions.join(" ")
            );
            Failure::refused(ResultName::NotFound, message).into()
        }
        other => other,
    }
}

fn request(link: &NodeLink, args: ExplainArgs) -> ExplainRequest {
    let factors: Vec<String> = args.factors.iter().map(|kind| kind.as_str().to_owned()).collect();
    ExplainRequest {
        action: args.action,
        identity: args.identity,
        device: args.device,
        zone: args.zone.map(|zone| zone.as_str().to_owned()),
        affair: link.affair().map(|affair| affair.to_string()),
        datasets: args.datasets,
        at_ms: args.at,
        ticket: args.with_ticket,
        factors: Some(factors).filter(|factors| !factors.is_empty()),
        stepped_up_s: args.stepped_up,
        requests: args.requests,
        persons: args.persons,
    }
}

/// Whether a policy matters to who asks: it decides, or it would permit and does not apply.
fn tells(reply: &ExplainReply, policy: &PolicySaid) -> bool {
    policy.said != "does_not_apply" || (reply.refused.is_some() && policy.effect == "permit")
}

fn shown(policy: &PolicySaid) -> Value {
    let inputs: serde_json::Map<String, Value> =
        policy.inputs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({
        "id": policy.id,
        "rule": policy.rule,
        "effect": policy.effect,
        "said": policy.said,
        "reason_ja": policy.reason_ja,
        "reason_en": policy.reason_en,
        "inputs": inputs,
    })
}

fn line(policy: &PolicySaid) -> String {
    let inputs: Vec<String> = policy.inputs.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let rule = policy.rule.as_deref().unwrap_or("-");
    format!(
        "{}\t{rule}\t{}\t{}\n  {}\n  {}\n  {}",
        policy.id,
        policy.effect,
        policy.said,
        policy.reason_ja,
        policy.reason_en,
        inputs.join(", ")
    )
}

/// `signal device`.
pub(crate) async fn signal(
    link: &mut NodeLink,
    device: String,
    condition: Condition,
) -> Result<Report, Failure> {
    let healthy = condition == Condition::Healthy;
    let request = SignalRequest { device: device.clone(), healthy };
    link.tell(Kind::Signal, &request).await?;
    let state = if healthy { "healthy" } else { "unhealthy" };
    let text = format!("端末 {device} を{}と報告しました", if healthy { "正常" } else { "異常" });
    Ok(Report { json: json!({ "device": device, "state": state, "result": "DONE" }), text })
}
