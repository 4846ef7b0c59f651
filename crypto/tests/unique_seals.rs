//! No key and nonce seal twice: ten million real seals, by instances that know nothing of each other.
//!
//! The first bytes of a sealed run of zeros are what AES-GCM adds to a plaintext there: a function of key and nonce
//! alone. Where two seals agree in them, they have shared a key and a nonce, however either came about. Eight bytes
//! of each seal are kept: 80 MB, and one run in 370,000 that fails by chance.

#![allow(clippy::unwrap_used)]

use chukei_crypto::channel::{self, DirectionSecret, MessageContext, MessageSealer};
use chukei_crypto::keyring::{Keyring, KeyringKey, Page, Wrapped};
use chukei_crypto::seal::{HEADER, KeyIds, PersonSlot, Place, Purpose, Sealer, StreamSealer, TAG};

const BODY: &[u8] = b"982016";
const PLACE: Place<'_> = Place { body: BODY, space: 5, row: b"one row" };
const FIRST_DAY: u32 = 20_000;
const DAYS: u32 = 30;
const INSTANCES: usize = 10;
const SEALS_EACH: usize = 1_000_000;
const WITNESS: usize = 8;

/// One run of a process on one copy of the data.
struct Instance {
    keyring: Keyring,
    page: Page,
    /// Its clock goes backwards.
    back: bool,
}

/// The first run, the same data restarted and cloned, and each of them with its clock set back.
fn instances() -> Vec<Instance> {
    let mut keyring = Keyring::create(BODY).unwrap();
    for day in FIRST_DAY..FIRST_DAY + DAYS {
        keyring.ensure_day_key(Purpose::Notices, day).unwrap();
    }
    keyring.ensure_page(0).unwrap();
    let page = Page::create(0).unwrap();
    let key = KeyringKey::generate().unwrap();
    let wrapped = Wrapped { root: 1, epoch: FIRST_DAY, key: b"" };
    let file = keyring.seal(0, &key, wrapped).unwrap();
    let row = page.to_sealed(&keyring).unwrap();
    let restarted = || {
        let keyring = Keyring::from_sealed(&file, &key, BODY).unwrap();
        let page = Page::from_sealed(&row, 0, &keyring).unwrap();
        (keyring, page)
    };
    let copies = [
        (keyring.clone(), page.clone()),
        (keyring.clone(), page.clone()),
        restarted(),
        restarted(),
        (keyring, page),
    ];
    let both = |(keyring, page): (Keyring, Page)| {
        [false, true].map(|back| Instance { keyring: keyring.clone(), page: page.clone(), back })
    };
    copies.into_iter().flat_map(both).collect()
}

/// Every instance goes through the same values, streams and messages: nothing but chance keeps them apart.
fn seal(instance: &Instance, nth: u32, channel: &DirectionSecret) -> u64 {
    let day = if instance.back { DAYS - 1 - nth % DAYS } else { nth % DAYS };
    let person = nth.is_multiple_of(2).then_some(PersonSlot { page: 0, slot: 7 });
    let ids = KeyIds { purpose: Purpose::Notices, day: FIRST_DAY + day, person };
    let keys = instance.page.keys(&instance.keyring);
    let mut witness = [0; WITNESS];
    match nth % 10 {
        0 => {
            let mut chunk = [0; WITNESS + TAG];
            StreamSealer::new(&keys, ids, PLACE).unwrap().seal_last(&mut chunk).unwrap();
            witness.copy_from_slice(&chunk[..WITNESS]);
        }
        1 => {
            let context = MessageContext { header: [0; 32], reply: true, bound: None };
            let mut chunk = [0; WITNESS + channel::TAG];
            MessageSealer::fresh(channel, &context).unwrap().seal_chunk(&mut chunk, true).unwrap();
            witness.copy_from_slice(&chunk[..WITNESS]);
        }
        _ => {
            let mut room = [0; HEADER + WITNESS + TAG];
            Sealer::new(&keys, ids, PLACE).unwrap().seal_within(&mut room).unwrap();
            witness.copy_from_slice(&room[HEADER..HEADER + WITNESS]);
        }
    }
    u64::from_ne_bytes(witness)
}

#[test]
fn no_two_of_ten_million_seals_share_a_key_and_nonce_across_restarts_clones_and_clocks_set_back() {
    let instances = instances();
    assert_eq!(instances.len(), INSTANCES);
    let channel = DirectionSecret::from_bytes([7; 32]);
    let mut witnesses = vec![0; INSTANCES * SEALS_EACH];
    std::thread::scope(|scope| {
        for (instance, seen) in instances.iter().zip(witnesses.chunks_mut(SEALS_EACH)) {
            let channel = &channel;
            scope.spawn(move || {
                for (nth, witness) in (0..).zip(seen) {
                    *witness = seal(instance, nth, channel);
                }
            });
        }
    });
    witnesses.sort_unstable();
    assert!(witnesses.windows(2).all(|pair| pair[0] != pair[1]), "a key and a nonce sealed twice");
}
