//! The rules once more, written from their plain words and not from the policies: a list of refusals in their order,
//! then what is permitted at all. Every case must come out the same.

use chukei_access::facts::{FactorKind, Health, Label, Mode, Zone};
use chukei_access::{Outcome, PolicyBook};
use chukei_wire::result::ResultName;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::made::{KINDS, Made, NOW_MS, TODAY};
use crate::properties::{actions, decided};

const WORK: &[&str] = &[
    "copy_import",
    "copy_show",
    "provision_status",
    "notice_send",
    "notice_status",
    "person_enroll",
    "person_list",
    "notice_list",
    "person_block",
    "person_undisclose",
    "exchange_list",
];
const OF_AN_AFFAIR: &[&str] =
    &["copy_import", "copy_show", "exchange_list", "provision_status", "notice_send", "notice_status"];
const OPENS: &[&str] =
    &["copy_show", "exchange_list", "provision_status", "person_block", "person_undisclose"];
const LOGS: &[&str] = &["audit_verify", "audit_search", "audit_follow"];
const SETTINGS: &[&str] = &["catalogue_list", "keys_status", "access_explain", "register_show", "act_list"];
const RIGHTS: &[&str] = &["register_change"];
const ACTS: &[&str] = &["act_request", "act_approve", "act_cancel", "act_execute"];
const UPKEEP: &[&str] =
    &["backup_create", "backup_restore", "body_move", "node_restart", "store_compact", "upkeep_status"];
const OTHERS: &[&str] =
    &["self_info", "person_records", "keys_rotate", "review_list", "review_sign_off", "signal_report"];
/// What the portal asks for, by a permit.
const PORTAL: &[&str] = &["self_info", "person_records"];

struct Case<'a> {
    made: &'a Made,
    today: u32,
}

impl Case<'_> {
    fn is(&self, kinds: &[&str]) -> bool {
        kinds.contains(&self.made.kind)
    }

    fn does(&self, actions: &[&str]) -> bool {
        actions.contains(&self.made.action.as_str())
    }

    fn role(&self, name: &str) -> bool {
        self.made.roles.iter().any(|role| role == name)
    }

    fn person(&self) -> bool {
        self.is(&["staff", "auditor", "operator", "maintenance"])
    }

    fn data(&self) -> bool {
        self.does(WORK) || self.does(PORTAL)
    }

    fn privileged(&self) -> bool {
        self.does(RIGHTS) || self.does(ACTS) || self.does(&["keys_rotate", "review_sign_off"])
    }

    fn home(&self) -> bool {
        self.made.own_body.is_some_and(|own| self.made.target == Some(own))
    }

    fn delegation(&self) -> Option<ResultName> {
        let made = self.made;
        let Some((affairs, functions, from, until)) = &made.proxy else {
            let stranger = self.is(&["staff", "system", "auditor"]) && !self.home();
            return stranger.then_some(ResultName::NotAuthorised);
        };
        if !(*from..*until).contains(&made.now_ms) {
            return Some(ResultName::ProxyExpired);
        }
        let covered = self.does(WORK)
            && functions.contains(&made.action)
            && made.affair.is_none_or(|affair| affairs.contains(&affair));
        (!covered).then_some(ResultName::ProxyScope)
    }

    fn record(&self) -> Option<ResultName> {
        let days =
            self.made.record.is_some_and(|days| (days.from_day..=days.until_day).contains(&self.today));
        (self.is(&["staff", "system", "auditor", "operator", "maintenance"]) && !days)
            .then_some(ResultName::NotPermitted)
    }

    fn contract(&self) -> Option<ResultName> {
        let needed = self.is(&["maintenance"]) || self.role("contractor");
        let fine = match self.made.contract {
            Some(contract) => (contract.from_day..=contract.until_day).contains(&self.today),
            None => !needed,
        };
        (!fine).then_some(ResultName::NotPermitted)
    }

    fn device(&self) -> Option<ResultName> {
        let (device, zone) = (self.made.device.as_ref(), self.made.zone);
        let listed = device.is_some_and(|device| device.1);
        let health = device.map_or(Health::Unknown, |device| device.2);
        let caretaker = self.is(&["operator", "maintenance"]);
        let other_than_the_tickets =
            self.made.ticket.as_ref().is_some_and(|ticket| device.is_none_or(|device| device.0 != ticket.3));
        if self.is(&["maintenance"]) && other_than_the_tickets || self.person() && !listed {
            return Some(ResultName::DeviceUnknown);
        }
        let stays_closed =
            !matches!(self.made.label, Label::Municipal3C | Label::Municipal2 | Label::Municipal1);
        let refused = health == Health::Unhealthy
            || caretaker && health != Health::Healthy
            || device.is_some_and(|device| device.3 != zone)
            || (self.data() || self.does(LOGS)) && stays_closed && zone != Zone::Closed
            || zone == Zone::Internet
            || caretaker && zone != Zone::Closed
            || self.is(&["maintenance"]) && self.made.ticket.is_none();
        refused.then_some(ResultName::Denied)
    }

    fn window(&self) -> Option<ResultName> {
        let (_, from, until, _) = self.made.ticket.as_ref()?;
        let outside = self.is(&["maintenance"]) && !(*from..*until).contains(&self.made.now_ms);
        outside.then_some(ResultName::OutsideWindow)
    }

    fn work(&self) -> Option<ResultName> {
        let made = self.made;
        let releases = self.does(&["self_info", "person_records", "notice_send"]);
        let switched_off = made.function.as_ref().is_some_and(|(mode, approval, named)| {
            *mode == Mode::Off || approval.is_empty() || *mode == Mode::Trial && releases && !named
        });
        let works = self.is(&["staff", "system"]);
        if switched_off || works && self.does(OF_AN_AFFAIR) && made.affair.is_none() {
            return Some(ResultName::NotPermitted);
        }
        if works && self.does(WORK) && made.affair.is_some_and(|affair| !made.affairs.contains(&affair)) {
            return Some(ResultName::AffairNotAllowed);
        }
        let staff = self.is(&["staff"]);
        let elsewhere = !made.owning.is_empty() && made.owning != made.department;
        if staff && self.does(WORK) && self.home() && elsewhere {
            return Some(ResultName::NotPermitted);
        }
        let trained = made.trained_on.is_some_and(|day| day <= self.today && self.today - day <= 366);
        if staff && (self.data() || self.privileged()) && !trained {
            return Some(ResultName::Denied);
        }
        let approves = self.does(&["act_approve"]) && self.role("administrator");
        approves.then_some(ResultName::TwoPersonRequired)
    }

    fn kinds_of_factors(&self) -> usize {
        let all = [FactorKind::Knowledge, FactorKind::Possession, FactorKind::Biometrics];
        all.iter().filter(|kind| self.made.factors.contains(kind)).count()
    }

    fn refusal(&self) -> Option<ResultName> {
        let no_data = ["maintenance", "operator", "auditor", "device", "node", "broker"];
        let no_logs = ["maintenance", "operator", "device", "node", "broker", "portal"];
        if self.data() && self.is(&no_data) || self.does(LOGS) && self.is(&no_logs) {
            return Some(ResultName::RoleHasNoDataAccess);
        }
        let one_kind = self.person() && self.made.factors.len() >= 2 && self.kinds_of_factors() < 2;
        self.delegation()
            .or_else(|| self.record())
            .or_else(|| self.contract())
            .or_else(|| self.device())
            .or_else(|| self.window())
            .or_else(|| self.work())
            .or(one_kind.then_some(ResultName::SameFactorKind))
    }

    fn permitted(&self) -> bool {
        let staff_with = |roles: &[&str]| self.is(&["staff"]) && roles.iter().any(|role| self.role(role));
        let reads = self.made.effect == chukei_access::facts::Effect::Read;
        self.does(WORK) && self.is(&["staff", "system"])
            || self.does(PORTAL) && self.is(&["portal"])
            || self.does(LOGS) && self.is(&["auditor"]) && reads
            || self.does(&["audit_verify"]) && self.is(&["staff", "system"])
            || self.does(&["audit_follow"]) && self.is(&["system"])
            || self.does(&["audit_search"]) && staff_with(&["administrator", "reviewer"])
            || self.does(SETTINGS) && self.is(&["staff", "auditor", "system"])
            || (self.does(RIGHTS) || self.does(&["keys_rotate", "backup_create"]))
                && staff_with(&["administrator"])
            || self.does(&["act_request", "act_cancel", "act_execute"])
                && staff_with(&["administrator", "approver", "requester"])
            || self.does(&["act_approve"]) && staff_with(&["approver"])
            || self.does(&["review_list", "review_sign_off"]) && staff_with(&["reviewer"])
            || self.does(UPKEEP) && self.is(&["maintenance", "operator"])
            || self.does(&["signal_report"]) && self.is(&["staff", "system"]) && self.role("device_manager")
    }

    fn needs_a_factor(&self) -> bool {
        let pattern = self.made.pattern;
        let stale = |seconds: u32| self.made.stepped_up_s.is_none_or(|ago| ago >= seconds);
        let unknown = self.made.device.as_ref().is_none_or(|device| device.2 == Health::Unknown);
        let hurried = pattern.persons_in_ten_minutes > 300 || pattern.requests_in_minute > 300;
        self.person() && self.kinds_of_factors() < 2 && stale(28_800)
            || self.person() && self.privileged() && stale(600)
            || self.is(&["staff", "auditor"]) && unknown && stale(600)
            || self.is(&["staff"]) && self.does(OPENS) && hurried && stale(600)
    }
}

fn expected(made: &Made) -> Outcome {
    let case = Case { made, today: u32::try_from((made.now_ms + 32_400_000) / 86_400_000).unwrap() };
    let listed = [WORK, LOGS, SETTINGS, RIGHTS, ACTS, UPKEEP, OTHERS].iter().any(|group| case.does(group));
    if !listed {
        return Outcome::Deny(ResultName::NotPermitted);
    }
    match case.refusal() {
        Some(result) => Outcome::Deny(result),
        None if !case.permitted() => Outcome::Deny(ResultName::NotPermitted),
        None if case.needs_a_factor() => Outcome::StepUp,
        None => Outcome::Permit,
    }
}

#[test]
fn shipped_policies_are_the_rules_in_plain_words() {
    let book = PolicyBook::new().unwrap();
    let (mut rng, actions) = (StdRng::seed_from_u64(4), actions(&book));
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..200_000 {
        let made = Made::random(&mut rng, &actions);
        let outcome = decided(&book, &made).0;
        assert_eq!(outcome, expected(&made), "{made:#?}\n{:?}", made.facts(|facts| book.explain(facts)));
        *seen.entry(format!("{outcome:?}")).or_default() += 1;
    }
    assert_eq!(seen.len(), 13, "every result is met: {seen:?}");
    assert!(seen.values().all(|count| *count > 50), "{seen:?}");
}

#[test]
fn every_kind_by_every_action_is_as_the_rules_say_and_most_have_no_data() {
    let book = PolicyBook::new().unwrap();
    for &kind in KINDS {
        for action in book.actions() {
            for roles in 0..128_u32 {
                let held: Vec<&str> = crate::made::ROLES
                    .iter()
                    .enumerate()
                    .filter(|(place, _)| roles >> place & 1 == 1)
                    .map(|(_, role)| *role)
                    .collect();
                let mut made = Made::new(kind, action).with_roles(&held).stepped_up(1);
                made.contract = made
                    .contract
                    .or(Some(chukei_access::facts::Period { from_day: TODAY, until_day: TODAY }));
                assert_eq!(made.now_ms, NOW_MS);
                let outcome = decided(&book, &made).0;
                assert_eq!(outcome, expected(&made), "{kind} {action} {held:?}");
                let data = WORK.contains(&action) || PORTAL.contains(&action);
                let may = matches!(kind, "staff" | "system") && !PORTAL.contains(&action)
                    || kind == "portal" && PORTAL.contains(&action);
                assert!(!data || may || !outcome.is_permit(), "{kind} {action}");
            }
        }
    }
}
