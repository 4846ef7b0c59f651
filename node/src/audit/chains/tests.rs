//! Pages of persons' records: full ones and the one that is not, in memory and behind the store.

use proptest::prelude::*;

use super::*;

const PERSON: PersonId = [7; 16];

/// Where record `number` of the person stands: somewhere behind the one before.
fn index_of(number: u64) -> u64 {
    number * 3
}

fn end(number: u64) -> ChainEnd {
    ChainEnd { number, index: index_of(number), leaf: [9; 32] }
}

proptest! {
    /// Whenever the chain is stored and let go of, what is stored and what is at hand say where every record is.
    #[test]
    fn pages_say_where_every_record_is(length in 1_u64..400, stored_at in prop::collection::btree_set(1_u64..400, 0..12)) {
        let (mut chains, mut pages, mut kept) = (Chains::default(), BTreeMap::new(), None);
        chains.know(PERSON, None);
        for number in 1..=length {
            chains.extend(PERSON, end(number));
            if stored_at.contains(&number) {
                let unstored: Vec<_> = chains.unstored().collect();
                prop_assert_eq!(unstored.len(), 1);
                chains.stored(&unstored);
                for UnstoredChain { chain, full, .. } in unstored {
                    pages.extend(full);
                    kept = Some(chain);
                }
                prop_assert_eq!(chains.unstored().count(), 0);
                // As after a start.
                chains = Chains::default();
                chains.know(PERSON, kept.clone());
            }
        }
        let (chain, full) = chains.of(&PERSON).unwrap();
        let chain = chain.unwrap();
        pages.extend(full);
        prop_assert_eq!(chain.end, end(length));
        let all: Vec<u64> = pages.into_values().flatten().chain(chain.page).collect();
        prop_assert_eq!(all, (1..=length).map(index_of).collect::<Vec<_>>());
    }
}

#[test]
fn a_page_that_grew_while_it_was_stored_is_stored_again() {
    let mut chains = Chains::default();
    chains.know(PERSON, None);
    chains.extend(PERSON, end(1));
    let unstored: Vec<_> = chains.unstored().collect();
    chains.extend(PERSON, end(2));
    chains.stored(&unstored);
    let again: Vec<_> = chains.unstored().collect();
    assert_eq!(again[0].chain, Chain { end: end(2), page: vec![index_of(1), index_of(2)] });
}
