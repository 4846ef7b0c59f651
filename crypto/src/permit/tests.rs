//! Tags, leaves and roots: each stands for exactly what it was made of, and their form is frozen.

use proptest::prelude::*;

use super::*;

fn epoch() -> Epoch {
    Epoch { broker: "broker-a".into(), receiver: "chukei://node/node-a".into(), id: [7; 16] }
}

fn key() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap()
}

#[test]
fn r22_an_altered_permit_or_one_of_another_connection_is_refused() {
    let key = PermitKey::from_bytes([1; 32]);
    let tag = key.tag(b"claims");
    assert_eq!(key.verify(b"claims", &tag), Ok(()));
    assert_eq!(key.verify(b"clains", &tag), Err(BadMac));
    assert_eq!(PermitKey::from_bytes([2; 32]).verify(b"claims", &tag), Err(BadMac));
}

/// RFC 8032, 7.1, first test: the key of the vectors below.
fn published_key() -> SigningKey {
    let [seed, public] = [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    ];
    let pkcs8 = format!("3053020101300506032b657004220420{seed}a123032100{public}");
    SigningKey::from_pkcs8(&data_encoding::HEXLOWER.decode(pkcs8.as_bytes()).unwrap()).unwrap()
}

/// Frozen, with every input beside the output, for implementations other than this one. The file never changes: a new
/// form gets new labels. It is written anew where `INSTA_UPDATE=always` is set.
#[test]
fn the_frozen_vectors_of_tags_leaves_and_roots_stand() {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let (key, signing) = ([1; 32], published_key());
    let claims: [&[u8]; 3] = [b"", b"claims", &[0xa8; 139]];
    let tags = claims.map(|claims| {
        let tag = hex(&PermitKey::from_bytes(key).tag(claims));
        let (key, claims, leaf) = (hex(&key), hex(claims), hex(&leaf(claims)));
        format!(
            "    {{ \"key\": \"{key}\", \"claims\": \"{claims}\", \"tag\": \"{tag}\", \"leaf\": \"{leaf}\" }}"
        )
    });
    let mut previous = NO_ROOT;
    let mut first = 1_u64;
    let roots = [1, 2, 5].map(|count| {
        let leaves: Vec<u8> = (first..first + count).flat_map(|number| leaf(&number.to_be_bytes())).collect();
        let root = epoch().root(&previous, first, &leaves).unwrap();
        let fields = [
            ("epoch", hex(&epoch().id)),
            ("previous", hex(&previous)),
            ("leaves", hex(&leaves)),
            ("root", hex(&root)),
            ("public", hex(&signing.public())),
            ("signature", hex(&sign_root(&signing, &root))),
        ];
        let fields = fields.map(|(name, value)| format!("\"{name}\": \"{value}\"")).join(",\n      ");
        let Epoch { broker, receiver, .. } = epoch();
        let parties = format!("\"broker\": \"{broker}\",\n      \"receiver\": \"{receiver}\"");
        let text = format!("    {{\n      {parties},\n      \"first\": {first},\n      {fields}\n    }}");
        previous = root;
        first += count;
        text
    });
    let vectors = format!(
        "{{\n  \"permits\": [\n{}\n  ],\n  \"roots\": [\n{}\n  ]\n}}\n",
        tags.join(",\n"),
        roots.join(",\n")
    );
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/permits.json");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &vectors).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == vectors, "the vectors have changed");
}

#[test]
fn a_root_is_of_whole_leaves_and_of_numbers_from_1() {
    let one = leaf(b"one");
    let root = |first, leaves: &[u8]| epoch().root(&NO_ROOT, first, leaves);
    assert!(root(1, &one).is_some());
    assert!(root(u64::MAX, &one).is_some());
    assert!(root(0, &one).is_none());
    assert!(root(1, &[]).is_none());
    assert!(root(1, &one[..31]).is_none());
    assert!(root(u64::MAX, [one, one].as_flattened()).is_none());
}

#[test]
fn a_signature_is_of_one_root_and_one_broker() {
    let (key, root) = (key(), epoch().root(&NO_ROOT, 1, &leaf(b"one")).unwrap());
    let signature = sign_root(&key, &root);
    assert_eq!(verify_root(&key.public(), &root, &signature), Ok(()));
    assert_eq!(verify_root(&key.public(), &NO_ROOT, &signature), Err(BadSignature));
    assert_eq!(verify_root(&self::key().public(), &root, &signature), Err(BadSignature));
    // What was signed for another purpose is no root's signature.
    assert_eq!(verify_root(&key.public(), &root, &key.sign(&root)), Err(BadSignature));
}

proptest! {
    /// R22: nothing that a root stands for can be changed without its hash: parties, epoch, chain, numbers, any
    /// leaf, their order, one more or one less.
    #[test]
    fn r22_any_change_of_what_a_root_covers_gives_another_root(
        claims in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20),
        first in 1..u64::MAX / 2,
        previous: [u8; 32],
        at: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        let leaves: Vec<Leaf> = claims.iter().map(|claims| leaf(claims)).collect();
        let bytes = leaves.as_flattened();
        let good = epoch().root(&previous, first, bytes).unwrap();

        let mut altered = bytes.to_vec();
        let byte = at.index(altered.len());
        altered[byte] ^= 1 << bit;
        prop_assert_ne!(epoch().root(&previous, first, &altered), Some(good));
        prop_assert_ne!(epoch().root(&previous, first + 1, bytes), Some(good));
        let mut chained = previous;
        chained[at.index(32)] ^= 1 << bit;
        prop_assert_ne!(epoch().root(&chained, first, bytes), Some(good));
        prop_assert_ne!(epoch().root(&previous, first, &[bytes, &leaves[0][..]].concat()), Some(good));
        prop_assert_ne!(epoch().root(&previous, first, &bytes[32..]), Some(good));
        let mut turned = leaves.clone();
        turned.rotate_left(1);
        if turned != leaves {
            prop_assert_ne!(epoch().root(&previous, first, turned.as_flattened()), Some(good));
        }
        let mut other = epoch();
        other.id[at.index(16)] ^= 1 << bit;
        prop_assert_ne!(other.root(&previous, first, bytes), Some(good));
        let other = Epoch { broker: "broker-b".into(), ..epoch() };
        prop_assert_ne!(other.root(&previous, first, bytes), Some(good));
        let other = Epoch { receiver: "chukei://node/node-b".into(), ..epoch() };
        prop_assert_ne!(other.root(&previous, first, bytes), Some(good));
    }
}
