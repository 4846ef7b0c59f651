//! A page of a person's records. The proofs prove nothing.

use chukei_wire::message::records::{
    KnownHead, OpenPlace, RecordPlace, RecordsReply, RecordsRequest, StatedLog,
};
use chukei_wire::result::ResultName;

use super::{Visit, tags};

pub(super) fn visit(visitor: &mut impl Visit) {
    let known = Some(KnownHead { epoch: 1, size: 70_001 });
    visitor.message("RecordsRequest", &RecordsRequest { binding_tags: tags(), from: 257, known });
    let (key, certificate, checkpoint) = ([0x31; 32], [0x32; 64], b"a note\n".to_vec());
    let log = StatedLog { key, certificate, checkpoint, grown: vec![0xd8; 64] };
    let open = OpenPlace { index: 70_000, opening: vec![0x01, 0x01, 0x77], proof: vec![0xd7; 32] };
    let places = vec![RecordPlace { number: 257, open: Some(open) }, RecordPlace { number: 258, open: None }];
    let reply = RecordsReply { result: ResultName::Done, log: Some(log), count: 258, places };
    visitor.message("RecordsReply", &reply);
    let refused = RecordsReply { result: ResultName::NotFound, log: None, count: 0, places: Vec::new() };
    visitor.message("RecordsReply refused", &refused);
}
