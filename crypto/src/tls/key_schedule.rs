//! The key schedule of TLS 1.3 (RFC 8446, 7.1) written once more from the RFC, over the HKDF of our cipher suites:
//! held against the printed trace of RFC 8448, and against what rustls derives in handshakes of ours.

use rustls::Tls13CipherSuite;
use rustls::crypto::tls13::OkmBlock;

mod live;
mod rfc8448;

/// One cipher suite's derivations.
#[derive(Clone, Copy)]
struct Schedule(&'static Tls13CipherSuite);

impl Schedule {
    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        self.0.common.hash_provider.hash(bytes).as_ref().to_vec()
    }

    fn length(self) -> usize {
        self.0.common.hash_provider.output_len()
    }

    /// HKDF-Extract is HMAC; that the suite's own step gives the same is asserted, since it keeps its result.
    fn extract(self, salt: &[u8], secret: &[u8]) -> Vec<u8> {
        let extracted = self.hmac(salt, secret);
        let mut theirs = vec![0; self.length()];
        let expander = self.0.hkdf_provider.extract_from_secret(Some(salt), secret);
        expander.expand_slice(&[b"probe"], &mut theirs).unwrap();
        let mut ours = vec![0; self.length()];
        let expander = self.0.hkdf_provider.expander_for_okm(&OkmBlock::new(&extracted));
        expander.expand_slice(&[b"probe"], &mut ours).unwrap();
        assert_eq!(ours, theirs);
        extracted
    }

    fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        self.0.hkdf_provider.hmac_sign(&OkmBlock::new(key), message).as_ref().to_vec()
    }

    /// HKDF-Expand-Label.
    fn expand_label(self, secret: &[u8], label: &str, context: &[u8], length: usize) -> Vec<u8> {
        let label = [b"tls13 ", label.as_bytes()].concat();
        let info = [
            &u16::try_from(length).unwrap().to_be_bytes()[..],
            &[u8::try_from(label.len()).unwrap()],
            &label,
            &[u8::try_from(context.len()).unwrap()],
            context,
        ];
        let mut out = vec![0; length];
        let expander = self.0.hkdf_provider.expander_for_okm(&OkmBlock::new(secret));
        expander.expand_slice(&info, &mut out).unwrap();
        out
    }

    /// Derive-Secret, given the hash of the transcript.
    fn derive(self, secret: &[u8], label: &str, transcript: &[u8]) -> Vec<u8> {
        self.expand_label(secret, label, transcript, self.length())
    }

    fn early(self) -> Vec<u8> {
        let zeros = vec![0; self.length()];
        self.extract(&zeros, &zeros)
    }

    fn handshake(self, shared: &[u8]) -> Vec<u8> {
        self.extract(&self.derive(&self.early(), "derived", &self.hash(b"")), shared)
    }

    fn main(self, handshake: &[u8]) -> Vec<u8> {
        let zeros = vec![0; self.length()];
        self.extract(&self.derive(handshake, "derived", &self.hash(b"")), &zeros)
    }

    /// The AEAD key, of the suite's length, and the IV of a traffic secret.
    fn traffic(self, secret: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let key = self.expand_label(secret, "key", b"", self.0.aead_alg.key_len());
        (key, self.expand_label(secret, "iv", b"", 12))
    }

    /// The verify data of a Finished message.
    fn finished(self, traffic_secret: &[u8], transcript: &[u8]) -> Vec<u8> {
        self.hmac(&self.derive(traffic_secret, "finished", b""), transcript)
    }

    /// RFC 8446, 7.5.
    fn exporter(self, exporter: &[u8], label: &str, context: &[u8], length: usize) -> Vec<u8> {
        let secret = self.derive(exporter, label, &self.hash(b""));
        self.expand_label(&secret, "exporter", &self.hash(context), length)
    }
}
