//! RFC 8448, section 3: the printed trace of a simple handshake with TLS_AES_128_GCM_SHA256.

use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

use super::Schedule;

const SHARED: &str = "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d";
/// Hashes of the transcript up to ServerHello, CertificateVerify, the server's Finished and the client's.
const HELLOS: &str = "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8";
const VERIFIED: &str = "edb7725fa7a3473b031ec8ef65a2485493900138a2b91291407d7951a06110ed";
const SERVER_FINISHED: &str = "9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13";
const CLIENT_FINISHED: &str = "209145a96ee8e2a122ff810047cc952684658d6049e86429426db87c54ad143d";

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn schedule() -> Schedule {
    Schedule(TLS13_AES_128_GCM_SHA256.tls13().unwrap())
}

#[test]
fn rfc8448_secrets() {
    let of = schedule();
    let early = of.early();
    assert_eq!(early, hex("33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a"));
    let derived = of.derive(&early, "derived", &of.hash(b""));
    assert_eq!(derived, hex("6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba"));
    let handshake = of.handshake(&hex(SHARED));
    assert_eq!(handshake, hex("1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac"));
    let derived = of.derive(&handshake, "derived", &of.hash(b""));
    assert_eq!(derived, hex("43de77e0c77713859a944db9db2590b53190a65b3ee2e4f12dd7a0bb7ce254b4"));
    let main = of.main(&handshake);
    assert_eq!(main, hex("18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919"));

    let printed = [
        (
            &handshake,
            "c hs traffic",
            HELLOS,
            "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
        ),
        (
            &handshake,
            "s hs traffic",
            HELLOS,
            "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
        ),
        (
            &main,
            "c ap traffic",
            SERVER_FINISHED,
            "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
        ),
        (
            &main,
            "s ap traffic",
            SERVER_FINISHED,
            "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
        ),
        (
            &main,
            "exp master",
            SERVER_FINISHED,
            "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50",
        ),
        (
            &main,
            "res master",
            CLIENT_FINISHED,
            "7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c",
        ),
    ];
    for (secret, label, transcript, expected) in printed {
        assert_eq!(of.derive(secret, label, &hex(transcript)), hex(expected), "{label}");
    }
}

#[test]
fn rfc8448_traffic_keys_and_finished_messages() {
    let of = schedule();
    let printed = [
        (
            "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
            "dbfaa693d1762c5b666af5d950258d01",
            "5bd3c71b836e0b76bb73265f",
        ),
        (
            "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
            "3fce516009c21727d0f2e4e86ee403bc",
            "5d313eb2671276ee13000b30",
        ),
        (
            "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
            "17422dda596ed5d9acd890e3c63f5051",
            "5b78923dee08579033e523d9",
        ),
        (
            "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
            "9f02283b6c9c07efc26bb9f2ac92e356",
            "cf782b88dd83549aadf1e984",
        ),
    ];
    for (secret, key, iv) in printed {
        assert_eq!(of.traffic(&hex(secret)), (hex(key), hex(iv)), "{secret}");
    }
    let server = hex(printed[1].0);
    let finished_key = of.derive(&server, "finished", b"");
    assert_eq!(finished_key, hex("008d3b66f816ea559f96b537e885c31fc068bf492c652f01f288a1d8cdc19fc8"));
    let finished = of.finished(&server, &hex(VERIFIED));
    assert_eq!(finished, hex("9b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718"));
    let client = hex(printed[0].0);
    let finished = of.finished(&client, &hex(SERVER_FINISHED));
    assert_eq!(finished, hex("a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61"));
}
