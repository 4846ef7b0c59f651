//! A log of ours for a verifier that others have written: its tiles and entries as files, its checkpoints, cosigned by two
//! witnesses, and proofs.

use std::fs;
use std::path::{Path, PathBuf};

use chukei_crypto::sign::SigningKey;
use chukei_crypto::tlog::{
    Checkpoint, Commitment, Edge, Frontier, Hash, Leaf, LogSigner, Part, Pins, Proof, Salt, SignedCheckpoint,
    TileName, TileSource, Tiles, TreeHead, WitnessSigner, admit, prove_consistency, prove_inclusion,
};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

const ORIGIN: &str = "chukei.invalid/log/982016/1";
/// Sizes that the log has checkpoints of: around the ends of tiles, on three levels.
const SIZES: [u64; 9] = [1, 2, 255, 256, 257, 1_000, 65_536, 65_793, 66_000];
/// Seconds since 1970.
const NOW: u64 = 1_795_219_200;

/// The tiles that were written to a folder.
struct Files<'a>(&'a Path);

impl TileSource for Files<'_> {
    type Error = std::io::ErrorKind;

    fn read(&mut self, tile: TileName, out: &mut Vec<u8>) -> Result<(), Self::Error> {
        let whole = fs::read(self.0.join(tile.full().to_string()));
        let bytes = whole.or_else(|_| fs::read(self.0.join(edge_of(tile).to_string())));
        out.extend(bytes.map_err(|error| error.kind())?);
        Ok(())
    }
}

/// The tile as it is in the whole log.
fn edge_of(tile: TileName) -> TileName {
    TileName::in_tree(tile.level(), tile.index(), SIZES[SIZES.len() - 1]).unwrap()
}

/// Writes the whole log into `folder`.
pub(crate) fn write(folder: &Path) {
    let (mut edge, mut frontier, mut heads, mut bundle) =
        (Edge::new(), Frontier::new(), Vec::new(), Vec::new());
    for index in 0..SIZES[SIZES.len() - 1] {
        let entry = leaf(index).entry();
        bundle.extend(u16::try_from(entry.len()).unwrap().to_be_bytes());
        bundle.extend(entry);
        if index % 256 == 255 {
            put(folder, &entries(TileName::new(0, index / 256, 256).unwrap()), &std::mem::take(&mut bundle));
        }
        let hash = leaf(index).hash();
        edge.append(hash, |tile, bytes| put(folder, Path::new(&tile.to_string()), bytes)).unwrap();
        frontier.append(hash).unwrap();
        if SIZES.contains(&(index + 1)) {
            heads.push(frontier.head());
        }
    }
    for (tile, bytes) in edge.partial_tiles() {
        put(folder, Path::new(&tile.to_string()), bytes);
        if tile.level() == 0 {
            put(folder, &entries(tile), &bundle);
        }
    }
    assert_eq!(edge.head(), frontier.head());
    fs::write(folder.join("log.json"), case(folder, &heads).to_string()).unwrap();
}

fn case(folder: &Path, heads: &[TreeHead]) -> Value {
    let log = LogSigner::new(ORIGIN, key()).unwrap();
    let witnesses =
        ["a", "b"].map(|name| WitnessSigner::new(&format!("chukei.invalid/witness/{name}"), key()).unwrap());
    let keys = witnesses.iter().map(|witness| witness.verifier().clone());
    let pins = Pins::new(ORIGIN, keys.chain([log.verifier().clone()]).collect()).unwrap();
    let (mut last, mut checkpoints, mut consistency) = (TreeHead::EMPTY, Vec::new(), Vec::new());
    for head in heads {
        let proof = growth(folder, last.size, head.size);
        let mut signed = log.sign(Checkpoint::new(ORIGIN, *head, Vec::new()).unwrap()).unwrap();
        let lines = cosigned(&witnesses, &pins, &last, &signed, &proof);
        lines.into_iter().for_each(|line| signed.add(line, &pins).unwrap());
        checkpoints.push(signed.to_string());
        if last.size > 0 {
            consistency.push(json!({ "old": last.size, "new": head.size, "proof": hex(&proof) }));
        }
        last = *head;
    }
    json!({
        "origin": ORIGIN,
        "log": log.verifier().to_string(),
        "witnesses": witnesses.iter().map(|witness| witness.verifier().to_string()).collect::<Vec<_>>(),
        "checkpoints": checkpoints,
        "consistency": consistency,
        "inclusion": heads.iter().flat_map(|head| inclusions(folder, head.size)).collect::<Vec<_>>(),
    })
}

fn cosigned(
    witnesses: &[WitnessSigner],
    pins: &Pins,
    last: &TreeHead,
    signed: &SignedCheckpoint,
    proof: &Proof,
) -> Vec<chukei_crypto::tlog::Signature> {
    let cosign = |witness: &WitnessSigner| witness.cosign(admit(pins, last, signed, proof).unwrap(), NOW);
    witnesses.iter().map(cosign).collect()
}

/// The first leaf, the last, and some between.
fn inclusions(folder: &Path, size: u64) -> Vec<Value> {
    let mut of: Vec<u64> = [0, 1, size / 3, size / 2, size - 1].into_iter().filter(|at| *at < size).collect();
    of.sort_unstable();
    of.dedup();
    let whole = SIZES[SIZES.len() - 1];
    let one = |index| {
        let proof = prove_inclusion(&mut Tiles::new(Files(folder), whole), index, size).unwrap();
        let entry = BASE64.encode(&leaf(index).entry());
        json!({ "index": index, "size": size, "entry": entry, "proof": hex(&proof) })
    };
    of.into_iter().map(one).collect()
}

fn growth(folder: &Path, old: u64, new: u64) -> Proof {
    prove_consistency(&mut Tiles::new(Files(folder), SIZES[SIZES.len() - 1]), old, new).unwrap()
}

fn leaf(index: u64) -> Leaf {
    let commit = |part: Part| {
        let mut salt = [part as u8; 32];
        salt[..8].copy_from_slice(&index.to_be_bytes());
        Commitment::new(part, &Salt::from_bytes(salt), b"what a record says")
    };
    Leaf { person: commit(Part::Person), internal: commit(Part::Internal) }
}

fn key() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap()
}

fn hex(proof: &Proof) -> String {
    HEXLOWER.encode(&proof.hashes().iter().copied().flat_map(Hash::from).collect::<Vec<u8>>())
}

/// Where the entries under a tile lie.
fn entries(tile: TileName) -> PathBuf {
    PathBuf::from(tile.to_string().replacen("tile/0/", "tile/entries/", 1))
}

fn put(folder: &Path, path: &Path, bytes: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
