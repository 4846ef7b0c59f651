//! A handshake of ours, recorded: from the shared secret and the bytes on the wire, the schedule written from the
//! RFC reads the encrypted flight and arrives at every secret rustls logged and at what the channel exports.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::crypto::{
    ActiveKeyExchange, CompletedKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{
    ClientConnection, Error, KeyLog, NamedGroup, ProtocolVersion, ServerConnection, SupportedCipherSuite,
};

use super::super::channel::{client_of, server_of};
use super::super::{channel_peer_name, provider};
use super::Schedule;
use crate::sign::IdentityKey;

/// A group that keeps the secret its server side agreed on.
#[derive(Debug)]
struct Kept {
    group: &'static dyn SupportedKxGroup,
    secret: Mutex<Vec<u8>>,
}

impl SupportedKxGroup for Kept {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        self.group.start()
    }

    fn start_and_complete(&self, share: &[u8]) -> Result<CompletedKeyExchange, Error> {
        let CompletedKeyExchange { group, pub_key, secret } = self.group.start_and_complete(share)?;
        *self.secret.lock().unwrap() = secret.secret_bytes().to_vec();
        let secret = SharedSecret::from(secret.secret_bytes());
        Ok(CompletedKeyExchange { group, pub_key, secret })
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        self.group.name()
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        self.group.usable_for_version(version)
    }
}

#[derive(Debug, Default)]
struct Logged(Mutex<BTreeMap<String, Vec<u8>>>);

impl KeyLog for Logged {
    fn log(&self, label: &str, _random: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().insert(label.to_owned(), secret.to_vec());
    }
}

/// What one handshake left: the first flight of each side, the shared secret, the log, the client's connection.
struct Recorded {
    hello: Vec<u8>,
    answer: Vec<u8>,
    shared: Vec<u8>,
    logged: BTreeMap<String, Vec<u8>>,
    client: ClientConnection,
}

fn record(suite: SupportedCipherSuite, group: &'static dyn SupportedKxGroup) -> Recorded {
    let kept: &'static Kept = Box::leak(Box::new(Kept { group, secret: Mutex::default() }));
    let provider = Arc::new(CryptoProvider {
        cipher_suites: vec![suite],
        kx_groups: vec![kept],
        ..(*provider()).clone()
    });
    let identity = || IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
    let (portal, body) = (identity(), identity());
    let logged = Arc::new(Logged::default());
    let mut client = client_of(Arc::clone(&provider), &portal, [&body.public_spki()[..]]).unwrap();
    Arc::get_mut(&mut client).unwrap().key_log = Arc::clone(&logged) as Arc<dyn KeyLog>;
    let server = server_of(provider, &body, [&portal.public_spki()[..]]).unwrap();

    let mut client = ClientConnection::new(client, channel_peer_name()).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    let (mut hello, mut answer) = (Vec::new(), Vec::new());
    client.write_tls(&mut hello).unwrap();
    server.read_tls(&mut &hello[..]).unwrap();
    server.process_new_packets().unwrap();
    while server.wants_write() {
        server.write_tls(&mut answer).unwrap();
    }
    let mut unread = &answer[..];
    while !unread.is_empty() {
        client.read_tls(&mut unread).unwrap();
        client.process_new_packets().unwrap();
    }
    let shared = kept.secret.lock().unwrap().clone();
    let logged = logged.0.lock().unwrap().clone();
    Recorded { hello, answer, shared, logged, client }
}

/// The records of a flight: content type, header, content.
fn records(mut flight: &[u8]) -> Vec<(u8, &[u8], &[u8])> {
    let mut records = Vec::new();
    while let Some((header, rest)) = flight.split_first_chunk::<5>() {
        let (content, rest) = rest.split_at(usize::from(u16::from_be_bytes([header[3], header[4]])));
        records.push((header[0], &flight[..5], content));
        flight = rest;
    }
    records
}

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// RFC 8446, 5.2: the handshake messages of the protected records of a flight.
fn opened(of: Schedule, secret: &[u8], flight: &[u8]) -> Vec<u8> {
    let (key, iv) = of.traffic(secret);
    let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, &key).unwrap());
    let mut messages = Vec::new();
    let protected = records(flight).into_iter().filter(|(kind, ..)| *kind == APPLICATION_DATA);
    for (number, (_, header, content)) in (0u64..).zip(protected) {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        nonce.iter_mut().zip(&iv).for_each(|(byte, iv)| *byte ^= iv);
        let mut content = content.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let inner = key.open_in_place(nonce, Aad::from(header), &mut content).unwrap();
        let end = inner.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(inner[end], HANDSHAKE);
        messages.extend_from_slice(&inner[..end]);
    }
    messages
}

fn plain(flight: &[u8]) -> Vec<u8> {
    let plain = records(flight).into_iter().filter(|(kind, ..)| *kind == HANDSHAKE);
    plain.flat_map(|(.., content)| content.to_vec()).collect()
}

#[test]
fn rfc8446_key_schedule_of_our_handshakes() {
    let ours = provider();
    for suite in &ours.cipher_suites {
        for group in &ours.kx_groups {
            let of = Schedule(suite.tls13().unwrap());
            let seen = record(*suite, *group);

            let mut transcript = [plain(&seen.hello), plain(&seen.answer)].concat();
            let hellos = of.hash(&transcript);
            let handshake = of.handshake(&seen.shared);
            let client = of.derive(&handshake, "c hs traffic", &hellos);
            let server = of.derive(&handshake, "s hs traffic", &hellos);
            let flight = opened(of, &server, &seen.answer);
            let (before, finished) = flight.split_at(flight.len() - of.length() - 4);
            transcript.extend_from_slice(before);
            assert_eq!(finished[4..], of.finished(&server, &of.hash(&transcript)));
            transcript.extend_from_slice(finished);
            let main = of.main(&handshake);
            let transcript = of.hash(&transcript);
            let exporter = of.derive(&main, "exp master", &transcript);

            let mut expected = BTreeMap::new();
            expected.insert("CLIENT_HANDSHAKE_TRAFFIC_SECRET".to_owned(), client);
            expected.insert("SERVER_HANDSHAKE_TRAFFIC_SECRET".to_owned(), server);
            let application = of.derive(&main, "c ap traffic", &transcript);
            expected.insert("CLIENT_TRAFFIC_SECRET_0".to_owned(), application);
            let application = of.derive(&main, "s ap traffic", &transcript);
            expected.insert("SERVER_TRAFFIC_SECRET_0".to_owned(), application);
            expected.insert("EXPORTER_SECRET".to_owned(), exporter.clone());
            assert_eq!(seen.logged, expected, "{:?} {:?}", suite.suite(), group.name());

            let header = [7; 32];
            let exported = seen.client.export_keying_material([0; 80], b"chukei e2e v1", Some(&header));
            assert_eq!(exported.unwrap()[..], of.exporter(&exporter, "chukei e2e v1", &header, 80));
        }
    }
}
