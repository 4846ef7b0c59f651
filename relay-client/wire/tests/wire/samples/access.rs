//! Factors, and why something would be allowed or refused.

use chukei_wire::message::{access::*, factor::*};
use chukei_wire::result::ResultName;

use super::{TAX, Visit, text};

pub(super) fn visit(visitor: &mut impl Visit) {
    let asked = ExplainRequest {
        action: text("copy_show"),
        identity: Some(text("chukei://body/982016/staff/u-tax-07")),
        device: Some(text("t-01")),
        zone: Some(text("closed")),
        affair: Some(text("JM99000000001000")),
        datasets: vec![text(TAX)],
        at_ms: Some(1_795_219_200_000),
        ticket: Some(text("r8-0042")),
        factors: Some(vec![text("biometrics")]),
        stepped_up_s: Some(30),
        requests: Some(1),
        persons: Some(301),
    };
    visitor.message("ExplainRequest", &asked);
    let reply = ExplainReply {
        refused: Some(ResultName::StepUpRequired),
        reasons: vec![text("many_persons")],
        version: text("0123456789abcdef"),
        policies: 1,
    };
    visitor.message("ExplainReply", &reply);
    let said = PolicySaid {
        id: text("many_persons"),
        rule: Some(text("R6")),
        effect: text("step_up"),
        said: text("applies"),
        reason_en: text("Many."),
        reason_ja: text("多い。"),
        inputs: vec![(text("context.persons_in_ten_minutes"), text("301"))],
    };
    visitor.message("PolicySaid", &said);
    visitor.message("SignalRequest", &SignalRequest { device: text("t-01"), healthy: false });
}

pub(super) fn factors(visitor: &mut impl Visit) {
    let proof = FactorProof { challenge: [0xc4; 32], signature: [0x51; 64] };
    visitor.message("FactorRequest", &FactorRequest { name: text("pin"), proof: None });
    visitor.message("FactorRequest", &FactorRequest { name: text("pin"), proof: Some(proof) });
    let stretch = Some(FactorStretch { salt: vec![0x5a; 16], rounds: 600_000 });
    visitor.message("FactorChallenge", &FactorChallenge { challenge: [0xc4; 32], stretch: None });
    visitor.message("FactorChallenge", &FactorChallenge { challenge: [0xc4; 32], stretch });
}
