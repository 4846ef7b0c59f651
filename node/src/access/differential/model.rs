//! The rules in plain words, once more: what a request comes to, in the order in which refusals count.

use chukei_access::facts::{FactorKind, Zone};
use chukei_domain::day::day_of;
use chukei_domain::register::{Delegation, Device, FunctionName, HealthState, Mode, Staff, Ticket};
use chukei_wire::header::Kind;
use chukei_wire::result::ResultName;

use super::groups::{ACTS, LOGS, OF_AN_AFFAIR, OPENS, RELEASES, RIGHTS, SETTINGS, UPKEEP, WORK};
use super::request::Request;
use super::world::{
    CARETAKERS, Caretaker, HOUR_MS, Known, NOW_MS, PLATFORM_TICKETS, PLATFORMS, TRIED, World, platform_ticket,
};
use crate::access::endpoint::{ENDPOINTS, Endpoint, Entrance};

/// What the caller is told; `None` where it is permitted.
pub(super) fn expected(world: &World, request: &Request) -> Option<ResultName> {
    let upkeep = request.is_of(&["operator", "maintenance"]) && request.on_behalf_of.is_none();
    if let Err(refusal) = entered(world, request, upkeep) {
        return Some(refusal);
    }
    let at_hand = match (upkeep, request.by_permit) {
        (true, _) => Entrance::Upkeep,
        (_, true) => Entrance::Broker,
        _ => Entrance::Staff,
    };
    let listed = ENDPOINTS.iter().find(|line| line.kind == request.kind() && line.entrance == at_hand);
    let Some(line) = listed else {
        let of_staff = |line: &&Endpoint| line.kind == request.kind() && line.entrance == Entrance::Staff;
        let data = upkeep && ENDPOINTS.iter().any(|line| of_staff(&line));
        return Some(if data { ResultName::RoleHasNoDataAccess } else { ResultName::NotPermitted });
    };
    let about = request.body.and_then(|body| world.bodies.get(body));
    let own = request.who().body().and_then(|body| world.bodies.get(body.as_str()));
    let case = Case {
        world,
        request,
        action: line.action,
        function: line.function,
        about,
        own: own.or(about),
        today: u32::try_from((request.now_ms + 9 * HOUR_MS) / (24 * HOUR_MS)).unwrap(),
    };
    case.refusal()
        .or_else(|| (!case.permitted()).then_some(ResultName::NotPermitted))
        .or_else(|| case.needs_a_factor().then_some(ResultName::StepUpRequired))
        .or_else(|| case.beyond_the_trial().then_some(ResultName::NotPermitted))
}

/// Whether the body that is named lets the caller in at all.
fn entered(world: &World, request: &Request, upkeep: bool) -> Result<(), ResultName> {
    let of_body = request.is_of(&["staff", "system", "auditor"]);
    let own = request.who().body().map(|body| body.to_string());
    match request.on_behalf_of {
        Some(of) => delegated(world, request, of),
        None if upkeep => Ok(()),
        None if request.by_permit || of_body && request.body == own.as_deref() => served(world, request.body),
        None => Err(ResultName::NotFound),
    }
}

fn served(world: &World, body: Option<&str>) -> Result<(), ResultName> {
    match body.and_then(|body| world.bodies.get(body)) {
        Some(known) if known.ended => Err(ResultName::NotFound),
        Some(known) if known.shut => Err(ResultName::NotReady),
        Some(_) => Ok(()),
        None => Err(ResultName::NotFound),
    }
}

/// Entered on behalf of another body, which has given leave to the caller's.
fn delegated(world: &World, request: &Request, of: &str) -> Result<(), ResultName> {
    let told = |why| if why == ResultName::NotReady { why } else { ResultName::NotAuthorised };
    let own = request.who().body().filter(|_| request.is_of(&["staff", "system"]));
    let own = own.ok_or(ResultName::NotAuthorised)?;
    if request.body != Some(of) {
        return Err(ResultName::NotFound);
    }
    served(world, Some(own.as_str())).map_err(told)?;
    let given = world.bodies.get(of).into_iter().flat_map(|known| known.delegations.values());
    let given = given.filter(|given| !given.revoked && given.to.as_str() == own.as_str());
    if own.as_str() == of || given.count() == 0 {
        return Err(ResultName::NotAuthorised);
    }
    served(world, Some(of)).map_err(told)
}

struct Case<'a> {
    world: &'a World,
    request: &'a Request,
    action: &'a str,
    function: Option<FunctionName>,
    /// The body that is named, where it is hosted.
    about: Option<&'a Known>,
    /// The one that knows the caller: the caller's own; of the platform's people the one that is named.
    own: Option<&'a Known>,
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
        self.does(WORK) || self.does(&["self_info", "person_records"])
    }

    fn privileged(&self) -> bool {
        self.does(RIGHTS) || self.does(ACTS) || self.does(&["keys_rotate", "review_sign_off"])
    }

    fn person(&self) -> bool {
        self.is(&["staff", "auditor", "operator", "maintenance"])
    }

    fn entry(&self) -> Option<&Staff> {
        let entry = self.own?.people.get(self.request.who().name())?;
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
        self.own?.devices.get(&self.device_name()?)
    }

    fn device_name(&self) -> Option<String> {
        let uri = self.request.device.as_deref()?;
        let own = self.request.who().body().map(|body| format!("chukei://body/{body}/device/"));
        Some(own.and_then(|own| uri.strip_prefix(&own)).unwrap_or(uri).to_owned())
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
            return of(self.own?);
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
        self.about.filter(|_| !self.does(&["node_restart"]))
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
        self.delegation()
            .or_else(|| self.record())
            .or_else(|| self.place())
            .or_else(|| self.work())
            .or_else(|| self.own_policies())
    }

    /// Some delegation runs, and one that runs covers it, as far as it can be delegated.
    fn delegation(&self) -> Option<ResultName> {
        self.request.on_behalf_of?;
        let own = self.request.who().body()?;
        let given = self.about?.delegations.values();
        let given = given.filter(|given| !given.revoked && given.to.as_str() == own.as_str());
        let running: Vec<_> =
            given.filter(|given| (given.from_ms..given.until_ms).contains(&self.request.now_ms)).collect();
        let covers = |given: &&Delegation| {
            let affair = |affair| given.affairs.iter().any(|covered| covered.as_str() == affair);
            self.request.affair.is_none_or(affair) && given.functions.iter().any(|name| name == self.action)
        };
        match running.is_empty() {
            true => Some(ResultName::ProxyExpired),
            false => (!self.does(WORK) || !running.iter().any(covers)).then_some(ResultName::ProxyScope),
        }
    }

    fn record(&self) -> Option<ResultName> {
        if self.request.by_permit {
            return None;
        }
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
        if self.request.by_permit {
            return None;
        }
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
            let function = self.about.and_then(|known| known.functions.get(&name));
            function.is_some_and(|function| function.mode != Mode::Off && self.today >= function.from_day)
        });
        if !enabled || works && self.does(OF_AN_AFFAIR) && self.request.affair.is_none() {
            return Some(ResultName::NotPermitted);
        }
        if works && self.does(WORK) && self.request.affair.is_some() && !self.affair_held() {
            return Some(ResultName::AffairNotAllowed);
        }
        let home = self.about.filter(|_| self.request.on_behalf_of.is_none());
        let owner = self.request.affair.and_then(|affair| home?.owners.get(affair));
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

    /// Reaches a person who is none of the trial's.
    fn beyond_the_trial(&self) -> bool {
        let function = self.function.and_then(|name| self.about?.functions.get(&name));
        let trial = function.is_some_and(|function| function.mode == Mode::Trial);
        trial && self.does(RELEASES) && self.request.reaches != TRIED
    }

    fn own_policies(&self) -> Option<ResultName> {
        let noon = self.about.is_some_and(|known| known.policies.contains_key("noon"));
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
            || self.does(&["self_info", "person_records"]) && self.request.by_permit
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
        let stale = |seconds: u32| self.request.stepped_up_s.is_none_or(|ago| ago >= seconds);
        let hurried = self.request.persons > 300 || self.request.requests > 300;
        let fifty = self.about.is_some_and(|known| known.policies.contains_key("fifty"));
        self.person() && self.kinds() < 2 && stale(28_800)
            || self.person() && self.privileged() && stale(600)
            || self.is(&["staff", "auditor"]) && self.report().is_none() && stale(600)
            || self.is(&["staff"]) && self.does(OPENS) && hurried && stale(600)
            || fifty && self.does(OPENS) && self.request.persons > 50 && stale(300)
    }
}
