//! Heads of logs and what witnesses say to them. The signatures verify nothing.

use chukei_wire::message::log::{LogHead, LogWitnessed};
use chukei_wire::result::ResultName;

use super::Visit;

const CHECKPOINT: &str = "chukei.invalid/log/982016/1\n2\nCtxiLWF1tkYzMlqDIfQGhKxkxkPQUBSZWKgs1gPVFlI=\n\n\
    \u{2014} chukei.invalid/log/982016/1 AAAAAA==\n";

pub(super) fn visit(visitor: &mut impl Visit) {
    let head = LogHead {
        body: "982016".parse().unwrap(),
        old_size: 1,
        proof: vec![0xd7; 32],
        checkpoint: CHECKPOINT.as_bytes().to_vec(),
        key: [0x31; 32],
        certificate: [0x32; 64],
    };
    visitor.message("LogHead", &head);
    let line = "\u{2014} chukei.invalid/witness/broker-a AAAAAA==\n".to_owned();
    visitor.message("LogWitnessed cosigned", &LogWitnessed::Cosigned(line));
    visitor.message("LogWitnessed behind", &LogWitnessed::Behind(u64::MAX));
    visitor.message("LogWitnessed fork", &LogWitnessed::Fork);
    visitor.message("LogWitnessed refused", &LogWitnessed::Refused(ResultName::NotFound));
}
