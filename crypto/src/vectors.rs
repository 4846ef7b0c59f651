//! Published test vectors for everything sealed, derived, signed and agreed here: Project Wycheproof, NIST, RFC 9180 and
//! the accumulated ML-KEM vectors. Each goes through the same calls the product makes.

mod aead;
mod derive;
mod ecdh;
mod ml_kem;
mod rfc9180;
mod signatures;

/// A set that ran fewer cases than it holds proves nothing: says the count, and fails below the one known.
fn ran(set: &str, cases: usize, known: usize) {
    eprintln!("{set}: {cases} cases");
    assert!(cases > 0 && cases >= known, "{set}: {cases} cases of {known} were run");
}
