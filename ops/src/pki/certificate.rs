//! Hop certificates: ECDSA P-256 leaves under one authority, the holder named by a URI (R20, R21).

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chukei_crypto::random;
use chukei_wire::identity::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, RevokedCertParams, SanType,
    SerialNumber,
};
use zeroize::Zeroizing;

use super::{PkiError, Validity};

/// Validity of the authority itself, days.
const AUTHORITY_DAYS: u32 = 3_650;
/// How far `not before` lies in the past, so that a peer whose clock is a little slow accepts a new certificate.
const BACKDATE: Duration = Duration::from_secs(300);

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

/// A serial number that nobody can guess: positive, without a leading zero (RFC 5280, 4.1.2.2).
pub(super) fn serial() -> Result<SerialNumber, PkiError> {
    let mut bytes = random::bytes::<16>().map_err(|_| PkiError::Key)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// A leaf for `identity`. Every role both dials and listens, so it serves either side; a device does neither.
pub(super) fn leaf(
    authority: &Issued,
    identity: &Identity,
    addresses: &[IpAddr],
    serial: &SerialNumber,
    validity: &Validity,
) -> Result<Issued, PkiError> {
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key)?)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.serial_number = Some(serial.clone());
    params.distinguished_name.push(DnType::CommonName, identity.name());
    params.subject_alt_names.push(SanType::URI(identity.to_string().try_into()?));
    params.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if identity.connects() {
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    }
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, validity)?;
    let certificate = params.signed_by(&key, &issuer)?.pem();
    Ok(Issued { certificate, key: Zeroizing::new(key.serialize_pem()) })
}

/// The list of this number, PEM: certificates by serial number and time of revocation.
pub(super) fn revocation_list(
    authority: &Issued,
    number: u64,
    revoked: impl Iterator<Item = (SerialNumber, u64)>,
    validity: &Validity,
) -> Result<String, PkiError> {
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key)?)?;
    let (start, end) = period(validity)?;
    let entry = |(serial_number, revoked_ms)| {
        let revocation_time = time(revoked_ms)?.into();
        Ok(RevokedCertParams { serial_number, revocation_time, reason_code: None, invalidity_date: None })
    };
    let params = CertificateRevocationListParams {
        this_update: start.into(),
        next_update: end.into(),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked.map(entry).collect::<Result<_, PkiError>>()?,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(params.signed_by(&issuer)?.pem()?)
}

fn set_validity(params: &mut CertificateParams, validity: &Validity) -> Result<(), PkiError> {
    let (start, end) = period(validity)?;
    (params.not_before, params.not_after) = (start.into(), end.into());
    Ok(())
}

fn period(validity: &Validity) -> Result<(SystemTime, SystemTime), PkiError> {
    let start = time(validity.now_ms)?.checked_sub(BACKDATE).ok_or(PkiError::Validity)?;
    Ok((start, time(validity.ends_ms()?)?))
}

fn time(ms: u64) -> Result<SystemTime, PkiError> {
    UNIX_EPOCH.checked_add(Duration::from_millis(ms)).ok_or(PkiError::Validity)
}
