//! Random attacks: identities × endpoints × bodies × states, held against a small model of the rules.
//!
//! The decisions are those of real calls: typed scopes, the table, registers that were changed durably, policies of the
//! bodies' own. The model knows plain words alone: it shares no code with what it judges but the table's lines.

mod model;
mod request;
mod world;

use std::sync::Arc;

use chukei_access::PolicyBook;
use chukei_domain::register::{Affair, Entry};
use chukei_wire::result::ResultName;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::access::decision::{Decided, Judge, decide};
use crate::access::entered::Scope;
use crate::access::pattern::Patterns;
use request::Request;
use world::World;

/// Random requests; a state holds for some of them.
const CASES: usize = 100_000;
const CASES_OF_A_STATE: usize = 100;

/// What the node says, and what it leaves.
fn decided(world: &World, request: &Request) -> Decided {
    let patterns = Arc::new(Patterns::default());
    request.behave(&patterns);
    let (bodies, policies) = (&world.sample.bodies, &world.policies);
    let platform = &world.platform;
    let judge = Judge { bodies, policies, patterns: &patterns, platform, now_ms: request.now_ms };
    let (caller, header) = (request.caller(), request.header());
    match Scope::of(bodies, &caller, &header) {
        Ok(scope) => decide(judge, &caller, scope, &header),
        Err(why) => Decided::outside(judge, &caller, &header, why),
    }
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
        let request = Request::random(&mut rng);
        let ours = decided(&world, &request).observed.refused;
        let theirs = model::expected(&world, &request);
        assert_eq!(ours, theirs, "case {case}: {request:#?}\n{:#?}", world.bodies);
        *seen.entry(format!("{ours:?}")).or_default() += 1;
    }
    for (result, count) in &seen {
        eprintln!("{count:>7} {result}");
    }
    assert!(seen.values().all(|count| *count >= 20), "every outcome is met: {seen:?}");
    assert!(seen.len() >= 9, "{seen:?}");
}

#[tokio::test]
async fn r6_the_very_next_operation_feels_what_changed() {
    let mut rng = StdRng::seed_from_u64(6);
    let mut world = World::new(Arc::new(PolicyBook::new().unwrap())).await;
    let requests: Vec<Request> = (0..400).map(|_| Request::random(&mut rng)).collect();
    let mut turned = 0;
    for _ in 0..200 {
        let before: Vec<_> = requests.iter().map(|asked| decided(&world, asked).observed.refused).collect();
        world.change(&mut rng).await;
        for (request, before) in requests.iter().zip(before) {
            let after = decided(&world, request).observed.refused;
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
        if staff && decided(&world, &request).outcome.is_ok() {
            break request;
        }
    };
    for (department, refused) in [("fukushi", Some(ResultName::NotPermitted)), ("zeimu", None)] {
        let affair = Affair { code: world::TAX.parse().unwrap(), department: department.to_owned() };
        world.put(works.own_body(), vec![Entry::Affair(affair)]).await;
        let decided = decided(&world, &works);
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
        if !request.crosses(world::OTHER) {
            continue;
        }
        met += 1;
        let of = |request: &Request| {
            let decided = decided(&world, request);
            (decided.observed.refused, decided.why, decided.observed.body, decided.observed.action)
        };
        let foreign = of(&request);
        request.body = Some(world::NOBODYS);
        assert_eq!(foreign, of(&request), "{request:#?}");
    }
}
