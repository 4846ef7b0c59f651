//! Second copies of a broker's entries. What is sealed opens with nothing.

use chukei_wire::message::copies::{
    CopiedEntry, CopiesAsked, CopiesHeld, CopyBatch, CopyKept, CopyOf, HeldEnd,
};

use super::Visit;

pub(super) fn visit(visitor: &mut impl Visit) {
    visitor.message("CopiesAsked keep", &CopiesAsked::Keep);
    for of in CopyOf::ALL {
        visitor.message("CopiesAsked bring", &CopiesAsked::Bring { of, from: 42 });
    }
    let end = |last, byte| HeldEnd { last, hash: [byte; 32] };
    visitor.message("CopiesHeld", &CopiesHeld { ends: [end(41, 0x52), end(0, 0), end(u64::MAX, 0x53)] });
    let entry = |number| CopiedEntry { number, kind: 16, at_ms: 1_795_219_200_000, sealed: vec![0x51; 8] };
    let entries = vec![entry(42), entry(43)];
    visitor.message("CopyBatch", &CopyBatch { of: CopyOf::Records, first: 7, entries });
    visitor.message("CopyKept", &CopyKept { of: CopyOf::Witness, last: 43 });
}
