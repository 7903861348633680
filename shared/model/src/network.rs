//! Networks that requests come from, as usage counts them.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};

use crate::{InvalidId, allowlist::shown};

/// A network without host bits; a single address is written without its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpNet);

impl Network {
    /// What usage takes for one place: the address itself of IPv4, of IPv6 its /64, which one host may move in as it likes.
    pub fn of(address: IpAddr) -> Network {
        Network::cut(address, 32, 64)
    }

    /// The neighbourhood, for noticing a place that is new: /24 of IPv4, /48 of IPv6.
    pub fn coarse(self) -> Network {
        Network::cut(self.0.addr(), 24, 48)
    }

    fn cut(address: IpAddr, v4: u8, v6: u8) -> Network {
        let address = address.to_canonical();
        let length = if address.is_ipv4() { v4 } else { v6 };
        // Both lengths are within an address's.
        Network(IpNet::new_assert(address, length).trunc())
    }

    pub(crate) fn net(self) -> IpNet {
        self.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl FromStr for Network {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let network = match text.parse::<IpNet>() {
            Ok(network) => network,
            Err(_) => IpNet::from(text.parse::<IpAddr>().map_err(|_| InvalidId)?),
        };
        Ok(Network(network.trunc()))
    }
}

impl Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_place_and_has_a_neighbourhood() {
        for (address, place, coarse) in [
            ("203.0.113.9", "203.0.113.9", "203.0.113.0/24"),
            ("::ffff:203.0.113.9", "203.0.113.9", "203.0.113.0/24"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ] {
            let network = Network::of(address.parse().expect("an address"));
            assert_eq!(network.to_string(), place);
            assert_eq!(network.coarse().to_string(), coarse);
            assert_eq!(place.parse(), Ok(network));
        }
    }
}
