//! Lists that are read, and all that is refused: what is not an authority's whole word, newest first.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CrlScope, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::*;

struct Signer(Issuer<'static, KeyPair>);

fn authority(name: &str, usages: Vec<KeyUsagePurpose>) -> (Signer, Authority) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = usages;
    let certificate = params.self_signed(&key).unwrap().der().clone();
    // What the certificate forbids, a key can still do.
    params.key_usages = Vec::new();
    (Signer(Issuer::new(params, key)), Authority::new(certificate).unwrap())
}

fn list(number: u64, serials: &[&[u8]]) -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2027, 1, 1),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: serials
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from_slice(serial),
                revocation_time: date_time_ymd(2026, 1, 1),
                reason_code: None,
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

fn signed(params: &CertificateRevocationListParams, signer: &Signer) -> String {
    params.signed_by(&signer.0).unwrap().pem().unwrap()
}

fn read_text(text: impl AsRef<[u8]>, authorities: &[Authority]) -> Result<Vec<RevocationList>, CrlError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.crl");
    std::fs::write(&path, text).unwrap();
    read(&path, authorities)
}

#[test]
fn a_list_names_who_was_revoked_and_its_times_as_pem_and_as_der() {
    let (signer, ours) = authority("one", vec![KeyUsagePurpose::CrlSign]);
    let params = list(7, &[&[0x80, 1], &[9; 16]]);
    let der = params.signed_by(&signer.0).unwrap().der().to_vec();
    for bytes in [signed(&params, &signer).into_bytes(), der] {
        let lists = read_text(bytes, std::slice::from_ref(&ours)).unwrap();
        let [list] = lists.as_slice() else { panic!("{lists:?}") };
        assert!(list.names(&[0x80, 1]) && list.names(&[9; 16]) && !list.names(&[9; 15]));
        assert_eq!((list.issued_ms, list.ends_ms), (1_767_225_600_000, 1_798_761_600_000));
    }
}

#[test]
fn r20_a_list_is_believed_under_its_authority_s_signature_alone() {
    let (signer, ours) = authority("one", vec![KeyUsagePurpose::CrlSign]);
    let (impostor, _) = authority("one", vec![]);
    let (stranger, other) = authority("two", vec![]);
    let (forbidden, no_signer) = authority("three", vec![KeyUsagePurpose::KeyCertSign]);
    let ours = [ours, no_signer];
    let params = list(1, &[&[1]]);
    assert_eq!(read_text(signed(&params, &impostor), &ours).unwrap_err(), CrlError::BadSignature);
    assert_eq!(read_text(signed(&params, &stranger), &ours).unwrap_err(), CrlError::Foreign);
    assert_eq!(read_text(signed(&params, &forbidden), &ours).unwrap_err(), CrlError::BadSignature);
    assert!(read_text(signed(&params, &stranger), &[other]).is_ok());

    let mut der = params.signed_by(&signer.0).unwrap().der().to_vec();
    let last = der.len() - 1;
    for at in [60, last] {
        der[at] ^= 1;
        assert!(read_text(&der, &ours).is_err(), "byte {at}");
        der[at] ^= 1;
    }
    assert!(read_text(&der, &ours).is_ok());
}

#[test]
fn of_one_authority_the_highest_number_counts_and_strangers_do_not_disturb() {
    let (signer, ours) = authority("one", vec![]);
    let (stranger, _) = authority("two", vec![]);
    let texts = [
        signed(&list(2, &[&[2]]), &signer),
        signed(&list(10, &[&[10]]), &signer),
        signed(&list(9, &[&[9]]), &signer),
        signed(&list(99, &[&[99]]), &stranger),
    ];
    let lists = read_text(texts.concat(), &[ours]).unwrap();
    assert_eq!(lists.len(), 1);
    assert!(lists[0].names(&[10]) && !lists[0].names(&[9]));
}

#[test]
fn what_is_not_a_whole_list_is_refused() {
    let (signer, ours) = authority("one", vec![]);
    let ours = [ours];
    let partial = CertificateRevocationListParams {
        issuing_distribution_point: Some(CrlIssuingDistributionPoint {
            distribution_point: CrlDistributionPoint { uris: vec!["http://crl.example".into()] },
            scope: Some(CrlScope::UserCertsOnly),
        }),
        ..list(1, &[])
    };
    assert_eq!(read_text(signed(&partial, &signer), &ours).unwrap_err(), CrlError::Malformed);
    let whole = signed(&list(1, &[]), &signer);
    for text in ["", "-----BEGIN X509 CRL-----", "nonsense", whole.get(..whole.len() / 2).unwrap()] {
        assert_eq!(read_text(text, &ours).unwrap_err(), CrlError::Malformed, "{text}");
    }
    assert_eq!(read_text(vec![b' '; LISTS_MAX + 1], &ours).unwrap_err(), CrlError::Unreadable);
    assert_eq!(read(Path::new("/none"), &ours).unwrap_err(), CrlError::Unreadable);
}
