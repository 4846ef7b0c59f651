//! What is measured of each body: the space that its rows take, against what they may (R40), and whether its standby of epochs is in step.
//!
//! What must hold: measuring costs next to nothing however many bodies there are. One body is measured at a time, each
//! about every ten seconds while they are few, and the longer one takes the longer it is until the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chukei_store::{EngineKind, Usage};
use chukei_wire::body_code::BodyCode;

use crate::app::Node;
use crate::hosted::HostedBody;
use crate::telemetry::metrics::Metrics;

/// Time in which every body is measured once, where that is not too often.
const ROUND: Duration = Duration::from_secs(10);
/// The shortest pause between two bodies: 1,788 of them take about eight minutes.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
/// Measuring takes at most one part in so many of the time.
const SHARE: u32 = 20;

/// Measures until the node stops.
pub async fn bodies(node: Arc<Node>) {
    let mut seen = Seen::default();
    loop {
        let began = Instant::now();
        let bodies: BTreeMap<_, _> = node.bodies.iter().map(|body| (body.code(), body)).collect();
        seen.keep_only(&bodies);
        if let Some(body) = seen.turn(&bodies) {
            seen.note(&node, body).await;
        }
        seen.show(&node.metrics);
        let waiting = i64::try_from(node.admission.waiting()).unwrap_or(i64::MAX);
        node.metrics.queue_depth.with_label_values(&["turns"]).set(waiting);
        if !node.sleep(pause(began.elapsed(), bodies.len())).await {
            return;
        }
    }
}

fn pause(took: Duration, bodies: usize) -> Duration {
    let bodies = u32::try_from(bodies.max(1)).unwrap_or(u32::MAX);
    (ROUND / bodies).max(SHORTEST_PAUSE).max(took.saturating_mul(SHARE - 1))
}

/// What each body took when it was last measured, and those without a standby that is in step.
#[derive(Default)]
struct Seen {
    by_body: BTreeMap<BodyCode, (EngineKind, Usage)>,
    standby_behind: BTreeSet<BodyCode>,
    /// Those whose rows take more than they may.
    over_storage: BTreeSet<BodyCode>,
    last: Option<BodyCode>,
}

impl Seen {
    /// Forgets bodies that are not served here any more.
    fn keep_only<T>(&mut self, bodies: &BTreeMap<BodyCode, T>) {
        self.by_body.retain(|code, _| bodies.contains_key(code));
        self.standby_behind.retain(|code| bodies.contains_key(code));
        self.over_storage.retain(|code| bodies.contains_key(code));
    }

    /// Whose turn it is: the one after the last, in order of their codes.
    fn turn<'a, T>(&mut self, bodies: &'a BTreeMap<BodyCode, T>) -> Option<&'a T> {
        use std::ops::Bound::{Excluded, Unbounded};
        let behind = self.last.and_then(|last| bodies.range((Excluded(last), Unbounded)).next());
        let (code, body) = behind.or_else(|| bodies.first_key_value())?;
        self.last = Some(*code);
        Some(body)
    }

    /// Measures a body. One that cannot be measured keeps what it took before.
    async fn note(&mut self, node: &Node, body: &Arc<HostedBody>) {
        if let Ok(usage) = body.usage().await {
            let taken = usage.bytes.saturating_sub(usage.reclaimable);
            if node.body_limits.of(Some(body.code())).measured(taken) {
                self.over_storage.insert(body.code());
            } else {
                self.over_storage.remove(&body.code());
            }
            self.by_body.insert(body.code(), (body.rows_as_they_are().engine(), usage));
        }
        let asked = body.clone();
        let in_step = tokio::task::spawn_blocking(move || asked.keyring().standby_in_step()).await;
        if in_step.unwrap_or(false) {
            self.standby_behind.remove(&body.code());
        } else {
            self.standby_behind.insert(body.code());
        }
    }

    /// Sums of bytes taken and of those that hold nothing.
    fn sums(&self, engine: EngineKind) -> (u64, u64) {
        let of_engine = self.by_body.values().filter(|(kind, _)| *kind == engine);
        of_engine.fold((0, 0), |(bytes, reclaimable), (_, usage)| {
            (bytes.saturating_add(usage.bytes), reclaimable.saturating_add(usage.reclaimable))
        })
    }

    fn show(&self, metrics: &Metrics) {
        let behind = i64::try_from(self.standby_behind.len()).unwrap_or(i64::MAX);
        metrics.standby_behind.set(behind);
        let over = i64::try_from(self.over_storage.len()).unwrap_or(i64::MAX);
        metrics.bodies_over_storage.set(over);
        for engine in [EngineKind::Sqlite, EngineKind::Sled, EngineKind::Postgres] {
            let (bytes, reclaimable) = self.sums(engine);
            for (gauge, sum) in
                [(&metrics.store_bytes, bytes), (&metrics.store_reclaimable_bytes, reclaimable)]
            {
                gauge.with_label_values(&[engine.as_str()]).set(i64::try_from(sum).unwrap_or(i64::MAX));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(codes: &[&str]) -> BTreeMap<BodyCode, ()> {
        codes.iter().map(|code| (code.parse().unwrap(), ())).collect()
    }

    #[test]
    fn every_body_has_its_turn_also_when_others_come_and_go() {
        let mut seen = Seen::default();
        let all = bodies(&["982016", "982024", "983012"]);
        let turns = |seen: &mut Seen, of: &BTreeMap<BodyCode, ()>| {
            seen.turn(of).map(|()| seen.last.unwrap().to_string()).unwrap_or_default()
        };
        let first: Vec<_> = (0..4).map(|_| turns(&mut seen, &all)).collect();
        assert_eq!(first, ["982016", "982024", "983012", "982016"]);
        assert_eq!(turns(&mut seen, &bodies(&["983012"])), "983012");
        assert_eq!(turns(&mut seen, &bodies(&[])), "");
        assert_eq!(turns(&mut seen, &all), "982016");
    }

    #[test]
    fn sums_are_by_engine_and_of_bodies_that_are_here() {
        let mut seen = Seen::default();
        let usage = |bytes| Usage { bytes, reclaimable: bytes / 2 };
        for (code, engine, bytes) in [
            ("982016", EngineKind::Sqlite, 10),
            ("982024", EngineKind::Sled, 6),
            ("983012", EngineKind::Sqlite, 4),
        ] {
            seen.by_body.insert(code.parse().unwrap(), (engine, usage(bytes)));
        }
        assert_eq!(seen.sums(EngineKind::Sqlite), (14, 7));
        seen.keep_only(&bodies(&["982016", "982024"]));
        assert_eq!((seen.sums(EngineKind::Sqlite), seen.sums(EngineKind::Sled)), ((10, 5), (6, 3)));
    }

    #[test]
    fn measuring_takes_a_bounded_share_of_the_time() {
        assert_eq!(pause(Duration::ZERO, 2), ROUND / 2);
        assert_eq!(pause(Duration::ZERO, 1_788), SHORTEST_PAUSE);
        assert_eq!(pause(Duration::from_secs(60), 1_788), Duration::from_secs(19 * 60));
        assert_eq!(pause(Duration::ZERO, 0), ROUND);
    }
}
