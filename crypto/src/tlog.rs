//! Verifiable logs: Merkle trees of RFC 6962 and RFC 9162 over SHA-256, in the tiles, checkpoints, notes,
//! cosignatures and proofs of C2SP (`tlog-tiles`, `tlog-checkpoint`, `signed-note`, `tlog-cosignature`, `tlog-proof`).
//!
//! Who needs what: a log appends leaves to an [`Edge`], writes the tiles it gives out, signs a [`Checkpoint`] and
//! makes proofs out of [`Tiles`]; a witness lets a checkpoint in by [`admit`] and cosigns what it got from there; a
//! portal verifies a [`Receipt`] offline against [`Pins`].
//!
//! What must hold: what is accepted has one form, byte for byte; every length has a limit, no loop runs longer than a
//! tree is high, nothing recurses; a leaf says nothing about what it stands for. A cosignature can only be made of a
//! checkpoint whose growth was verified. Deliberately absent: files, clocks (times are arguments, in Unix seconds),
//! what a leaf's parts say, and when a checkpoint is due.

mod checkpoint;
mod consistency;
mod edge;
mod frontier;
mod growth;
mod hashing;
mod inclusion;
mod leaf;
mod note;
mod opening;
mod pins;
mod proof;
mod receipt;
mod source;
mod subtree;
mod text;
mod tile;
mod tiles;
mod witness;

pub use checkpoint::{Checkpoint, CheckpointError, EXTENSIONS_MAX, LogSigner, SignedCheckpoint};
pub use consistency::{prove_consistency, verify_consistency};
pub use edge::Edge;
pub use frontier::{Frontier, FrontierError};
pub use growth::{Grown, grown};
pub use hashing::{EMPTY_ROOT, leaf_hash, node_hash};
pub use inclusion::{prove_inclusion, verify_inclusion};
pub use leaf::{BadEntry, Commitment, ENTRY, Leaf, Part, Salt};
pub use note::{
    KeyError, KeyKind, NAME_MAX, NOTE_MAX, Note, NoteError, SIGNATURES_MAX, Signature, Verified, VerifierKey,
};
pub use opening::{CONTENT_MAX, Opening, OpeningError};
pub use pins::{Pins, PinsError, Standing, Witnessed};
pub use proof::{PROOF_MAX, Proof, ProofError};
pub use receipt::{Proven, RECEIPT_MAX, Receipt, ReceiptError};
pub use source::{HashSource, MakeError};
pub use subtree::Subtree;
pub use tile::{BadTileName, TILE_LEVELS, TILE_WIDTH, TileName};
pub use tiles::{TileError, TileSource, Tiles};
pub use witness::{Admitted, Refusal, TIME_MAX, WitnessSigner, admit, cosigned_message};

/// A SHA-256 hash: of a leaf, of a subtree, of a tree.
pub type Hash = [u8; 32];

/// Most leaves of a tree: 2^63 − 1, so that sizes fit the signed integers of other implementations.
pub const SIZE_MAX: u64 = (1 << 63) - 1;

/// A tree at one size: what a checkpoint says and a proof leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// Leaves, at most [`SIZE_MAX`].
    pub size: u64,
    /// The Merkle tree hash over them (RFC 9162, 2.1.1); [`EMPTY_ROOT`] where there are none.
    pub root: Hash,
}

impl TreeHead {
    /// The tree without leaves.
    pub const EMPTY: Self = Self { size: 0, root: EMPTY_ROOT };
}

#[cfg(test)]
mod tests;
