//! The lines of an export, whatever the form of the file.

use chukei_crypto::tlog::{Commitment, Hash, Opening, Part, Salt};
use chukei_domain::event::Record;
use chukei_wire::codec::decode;
use chukei_wire::limits::ACT_PIECE_MAX;
use chukei_wire::message::audit::{ExportEnds, ExportItem};
use serde_bytes::ByteBuf;

use crate::failure::Failure;
use chukei_wire::result::ResultName;

/// Roots over what stands before the first record, at most.
const ROOTS: usize = 63;

/// One line.
pub(super) enum Line {
    /// What stands before the first record.
    Begins {
        /// Whose log.
        body: String,
        /// The act that brought it out.
        act: String,
        /// Number of the first record.
        first: u64,
        /// Roots over the leaves before it.
        roots: Vec<Hash>,
    },
    /// A record.
    Record(Box<Shown>),
    /// A leaf alone.
    Leaf(u64, Hash),
    /// What leads to the checkpoint.
    Ends(Box<Ends>),
}

/// A record with what its leaf is made of.
pub(super) struct Shown {
    pub(super) act: String,
    pub(super) record: Record,
    pub(super) bytes: Vec<u8>,
    /// Its leaf.
    pub(super) leaf: Hash,
    /// The salt, and the commitment to what the person may see.
    pub(super) opens: ([u8; 32], Hash),
}

impl Shown {
    /// Whether the leaf is of this record.
    pub(super) fn is_its_leaf(&self) -> bool {
        let (salt, other) = (Salt::from_bytes(self.opens.0), Commitment::from_bytes(self.opens.1));
        let opening = Opening::new(Part::Internal, salt, self.bytes.clone(), other);
        opening.is_ok_and(|opening| opening.leaf().hash() == self.leaf)
    }
}

/// What leads from the last record to the checkpoint.
pub(super) struct Ends {
    pub(super) last: u64,
    pub(super) proof: Vec<Hash>,
    pub(super) checkpoint: String,
    pub(super) key: [u8; 32],
    pub(super) certificate: [u8; 64],
}

fn broken() -> Failure {
    Failure::of_result(ResultName::IntegrityFailure)
}

/// Hashes that stand one behind the other.
fn hashes(bytes: &[u8]) -> Result<Vec<Hash>, Failure> {
    match bytes.as_chunks() {
        (hashes, []) => Ok(hashes.to_vec()),
        _ => Err(broken()),
    }
}

/// The lines of a piece of what the node sends: each item behind its length.
pub(super) fn lines(mut bytes: &[u8], act: &str) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(broken)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| broken())?;
        let (item, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
        lines.push(line(decode(item, ACT_PIECE_MAX).map_err(|_| broken())?, act)?);
        bytes = rest;
    }
    Ok(lines)
}

fn line(item: ExportItem, act: &str) -> Result<Line, Failure> {
    Ok(match item {
        ExportItem::Begins { body, first, roots } => {
            let root = |root: &ByteBuf| Hash::try_from(root.as_slice()).map_err(|_| broken());
            let roots = roots.iter().take(ROOTS + 1).map(root).collect::<Result<_, _>>()?;
            Line::Begins { body: body.to_string(), act: act.to_owned(), first, roots }
        }
        ExportItem::Record { number, opening } => {
            let opened = Opening::from_bytes(&opening).map_err(|_| broken())?;
            // Version and part, then the salt, then the other part's commitment.
            let parts = opening.get(2..).and_then(|parts| parts.split_first_chunk::<32>());
            let (salt, rest) = parts.ok_or_else(broken)?;
            let other = rest.first_chunk::<32>().ok_or_else(broken)?;
            let (bytes, leaf) = (opened.content().to_vec(), opened.leaf().hash());
            Line::Record(Box::new(shown(act, number, bytes, leaf, (*salt, *other))?))
        }
        ExportItem::Leaf { number, leaf } => Line::Leaf(number, leaf),
        ExportItem::Ends(ends) => {
            let ExportEnds { last, proof, checkpoint, key, certificate } = *ends;
            let checkpoint = String::from_utf8(checkpoint.into_vec()).map_err(|_| broken())?;
            Line::Ends(Box::new(Ends { last, proof: hashes(&proof)?, checkpoint, key, certificate }))
        }
    })
}

fn shown(
    act: &str,
    number: u64,
    bytes: Vec<u8>,
    leaf: Hash,
    opens: ([u8; 32], Hash),
) -> Result<Shown, Failure> {
    let record = Record::from_bytes(&bytes).map_err(|_| broken())?;
    if record.seq != number {
        return Err(broken());
    }
    Ok(Shown { act: act.to_owned(), record, bytes, leaf, opens })
}
