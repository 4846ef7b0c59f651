//! The queue against a plain model of fair shares, and what one body can do to another at worst.

use super::*;
use proptest::prelude::*;

/// What happens to a queue.
#[derive(Clone, Debug)]
enum Step {
    Push { flow: usize, cost: u32 },
    Next,
    Done { of: usize },
    Cancel { of: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_usize, 1..40_u32).prop_map(|(flow, cost)| Step::Push { flow, cost }),
        4 => Just(Step::Next),
        3 => any::<usize>().prop_map(|of| Step::Done { of }),
        1 => any::<usize>().prop_map(|of| Step::Cancel { of }),
    ];
    proptest::collection::vec(step, 1..300)
}

/// The same by definition: all that waits in one list, looked through each time; no order is kept anywhere.
struct Model {
    now: u64,
    flows: Vec<ModelFlow>,
    /// Flow, cost, number; in order of arrival.
    waits: Vec<(usize, u64, u64)>,
}

struct ModelFlow {
    weight: u64,
    limit: usize,
    in_work: usize,
    finish: u64,
    /// Virtual time at which the flow last began to be eligible.
    since: Option<u64>,
}

impl Model {
    fn eligible(&self, flow: usize) -> bool {
        self.waits.iter().any(|wait| wait.0 == flow) && self.flows[flow].in_work < self.flows[flow].limit
    }

    /// Eligibility that has just begun or ended.
    fn settle(&mut self) {
        for flow in 0..self.flows.len() {
            let (eligible, now) = (self.eligible(flow), self.now);
            let of = &mut self.flows[flow];
            of.since = eligible.then(|| of.since.unwrap_or(now));
        }
    }

    fn next(&mut self) -> Option<u64> {
        let start = |flow: usize| Some(self.flows[flow].finish.max(self.flows[flow].since?));
        let (start, flow) = (0..self.flows.len()).filter_map(|flow| Some((start(flow)?, flow))).min()?;
        let at = self.waits.iter().position(|wait| wait.0 == flow)?;
        let (_, cost, id) = self.waits.remove(at);
        self.now = start;
        let of = &mut self.flows[flow];
        of.finish = start + cost * UNIT / of.weight;
        of.in_work += 1;
        of.since = None;
        self.settle();
        Some(id)
    }
}

proptest! {
    #[test]
    fn the_queue_serves_as_the_model_does(
        flows in proptest::collection::vec((1..5_u32, 1..4_usize), 4),
        steps in steps(),
    ) {
        let mut queue: Queue<u64> = Queue::new();
        let mut model = Model { now: 0, flows: Vec::new(), waits: Vec::new() };
        for (weight, limit) in flows {
            queue.add_flow(weight, limit);
            let weight = u64::from(weight);
            model.flows.push(ModelFlow { weight, limit, in_work: 0, finish: 0, since: None });
        }
        let (mut number, mut ids, mut in_work) = (0, Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Push { flow, cost } => {
                    ids.push((flow, queue.push(flow, cost, number)));
                    model.waits.push((flow, u64::from(cost), number));
                    number += 1;
                }
                Step::Next => {
                    let next = queue.next();
                    prop_assert_eq!(next.map(|(_, number)| number), model.next());
                    in_work.extend(next.map(|(flow, _)| flow));
                }
                Step::Done { of } if !in_work.is_empty() => {
                    let flow = in_work.swap_remove(of % in_work.len());
                    queue.done(flow);
                    model.flows[flow].in_work -= 1;
                }
                Step::Cancel { of } if !ids.is_empty() => {
                    // Also those whose turn has come, which changes nothing.
                    let at = of % ids.len();
                    queue.cancel(ids[at].0, ids[at].1);
                    model.waits.retain(|wait| wait.2 != at as u64);
                }
                Step::Done { .. } | Step::Cancel { .. } => {}
            }
            model.settle();
            prop_assert_eq!(queue.waiting(), model.waits.len());
            let any = (0..model.flows.len()).any(|flow| model.eligible(flow));
            prop_assert_eq!(queue.has_next(), any, "a place is empty only where nobody could take it");
        }
    }

    /// While two bodies wait all the time, what they were given differs by no more than one request of each, measured
    /// in shares: the bound of start-time fair queueing (Goyal, Vin, Cheng 1997), over every interval.
    #[test]
    fn r40_bodies_that_wait_are_given_their_shares(
        weights in proptest::collection::vec(1..5_u32, 2..5),
        costs in proptest::collection::vec(1..40_u32, 400),
    ) {
        let mut queue: Queue<u32> = Queue::new();
        for weight in &weights {
            queue.add_flow(*weight, usize::MAX);
        }
        let mut costs = costs.into_iter();
        for flow in 0..weights.len() {
            for cost in costs.by_ref().take(400 / weights.len()) {
                queue.push(flow, cost, cost);
            }
        }
        let waiting = |queue: &Queue<u32>| queue.flows.iter().all(|flow| !flow.waits.is_empty());
        let mut given = vec![vec![0.0_f64]; weights.len()];
        while waiting(&queue) {
            let (flow, cost) = queue.next().unwrap();
            for (of, given) in given.iter_mut().enumerate() {
                let share = if of == flow { f64::from(cost) / f64::from(weights[of]) } else { 0.0 };
                given.push(given.last().unwrap() + share);
            }
        }
        for (one, other) in (0..weights.len()).flat_map(|one| (0..one).map(move |other| (one, other))) {
            let apart: Vec<f64> = given[one].iter().zip(&given[other]).map(|(a, b)| a - b).collect();
            let (most, least) = (apart.iter().copied().fold(f64::MIN, f64::max), apart.iter().copied().fold(f64::MAX, f64::min));
            let bound = 39.0 / f64::from(weights[one]) + 39.0 / f64::from(weights[other]);
            prop_assert!(most - least <= bound + 0.1, "{most} {least} {bound}");
        }
    }
}

#[test]
fn r40_one_request_passes_a_thousand_of_another_body() {
    let mut queue = Queue::new();
    let (flood, quiet) = (queue.add_flow(1, 1_000), queue.add_flow(1, 1_000));
    for number in 0..1_000 {
        queue.push(flood, 1, number);
    }
    for _ in 0..100 {
        queue.next();
    }
    queue.push(quiet, 1, 5_000);
    let served: Vec<u32> = (0..2).filter_map(|_| queue.next().map(|(_, number)| number)).collect();
    assert!(served.contains(&5_000), "the next but one at the latest: {served:?}");
}

#[test]
fn a_body_at_its_own_limit_saves_no_share_up() {
    let mut queue = Queue::new();
    let (narrow, wide) = (queue.add_flow(1, 1), queue.add_flow(1, 1_000));
    for number in 0..100 {
        queue.push(narrow, 1, number);
        queue.push(wide, 1, 1_000 + number);
    }
    // One of the narrow body's, then only the other's until that is done.
    let first: Vec<usize> = (0..60).filter_map(|_| queue.next().map(|(flow, _)| flow)).collect();
    assert_eq!(first.iter().filter(|flow| **flow == narrow).count(), 1);
    queue.done(narrow);
    let mut then = Vec::new();
    for _ in 0..10 {
        let (flow, _) = queue.next().unwrap();
        if flow == narrow {
            queue.done(narrow);
        }
        then.push(flow);
    }
    let others = then.iter().filter(|flow| **flow == wide).count();
    assert!((4..=6).contains(&others), "in turns again: {then:?}");
}
