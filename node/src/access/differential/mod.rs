//! Random attacks: identities × endpoints × bodies × states, held against a small model of the rules.
//!
//! The decisions are those of real calls: typed scopes of staff, of delegations, of upkeep and of permits, the table,
//! registers that were changed durably, policies of the bodies' own, and what handlers learn. The model knows plain words
//! alone: it shares no code with what it judges but the table's lines.

mod entries;
mod going_on;
mod groups;
mod model;
mod request;
mod world;

use std::sync::Arc;

use chukei_access::PolicyBook;
use chukei_domain::codes::AddresseeNumber;
use chukei_domain::register::{Affair, Entry};
use chukei_relay_client::permit::{PermitSession, PermitTerms, VerifiedPermit, issue, verify};
use chukei_wire::header::{Header, PersonCode};
use chukei_wire::result::ResultName;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::access::asked::{Learnt, Standing};
use crate::access::decision::{Decided, Decision, Judge, decide};
use crate::access::entered::Scope;
use crate::access::pattern::Patterns;
use crate::access::scope::BodyScope;
use request::Request;
use world::World;

/// Random requests; a state holds for some of them. For the last ones a body has ended.
const CASES: usize = 110_000;
const CASES_OF_A_STATE: usize = 100;
const UNTIL_A_BODY_ENDS: usize = 105_000;

/// What the request enters.
fn entered(world: &World, request: &Request) -> Result<Scope, ResultName> {
    let (bodies, header) = (&world.sample.bodies, request.header());
    if request.by_permit {
        let scope = BodyScope::of_permit(bodies, &permit(&header), &header);
        scope.map(Scope::Body).map_err(ResultName::from)
    } else {
        Scope::of(bodies, &request.caller(), &header)
    }
}

/// What it is decided with.
fn judge<'a>(world: &'a World, request: &Request, patterns: &'a Arc<Patterns>) -> Judge<'a> {
    let World { sample, policies, platform, .. } = world;
    Judge { bodies: &sample.bodies, policies, patterns, platform, now_ms: request.now_ms }
}

/// What the node says, and what it leaves.
fn decided(
    world: &World,
    request: &Request,
    patterns: &Arc<Patterns>,
    standing: Option<Arc<dyn Standing>>,
) -> Decided {
    request.behave(patterns);
    let (judge, caller, header) = (judge(world, request, patterns), request.caller(), request.header());
    match entered(world, request) {
        Ok(scope) => decide(judge, &caller, scope, &header, standing),
        Err(why) => Decided::outside(judge, &caller, &header, why),
    }
}

/// What the caller is told in the end: a handler says whom it reaches before it reaches them.
fn told(world: &World, request: &Request) -> Option<ResultName> {
    match decided(world, request, &Arc::default(), None).outcome {
        Ok(decision) => learnt(&decision, request),
        Err(refusal) => Some(refusal),
    }
}

/// What comes of what the handler learns.
fn learnt(decision: &Decision, request: &Request) -> Option<ResultName> {
    let reaches: AddresseeNumber = request.reaches.parse().unwrap();
    let learnt = Learnt { reaches: &[reaches], ..Learnt::default() };
    match decision {
        Decision::Read(grant) => grant.learn(learnt).err(),
        Decision::Write(grant) => grant.learn(learnt).err(),
        Decision::Deliver(grant) => grant.learn(learnt).err(),
        Decision::Export(grant) => grant.learn(learnt).err(),
        Decision::Operate(_) | Decision::Upkeep(_) => None,
    }
}

/// A permit as a broker gives it for this header.
fn permit(header: &Header) -> VerifiedPermit {
    let session =
        PermitSession { key: chukei_crypto::permit::PermitKey::from_bytes([3; 32]), epoch: [4; 16] };
    let terms = PermitTerms {
        person: header.kind.concerns_person().then_some(PersonCode([5; 17])),
        previous: None,
        legal_basis: "番号法附則6条3項".to_owned(),
        broker: "b-1".to_owned(),
        number: 1,
    };
    let hash = chukei_wire::id::HeaderHash([6; 32]);
    let (permit, _) = issue(&session, hash, terms, world::NOW_MS).unwrap();
    verify(&session, permit, header, hash, "b-1", world::NOW_MS).unwrap()
}

#[tokio::test]
async fn access_differential_random_attacks_are_decided_as_the_plain_rules_say() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut world = World::new(Arc::new(PolicyBook::new().unwrap())).await;
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for case in 0..CASES {
        if case % CASES_OF_A_STATE == 0 {
            world.change(&mut rng).await;
        }
        if case == UNTIL_A_BODY_ENDS {
            world.end(world::OTHER);
        }
        let request = Request::random(&mut rng);
        let ours = told(&world, &request);
        let theirs = model::expected(&world, &request);
        assert_eq!(ours, theirs, "case {case}: {request:#?}\n{:#?}", world.bodies);
        let result = ours.map_or("permitted", |refusal| refusal.as_str());
        *seen.entry(format!("{} {result}", request.way())).or_default() += 1;
    }
    for (result, count) in &seen {
        eprintln!("{count:>7} {result}");
    }
    let missed = EVERY_OUTCOME.iter().filter(|outcome| seen.get(**outcome).is_none_or(|met| *met < 10));
    assert_eq!(missed.collect::<Vec<_>>(), Vec::<&&str>::new(), "every outcome is met: {seen:#?}");
}

/// Each way in, and what may come of it.
const EVERY_OUTCOME: &[&str] = &[
    "own permitted",
    "own STEP_UP_REQUIRED",
    "own NOT_FOUND",
    "own NOT_READY",
    "own NOT_PERMITTED",
    "own ROLE_HAS_NO_DATA_ACCESS",
    "own DEVICE_UNKNOWN",
    "own DENIED",
    "own AFFAIR_NOT_ALLOWED",
    "own TWO_PERSON_REQUIRED",
    "own SAME_FACTOR_KIND",
    "own OUTSIDE_WINDOW",
    "delegation permitted",
    "delegation STEP_UP_REQUIRED",
    "delegation NOT_AUTHORISED",
    "delegation PROXY_SCOPE",
    "delegation PROXY_EXPIRED",
    "delegation NOT_FOUND",
    "delegation NOT_READY",
    "delegation NOT_PERMITTED",
    "delegation AFFAIR_NOT_ALLOWED",
    "delegation DENIED",
    "delegation DEVICE_UNKNOWN",
    "upkeep permitted",
    "upkeep STEP_UP_REQUIRED",
    "upkeep NOT_PERMITTED",
    "upkeep ROLE_HAS_NO_DATA_ACCESS",
    "upkeep DEVICE_UNKNOWN",
    "upkeep DENIED",
    "upkeep OUTSIDE_WINDOW",
    "permit permitted",
    "permit NOT_FOUND",
    "permit NOT_READY",
    "permit NOT_PERMITTED",
    "machine NOT_FOUND",
];

#[tokio::test]
async fn r6_the_very_next_operation_feels_what_changed() {
    let mut rng = StdRng::seed_from_u64(6);
    let mut world = World::new(Arc::new(PolicyBook::new().unwrap())).await;
    let requests: Vec<Request> = (0..400).map(|_| Request::random(&mut rng)).collect();
    let mut turned = 0;
    for _ in 0..200 {
        let before: Vec<_> = requests.iter().map(|asked| told(&world, asked)).collect();
        world.change(&mut rng).await;
        for (request, before) in requests.iter().zip(before) {
            let after = told(&world, request);
            assert_eq!(after, model::expected(&world, request), "{request:#?}\n{:#?}", world.bodies);
            turned += usize::from(before != after);
        }
    }
    assert!(turned > 100, "changes matter too seldom: {turned}");
}

#[tokio::test]
async fn r4_staff_of_another_department_do_not_work_on_what_belongs_to_one() {
    let mut rng = StdRng::seed_from_u64(8);
    let mut world = World::new(Arc::new(PolicyBook::new().unwrap())).await;
    let works = loop {
        let request = Request::random(&mut rng);
        let staff = request.is_of(&["staff"]) && request.affair == Some(world::TAX);
        let works = groups::WORK.contains(&request.line.action) && request.on_behalf_of.is_none();
        if staff && works && decided(&world, &request, &Arc::default(), None).outcome.is_ok() {
            break request;
        }
    };
    for (department, refused) in [("fukushi", Some(ResultName::NotPermitted)), ("zeimu", None)] {
        let affair = Affair { code: world::TAX.parse().unwrap(), department: department.to_owned() };
        world.put(works.own_body(), vec![Entry::Affair(affair)]).await;
        let decided = decided(&world, &works, &Arc::default(), None);
        assert_eq!(decided.observed.refused, refused, "{department}: {works:#?}");
        assert_eq!(decided.why.reasons.iter().any(|id| id == "own_department"), refused.is_some());
    }
}

#[tokio::test]
async fn r1_what_is_decided_across_bodies_is_the_same_for_what_exists_and_what_does_not() {
    let mut rng = StdRng::seed_from_u64(7);
    let world = World::new(Arc::new(PolicyBook::new().unwrap())).await;
    let mut met = 0;
    while met < 5_000 {
        let mut request = Request::random(&mut rng);
        // Whoever names somebody else's leave is told of that, the same for whatever it is about.
        let for_nobody = request.on_behalf_of == Some(world::NOBODYS);
        if !request.crosses(world::OTHER) || for_nobody {
            continue;
        }
        met += 1;
        let of = |request: &Request| {
            let decided = decided(&world, request, &Arc::default(), None);
            (decided.observed.refused, decided.why, decided.observed.body, decided.observed.action)
        };
        let foreign = of(&request);
        request.body = Some(world::NOBODYS);
        request.on_behalf_of =
            request.on_behalf_of.map(|of| if of == world::OTHER { world::NOBODYS } else { of });
        assert_eq!(foreign, of(&request), "{request:#?}");
    }
}
