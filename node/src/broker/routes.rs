//! Where bodies and portals are reached now.
//!
//! What must hold: a body's route is the live connection whose delegation has the highest epoch, and of one
//! node's own connections the newest; a connection takes its routes with it; a delegation that is over, or whose
//! identity has left the peer list, routes nothing. Deliberately absent: anything durable; peers announce themselves again after a restart.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chukei_wire::body_code::BodyCode;
use chukei_wire::message::control::DelegationClaims;

use crate::broker::announce::Standing;

/// A connection as the table sees it.
pub(super) trait Reachable {
    /// Tells this connection from every other.
    fn id(&self) -> usize;
    /// Who is at its other end.
    fn name(&self) -> &str;
    /// Whether a stream could be opened now.
    fn is_live(&self) -> bool;
}

/// The table.
pub(super) struct Routes<P>(RwLock<Table<P>>);

struct Table<P> {
    bodies: HashMap<BodyCode, Route<P>>,
    portals: HashMap<String, Arc<P>>,
}

struct Route<P> {
    peer: Arc<P>,
    identity: Vec<u8>,
    epoch: u64,
    not_after_ms: u64,
}

impl<P: Reachable> Routes<P> {
    pub(super) fn new() -> Self {
        Self(RwLock::new(Table { bodies: HashMap::new(), portals: HashMap::new() }))
    }

    /// The node that serves `body`.
    pub(super) fn body(&self, body: BodyCode, now_ms: u64) -> Option<Arc<P>> {
        let table = self.read();
        let route = table.bodies.get(&body).filter(|route| route.stands(now_ms))?;
        Some(route.peer.clone())
    }

    /// The portal of this name.
    pub(super) fn portal(&self, name: &str) -> Option<Arc<P>> {
        self.read().portals.get(name).filter(|peer| peer.is_live()).cloned()
    }

    /// Whether `body` is reached over this connection, or over another of the same node: one that takes the place of
    /// an older, on which the node still speaks for a moment.
    pub(super) fn owns(&self, peer: &P, body: BodyCode, now_ms: u64) -> bool {
        let own = |route: &Route<P>| route.peer.id() == peer.id() || route.peer.name() == peer.name();
        self.read().bodies.get(&body).is_some_and(|route| own(route) && route.stands(now_ms))
    }

    /// Replaces what `peer` announced before, but for `kept` bodies; how many bodies are now taken in. Kept is what
    /// was shown now under an identity that is not listed here yet, and still stands under the former one. A body that another node
    /// announced with a higher epoch stays there while that node lives. Of one node's connections the older is
    /// not waited for: it may take a while until the end of a process that was killed is noticed.
    pub(super) fn announce(
        &self,
        peer: &Arc<P>,
        standing: &[Standing],
        kept: &[BodyCode],
        now_ms: u64,
    ) -> usize {
        let mut table = self.write();
        table.bodies.retain(|body, route| route.peer.id() != peer.id() || kept.contains(body));
        let mut taken = 0;
        for Standing { claims: claim, identity } in standing {
            let before = table.bodies.get(&claim.body);
            if before.is_some_and(|route| route.outranks(peer, claim, now_ms)) {
                continue;
            }
            let (epoch, not_after_ms) = (claim.epoch, claim.not_after_ms);
            let route = Route { peer: peer.clone(), identity: identity.clone(), epoch, not_after_ms };
            table.bodies.insert(claim.body, route);
            taken += 1;
        }
        taken
    }

    /// Keeps only the routes of bodies under identities that are `listed`; how many are dropped.
    pub(super) fn keep(&self, listed: impl Fn(&BodyCode, &[u8]) -> bool) -> usize {
        let mut table = self.write();
        let before = table.bodies.len();
        table.bodies.retain(|body, route| listed(body, &route.identity));
        before - table.bodies.len()
    }

    /// A portal is here; an older connection of the same name is not used any more.
    pub(super) fn portal_came(&self, name: &str, peer: &Arc<P>) {
        self.write().portals.insert(name.to_owned(), peer.clone());
    }

    /// The connection is over.
    pub(super) fn forget(&self, peer: &P) {
        let mut table = self.write();
        table.bodies.retain(|_, route| route.peer.id() != peer.id());
        table.portals.retain(|_, portal| portal.id() != peer.id());
    }

    /// Whether at least one body and one portal can be reached.
    pub(super) fn any(&self, now_ms: u64) -> bool {
        let table = self.read();
        table.bodies.values().any(|route| route.stands(now_ms))
            && table.portals.values().any(|peer| peer.is_live())
    }

    fn read(&self) -> RwLockReadGuard<'_, Table<P>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table<P>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Reachable> Route<P> {
    fn stands(&self, now_ms: u64) -> bool {
        now_ms <= self.not_after_ms && self.peer.is_live()
    }

    fn outranks(&self, peer: &P, claim: &DelegationClaims, now_ms: u64) -> bool {
        self.stands(now_ms) && self.epoch > claim.epoch && self.peer.name() != peer.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    const NOW: u64 = 1_000;

    struct Peer(usize, &'static str, AtomicBool);

    impl Reachable for Peer {
        fn id(&self) -> usize {
            self.0
        }

        fn name(&self) -> &str {
            self.1
        }

        fn is_live(&self) -> bool {
            self.2.load(Ordering::Relaxed)
        }
    }

    /// Connections of nodes (or portals) of their own.
    fn peer(id: usize) -> Arc<Peer> {
        let name = ["a", "b", "c", "d"].into_iter().nth(id % 4).unwrap();
        Arc::new(Peer(id, name, AtomicBool::new(true)))
    }

    fn body() -> BodyCode {
        "982016".parse().unwrap()
    }

    fn claim(epoch: u64) -> Standing {
        let claims = DelegationClaims { body: body(), node: "node".into(), epoch, not_after_ms: NOW + 10 };
        Standing { claims, identity: vec![1; 91] }
    }

    fn reached(routes: &Routes<Peer>) -> Option<usize> {
        routes.body(body(), NOW).map(|peer| peer.id())
    }

    #[test]
    fn the_highest_epoch_wins_and_the_newest_of_equals() {
        let routes = Routes::new();
        assert_eq!(reached(&routes), None);
        for (id, epoch, expected) in [(1, 5, 1), (2, 4, 1), (3, 5, 3), (4, 6, 4)] {
            routes.announce(&peer(id), &[claim(epoch)], &[], NOW);
            assert_eq!(reached(&routes), Some(expected), "after connection {id}");
        }
    }

    #[test]
    fn a_node_that_came_back_does_not_wait_for_the_end_of_its_old_connection() {
        let routes = Routes::new();
        routes.announce(&peer(1), &[claim(5)], &[], NOW);
        routes.announce(&peer(5), &[claim(4)], &[], NOW);
        assert_eq!(reached(&routes), Some(5));
    }

    #[test]
    fn a_dead_connection_routes_nothing_and_holds_nobody_up() {
        let routes = Routes::new();
        let first = peer(1);
        routes.announce(&first, &[claim(9)], &[], NOW);
        first.2.store(false, Ordering::Relaxed);
        assert_eq!(reached(&routes), None);
        assert_eq!(routes.announce(&peer(2), &[claim(3)], &[], NOW), 1);
        assert_eq!(reached(&routes), Some(2));
        routes.forget(&first);
        assert_eq!(reached(&routes), Some(2), "the end of the old connection leaves the new route alone");
    }

    #[test]
    fn a_delegation_that_is_over_routes_nothing() {
        let routes = Routes::new();
        let node = peer(1);
        routes.announce(&node, &[claim(1)], &[], NOW);
        assert!(routes.owns(&node, body(), NOW + 10));
        assert!(!routes.owns(&node, body(), NOW + 11));
        assert!(routes.body(body(), NOW + 11).is_none());
    }

    #[test]
    fn r1_a_node_speaks_for_its_bodies_on_each_of_its_connections_and_nobody_else_does() {
        let routes = Routes::new();
        let (old, new, other) = (peer(1), peer(5), peer(2));
        routes.announce(&old, &[claim(1)], &[], NOW);
        routes.announce(&new, &[claim(1)], &[], NOW);
        assert!(routes.owns(&old, body(), NOW) && routes.owns(&new, body(), NOW));
        assert!(!routes.owns(&other, body(), NOW));
        new.2.store(false, Ordering::Relaxed);
        assert!(!routes.owns(&old, body(), NOW), "with the connection its routes vanish");
    }

    #[test]
    fn an_announcement_replaces_the_one_before() {
        let routes = Routes::new();
        let node = peer(1);
        routes.announce(&node, &[claim(1)], &[], NOW);
        routes.announce(&node, &[], &[], NOW);
        assert!(!routes.owns(&node, body(), NOW));
    }

    #[test]
    fn an_announcement_under_an_identity_not_listed_yet_leaves_the_route_standing() {
        let routes = Routes::new();
        let node = peer(1);
        routes.announce(&node, &[claim(1)], &[], NOW);
        routes.announce(&node, &[], &[body()], NOW);
        assert!(routes.owns(&node, body(), NOW));
    }

    #[test]
    fn a_route_ends_with_the_identity_it_was_delegated_under() {
        let routes = Routes::new();
        routes.announce(&peer(1), &[claim(1)], &[], NOW);
        assert_eq!(routes.keep(|code, identity| *code == body() && identity == [1; 91]), 0);
        assert_eq!(reached(&routes), Some(1));
        assert_eq!(routes.keep(|_, identity| identity == [2; 91]), 1);
        assert_eq!(reached(&routes), None);
    }

    #[test]
    fn a_portal_is_reached_over_its_newest_connection() {
        let routes = Routes::new();
        let (old, new) = (peer(1), peer(2));
        routes.portal_came("mynaportal", &old);
        routes.portal_came("mynaportal", &new);
        routes.forget(&old);
        assert_eq!(routes.portal("mynaportal").map(|peer| peer.id()), Some(2));
        assert!(routes.portal("another").is_none());
        assert!(!routes.any(NOW), "a portal alone can ask nobody");
        routes.announce(&peer(3), &[claim(1)], &[], NOW);
        assert!(routes.any(NOW));
    }
}
