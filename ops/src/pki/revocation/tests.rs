//! What is revoked is on the next list, every certificate of the holder and nobody else's; numbers only grow.

use std::sync::Arc;

use chukei_relay_client::tls::{HopCredentials, TlsFiles, Unfit};

use super::super::{DAYS_MAX, HopPaths};
use super::*;

const NOW: u64 = 1_790_000_000_000;
const DAY_MS: u64 = 86_400_000;
const STAFF: &str = "staff-982016-u-tax-07";

fn folder() -> (tempfile::TempDir, Pki) {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::init(&dir.path().join("pki"), NOW).unwrap();
    (dir, pki)
}

/// Credentials that keep to the certificate that lies there now.
fn open(paths: &HopPaths) -> Arc<HopCredentials> {
    let HopPaths { certificate, key, authority, crl } = paths.clone();
    let [certificate, key] = [certificate, key].map(|path| {
        let copies = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        let kept = path.with_extension(format!("{copies}"));
        std::fs::copy(path, &kept).unwrap();
        kept
    });
    HopCredentials::open(TlsFiles { certificate, key, authority, crl: Some(crl) }).unwrap()
}

fn staff(pki: &Pki, name: &str) -> HopPaths {
    pki.issue_staff("982016".parse().unwrap(), name, Validity::hop(NOW)).unwrap()
}

#[test]
fn a_new_folder_has_a_list_that_names_nobody_and_ends() {
    let (_dir, pki) = folder();
    let holder = open(&staff(&pki, "u-tax-07"));
    assert_eq!(holder.fitness(NOW), Ok(()));
    let times = holder.list_times().unwrap();
    assert_eq!(times.ends_ms, NOW + 7 * DAY_MS);
    assert_eq!(holder.fitness(times.ends_ms), Err(Unfit::ListOver));
    pki.write_crl(Validity { now_ms: NOW + DAY_MS, days: 30 }).unwrap();
    holder.look(NOW + DAY_MS);
    assert_eq!(holder.fitness(times.ends_ms), Ok(()));
    assert_eq!(holder.list_times().unwrap().ends_ms, NOW + 31 * DAY_MS);
}

#[test]
fn r20_all_of_a_holder_s_certificates_are_revoked_by_identity_or_by_file_name() {
    let (_dir, pki) = folder();
    let first = open(&staff(&pki, "u-tax-07"));
    let second = open(&staff(&pki, "u-tax-07"));
    let other = open(&staff(&pki, "u-care-03"));
    let all = [&first, &second, &other];
    let fitness = || {
        all.map(|holder| {
            holder.look(NOW);
            holder.fitness(NOW)
        })
    };
    assert_eq!(pki.revoke(STAFF, true, Validity::crl(NOW)).unwrap().certificates, 1);
    assert_eq!(fitness(), [Err(Unfit::Revoked), Ok(()), Ok(())], "the former one alone");
    let revoked = pki.revoke("chukei://body/982016/staff/u-tax-07", false, Validity::crl(NOW)).unwrap();
    assert_eq!((revoked.identity.name(), revoked.certificates), ("u-tax-07", 1));
    assert_eq!(fitness(), [Err(Unfit::Revoked), Err(Unfit::Revoked), Ok(())]);
    assert_eq!(pki.revoke(STAFF, false, Validity::crl(NOW)).unwrap().certificates, 0, "once is enough");
    let third = open(&staff(&pki, "u-tax-07"));
    assert_eq!(third.fitness(NOW), Ok(()), "issued anew, the holder is back");
}

#[test]
fn nobody_s_name_revokes_nobody() {
    let (_dir, pki) = folder();
    staff(&pki, "u-tax-07");
    let before = std::fs::read(pki.path("ca.crl")).unwrap();
    for name in ["", "u-tax-07", "../pki/staff-982016-u-tax-07", "chukei://body/982024/staff/u-tax-07", "ca"]
    {
        assert!(matches!(pki.revoke(name, false, Validity::crl(NOW)), Err(PkiError::NobodysName)), "{name}");
    }
    assert_eq!(std::fs::read(pki.path("ca.crl")).unwrap(), before);
}

#[test]
fn a_certificate_of_before_the_ledger_is_found_by_its_file() {
    let (_dir, pki) = folder();
    let paths = staff(&pki, "u-tax-07");
    let holder = open(&paths);
    std::fs::remove_file(pki.path("certificates.json")).unwrap();
    // Its list numbers begin anew: a role that held none yet takes them.
    assert_eq!(pki.revoke(STAFF, false, Validity::crl(NOW)).unwrap().certificates, 1);
    assert_eq!(open(&paths).fitness(NOW), Err(Unfit::Revoked));
    assert_eq!(holder.fitness(NOW), Ok(()), "what is in force stays until it is looked at");
}

#[test]
fn what_is_long_over_leaves_the_list_and_numbers_only_grow() {
    let (_dir, pki) = folder();
    staff(&pki, "u-tax-07");
    pki.revoke(STAFF, false, Validity::crl(NOW)).unwrap();
    let revoked = |pki: &Pki| Ledger::read(pki).unwrap().revoked().count();
    assert_eq!((revoked(&pki), Ledger::read(&pki).unwrap().crl_number), (1, 2));
    let later = Validity { now_ms: NOW + 124 * DAY_MS, days: DAYS_MAX };
    pki.issue_staff("982016".parse().unwrap(), "u-care-03", later).unwrap();
    assert_eq!(revoked(&pki), 1, "for a while after its end, too");
    let later = Validity { now_ms: NOW + 126 * DAY_MS, days: DAYS_MAX };
    pki.issue_staff("982016".parse().unwrap(), "u-care-03", later).unwrap();
    pki.write_crl(Validity::crl(later.now_ms)).unwrap();
    assert_eq!((revoked(&pki), Ledger::read(&pki).unwrap().crl_number), (0, 3));
}
