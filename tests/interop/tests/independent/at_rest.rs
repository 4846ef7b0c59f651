//! Cases of what lies in a store: values, wrapped keys, and a whole backup read from its root and epoch alone.

use chukei_crypto::custody;
use chukei_crypto::key::{DayKey, Key32};
use chukei_crypto::keyring::{
    EpochKey, Keyring, KeyringKey, NamingKey, Page, RootKey, WrapPlace, Wrapped, wrap,
};
use chukei_crypto::random;
use chukei_crypto::seal::{
    CHUNK_PLAIN, KeyError, KeyIds, KeySource, PersonSlot, Place, Purpose, StreamSealer, TAG, seal,
};
use serde_json::{Value, json};

use crate::script::hex;

pub(crate) fn cases() -> Vec<Value> {
    let mut cases = values();
    cases.extend(streams());
    cases.extend(wrapped_keys());
    cases.extend(backup());
    cases.extend(shares());
    cases
}

/// One day key and one person key, whatever is asked for.
struct Keys {
    day: DayKey,
    person: Key32,
}

const DAY_KEY_ID: u32 = 77;
const GENERATION: u32 = 3;

impl KeySource for Keys {
    fn day_key(&self, _: Purpose, _: u32) -> Result<(u32, &DayKey), KeyError> {
        Ok((DAY_KEY_ID, &self.day))
    }

    fn day_key_by_id(&self, _: Purpose, _: u32, _: u32) -> Result<&DayKey, KeyError> {
        Ok(&self.day)
    }

    fn person_key(&self, _: PersonSlot) -> Result<(u32, &Key32), KeyError> {
        Ok((GENERATION, &self.person))
    }
}

fn values() -> Vec<Value> {
    let keys = Keys { day: DayKey::generate().unwrap(), person: Key32::generate().unwrap() };
    let persons = [None, Some(PersonSlot { page: 70_000, slot: 255 })];
    let lengths = [0, 1, 1_000, 70_000];
    let mut cases = Vec::new();
    for (purpose, (length, person)) in Purpose::ALL
        .into_iter()
        .zip(lengths.iter().flat_map(|length| persons.map(|person| (*length, person))))
    {
        let (plain, row) = (vec![0xa5; length], b"row \0 key");
        let ids = KeyIds { purpose, day: 20_777, person };
        let place = Place { body: b"982016", space: 5, row };
        let sealed = seal(&keys, ids, place, &plain).unwrap();
        cases.push(json!({
            "format": "value",
            "purpose": purpose as u8,
            "day": 20_777,
            "day_key_id": DAY_KEY_ID,
            "day_key": hex(keys.day.as_bytes()),
            "person": person.map(|at| json!({
                "page": at.page, "slot": at.slot, "generation": GENERATION,
                "key": hex(keys.person.as_bytes()),
            })),
            "body": hex(place.body),
            "space": place.space,
            "row": hex(row),
            "sealed": hex(&sealed),
            "expect": hex(&plain),
            "altered": ["sealed", "body", "row", "day_key"],
        }));
    }
    cases
}

/// Streams of none, one, one full and several chunks.
fn streams() -> Vec<Value> {
    let keys = Keys { day: DayKey::generate().unwrap(), person: Key32::generate().unwrap() };
    let at = PersonSlot { page: 1, slot: 2 };
    let ids = KeyIds { purpose: Purpose::Notices, day: 20_777, person: Some(at) };
    let place = Place { body: b"982016", space: 9, row: b"attachment" };
    let case = |length: usize| {
        let plain = vec![0x5a; length];
        let mut sealer = StreamSealer::new(&keys, ids, place).unwrap();
        let mut sealed = sealer.header().to_vec();
        let whole = length.saturating_sub(1) / CHUNK_PLAIN * CHUNK_PLAIN;
        for part in plain[..whole].chunks(CHUNK_PLAIN) {
            let mut chunk = [part, &[0; TAG][..]].concat();
            sealer.seal_chunk(&mut chunk).unwrap();
            sealed.extend_from_slice(&chunk);
        }
        let mut last = [&plain[whole..], &[0; TAG][..]].concat();
        sealer.seal_last(&mut last).unwrap();
        sealed.extend_from_slice(&last);
        json!({
            "format": "stream",
            "purpose": ids.purpose as u8,
            "day": ids.day,
            "day_key_id": DAY_KEY_ID,
            "day_key": hex(keys.day.as_bytes()),
            "person": { "page": at.page, "slot": at.slot, "generation": GENERATION,
                "key": hex(keys.person.as_bytes()) },
            "body": hex(place.body),
            "space": place.space,
            "row": hex(place.row),
            "sealed": hex(&sealed),
            "expect": hex(&plain),
            "altered": ["sealed", "body", "row", "day_key"],
        })
    };
    [0, 100, CHUNK_PLAIN, CHUNK_PLAIN + 1, 3 * CHUNK_PLAIN].into_iter().map(case).collect()
}

/// A root, an epoch, and a key wrapped under both.
struct Custody {
    root: RootKey,
    epoch: EpochKey,
    key: KeyringKey,
    wrapped: Vec<u8>,
}

const OWNER: &[u8] = b"982016";
const PLACE: WrapPlace<'_> = WrapPlace { owner: OWNER, root: 2, epoch: 20_777 };

impl Custody {
    fn new() -> Self {
        let root = RootKey::from_bytes(random::bytes().unwrap());
        let epoch = EpochKey::from_bytes(random::bytes().unwrap());
        let key = KeyringKey::generate().unwrap();
        let wrapped = wrap(&root, &epoch, PLACE, &key).unwrap();
        Self { root, epoch, key, wrapped }
    }
}

fn wrapped_keys() -> Vec<Value> {
    let of = Custody::new();
    vec![json!({
        "format": "wrapped key",
        "root_key": hex(of.root.as_bytes()),
        "epoch_key": hex(of.epoch.as_bytes()),
        "owner": hex(OWNER),
        "root": PLACE.root,
        "epoch": PLACE.epoch,
        "sealed": hex(&of.wrapped),
        "expect": hex(of.key.as_bytes()),
        "altered": ["sealed", "owner", "root_key", "epoch_key"],
    })]
}

/// The three files of a backup, each altered in a case of its own.
fn backup() -> Vec<Value> {
    const PAGE: u32 = 4;
    const SLOT: u8 = 200;
    let (space, row, plain) = (5, b"row", b"a value out of a backup");
    let of = Custody::new();
    let mut ring = Keyring::create(OWNER).unwrap();
    for day in [20_700, 20_777] {
        ring.ensure_day_key(Purpose::Copies, day).unwrap();
    }
    assert!(!ring.destroy_days_before(20_750).is_empty());
    ring.ensure_page(PAGE).unwrap();
    let mut page = Page::create(PAGE).unwrap();
    page.renew_slot(SLOT).unwrap();
    let sealed_page = page.to_sealed(&ring).unwrap();
    let ids =
        KeyIds { purpose: Purpose::Copies, day: 20_777, person: Some(PersonSlot { page: PAGE, slot: SLOT }) };
    let place = Place { body: OWNER, space, row };
    let value = seal(&page.keys(&ring), ids, place, plain).unwrap();
    let wrapped = Wrapped { root: PLACE.root, epoch: PLACE.epoch, key: &of.wrapped };
    let keyring = ring.seal(41, &of.key, wrapped).unwrap();
    let (_, person_key) = page.person_key(SLOT).unwrap();
    let person_names = NamingKey::for_person(person_key);

    let files = [("keyring", &keyring), ("page", &sealed_page), ("value", &value)];
    let case = |(name, sealed): (&str, &Vec<u8>)| {
        json!({
            "format": format!("backup: {name}"),
            "root_key": hex(of.root.as_bytes()),
            "epoch_key": hex(of.epoch.as_bytes()),
            "owner": hex(OWNER),
            "generation": ring.generation(),
            "page_number": PAGE,
            "slot": SLOT,
            "space": space,
            "row": hex(row),
            "keyring": hex(&keyring),
            "page": hex(&sealed_page),
            "value": hex(&value),
            "body_name": hex(&ring.naming().name(space, &[row])),
            "person_name": hex(&person_names.name(space, &[row])),
            "log_tag": hex(&ring.log_key().tag(&[b"a link of the log"])),
            "sealed": hex(sealed),
            "expect": hex(plain),
            "altered": ["sealed", "root_key", "epoch_key", "owner", "row"],
        })
    };
    files.into_iter().map(case).collect()
}

fn shares() -> Vec<Value> {
    let case = |(threshold, of): (u8, u8)| {
        let root = random::bytes().unwrap();
        let shares = custody::split(&root, "982016", 2, threshold, of).unwrap();
        // The last of them, in another order than they were dealt in.
        let texts = shares.iter().rev().take(threshold.into());
        let texts: Vec<Value> = texts.map(|share| hex(share.to_text().as_bytes())).collect();
        json!({ "format": "custody", "shares": texts, "expect": hex(&root), "altered": ["shares"], "unordered": ["shares"] })
    };
    [(2, 2), (3, 5), (16, 16)].into_iter().map(case).collect()
}
