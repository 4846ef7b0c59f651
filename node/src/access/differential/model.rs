//! The rules in plain words, once more: what a request comes to, in the order in which refusals count.

use chukei_access::facts::{FactorKind, Zone};
use chukei_domain::day::day_of;
use chukei_domain::register::{Device, FunctionName, HealthState, Mode, Staff, Ticket};
use chukei_wire::header::Kind;
use chukei_wire::result::ResultName;

use super::request::Request;
use super::world::{
    CARETAKERS, Caretaker, HOUR_MS, Known, NOBODYS, NOW_MS, PLATFORM_TICKETS, PLATFORMS, World,
    platform_ticket,
};
use crate::access::endpoint::{ENDPOINTS, Endpoint, Entrance};

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
];
const OF_AN_AFFAIR: &[&str] =
    &["copy_import", "copy_show", "provision_status", "notice_send", "notice_status"];
const OPENS: &[&str] = &["copy_show", "provision_status", "person_block"];
const LOGS: &[&str] = &["audit_verify", "audit_search", "audit_export"];
const SETTINGS: &[&str] = &[
    "catalogue_list",
    "keys_status",
    "access_explain",
    "policy_show",
    "register_show",
    "staff_list",
    "delegation_list",
    "act_list",
];
const RIGHTS: &[&str] = &[
    "register_change",
    "staff_set",
    "policy_set",
    "catalogue_load",
    "function_enable",
    "delegation_grant",
    "delegation_revoke",
];
const ACTS: &[&str] = &["act_request", "act_approve", "act_cancel", "act_execute"];
const UPKEEP: &[&str] =
    &["backup_create", "backup_restore", "body_move", "node_restart", "store_compact", "upkeep_status"];

/// What the caller is told; `None` where it is permitted.
pub(super) fn expected(world: &World, request: &Request) -> Option<ResultName> {
    let of_body = request.is_of(&["staff", "system", "auditor"]);
    let upkeep = request.is_of(&["operator", "maintenance"]);
    let own = request.who().body().map(|body| body.to_string());
    let entered = if of_body {
        request.body.is_some_and(|body| own.as_deref() == Some(body) && body != NOBODYS)
    } else {
        upkeep
    };
    if !entered {
        return Some(ResultName::NotFound);
    }
    let at_hand = if upkeep { Entrance::Upkeep } else { Entrance::Staff };
    let listed = ENDPOINTS.iter().find(|line| line.kind == request.kind() && line.entrance == at_hand);
    let Some(line) = listed else {
        let of_staff = |line: &&Endpoint| line.kind == request.kind() && line.entrance == Entrance::Staff;
        let data = upkeep && ENDPOINTS.iter().any(|line| of_staff(&line));
        return Some(if data { ResultName::RoleHasNoDataAccess } else { ResultName::NotPermitted });
    };
    let case = Case {
        world,
        request,
        action: line.action,
        function: line.function,
        known: request.body.and_then(|body| world.bodies.get(body)),
        today: u32::try_from((request.now_ms + 9 * HOUR_MS) / (24 * HOUR_MS)).unwrap(),
    };
    case.refusal()
        .or_else(|| (!case.permitted()).then_some(ResultName::NotPermitted))
        .or_else(|| case.needs_a_factor().then_some(ResultName::StepUpRequired))
}

struct Case<'a> {
    world: &'a World,
    request: &'a Request,
    action: &'a str,
    function: Option<FunctionName>,
    /// The body that is named, where it is hosted.
    known: Option<&'a Known>,
    today: u32,
}

impl Case<'_> {
    fn is(&self, kinds: &[&str]) -> bool {
        self.request.is_of(kinds)
    }

    fn does(&self, actions: &[&str]) -> bool {
        actions.contains(&self.action)
    }

    fn data(&self) -> bool {
        self.does(WORK) || self.does(&["self_info"])
    }

    fn privileged(&self) -> bool {
        self.does(RIGHTS) || self.does(ACTS) || self.does(&["keys_rotate", "review_sign_off"])
    }

    fn person(&self) -> bool {
        self.is(&["staff", "auditor", "operator", "maintenance"])
    }

    fn entry(&self) -> Option<&Staff> {
        let entry = self.known?.people.get(self.request.who().name())?;
        (entry.kind.as_str() == self.request.who().kind()).then_some(entry)
    }

    /// Whom the platform has.
    fn caretaker(&self) -> Option<&'static Caretaker> {
        let who = self.request.who();
        CARETAKERS.iter().find(|(kind, name, ..)| *kind == who.kind() && *name == who.name())
    }

    /// Whether today lies within days that are counted from the world's today.
    fn around(&self, [from, until]: [i64; 2]) -> bool {
        let offset = i64::from(self.today) - i64::from(day_of(NOW_MS));
        (from..=until).contains(&offset)
    }

    fn role(&self, role: &str) -> bool {
        self.entry().is_some_and(|entry| entry.roles.iter().any(|held| held == role))
    }

    fn affair_held(&self) -> bool {
        let held =
            |affair| self.entry().is_some_and(|entry| entry.affairs.iter().any(|own| own.as_str() == affair));
        self.request.affair.is_some_and(held)
    }

    /// The device by its name in the body's inventory, listed at whatever time.
    fn device(&self) -> Option<&Device> {
        self.known?.devices.get(&self.device_name()?)
    }

    fn device_name(&self) -> Option<String> {
        let uri = self.request.device.as_deref()?;
        let own = format!("chukei://body/{}/device/", self.request.body.unwrap_or_default());
        Some(uri.strip_prefix(&own).unwrap_or(uri).to_owned())
    }

    fn listed(&self) -> bool {
        if self.is(&["operator", "maintenance"]) {
            return self.platforms();
        }
        let today = self.today;
        self.device()
            .is_some_and(|device| device.listed.from_day <= today && today <= device.listed.until_day)
    }

    /// Whether an operator or contractor works on the device that the platform has for them.
    fn platforms(&self) -> bool {
        let theirs = self.caretaker().is_some_and(|(.., has)| *has);
        theirs && self.request.device.as_deref() == Some(PLATFORMS)
    }

    fn report(&self) -> Option<HealthState> {
        let name = self.device_name()?;
        let of = |known: &Known| {
            let report = known.health.get(&name)?;
            let old = report.at_ms.abs_diff(self.request.now_ms) > 24 * HOUR_MS;
            (report.state == HealthState::Unhealthy || !old).then_some(report.state)
        };
        if !self.is(&["operator", "maintenance"]) {
            self.device()?;
            return of(self.known?);
        }
        self.platforms().then_some(())?;
        let said: Vec<HealthState> = self.world.bodies.values().filter_map(of).collect();
        match self.speaker() {
            _ if said.contains(&HealthState::Unhealthy) => Some(HealthState::Unhealthy),
            Some(known) => of(known),
            None => said.first().copied(),
        }
    }

    /// The body that is asked where a platform's person wants something of it alone.
    fn speaker(&self) -> Option<&Known> {
        self.known.filter(|_| !self.does(&["node_restart"]))
    }

    /// The ticket that is claimed, if it is for this.
    fn ticket(&self) -> Option<Ticket> {
        let claimed = self.request.ticket?;
        let ticket = match self.speaker() {
            Some(known) => known.tickets.get(claimed)?.clone(),
            None => {
                let of = self.request.body.filter(|_| !self.does(&["node_restart"]));
                let (id, _, actions) =
                    PLATFORM_TICKETS.iter().find(|(id, body, _)| (*id, *body) == (claimed, of))?;
                platform_ticket(id, actions)
            }
        };
        let theirs = ticket.holder == self.request.who().name();
        (theirs && ticket.actions.iter().any(|action| action == self.action)).then_some(ticket)
    }

    fn refusal(&self) -> Option<ResultName> {
        let no_data = ["maintenance", "operator", "auditor", "device", "node", "broker"];
        let no_logs = ["maintenance", "operator", "device", "node", "broker", "portal"];
        if self.data() && self.is(&no_data) || self.does(LOGS) && self.is(&no_logs) {
            return Some(ResultName::RoleHasNoDataAccess);
        }
        self.record().or_else(|| self.place()).or_else(|| self.work()).or_else(|| self.own_policies())
    }

    fn record(&self) -> Option<ResultName> {
        if let Some((_, _, valid, contract, _)) = self.caretaker() {
            let fine = self.around(*valid) && contract.is_none_or(|days| self.around(days));
            return (!fine).then_some(ResultName::NotPermitted);
        }
        let within = |from: u32, until: u32| (from..=until).contains(&self.today);
        let on_record = self.entry().is_some_and(|entry| within(entry.valid.from_day, entry.valid.until_day));
        let contract = self.entry().and_then(|entry| entry.contract);
        let dated = self.is(&["maintenance"]) || self.role("contractor");
        let contracted = contract.map_or(!dated, |days| within(days.from_day, days.until_day));
        (!on_record || !contracted).then_some(ResultName::NotPermitted)
    }

    fn place(&self) -> Option<ResultName> {
        let (zone, caretaker) = (self.request.zone, self.is(&["operator", "maintenance"]));
        let maintains = self.is(&["maintenance"]);
        let others = self.ticket().is_some_and(|ticket| self.device_name().as_ref() != Some(&ticket.device));
        if maintains && others || self.person() && !self.listed() {
            return Some(ResultName::DeviceUnknown);
        }
        let its_zone = match (caretaker, self.device()) {
            (true, _) => !self.platforms() || zone == Zone::Closed,
            (false, device) => {
                device.is_none_or(|device| format!("{:?}", device.zone) == format!("{zone:?}"))
            }
        };
        if self.report() == Some(HealthState::Unhealthy)
            || caretaker && self.report() != Some(HealthState::Healthy)
            || !its_zone
            || (self.data() || self.does(LOGS) || caretaker) && zone != Zone::Closed
            || zone == Zone::Internet
            || maintains && self.ticket().is_none()
        {
            return Some(ResultName::Denied);
        }
        let open = |ticket: Ticket| (ticket.from_ms..ticket.until_ms).contains(&self.request.now_ms);
        (maintains && !self.ticket().is_some_and(open)).then_some(ResultName::OutsideWindow)
    }

    fn work(&self) -> Option<ResultName> {
        let works = self.is(&["staff", "system"]);
        let enabled = self.function.is_none_or(|name| {
            let function = self.known.and_then(|known| known.functions.get(&name));
            function.is_some_and(|function| function.mode != Mode::Off && self.today >= function.from_day)
        });
        if !enabled || works && self.does(OF_AN_AFFAIR) && self.request.affair.is_none() {
            return Some(ResultName::NotPermitted);
        }
        if works && self.does(WORK) && self.request.affair.is_some() && !self.affair_held() {
            return Some(ResultName::AffairNotAllowed);
        }
        let owner = self.request.affair.and_then(|affair| self.known?.owners.get(affair));
        let others = owner.is_some_and(|owner| self.entry().is_none_or(|entry| entry.department != *owner));
        if self.is(&["staff"]) && self.does(WORK) && others {
            return Some(ResultName::NotPermitted);
        }
        let trained = self.entry().and_then(|entry| entry.trained_on);
        let trained = trained.is_some_and(|day| day <= self.today && self.today - day <= 366);
        if self.is(&["staff"]) && (self.data() || self.privileged()) && !trained {
            return Some(ResultName::Denied);
        }
        if self.does(&["act_approve"]) && self.role("administrator") {
            return Some(ResultName::TwoPersonRequired);
        }
        let again = self.person() && !self.request.factors.is_empty() && self.kinds() < 2;
        again.then_some(ResultName::SameFactorKind)
    }

    fn own_policies(&self) -> Option<ResultName> {
        let noon = self.known.is_some_and(|known| known.policies.contains_key("noon"));
        let morning = (self.request.now_ms + 9 * HOUR_MS) % (24 * HOUR_MS) < 12 * HOUR_MS;
        (noon && morning && self.does(WORK)).then_some(ResultName::OutsideWindow)
    }

    /// Kinds of factors; the certificate is possession.
    fn kinds(&self) -> usize {
        let others = [FactorKind::Knowledge, FactorKind::Biometrics];
        1 + others.iter().filter(|kind| self.request.factors.contains(kind)).count()
    }

    fn permitted(&self) -> bool {
        let staff_with = |roles: &[&str]| self.is(&["staff"]) && roles.iter().any(|role| self.role(role));
        let reads = self.request.kind() != Kind::AuditVerify || self.does(LOGS);
        self.does(WORK) && self.is(&["staff", "system"])
            || self.does(LOGS) && self.is(&["auditor"]) && reads && self.action != "audit_export"
            || self.does(&["audit_verify"]) && self.is(&["staff", "system"])
            || self.does(&["audit_search", "audit_export"]) && staff_with(&["reviewer"])
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
        let stale = |seconds: u32| self.request.stepped_up_s.is_none_or(|ago| ago >= seconds);
        let hurried = self.request.persons > 300 || self.request.requests > 300;
        let fifty = self.known.is_some_and(|known| known.policies.contains_key("fifty"));
        self.person() && self.kinds() < 2 && stale(28_800)
            || self.person() && self.privileged() && stale(600)
            || self.is(&["staff", "auditor"]) && self.report().is_none() && stale(600)
            || self.is(&["staff"]) && self.does(OPENS) && hurried && stale(600)
            || fifty && self.does(OPENS) && self.request.persons > 50 && stale(300)
    }
}
