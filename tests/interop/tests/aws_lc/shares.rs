//! SecP256r1MLKEM768 share by share: theirs completes what ours begins, and the other way round.

use chukei_crypto::tls::hybrid::SECP256R1MLKEM768 as OURS;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::kx_group::SECP256R1MLKEM768 as THEIRS;

const ROUNDS: usize = 16;

/// Both ends' secrets of one exchange.
fn exchanged(client: &dyn SupportedKxGroup, server: &dyn SupportedKxGroup) -> (Vec<u8>, Vec<u8>) {
    let started = client.start().unwrap();
    let answered = server.start_and_complete(started.pub_key()).unwrap();
    let secret = started.complete(&answered.pub_key).unwrap();
    (secret.secret_bytes().to_vec(), answered.secret.secret_bytes().to_vec())
}

#[test]
fn interop_both_providers_mean_the_same_group() {
    assert_eq!(OURS.name(), THEIRS.name());
    assert_eq!(u16::from(OURS.name()), 0x11eb);
}

#[test]
fn interop_our_client_share_and_the_answer_of_aws_lc_give_one_secret() {
    for _ in 0..ROUNDS {
        let (client, server) = exchanged(OURS, THEIRS);
        assert_eq!(client, server);
        assert_eq!(client.len(), 64);
    }
}

#[test]
fn interop_a_client_share_of_aws_lc_and_our_answer_give_one_secret() {
    for _ in 0..ROUNDS {
        let (client, server) = exchanged(THEIRS, OURS);
        assert_eq!(client, server);
        assert_eq!(client.len(), 64);
    }
}

#[test]
fn interop_the_classical_half_of_our_hello_is_one_aws_lc_completes() {
    use rustls::crypto::aws_lc_rs::kx_group::SECP256R1;
    let started = OURS.start().unwrap();
    let (group, point) = started.hybrid_component().unwrap();
    assert_eq!(group, SECP256R1.name());
    let answered = SECP256R1.start_and_complete(point).unwrap();
    let secret = started.complete_hybrid_component(&answered.pub_key).unwrap();
    assert_eq!(secret.secret_bytes(), answered.secret.secret_bytes());
}

#[test]
fn interop_an_altered_share_is_refused_or_gives_another_secret_on_either_side() {
    for (client, server) in [(OURS, THEIRS), (THEIRS, OURS)] {
        let started = client.start().unwrap();
        let mut off_the_curve = started.pub_key().to_vec();
        off_the_curve[64] ^= 1;
        assert!(server.start_and_complete(&off_the_curve).is_err());
        let mut out_of_range = started.pub_key().to_vec();
        out_of_range[65..68].fill(0xff);
        assert!(server.start_and_complete(&out_of_range).is_err());
        assert!(server.start_and_complete(&started.pub_key()[1..]).is_err());

        let mut answered = server.start_and_complete(started.pub_key()).unwrap();
        *answered.pub_key.last_mut().unwrap() ^= 1;
        let secret = started.complete(&answered.pub_key).unwrap();
        // FIPS 203 rejects implicitly: the classical half agrees, the post-quantum half does not.
        assert_eq!(secret.secret_bytes()[..32], answered.secret.secret_bytes()[..32]);
        assert_ne!(secret.secret_bytes()[32..], answered.secret.secret_bytes()[32..]);
    }
}
