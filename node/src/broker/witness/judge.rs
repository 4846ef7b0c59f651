//! What a witness says to a head. Pure: what it remembers and what is shown in, the judgement out.
//!
//! What must hold: nothing is judged that the log has not signed, so that nobody else raises an alarm in its name; what is
//! cosigned continues what was cosigned last; a log that is shorter than it was, or has another root, is never cosigned.

use chukei_crypto::tlog::{
    Admitted, CheckpointError, NoteError, Pins, Proof, ProofError, Refusal, SignedCheckpoint, TreeHead, admit,
};
use chukei_wire::result::ResultName;

/// What a head comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement<'a> {
    /// It continues what is remembered.
    Cosign(Admitted<'a>),
    /// The proof does not begin at this size, which is remembered.
    Behind(u64),
    /// It contradicts what is remembered.
    Fork,
    /// It says nothing that could be judged.
    Refused(ResultName),
}

/// Judges a checkpoint of the log `pins` whose proof begins at `old_size`, by the last head that was cosigned:
/// [`TreeHead::EMPTY`] where there was none.
///
/// A smaller head may have come late, over a connection that another has overtaken; so it is a fork only once who shows
/// it knows what is remembered and has no more.
pub(super) fn judge<'a>(
    pins: &Pins,
    last: &TreeHead,
    old_size: u64,
    checkpoint: &'a SignedCheckpoint,
    proof: &Proof,
) -> Judgement<'a> {
    let admitted = admit(pins, last, checkpoint, proof);
    match admitted {
        Err(Refusal::Checkpoint(error)) => Judgement::Refused(refusal(error)),
        // Two roots of one size contradict each other, wherever the proof begins.
        Err(Refusal::Split) => Judgement::Fork,
        _ if old_size != last.size => Judgement::Behind(last.size),
        Ok(admitted) => Judgement::Cosign(admitted),
        Err(Refusal::Shorter | Refusal::Growth(ProofError::Root)) => Judgement::Fork,
        Err(Refusal::Growth(_)) => Judgement::Refused(ResultName::BadFormat),
    }
}

/// What a head is shown to have grown from.
pub(super) struct Grown {
    /// Leaves that the first proof begins at.
    pub(super) old_size: u64,
    /// The first proof.
    pub(super) proof: Proof,
    /// Others, each with the leaves that it begins at.
    pub(super) also: Vec<(u64, Proof)>,
}

impl Grown {
    /// The proof that begins at so many leaves.
    fn from(&self, size: u64) -> Option<&Proof> {
        let first = std::iter::once((self.old_size, &self.proof));
        let mut all = first.chain(self.also.iter().map(|(size, proof)| (*size, proof)));
        all.find_map(|(from, proof)| (from == size).then_some(proof))
    }
}

/// As [`judge`], where other brokers have cosigned these heads, and nothing that was cosigned here continues them yet: each
/// is asked for like the last one.
pub(super) fn judge_with<'a>(
    pins: &Pins,
    last: &TreeHead,
    others: &[TreeHead],
    checkpoint: &'a SignedCheckpoint,
    grown: &Grown,
) -> Judgement<'a> {
    let judged = match grown.from(last.size) {
        Some(proof) => judge(pins, last, last.size, checkpoint, proof),
        None => judge(pins, last, grown.old_size, checkpoint, &grown.proof),
    };
    if matches!(judged, Judgement::Fork | Judgement::Refused(_)) {
        return judged;
    }
    // The log has signed it.
    let head = checkpoint.unverified().head();
    if others.iter().any(|other| other.size == head.size && other != head) {
        return Judgement::Fork;
    }
    if !matches!(judged, Judgement::Cosign(_)) {
        return judged;
    }
    let mut open = others.iter().filter(|other| *other != head);
    let unshown = open.find_map(|other| {
        let Some(proof) = grown.from(other.size) else { return Some(Judgement::Behind(other.size)) };
        match judge(pins, other, other.size, checkpoint, proof) {
            Judgement::Cosign(_) => None,
            judged => Some(judged),
        }
    });
    unshown.unwrap_or(judged)
}

fn refusal(error: CheckpointError) -> ResultName {
    match error {
        CheckpointError::NotSigned
        | CheckpointError::Note(NoteError::BadSignature | NoteError::UnknownKeys) => ResultName::BadSignature,
        _ => ResultName::BadFormat,
    }
}

#[cfg(test)]
mod tests;
