//! Whose turn it is: bodies that wait are served in the order of their virtual time (start-time fair queueing).
//!
//! What must hold: whatever one body asks for, another that waits gets its share, to within one request of each; no
//! place stays empty while somebody could take it; a body that did not ask, or was at its own limit, saves nothing up.
//! Deliberately absent: time, tasks and locks, which are `fair`'s.

use std::collections::{BTreeSet, VecDeque};

/// Virtual time of one unit of cost at weight 1: weights up to 100 divide it well.
const UNIT: u64 = 1 << 12;

/// A body's place in the queue.
pub(super) type FlowId = usize;

/// All flows; `T` is what waits.
pub(super) struct Queue<T> {
    /// Virtual time: the start of the request that was taken last.
    now: u64,
    flows: Vec<Flow<T>>,
    /// Flows that wait and may be served, by the start of their first request.
    ready: BTreeSet<(u64, FlowId)>,
    waiting: usize,
    next_id: u64,
}

struct Flow<T> {
    weight: u64,
    limit: usize,
    in_work: usize,
    /// Virtual time at which what it was given is used up.
    finish: u64,
    /// Its key in `ready`.
    start: Option<u64>,
    waits: VecDeque<Waiter<T>>,
}

struct Waiter<T> {
    id: u64,
    cost: u64,
    waiter: T,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { now: 0, flows: Vec::new(), ready: BTreeSet::new(), waiting: 0, next_id: 0 }
    }

    /// A further flow: its share grows with `weight`, and at most `limit` of its requests are in work.
    pub(super) fn add_flow(&mut self, weight: u32, limit: usize) -> FlowId {
        self.flows.push(Flow {
            weight: u64::from(weight.max(1)),
            limit,
            in_work: 0,
            finish: 0,
            start: None,
            waits: VecDeque::new(),
        });
        self.flows.len() - 1
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether somebody waits who may be served.
    pub(super) fn has_next(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Puts a request behind the others of its flow; its number, for [`Self::cancel`].
    pub(super) fn push(&mut self, flow: FlowId, cost: u32, waiter: T) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if let Some(of) = self.flows.get_mut(flow) {
            of.waits.push_back(Waiter { id, cost: u64::from(cost.max(1)), waiter });
            self.waiting += 1;
        }
        self.look(flow);
        id
    }

    /// Takes the request whose turn it is into work.
    pub(super) fn next(&mut self) -> Option<(FlowId, T)> {
        let (start, id) = self.ready.pop_first()?;
        let flow = self.flows.get_mut(id)?;
        flow.start = None;
        let first = flow.waits.pop_front()?;
        self.now = start;
        flow.finish = start.saturating_add(first.cost.saturating_mul(UNIT) / flow.weight);
        flow.in_work += 1;
        self.waiting -= 1;
        self.look(id);
        Some((id, first.waiter))
    }

    /// A request of the flow is no longer in work.
    pub(super) fn done(&mut self, flow: FlowId) {
        if let Some(of) = self.flows.get_mut(flow) {
            of.in_work = of.in_work.saturating_sub(1);
        }
        self.look(flow);
    }

    /// Lets go of a request that waits no more; nothing where its turn has come already.
    pub(super) fn cancel(&mut self, flow: FlowId, id: u64) {
        let Some(of) = self.flows.get_mut(flow) else { return };
        let Some(at) = of.waits.iter().position(|waiter| waiter.id == id) else { return };
        of.waits.remove(at);
        self.waiting -= 1;
        self.look(flow);
    }

    /// Puts the flow among those that may be served, or takes it away.
    fn look(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get_mut(id) else { return };
        let eligible = !flow.waits.is_empty() && flow.in_work < flow.limit;
        match (eligible, flow.start) {
            (true, None) => {
                let start = flow.finish.max(self.now);
                flow.start = Some(start);
                self.ready.insert((start, id));
            }
            (false, Some(start)) => {
                flow.start = None;
                self.ready.remove(&(start, id));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
