//! Calls that go on while the world changes: whoever was let in is decided on again, and held against the same model (R6).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chukei_access::PolicyBook;
use chukei_wire::result::ResultName;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::request::Request;
use super::world::{NOW_MS, World};
use super::{decided, entered, judge, learnt, model};
use crate::access::asked::{Asked, Standing};
use crate::access::decision::Decision;
use crate::access::endpoint::Endpoint;
use crate::access::facts::Inquiry;
use crate::access::pattern::Patterns;

/// States of the world, and calls that go on from each to the next.
const STATES: usize = 400;
const CALLS: usize = 60;
/// What changes between two messages.
const CHANGES: usize = 3;

/// What is known at the moment, as the test has it.
#[derive(Default)]
struct Moment(Mutex<Option<Result<Inquiry, ResultName>>>);

impl Standing for Moment {
    fn inquiry(&self, _line: &'static Endpoint) -> Result<Inquiry, ResultName> {
        self.0.lock().unwrap().clone().unwrap()
    }

    fn now_ms(&self) -> u64 {
        NOW_MS
    }
}

/// One call that was let in.
struct Begun {
    request: Request,
    patterns: Arc<Patterns>,
    moment: Arc<Moment>,
    asked: Arc<Asked>,
    decision: Decision,
}

impl Begun {
    fn of(world: &World, request: Request) -> Option<Self> {
        let (patterns, moment) = (Arc::new(Patterns::default()), Arc::<Moment>::default());
        let decided = decided(world, &request, &patterns, Some(moment.clone()));
        let (decision, asked) = (decided.outcome.ok()?, decided.asked?);
        Some(Self { request, patterns, moment, asked, decision })
    }

    /// What its next message meets, and what is told of it.
    fn goes_on(&self, world: &World) -> Option<ResultName> {
        let (request, patterns) = (&self.request, &self.patterns);
        let (caller, header) = (request.caller(), request.header());
        let line = self.asked.inquiry().line;
        *self.moment.0.lock().unwrap() = Some(entered(world, request).map(|scope| {
            Inquiry::of(judge(world, request, patterns), &caller, &scope, &header, line, Patterns::so_far)
        }));
        let before = patterns.so_far(&request.who().to_string());
        let met = self.asked.again().err().or_else(|| learnt(&self.decision, request));
        assert_eq!(patterns.so_far(&request.who().to_string()), before, "no request of its own");
        let late = self.asked.late();
        assert_eq!(late.as_ref().map(|late| late.refusal), met);
        assert_eq!(late.and_then(|late| late.observed.refused), met);
        met
    }
}

#[tokio::test]
async fn access_differential_r6_what_has_changed_is_felt_by_the_next_message_of_a_call_that_goes_on() {
    let mut rng = StdRng::seed_from_u64(6);
    let mut world = World::new(Arc::new(PolicyBook::new().unwrap())).await;
    let mut seen = BTreeMap::<&str, usize>::new();
    for _ in 0..STATES {
        let begun: Vec<Begun> =
            (0..CALLS).filter_map(|_| Begun::of(&world, Request::random(&mut rng))).collect();
        for _ in 0..CHANGES {
            world.change(&mut rng).await;
        }
        for call in begun {
            let (ours, theirs) = (call.goes_on(&world), model::expected(&world, &call.request));
            assert_eq!(ours, theirs, "{:#?}\n{:#?}", call.request, world.bodies);
            *seen.entry(ours.map_or("permitted", |refusal| refusal.as_str())).or_default() += 1;
        }
    }
    let met = ["permitted", "NOT_PERMITTED", "DENIED", "NOT_AUTHORISED", "PROXY_SCOPE", "NOT_READY"];
    assert!(met.iter().all(|result| seen.contains_key(result)), "{seen:?}");
}
