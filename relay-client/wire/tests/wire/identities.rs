//! Identities: one text per identity, and nothing that is unfit for a file name or a log line.

use chukei_wire::id::{ChannelId, HeaderHash, RequestId};
use chukei_wire::identity::Identity;
use proptest::prelude::*;

#[test]
fn every_kind_of_holder_has_its_uri() {
    let body = "982016".parse().unwrap();
    let name = || "u-tax-07".to_owned();
    for (identity, kind, owner, text) in [
        (Identity::System(body, name()), "system", Some(body), "chukei://body/982016/system/u-tax-07"),
        (Identity::Staff(body, name()), "staff", Some(body), "chukei://body/982016/staff/u-tax-07"),
        (Identity::Auditor(body, name()), "auditor", Some(body), "chukei://body/982016/auditor/u-tax-07"),
        (Identity::Device(Some(body), name()), "device", Some(body), "chukei://body/982016/device/u-tax-07"),
        (Identity::Device(None, name()), "device", None, "chukei://platform/device/u-tax-07"),
        (Identity::Operator(name()), "operator", None, "chukei://platform/operator/u-tax-07"),
        (Identity::Maintenance(name()), "maintenance", None, "chukei://platform/maintenance/u-tax-07"),
        (Identity::Node(name()), "node", None, "chukei://node/u-tax-07"),
        (Identity::Broker(name()), "broker", None, "chukei://broker/u-tax-07"),
        (Identity::Portal(name()), "portal", None, "chukei://portal/u-tax-07"),
    ] {
        assert_eq!(identity.to_string(), text);
        assert_eq!(text.parse::<Identity>(), Ok(identity.clone()));
        assert_eq!((identity.kind(), identity.name(), identity.body()), (kind, "u-tax-07", owner));
        assert_eq!(identity.connects(), kind != "device");
    }
}

#[test]
fn lookalikes_are_refused() {
    let long = format!("chukei://node/{}", "a".repeat(65));
    for text in [
        "",
        "chukei://",
        "chukei://node/",
        "chukei://node/..",
        "chukei://node/.a",
        "chukei://node/-a",
        "chukei://node/a/b",
        "chukei://node/A",
        "chukei://node/a ",
        "chukei://node/a\n",
        "chukei://node/a%2e",
        "CHUKEI://node/a",
        "https://node/a",
        "chukei://body/982016",
        "chukei://body/982017/staff/a",
        "chukei://body/982016/staff/a/b",
        "chukei://body/982016/admin/a",
        "chukei://body/982016/operator/a",
        "chukei://body/982016/maintenance/a",
        "chukei://platform/staff/a",
        "chukei://platform/auditor/a",
        "chukei://platform/982016/device/a",
        "chukei://platform/device",
        "chukei://device/a",
        "chukei://operator/a",
        long.as_str(),
    ] {
        assert!(text.parse::<Identity>().is_err(), "{text}");
    }
}

#[test]
fn ids_have_one_text_form() {
    let id = ChannelId([0xab; 16]);
    assert_eq!(id.to_string().parse::<ChannelId>(), Ok(id));
    assert!("AB".repeat(16).parse::<ChannelId>().is_err());
    assert!("ab".repeat(15).parse::<ChannelId>().is_err());
}

#[test]
fn a_request_id_tells_its_time_only_as_version_7() {
    let id: RequestId = "019aa3d2c8007abc8123456789abcdef".parse().unwrap();
    assert_eq!(id.unix_ms(), Some(0x019a_a3d2_c800));
    let version_4: RequestId = "019aa3d2c8004abc8123456789abcdef".parse().unwrap();
    assert_eq!(version_4.unix_ms(), None);
    let other_variant: RequestId = "019aa3d2c8007abcc123456789abcdef".parse().unwrap();
    assert_eq!(other_variant.unix_ms(), None);
}

proptest! {
    #[test]
    fn what_parses_prints_the_same(text in "chukei://(node|broker|portal|platform/(operator|maintenance|device)|body/982016/(staff|system|auditor|device))/[a-z0-9._-]{0,66}") {
        if let Ok(identity) = text.parse::<Identity>() {
            prop_assert_eq!(identity.to_string(), text);
        }
    }

    #[test]
    fn hashes_round_trip_as_text(bytes in any::<[u8; 32]>()) {
        let hash = HeaderHash(bytes);
        prop_assert_eq!(hash.to_string().parse::<HeaderHash>(), Ok(hash));
    }
}
