//! Receipts: a part of a leaf, the proof that the leaf is in the log, and a checkpoint that its log signed and witnesses
//! cosigned, verified offline against pinned keys.
//!
//! The text is C2SP `tlog-proof@v1` with the opening as its extra data, so that any verifier of that format takes the
//! log's side of it: the entry is what [`Opening::leaf`] gives.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::note::NOTE_MAX;
use super::opening::{CONTENT_MAX, Opening, OpeningError};
use super::pins::{Pins, Witnessed};
use super::proof::{Proof, ProofError};
use super::{CheckpointError, Part, SignedCheckpoint, TreeHead, text, verify_inclusion};

/// Longest receipt, in bytes: a part, a proof and a note, each at its longest.
pub const RECEIPT_MAX: usize = NOTE_MAX + 2 * CONTENT_MAX;

const HEADER: &str = "c2sp.org/tlog-proof@v1\n";

/// Why a receipt proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Longer than [`RECEIPT_MAX`].
    #[error("the receipt is too large")]
    TooLarge,
    /// Not a proof of C2SP in its one form with an opening as its extra data.
    #[error("not a receipt")]
    Malformed,
    /// The opening in it was refused.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// The leaf is not shown to be in the checkpoint's tree.
    #[error("the leaf is not shown to be in the log: {0}")]
    Proof(#[from] ProofError),
    /// The checkpoint was refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// What somebody is given about one leaf. Nobody has verified it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The part that may be seen.
    pub opening: Opening,
    /// Where the leaf is in the log, from 0.
    pub index: u64,
    /// The inclusion proof.
    pub proof: Proof,
    /// The checkpoint that it leads to.
    pub checkpoint: SignedCheckpoint,
}

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven<'a> {
    /// Which part of the leaf was shown.
    pub part: Part,
    /// The part's bytes, as the log committed to them.
    pub content: &'a [u8],
    /// Where the leaf is, from 0.
    pub index: u64,
    /// The tree it is in.
    pub head: TreeHead,
    /// Which witnesses vouch for the tree. Without one, only the log does.
    pub witnessed: Witnessed,
}

impl Receipt {
    /// The text of a `.tlog-proof`, at most [`RECEIPT_MAX`] bytes. It holds the part and its salt: for the eyes that may
    /// see them.
    pub fn to_text(&self) -> Zeroizing<String> {
        let extra = Zeroizing::new(BASE64.encode(&self.opening.to_bytes()));
        let rest = format!("\nindex {}\n{}\n{}", self.index, self.proof.to_lines(), self.checkpoint);
        // Joined in one step: text that grew would leave pieces of the part behind.
        Zeroizing::new([HEADER, "extra ", &extra, &rest].concat())
    }

    /// Reads a text.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > RECEIPT_MAX {
            return Err(ReceiptError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ReceiptError::Malformed)?;
        let parts = Parts::of(text).ok_or(ReceiptError::Malformed)?;
        let opening = text::base64(parts.extra).map(Zeroizing::new).ok_or(ReceiptError::Malformed)?;
        let opening = Opening::from_bytes(&opening)?;
        let index = text::number(parts.index).ok_or(ReceiptError::Malformed)?;
        let proof = Proof::from_lines(parts.proof.split_terminator('\n'))?;
        let checkpoint = SignedCheckpoint::parse(parts.checkpoint.as_bytes())?;
        Ok(Self { opening, index, proof, checkpoint })
    }

    /// Verifies everything: the log's and the witnesses' signatures by the pinned keys, the leaf's place in the tree,
    /// and the part's bytes in the leaf. How many witnesses are enough is for the caller to say.
    pub fn verify(&self, pins: &Pins) -> Result<Proven<'_>, ReceiptError> {
        let (checkpoint, witnessed) = self.checkpoint.verify(pins)?;
        let head = *checkpoint.head();
        verify_inclusion(&self.proof, self.index, &self.opening.leaf().hash(), &head)?;
        let (part, content) = (self.opening.part(), self.opening.content());
        Ok(Proven { part, content, index: self.index, head, witnessed })
    }
}

/// The pieces of a text, not yet read.
struct Parts<'a> {
    extra: &'a str,
    index: &'a str,
    proof: &'a str,
    checkpoint: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (extra, rest) = text.strip_prefix(HEADER)?.strip_prefix("extra ")?.split_once('\n')?;
        let (index, rest) = rest.strip_prefix("index ")?.split_once('\n')?;
        let (proof, checkpoint) = match rest.strip_prefix('\n') {
            Some(checkpoint) => ("", checkpoint),
            None => rest.split_once("\n\n")?,
        };
        Some(Self { extra, index, proof, checkpoint })
    }
}
