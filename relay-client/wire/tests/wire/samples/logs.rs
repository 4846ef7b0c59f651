//! Heads of logs and what witnesses say to them. The signatures verify nothing.

use chukei_wire::message::log::{
    LogCompared, LogGap, LogGapClaims, LogGrown, LogHead, LogSeen, LogWitnessed,
};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;

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
        also: Vec::new(),
        gap: None,
    };
    visitor.message("LogHead", &head);
    let claims = LogGapClaims {
        body: "982016".parse().unwrap(),
        epoch: 1_795_219_200_000,
        last: Some(ByteBuf::from(CHECKPOINT.as_bytes().to_vec())),
        backup: [0x33; 32],
        first: 42,
        persons: ["u-tax-07", "u-appr-01"].map(|name| format!("chukei://body/982016/staff/{name}")),
        at_ms: 1_795_219_300_000,
    };
    visitor.message("LogGapClaims", &claims);
    let also = vec![LogGrown { old_size: 2, proof: Vec::new() }];
    let gap = Some(LogGap { claims: LogGapClaims { last: None, ..claims }, signature: [0x34; 64] });
    visitor.message("LogHead with everything", &LogHead { also, gap, ..head });
    let seen = LogSeen {
        body: "982016".parse().unwrap(),
        checkpoint: CHECKPOINT.as_bytes().to_vec(),
        key: [0x31; 32],
        certificate: [0x32; 64],
    };
    visitor.message("LogSeen", &seen);
    visitor.message("LogCompared agrees", &LogCompared::Agrees);
    visitor.message("LogCompared noted", &LogCompared::Noted(None));
    let own = ByteBuf::from(CHECKPOINT.as_bytes().to_vec());
    visitor.message("LogCompared noted with its own", &LogCompared::Noted(Some(own)));
    visitor.message("LogCompared fork", &LogCompared::Fork(CHECKPOINT.as_bytes().to_vec()));
    visitor.message("LogCompared refused", &LogCompared::Refused(ResultName::Overloaded));
    let line = "\u{2014} chukei.invalid/witness/broker-a AAAAAA==\n".to_owned();
    visitor.message("LogWitnessed cosigned", &LogWitnessed::Cosigned(line));
    visitor.message("LogWitnessed behind", &LogWitnessed::Behind(u64::MAX));
    visitor.message("LogWitnessed fork", &LogWitnessed::Fork);
    visitor.message("LogWitnessed refused", &LogWitnessed::Refused(ResultName::NotFound));
}
