//! One flipped bit anywhere in a reply: it is refused, or says what it said before, since only what nobody signs was
//! touched. Cut and lengthened replies are refused.

use super::*;

/// Whether a reply, received when its stamp was made, is taken; and that it then says the same.
fn is_taken(reply: &[u8], said: &Stamp, roots: &Roots) -> bool {
    match request(None).accept(reply, roots, said.at_ms, MINUTE_MS) {
        Ok((_, stamp)) => {
            assert_eq!(&stamp, said);
            true
        }
        Err(_) => false,
    }
}

#[test]
fn r43_no_single_bit_changes_what_a_stamp_says() {
    let rsa = Roots::from_pem(include_bytes!("samples/root-rsa.pem")).unwrap();
    for (reply, roots) in [(sample!("rsa"), &rsa), (sample!("ec"), &roots()), (sample!("key-id"), &roots())] {
        let said = verify(reply::token(reply).unwrap(), CONTENT, roots).unwrap();
        let mut taken = Vec::new();
        for at in 0..reply.len() {
            for bit in 0..8 {
                let mut flipped = reply.to_vec();
                flipped[at] ^= 1 << bit;
                if is_taken(&flipped, &said, roots) && taken.last() != Some(&at) {
                    taken.push(at);
                }
            }
        }
        // Nobody vouches for: the status' text, the list of hashes in front, and a certificate that no chain needs.
        let free: Vec<u8> = taken.iter().map(|at| reply[*at]).collect();
        let found = |part: &[u8]| reply.windows(part.len()).position(|window| window == part);
        let list = found(&[0x02, 0x01, 0x03, 0x31]).unwrap();
        assert!(
            taken.iter().all(|at| *at < 40 || (list..list + 20).contains(at)),
            "bytes {taken:?} ({free:02x?}) of {} change nothing",
            reply.len()
        );
    }
}

#[test]
fn r43_no_part_of_a_reply_is_a_reply() {
    let reply = sample!("ec");
    let said = verify(reply::token(reply).unwrap(), CONTENT, &roots()).unwrap();
    assert!(is_taken(reply, &said, &roots()));
    for end in 0..reply.len() {
        assert!(!is_taken(&reply[..end], &said, &roots()), "{end}");
    }
}
