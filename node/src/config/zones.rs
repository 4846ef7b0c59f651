//! Zones of the network, by the addresses from which callers come (R6, R15).
//!
//! An address is an input of decisions and never a ground for trust (R20): it can only take away. An address in no range
//! is the internet's.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use chukei_access::facts::Zone;
use serde::Deserialize;

/// Ranges of one zone, at most.
pub const RANGES_MAX: usize = 256;

/// Which addresses belong to which zone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZoneSettings {
    /// 個人番号利用事務系.
    pub closed: Vec<AddressRange>,
    /// LGWAN接続系.
    pub lgwan: Vec<AddressRange>,
}

/// Addresses that begin with the same bits, e.g. `10.20.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AddressRange {
    base: IpAddr,
    bits: u8,
}

/// The text is no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRange;

impl fmt::Display for InvalidRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a range of addresses such as 10.20.0.0/16, whose bits beyond the prefix are zero")
    }
}

impl Default for ZoneSettings {
    fn default() -> Self {
        let loopback = [("127.0.0.0", 8), ("::1", 128)];
        let range = |(base, bits): (&str, u8)| Some(AddressRange { base: base.parse().ok()?, bits });
        Self { closed: loopback.into_iter().filter_map(range).collect(), lgwan: Vec::new() }
    }
}

impl ZoneSettings {
    /// The zone of an address. Where ranges of both zones hold it, it is the less closed one's.
    pub fn of(&self, address: IpAddr) -> Zone {
        let address = address.to_canonical();
        let within = |ranges: &[AddressRange]| ranges.iter().any(|range| range.contains(address));
        match (within(&self.lgwan), within(&self.closed)) {
            (true, _) => Zone::Lgwan,
            (false, true) => Zone::Closed,
            (false, false) => Zone::Internet,
        }
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        let fits = [&self.closed, &self.lgwan].iter().all(|ranges| ranges.len() <= RANGES_MAX);
        if fits { Ok(()) } else { Err("at most 256 ranges of a zone") }
    }
}

impl AddressRange {
    fn contains(self, address: IpAddr) -> bool {
        first_bits(address, self.bits) == first_bits(self.base, self.bits)
            && address.is_ipv4() == self.base.is_ipv4()
    }
}

/// The address with every bit after the first ones zero, as a number.
fn first_bits(address: IpAddr, bits: u8) -> u128 {
    match address {
        IpAddr::V4(address) => {
            let rest = 32_u32.saturating_sub(u32::from(bits));
            u128::from(address.to_bits().checked_shr(rest).unwrap_or(0)) << rest
        }
        IpAddr::V6(address) => {
            let rest = 128_u32.saturating_sub(u32::from(bits));
            address.to_bits().checked_shr(rest).unwrap_or(0).checked_shl(rest).unwrap_or(0)
        }
    }
}

impl FromStr for AddressRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (base, bits) = text.split_once('/').ok_or(InvalidRange)?;
        let base: IpAddr = base.parse().map_err(|_| InvalidRange)?;
        let bits: u8 = bits.parse().map_err(|_| InvalidRange)?;
        let (longest, number) = match base {
            IpAddr::V4(base) => (32, u128::from(base.to_bits())),
            IpAddr::V6(base) => (128, base.to_bits()),
        };
        let exact = bits <= longest && first_bits(base, bits) == number && base.to_canonical() == base;
        if exact { Ok(Self { base, bits }) } else { Err(InvalidRange) }
    }
}

impl TryFrom<String> for AddressRange {
    type Error = InvalidRange;

    fn try_from(text: String) -> Result<Self, InvalidRange> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(settings: &ZoneSettings, address: &str) -> Zone {
        settings.of(address.parse().unwrap())
    }

    #[test]
    fn r6_an_address_in_no_range_is_the_internets_and_loopback_is_closed_by_default() {
        let settings = ZoneSettings::default();
        for closed in ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(zone(&settings, closed), Zone::Closed, "{closed}");
        }
        for open in ["128.0.0.1", "126.255.255.255", "10.0.0.1", "::2", "fe80::1", "::ffff:10.0.0.1"] {
            assert_eq!(zone(&settings, open), Zone::Internet, "{open}");
        }
    }

    #[test]
    fn ranges_hold_what_begins_with_their_bits_and_the_less_closed_zone_counts() {
        let range = |text: &str| text.parse::<AddressRange>().unwrap();
        let settings = ZoneSettings {
            closed: vec![range("10.20.0.0/16"), range("fd00::/8")],
            lgwan: vec![range("10.20.30.0/24"), range("192.0.2.7/32")],
        };
        assert_eq!(zone(&settings, "10.20.29.255"), Zone::Closed);
        assert_eq!(zone(&settings, "10.20.30.1"), Zone::Lgwan);
        assert_eq!(zone(&settings, "192.0.2.7"), Zone::Lgwan);
        assert_eq!(zone(&settings, "192.0.2.8"), Zone::Internet);
        assert_eq!(zone(&settings, "fdff::1"), Zone::Closed);
        assert_eq!(zone(&settings, "127.0.0.1"), Zone::Internet, "what is configured is all there is");
        let all = ZoneSettings { closed: vec![range("0.0.0.0/0")], lgwan: vec![] };
        assert_eq!(zone(&all, "203.0.113.9"), Zone::Closed);
        assert_eq!(zone(&all, "2001:db8::1"), Zone::Internet, "of another family");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in
            ["10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/-1", "::ffff:10.0.0.0/104"]
        {
            assert_eq!(text.parse::<AddressRange>(), Err(InvalidRange), "{text}");
        }
    }
}
