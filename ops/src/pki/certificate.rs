//! Hop certificates: ECDSA P-256 leaves under one authority, the holder named by a URI (R20, R21).

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chukei_wire::identity::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use zeroize::Zeroizing;

use super::{PkiError, Validity};

/// Validity of the authority itself, days.
const AUTHORITY_DAYS: u32 = 3_650;
/// How far `not before` lies in the past, so that a peer whose clock is a little slow accepts a new certificate.
const BACKDATE: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(86_400);

/// A certificate and its key, both PEM.
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) key: Zeroizing<String>,
}

/// A new authority that signs leaves only.
pub(super) fn authority(now_ms: u64) -> Result<Issued, PkiError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "chukei hop authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, &Validity { now_ms, days: AUTHORITY_DAYS })?;
    let certificate = params.self_signed(&key)?.pem();
    Ok(Issued { certificate, key: Zeroizing::new(key.serialize_pem()) })
}

/// A leaf for `identity`; every role both dials and listens, so it serves either side.
pub(super) fn leaf(
    authority: &Issued,
    identity: &Identity,
    addresses: &[IpAddr],
    validity: &Validity,
) -> Result<Issued, PkiError> {
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key)?)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, identity.name());
    params.subject_alt_names.push(SanType::URI(identity.to_string().try_into()?));
    params.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, validity)?;
    let certificate = params.signed_by(&key, &issuer)?.pem();
    Ok(Issued { certificate, key: Zeroizing::new(key.serialize_pem()) })
}

fn set_validity(params: &mut CertificateParams, validity: &Validity) -> Result<(), PkiError> {
    let now = UNIX_EPOCH.checked_add(Duration::from_millis(validity.now_ms)).ok_or(PkiError::Validity)?;
    let days = DAY.checked_mul(validity.days).ok_or(PkiError::Validity)?;
    let start: SystemTime = now.checked_sub(BACKDATE).ok_or(PkiError::Validity)?;
    params.not_before = start.into();
    params.not_after = now.checked_add(days).ok_or(PkiError::Validity)?.into();
    Ok(())
}
