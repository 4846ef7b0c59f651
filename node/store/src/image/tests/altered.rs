//! Whatever byte of a backup is altered, it is refused.

use super::*;

fn check(folder: &Path, identities: &[Vec<u8>]) -> Result<Checked, ImageError> {
    let chain = BackupSet::open(folder, identities)?.chain(identities)?;
    check_chain(&chain, &mut |_| {})
}

#[tokio::test]
async fn sqlite_every_altered_byte_of_every_file_is_refused() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..3, 1).await;
    let full = stage.backup(&observed, "full", None).await;
    let identities = stage.identities();
    assert!(check(full.folder(), &identities).is_ok());
    for file in ["manifest.cbor", "rows.img", "journal.img"] {
        let path = full.folder().join(file);
        let whole = bytes_of(full.folder(), file);
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            std::fs::write(&path, &altered).unwrap();
            assert!(check(full.folder(), &identities).is_err(), "{file} byte {at}");
        }
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let refused = check(full.folder(), &identities);
            let told = !matches!(refused, Ok(_) | Err(ImageError::Io { .. }));
            assert!(told, "{file} cut to {length}: {refused:?}");
        }
        std::fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
        assert!(check(full.folder(), &identities).is_err(), "{file} with a byte more");
        std::fs::remove_file(&path).unwrap();
        assert!(check(full.folder(), &identities).is_err(), "{file} taken away");
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(check(full.folder(), &identities).is_ok());
}

#[tokio::test]
async fn sqlite_another_bodys_identity_has_not_signed_it() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    let full = stage.backup(&observed, "full", None).await;
    let other = IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
    let refused = BackupSet::open(full.folder(), &[other.public_spki()]);
    assert!(matches!(refused, Err(ImageError::BadSignature)));
    assert!(matches!(BackupSet::open(full.folder(), &[]), Err(ImageError::BadSignature)));
}

/// What the body itself signed is held against what the files say.
#[tokio::test]
async fn sqlite_signed_counts_and_versions_are_held_against_the_rows() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..10, 1).await;
    let full = stage.backup(&observed, "full", None).await;
    let faults: [fn(&mut Manifest); 6] = [
        |manifest| manifest.spaces[0].values += 1,
        |manifest| manifest.spaces.clear(),
        |manifest| manifest.newest = 0,
        |manifest| manifest.journal_span.last += 1,
        |manifest| manifest.journal_span.first += 1,
        |manifest| manifest.rows.chunks.push(manifest.rows.chunks[0]),
    ];
    for fault in faults {
        let mut manifest = full.manifest().clone();
        fault(&mut manifest);
        std::fs::write(full.folder().join("manifest.cbor"), stage.signed(&manifest)).unwrap();
        let refused = check(full.folder(), &stage.identities());
        assert!(matches!(refused, Err(ImageError::Altered(_))), "{refused:?}");
    }
    let mut newer = full.manifest().clone();
    newer.format = 2;
    std::fs::write(full.folder().join("manifest.cbor"), stage.signed(&newer)).unwrap();
    assert!(matches!(check(full.folder(), &stage.identities()), Err(ImageError::NewerFormat)));
}
