//! A sequence as a body makes it, and everything that may be wrong with one.

use chukei_crypto::tlog::{Commitment, Frontier, Opening, Part, Proof, Salt, TreeHead, prove_inclusion};
use chukei_crypto::tlog::{Hash, HashSource, Subtree, node_hash};
use chukei_domain::event::{Disclosure, Ending, PersonPart, Place, Shown, ShownEnd, ShownResult};
use proptest::prelude::*;

use super::*;
use crate::storage::reached::KnownLog;

const BODY: &str = "982016";

/// Leaf hashes, as a source for proofs.
struct Leaves(Vec<Hash>);

impl HashSource for Leaves {
    type Error = ();

    fn hash(&mut self, at: Subtree) -> Result<Hash, ()> {
        let mut level: Vec<Hash> = self.0.clone();
        let (height, index) = (at.level(), at.index());
        for _ in 0..height {
            level = level.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        level.get(usize::try_from(index).unwrap()).copied().ok_or(())
    }
}

/// A log: leaves of one person at some places, of others between them.
struct Written {
    leaves: Vec<Hash>,
    openings: Vec<(u64, Opening)>,
}

fn request(id: u8) -> [u8; 16] {
    [id; 16]
}

fn shown(turn: usize) -> Shown {
    let id = u8::try_from(turn / 2).unwrap();
    if turn.is_multiple_of(2) {
        Shown::Asked(Disclosure {
            request: request(id),
            portal: "mynaportal".to_owned(),
            legal_basis: "番号法附則6条3項".to_owned(),
            affair: None,
            datasets: vec!["TM00000000000002".parse().unwrap()],
            result: ShownResult::Given,
        })
    } else {
        Shown::Ended(Ending { request: request(id), end: ShownEnd::Delivered })
    }
}

/// `places` records of one person with `gap` leaves of others before each.
fn log(places: usize, gap: usize) -> Written {
    let mut log = Written { leaves: Vec::new(), openings: Vec::new() };
    let mut place = Place::FIRST;
    for turn in 0..places {
        log.leaves.extend((0..gap).map(|other| [u8::try_from(other).unwrap(); 32]));
        let index = log.leaves.len() as u64;
        let part = PersonPart { body: BODY.parse().unwrap(), place, at_ms: 1, shown: shown(turn) };
        let salt = Salt::from_bytes([u8::try_from(turn).unwrap(); 32]);
        let internal = Commitment::from_bytes([9; 32]);
        let opening = Opening::new(Part::Person, salt, part.to_bytes().unwrap(), internal).unwrap();
        let leaf = opening.leaf().hash();
        log.leaves.push(leaf);
        log.openings.push((index, opening));
        place = place.next(index, leaf).unwrap();
    }
    log
}

impl Written {
    fn head(&self) -> TreeHead {
        let mut frontier = Frontier::new();
        frontier.extend(&self.leaves).unwrap();
        frontier.head()
    }

    fn proof(&self, index: u64) -> Proof {
        prove_inclusion(&mut Leaves(self.leaves.clone()), index, self.leaves.len() as u64).unwrap()
    }

    fn seen(&self) -> Vec<Seen> {
        let body = BODY.parse().unwrap();
        self.openings.iter().map(|(index, opening)| Seen::read(body, *index, opening).unwrap()).collect()
    }
}

fn wrong(result: Result<(), Fault>) -> Option<(Option<u64>, Wrong)> {
    result.err().map(|fault| (fault.number, fault.wrong))
}

#[test]
fn a_whole_sequence_verifies_and_each_leaf_is_in_the_tree() {
    let log = log(12, 3);
    let (seen, head) = (log.seen(), log.head());
    chained(&seen).unwrap();
    for place in &seen {
        place.is_in(&log.proof(place.index), &head).unwrap();
    }
    let other = log.proof(seen[1].index);
    assert_eq!(wrong(seen[0].is_in(&other, &head)), Some((Some(1), Wrong::NotInLog)));
    let moved = Seen { index: seen[0].index + 1, ..seen[0].clone() };
    assert_eq!(wrong(moved.is_in(&log.proof(seen[0].index), &head)), Some((Some(1), Wrong::NotInLog)));
}

#[test]
fn what_is_of_another_body_or_for_the_body_alone_is_not_taken() {
    let log = log(1, 0);
    let (index, opening) = &log.openings[0];
    assert_eq!(Seen::read("982024".parse().unwrap(), *index, opening).err(), Some(Wrong::OtherBody));
    let internal = Opening::new(
        Part::Internal,
        Salt::from_bytes([1; 32]),
        opening.content().to_vec(),
        Commitment::from_bytes([2; 32]),
    );
    assert_eq!(Seen::read(BODY.parse().unwrap(), *index, &internal.unwrap()).err(), Some(Wrong::Opening));
    let other =
        Opening::new(Part::Person, Salt::from_bytes([1; 32]), vec![1, 2], Commitment::from_bytes([2; 32]));
    assert_eq!(Seen::read(BODY.parse().unwrap(), *index, &other.unwrap()).err(), Some(Wrong::Opening));
}

#[test]
fn r23_swapped_doubled_and_foreign_places_are_named() {
    let seen = log(12, 3).seen();
    let mut swapped = seen.clone();
    swapped.swap(4, 6);
    assert_eq!(wrong(chained(&swapped)), Some((Some(6), Wrong::Chain)));
    let mut doubled = seen.clone();
    doubled.insert(5, seen[4].clone());
    assert_eq!(wrong(chained(&doubled)), Some((Some(5), Wrong::Chain)));
    // A place of another person's sequence, of the same number.
    let mut foreign = seen.clone();
    foreign[4] = log(12, 2).seen()[4].clone();
    assert_eq!(wrong(chained(&foreign)), Some((Some(5), Wrong::Chain)));
}

#[test]
fn r50_a_pair_may_be_closed_and_half_of_one_may_not() {
    let seen = log(12, 3).seen();
    let mut hidden = seen.clone();
    hidden.drain(4..6);
    chained(&hidden).unwrap();
    for half in 0..12 {
        let mut without = seen.clone();
        let missing = without.remove(half);
        let told = wrong(chained(&without)).unwrap();
        assert_eq!(told.1, Wrong::Unpaired, "{}", missing.number);
    }
}

#[test]
fn closed_places_need_leaves_of_their_own() {
    let whole = log(12, 0);
    let seen = whole.seen();
    let mut few = vec![seen[0].clone(), seen[1].clone()];
    // Numbered 5 and 6, as if two were closed before them, with leaves that lie right behind.
    let mut place = Place { number: 5, previous: Some(seen[1].as_previous()) };
    for (turn, index) in [(4, 2), (5, 3)] {
        let part = PersonPart { body: BODY.parse().unwrap(), place, at_ms: 1, shown: shown(turn) };
        let leaf = [7; 32];
        few.push(Seen { number: place.number, index, leaf, part });
        place = place.next(index, leaf).unwrap();
    }
    assert_eq!(wrong(chained(&few)), Some((Some(5), Wrong::Chain)));
}

#[test]
fn r43_a_log_that_forgets_what_was_verified_is_named() {
    let seen = log(12, 3).seen();
    let known = KnownLog { epoch: 1, size: 48, root: [1; 32], note: String::new() };
    let before = Reached { log: known, count: 12, number: 12, leaf: seen[11].leaf, lost: Vec::new() };
    continues(&seen, 12, &before).unwrap();
    let fewer = continues(&seen[..10], 11, &before);
    assert_eq!(wrong(fewer), Some((None, Wrong::Fewer)));
    let changed = continues(&seen, 12, &Reached { leaf: [0; 32], ..before.clone() });
    assert_eq!(wrong(changed), Some((Some(12), Wrong::Changed)));
    // Closed since.
    continues(&seen[..10], 12, &before).unwrap();
}

#[test]
fn r35_pages_under_two_checkpoints_are_judged_under_the_smaller_one() {
    let whole = log(12, 3);
    let seen = whole.seen();
    // The first page came under a checkpoint before the end of request 2: that closes its begin, number 5. The next page
    // came under a later one and has the end, number 6, open.
    let smaller = seen[5].index;
    let mut pages = seen.clone();
    pages.remove(4);
    assert_eq!(wrong(chained(&pages)), Some((Some(6), Wrong::Unpaired)));
    let judged = under(pages.clone(), smaller);
    assert_eq!(judged.iter().map(|place| place.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    chained(&judged).unwrap();
    // What is left out below the smaller one is found as ever.
    pages.remove(1);
    assert_eq!(wrong(chained(&under(pages, smaller))), Some((Some(1), Wrong::Unpaired)));
    assert_eq!(under(seen.clone(), whole.leaves.len() as u64), seen, "one checkpoint takes nothing away");
}

#[test]
fn each_disclosure_is_told_of_at_the_leaf_that_it_named() {
    let log = log(12, 3);
    let (seen, size) = (log.seen(), log.leaves.len() as u64);
    let all: BTreeMap<RequestId, u64> =
        seen.iter().filter(|place| place.is_asked()).map(|place| (place.request(), place.index)).collect();
    let held = |seen: &[Seen], count, of: &BTreeMap<RequestId, u64>| {
        disclosed(seen, Log { epoch: 1, size, count }, of)
    };
    assert_eq!(held(&seen, 12, &all).unwrap().verified.len(), 6);
    let told = |seen: &[Seen], count, of: (u8, u64)| {
        let one = BTreeMap::from([(RequestId([of.0; 16]), of.1)]);
        held(seen, count, &one).err().map(|fault| (fault.number, fault.wrong))
    };
    // Another leaf than the record's; the leaf of another record; a leaf where nothing can be closed.
    assert_eq!(told(&seen, 12, (2, 0)), Some((Some(5), Wrong::OtherRecord)));
    assert_eq!(told(&seen, 12, (99, seen[3].index)), Some((Some(4), Wrong::OtherRecord)));
    assert_eq!(told(&seen, 12, (99, seen[3].index + 1)), Some((Some(5), Wrong::Missing)));
    assert_eq!(told(&seen, 12, (99, seen[11].index)), Some((Some(12), Wrong::OtherRecord)));
    // It may be at a closed place, between others or behind the last; or is not under the checkpoint yet.
    let mut hidden = seen.clone();
    hidden.drain(4..6);
    assert_eq!(told(&hidden, 12, (2, seen[4].index)), None);
    assert_eq!(told(&seen[..10], 12, (5, seen[10].index)), None);
    assert_eq!(told(&seen[..10], 10, (5, seen[10].index)), Some((Some(11), Wrong::Missing)));
    assert_eq!(told(&seen, 12, (99, size)), None);
}

/// A request that this portal asked for at that time.
fn asked_at(ms: u64, of: u8) -> RequestId {
    let mut id = [of; 16];
    id[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
    (id[6], id[8]) = (0x70, 0x80);
    RequestId(id)
}

#[test]
fn r41_what_a_restore_has_lost_is_told_as_lost_and_the_rest_is_verified() {
    const RESTORED: u64 = 1_795_219_200_000;
    let whole = log(12, 3);
    let (mut seen, size) = (whole.seen(), whole.leaves.len() as u64);
    let before = asked_at(RESTORED - 60_000, 1);
    let after = asked_at(RESTORED + 60_000, 2);
    let held = |seen: &[Seen], epoch, of: &[(RequestId, u64)]| {
        disclosed(seen, Log { epoch, size, count: 12 }, &of.iter().copied().collect())
    };
    // Its leaf is another record of the person now, one of somebody else, or not there any more.
    for leaf in [seen[3].index, seen[3].index + 1, size + 40] {
        let told = held(&seen, RESTORED, &[(before, leaf), (seen[4].request(), seen[4].index)]).unwrap();
        assert_eq!((told.lost, told.verified), (vec![before], vec![seen[4].request()]), "{leaf}");
    }
    // Without a restore, and for what was disclosed since, it is what it was.
    for (epoch, request) in [(1, before), (RESTORED, after)] {
        let told = |leaf| held(&seen, epoch, &[(request, leaf)]).map_err(|fault| fault.wrong);
        assert_eq!(told(seen[3].index), Err(Wrong::OtherRecord));
        assert_eq!(told(seen[3].index + 1), Err(Wrong::Missing));
        assert_eq!(told(size + 40), Ok(Told::default()), "not under the checkpoint yet");
    }
    // What stands elsewhere than it said was not lost.
    let moved = held(&seen, RESTORED, &[(seen[4].request(), 0)]).map_err(|fault| fault.wrong);
    assert_eq!(moved, Err(Wrong::OtherRecord));
    // And a closed place may have it still.
    let leaf = seen[4].index;
    seen.drain(4..6);
    assert_eq!(held(&seen, RESTORED, &[(before, leaf)]).unwrap(), Told::default());
}

proptest! {
    /// Whatever pairs are closed, the rest verifies; whatever two places of what is open are exchanged, it does not.
    #[test]
    fn sequences_with_closed_pairs(pairs in 1_usize..12, gap in 0_usize..5, closed in any::<u16>(), swap in any::<(usize, usize)>()) {
        let log = log(pairs * 2, gap);
        let open: Vec<Seen> =
            log.seen().into_iter().filter(|place| closed >> ((place.number - 1) / 2) & 1 == 0).collect();
        prop_assert_eq!(chained(&open), Ok(()));
        let size = log.leaves.len() as u64;
        let all = log.seen().iter().filter(|place| place.is_asked()).map(|place| (place.request(), place.index)).collect();
        let told = disclosed(&open, Log { epoch: 1, size, count: pairs as u64 * 2 }, &all);
        prop_assert_eq!(told.map(|told| told.verified.len()), Ok(open.len() / 2));
        if open.len() > 1 {
            let (one, other) = (swap.0 % open.len(), swap.1 % open.len());
            let mut exchanged = open.clone();
            exchanged.swap(one, other);
            prop_assert_eq!(chained(&exchanged).is_ok(), one == other);
        }
    }
}
