//! Allowlists: one network a line, the last line an address that asks.

use model::{AllowedIps, Faults, Field};
use serde_json::Value;
use std::net::IpAddr;

use crate::lines;

pub fn addresses(data: &[u8]) {
    let mut lines = lines(data);
    let address = lines.pop().and_then(|text| text.parse().ok());
    let texts = Value::from(lines);
    let mut faults = Faults::default();
    let Some(list) = AllowedIps::parse(texts.clone(), "", &mut faults) else {
        assert!(!faults.is_empty(), "refused without a word");
        return;
    };
    assert!(faults.is_empty(), "accepted with faults");
    // As it is shown it is accepted again, as it was stored it is read again, and is the same list.
    let shown = Value::from(list.texts().collect::<Vec<_>>());
    let again = AllowedIps::parse(shown.clone(), "", &mut faults);
    assert_eq!(again.as_ref(), Some(&list));
    assert_eq!(serde_json::to_value(&list).ok(), Some(shown.clone()));
    let stored: AllowedIps = serde_json::from_value(shown).expect("as it was stored");
    assert_eq!(stored, list);
    let stored: AllowedIps = serde_json::from_value(texts.clone()).expect("as it was given");
    assert_eq!(stored, list);
    if let Some(address) = address {
        let texts = texts.as_array().into_iter().flatten();
        let inside = texts
            .filter_map(Value::as_str)
            .any(|text| is_inside(address, text));
        assert_eq!(list.contain(address), inside, "{address} in {list}");
    }
}

/// By numbers alone, from the text that was given: IPv4 is its mapped IPv6.
fn is_inside(address: IpAddr, network: &str) -> bool {
    let (base, prefix) = match network.split_once('/') {
        Some((base, prefix)) => (base, prefix.parse().ok()),
        None => (network, None),
    };
    let base: IpAddr = base.parse().expect("what was accepted is an address");
    let wide = match base {
        IpAddr::V4(_) => 32 - prefix.unwrap_or(32_u32),
        IpAddr::V6(_) => 128 - prefix.unwrap_or(128),
    };
    let is_v4 = |address: IpAddr| address.to_canonical().is_ipv4();
    // A wide range around the mapped addresses holds none of them: requests from IPv4 arrive unmapped.
    let one_kind = is_v4(address) == (is_v4(base) && wide <= 32);
    let number = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    };
    one_kind && number(address).checked_shr(wide) == number(base).checked_shr(wide)
}
