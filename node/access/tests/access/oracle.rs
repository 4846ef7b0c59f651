//! The same decision by Cedar alone: all policies, all attributes, no table, no memory. Requests and entities are
//! checked against the schema as they are made.

use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request, Schema};
use chukei_access::facts::{Effect, FactorKind, Label, Mode, Zone};
use chukei_access::{Outcome, facts::Health};
use chukei_wire::result::ResultName;
use serde_json::{Value, json};

use crate::made::Made;

const BASE: &[&str] = &[
    include_str!("../../policies/1-identities.cedar"),
    include_str!("../../policies/2-devices-and-places.cedar"),
    include_str!("../../policies/3-functions-and-rights.cedar"),
    include_str!("../../policies/4-factors-and-patterns.cedar"),
    include_str!("../../policies/5-permits.cedar"),
];

/// Policies with the schema, as Cedar has them.
pub(crate) struct Oracle {
    schema: Schema,
    actions: Entities,
    permits: PolicySet,
    forbids: PolicySet,
}

impl Oracle {
    pub(crate) fn new(own: &str) -> Self {
        let (schema, _) =
            Schema::from_cedarschema_str(include_str!("../../policies/schema.cedarschema")).unwrap();
        let all: PolicySet = format!("{}\n{own}", BASE.join("\n")).parse().unwrap();
        let of = |effect| {
            PolicySet::from_policies(all.policies().filter(|p| p.effect() == effect).cloned()).unwrap()
        };
        Self {
            actions: schema.action_entities().unwrap(),
            permits: of(cedar_policy::Effect::Permit),
            forbids: of(cedar_policy::Effect::Forbid),
            schema,
        }
    }

    /// The outcome, and the ids of the policies that decided.
    pub(crate) fn decide(&self, made: &Made) -> (Outcome, Vec<String>) {
        let Ok(action) = format!("Action::{:?}", made.action).parse::<EntityUid>() else {
            return (Outcome::Deny(ResultName::NotPermitted), vec!["unlisted_action".to_owned()]);
        };
        let target = made.target.map_or("platform".to_owned(), |body| body.to_string());
        let uid = |kind: &str, id: &str| -> EntityUid { format!("{kind}::{id:?}").parse().unwrap() };
        let context = Context::from_json_value(context(made), Some((&self.schema, &action)));
        let Ok(context) = context else {
            return (Outcome::Deny(ResultName::NotPermitted), vec!["unlisted_action".to_owned()]);
        };
        let (principal, resource) = (uid("Identity", &made.identity), uid("Target", &target));
        let request = Request::new(principal, action, resource, context, Some(&self.schema)).unwrap();
        let entities = Entities::from_json_value(entities(made, &target), Some(&self.schema)).unwrap();
        let entities = entities.add_entities(self.actions.iter().cloned(), None).unwrap();
        let (permits, failed_permits) = self.fired(&self.permits, &request, &entities);
        let (forbids, failed) = self.fired(&self.forbids, &request, &entities);
        let failed: Vec<String> =
            failed.iter().chain(&failed_permits).map(|id| self.note(id, "id").unwrap()).collect();
        self.judge(made, &permits, &forbids, failed)
    }

    /// Policies that apply, and policies that fail, in the order of the text.
    fn fired(&self, set: &PolicySet, request: &Request, entities: &Entities) -> (Vec<String>, Vec<String>) {
        let response = Authorizer::new().is_authorized(request, set, entities);
        let mut fired: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        let mut failed: Vec<String> = response
            .diagnostics()
            .errors()
            .map(|error| match error {
                cedar_policy::AuthorizationError::PolicyEvaluationError(error) => {
                    error.policy_id().to_string()
                }
            })
            .collect();
        fired.sort_by_key(|id| number(id));
        failed.sort_by_key(|id| number(id));
        (fired, failed)
    }

    fn note(&self, id: &str, name: &str) -> Option<String> {
        let id = id.parse().unwrap();
        let found = self.forbids.annotation(&id, name).or_else(|| self.permits.annotation(&id, name));
        found.map(str::to_owned)
    }

    fn judge(
        &self,
        made: &Made,
        permits: &[String],
        forbids: &[String],
        failed: Vec<String>,
    ) -> (Outcome, Vec<String>) {
        let id = |policy: &String| self.note(policy, "id").unwrap();
        let (step_ups, hard): (Vec<&String>, Vec<&String>) =
            forbids.iter().partition(|policy| self.note(policy, "step_up").is_some());
        let due: Vec<String> = step_ups
            .into_iter()
            .filter(|policy| {
                let fresh: u32 = self.note(policy, "step_up").unwrap().parse().unwrap();
                made.stepped_up_s.is_none_or(|ago| ago >= fresh)
            })
            .map(id)
            .collect();
        let result = hard.first().map_or(ResultName::Denied, |policy| {
            let name = self.note(policy, "result").unwrap_or("DENIED".to_owned());
            *ResultName::ALL.iter().find(|result| result.as_str() == name).unwrap()
        });
        let mut refusals: Vec<String> = hard.into_iter().map(id).collect();
        if !failed.is_empty() {
            refusals.push("not_evaluated".to_owned());
            refusals.extend(failed);
        }
        if !refusals.is_empty() {
            (Outcome::Deny(result), refusals)
        } else if permits.is_empty() {
            (Outcome::Deny(ResultName::NotPermitted), vec!["nothing_permits".to_owned()])
        } else if !due.is_empty() {
            (Outcome::StepUp, due)
        } else {
            (Outcome::Permit, permits.iter().map(id).collect())
        }
    }
}

fn number(policy: &str) -> usize {
    policy.trim_start_matches("policy").parse().unwrap()
}

fn body_text(body: Option<chukei_wire::body_code::BodyCode>) -> String {
    body.map_or(String::new(), |body| body.to_string())
}

fn entities(made: &Made, target: &str) -> Value {
    let today = i64::try_from((made.now_ms + 9 * 3_600_000) / 86_400_000).unwrap();
    let record = match made.record {
        None => "none",
        Some(days) if i64::from(days.from_day) > today => "future",
        Some(days) if i64::from(days.until_day) < today => "over",
        Some(_) => "valid",
    };
    let (contract, left) = match made.contract {
        None => ("none", -1),
        Some(contract) => {
            let (from, until) = (i64::from(contract.from_day), i64::from(contract.until_day));
            if today < from {
                ("future", -1)
            } else if today > until {
                ("over", -1)
            } else {
                ("valid", until - today)
            }
        }
    };
    let trained = made.trained_on.map(i64::from).filter(|day| *day <= today);
    let function = made.function.as_ref();
    let (scheme, level) = match made.label {
        Label::Municipal3A => ("municipal", "3A"),
        Label::Municipal3B => ("municipal", "3B"),
        Label::Municipal3C => ("municipal", "3C"),
        Label::Municipal2 => ("municipal", "2"),
        Label::Municipal1 => ("municipal", "1"),
        Label::Government3 => ("government", "3"),
        Label::Government2 => ("government", "2"),
        Label::Government1 => ("government", "1"),
    };
    json!([
        {
            "uid": { "type": "Identity", "id": made.identity },
            "parents": [],
            "attrs": {
                "kind": made.kind,
                "name": made.identity.split('/').next_back().unwrap(),
                "body": body_text(made.own_body),
                "home": made.own_body.is_some() && made.own_body == made.target,
                "roles": made.roles,
                "department": made.department,
                "affairs": made.affairs.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
                "record": record,
                "contract": contract,
                "contract_days_left": left,
                "training_age_days": trained.map_or(100_000, |day| today - day),
            },
        },
        {
            "uid": { "type": "Target", "id": target },
            "parents": [],
            "attrs": {
                "body": body_text(made.target),
                "affair": made.affair.map_or(String::new(), |code| code.to_string()),
                "department": made.owning,
                "datasets": made.datasets.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
                "label_scheme": scheme,
                "label_level": level,
                "mode": function.map_or("none", |(mode, ..)| match mode {
                    Mode::Off => "off",
                    Mode::Trial => "trial",
                    Mode::Live => "live",
                }),
                "approved": function.is_some_and(|(_, approval, _)| !approval.is_empty()),
                "trial_person": function.is_some_and(|(.., named)| *named),
            },
        },
    ])
}

fn phase(now: u64, from: u64, until: u64, within: &str) -> &str {
    if now >= until {
        "over"
    } else if now < from {
        "future"
    } else {
        within
    }
}

fn zone(zone: Zone) -> &'static str {
    match zone {
        Zone::Closed => "closed",
        Zone::Lgwan => "lgwan",
        Zone::Internet => "internet",
    }
}

fn context(made: &Made) -> Value {
    let now = made.now_ms;
    let in_japan = now + 9 * 3_600_000;
    let device = made.device.as_ref();
    let ticket = made.ticket.as_ref();
    let proxy = made.proxy.as_ref();
    let kinds = [FactorKind::Knowledge, FactorKind::Possession, FactorKind::Biometrics];
    json!({
        "effect": match made.effect {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Deliver => "deliver",
            Effect::Export => "export",
            Effect::Operate => "operate",
        },
        "affair_held": made.affair.is_some_and(|affair| made.affairs.contains(&affair)),
        "same_department": made.owning.is_empty() || made.owning == made.department,
        "device": device.map_or("", |device| &device.0),
        "device_listed": device.is_some_and(|device| device.1),
        "device_health": device.map_or("unknown", |device| match device.2 {
            Health::Healthy => "healthy",
            Health::Unhealthy => "unhealthy",
            Health::Unknown => "unknown",
        }),
        "device_in_zone": device.is_none_or(|device| device.3 == made.zone),
        "zone": zone(made.zone),
        "minute": in_japan % 86_400_000 / 60_000,
        "weekday": (in_japan / 86_400_000 + 3) % 7 + 1,
        "ticket": ticket.map_or("none", |ticket| phase(now, ticket.1, ticket.2, "open")),
        "ticket_id": ticket.map_or("", |ticket| &ticket.0),
        "ticket_device": ticket.is_some_and(|ticket| device.is_some_and(|device| device.0 == ticket.3)),
        "requests_in_minute": made.pattern.requests_in_minute,
        "persons_in_ten_minutes": made.pattern.persons_in_ten_minutes,
        "factors_shown": made.factors.len(),
        "factor_kinds": kinds.iter().filter(|kind| made.factors.contains(kind)).count(),
        "proxy": proxy.map_or("none", |proxy| phase(now, proxy.2, proxy.3, "valid")),
        "proxy_affair": proxy.is_some_and(|proxy| made.affair.is_none_or(|affair| proxy.0.contains(&affair))),
        "proxy_function": proxy.is_some_and(|proxy| proxy.1.contains(&made.action)),
    })
}
