//! The addresses that a key may be used from.

mod cover;

use ipnet::{IpNet, Ipv4Net};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, net::IpAddr};

use crate::{Faults, Field, Rule};

/// 1 to 50 networks, canonical: v4-mapped IPv6 became IPv4, and no host bit is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedIps(Vec<IpNet>);

impl AllowedIps {
    const MAX: usize = 50;
    /// Wider ones would hardly restrict anything.
    const WIDEST_V4: u8 = 8;
    const WIDEST_V6: u8 = 16;

    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.0.iter()
    }

    /// Each as people write it: a single address without a prefix length.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(shown)
    }

    fn network(text: &str) -> Result<IpNet, String> {
        let unread = || "must be an IPv4 or IPv6 address or CIDR range".to_owned();
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| unread())?;
        let network = match length {
            None => IpNet::from(address),
            // ipnet takes `010.0.0.0/08` for 10 and 8, where others read octal numbers.
            Some(length) if length.len() > 1 && length.starts_with('0') => return Err(unread()),
            Some(_) => text.parse::<IpNet>().map_err(|_| unread())?,
        };
        if network.addr() != network.network() {
            return Err(format!(
                "has host bits set; the network is {}",
                shown(&canonical(network.trunc()))
            ));
        }
        let network = canonical(network);
        let widest = match network {
            IpNet::V4(_) => AllowedIps::WIDEST_V4,
            IpNet::V6(_) => AllowedIps::WIDEST_V6,
        };
        if network.prefix_len() < widest {
            return Err(format!("must not be wider than /{widest}"));
        }
        Ok(network)
    }
}

/// `::ffff:a.b.c.d/96+n` is IPv4 `a.b.c.d/n`.
fn canonical(network: IpNet) -> IpNet {
    match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
            Some(v4) => Ipv4Net::new(v4, v6.prefix_len() - 96).map_or(network, IpNet::V4),
            None => network,
        },
        // A wider range that holds all mapped addresses is no IPv4 range: requests from IPv4 arrive unmapped.
        _ => network,
    }
}

/// A single address without its full-length prefix.
pub(crate) fn shown(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

impl fmt::Display for AllowedIps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.texts().collect();
        f.write_str(&texts.join(", "))
    }
}

impl Field for AllowedIps {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let Value::Array(values) = value else {
            return faults.refuse(
                at,
                Rule::Type,
                "must be an array, or null for no restriction",
            );
        };
        if values.is_empty() || values.len() > AllowedIps::MAX {
            return faults.refuse(
                at,
                Rule::Length,
                "must have 1 to 50 elements; null means no restriction",
            );
        }
        let mut networks = Vec::with_capacity(values.len());
        let mut all = true;
        for (index, value) in values.iter().enumerate() {
            let at = format!("{at}/{index}");
            let network = match value.as_str() {
                Some(text) => match AllowedIps::network(text) {
                    Ok(network) if networks.contains(&network) => {
                        faults.refuse(&at, Rule::Duplicate, "stands twice")
                    }
                    Ok(network) => Some(network),
                    Err(message) => faults.refuse(&at, Rule::Format, &message),
                },
                None => faults.refuse(&at, Rule::Type, "must be a string"),
            };
            all &= network.is_some();
            networks.extend(network);
        }
        all.then_some(AllowedIps(networks))
    }
}

impl Serialize for AllowedIps {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(shown))
    }
}

impl<'de> Deserialize<'de> for AllowedIps {
    /// A stored list that can't be read is an error, never "no restriction".
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let networks = texts.iter().map(|text| AllowedIps::network(text));
        let networks = networks
            .collect::<Result<Vec<_>, _>>()
            .map_err(serde::de::Error::custom)?;
        if networks.is_empty() {
            return Err(serde::de::Error::custom("an allowlist is never empty"));
        }
        Ok(AllowedIps(networks))
    }
}

impl JsonSchema for AllowedIps {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AllowedIps".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "minItems": 1,
            "maxItems": AllowedIps::MAX,
            "uniqueItems": true,
            "items": { "type": "string", "description": "An IPv4 or IPv6 address or CIDR range" },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: Value) -> Result<AllowedIps, Faults> {
        let mut faults = Faults::default();
        let list = AllowedIps::parse(value, "/allowedIPs", &mut faults);
        crate::field::outcome(list, faults)
    }

    #[test]
    fn mapped_ipv6_is_ipv4() {
        let list = parse(json!(["::ffff:10.1.0.0/112", "2001:db8::1"])).expect("valid");
        assert_eq!(list.to_string(), "10.1.0.0/16, 2001:db8::1");
        assert!(list.contain("10.1.2.3".parse().expect("address")));
        assert!(list.contain("::ffff:10.1.2.3".parse().expect("address")));
        assert!(!list.contain("10.2.0.0".parse().expect("address")));
    }

    #[test]
    fn host_bits_are_refused_naming_the_network() {
        let faults = parse(json!(["10.0.0.1/8"])).expect_err("host bits");
        assert!(
            faults
                .iter()
                .any(|f| f.path == "/allowedIPs/0" && f.message.ends_with("10.0.0.0/8"))
        );
    }

    #[test]
    fn lists_too_wide_empty_double_or_ambiguous_are_refused() {
        for list in [
            json!([]),
            json!(["0.0.0.0/7"]),
            json!(["2000::/15"]),
            json!(["::ffff:0.0.0.0/103"]),
            json!(["1.1.1.1", "1.1.1.1/32"]),
            json!(["010.0.0.1"]),
            json!(["010.0.0.0/8"]),
            json!(["10.0.0.0/08"]),
            json!(["2001:db8::/032"]),
            json!(["10.0.0.0/33"]),
            json!(["10.0.0.0/"]),
            json!("1.1.1.1"),
            json!([1]),
        ] {
            assert!(parse(list.clone()).is_err(), "{list}");
        }
        assert!(parse(json!(["10.0.0.0/8", "2000::/16"])).is_ok());
    }
}
