//! The smallest list of networks that covers what was seen: fewest addresses first, then fewest entries.
//!
//! Exact, not greedy: in the tree of prefixes, the best list of at most n entries below a node is the node itself, or the best n - m of its left half with the best m of its right.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::{collections::BTreeSet, net::IpAddr};

use super::AllowedIps;
use crate::Network;

impl AllowedIps {
    /// At most 50 networks, canonical, adjacent ones merged, none wider than a list may have. `None` where nothing was seen, or where no such list covers it all.
    ///
    /// IPv4 is counted in addresses, IPv6 in /64.
    pub fn smallest_for(seen: &BTreeSet<Network>) -> Option<AllowedIps> {
        cover(seen, AllowedIps::MAX).map(AllowedIps)
    }

    /// Whether all of a network's addresses may use the key, none, or (`None`) nobody knows which.
    pub fn contain_network(&self, network: Network) -> Option<bool> {
        let network = network.net();
        if self.0.iter().any(|allowed| allowed.contains(&network)) {
            return Some(true);
        }
        let partly = self.0.iter().any(|allowed| network.contains(allowed));
        (!partly).then_some(false)
    }
}

fn cover(seen: &BTreeSet<Network>, most: usize) -> Option<Vec<IpNet>> {
    let seen: Vec<_> = seen.iter().map(|network| network.net()).collect();
    // Disjoint, sorted, and without halves that make a whole.
    let seen = IpNet::aggregate(&seen);
    let of = |family: &Family| {
        let prefixes: Vec<_> = seen.iter().filter_map(|net| family.prefix(net)).collect();
        (!prefixes.is_empty()).then(|| Node::over(&prefixes, family, most))
    };
    let nodes = match (of(&V4), of(&V6)) {
        (None, None) => return None,
        (Some(node), None) => vec![(&V4, node, most)],
        (None, Some(node)) => vec![(&V6, node, most)],
        (Some(v4), Some(v6)) => {
            let shares = (1..most).map(|share| (share, most - share));
            let best = shares.min_by_key(|(a, b)| v4.cost(*a).saturating_add(v6.cost(*b)))?;
            vec![(&V4, v4, best.0), (&V6, v6, best.1)]
        }
    };
    let mut networks = Vec::new();
    for (family, node, most) in nodes {
        if node.cost(most) == IMPOSSIBLE {
            return None;
        }
        node.choose(most, &mut |prefix| networks.extend(family.network(prefix)));
    }
    Some(networks)
}

/// An address family: its bits stand at the left of 128.
struct Family {
    v4: bool,
    /// What a list may have at the widest.
    widest: u8,
    /// The length of what is counted as one.
    unit: u8,
}

const V4: Family = Family {
    v4: true,
    widest: AllowedIps::WIDEST_V4,
    unit: 32,
};
const V6: Family = Family {
    v4: false,
    widest: AllowedIps::WIDEST_V6,
    unit: 64,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Prefix {
    bits: u128,
    length: u8,
}

impl Family {
    fn prefix(&self, network: &IpNet) -> Option<Prefix> {
        let bits = match (self.v4, network.network()) {
            (true, IpAddr::V4(address)) => u128::from(address.to_bits()) << 96,
            (false, IpAddr::V6(address)) => address.to_bits(),
            _ => return None,
        };
        Some(Prefix {
            bits,
            length: network.prefix_len(),
        })
    }

    fn network(&self, prefix: Prefix) -> Option<IpNet> {
        if self.v4 {
            let bits = u32::try_from(prefix.bits >> 96).ok()?;
            Ipv4Net::new(bits.into(), prefix.length).ok().map(IpNet::V4)
        } else {
            Ipv6Net::new(prefix.bits.into(), prefix.length)
                .ok()
                .map(IpNet::V6)
        }
    }

    fn size(&self, length: u8) -> u128 {
        1 << self.unit.saturating_sub(length)
    }
}

const IMPOSSIBLE: u128 = u128::MAX;

/// Where seen prefixes part.
struct Node {
    prefix: Prefix,
    halves: Option<Box<(Node, Node)>>,
    /// What the prefix alone costs.
    whole: u128,
    /// The least cost of at most 1, 2, … entries.
    costs: Vec<u128>,
}

impl Node {
    /// `seen`: sorted, disjoint, at least one.
    fn over(seen: &[Prefix], family: &Family, most: usize) -> Node {
        let (first, last) = (seen[0], seen[seen.len() - 1]);
        if seen.len() == 1 {
            let whole = family.size(first.length);
            return Node {
                prefix: first,
                halves: None,
                whole,
                costs: vec![whole],
            };
        }
        // Disjoint prefixes part within both.
        let length = u8::try_from((first.bits ^ last.bits).leading_zeros()).unwrap_or(127);
        let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        let right = 1_u128 << (127 - length);
        let middle = seen.partition_point(|prefix| prefix.bits & right == 0);
        let left = Node::over(&seen[..middle], family, most);
        let right = Node::over(&seen[middle..], family, most);
        let whole = match length >= family.widest {
            true => family.size(length),
            false => IMPOSSIBLE,
        };
        let mut costs = vec![whole];
        for entries in 2..=most.min(left.costs.len() + right.costs.len()) {
            let parted = (1..entries).map(|of_left| {
                left.cost(of_left)
                    .saturating_add(right.cost(entries - of_left))
            });
            let least = parted.min().unwrap_or(IMPOSSIBLE);
            costs.push(least.min(costs[entries - 2]));
        }
        Node {
            prefix: Prefix {
                bits: first.bits & mask,
                length,
            },
            halves: Some(Box::new((left, right))),
            whole,
            costs,
        }
    }

    fn cost(&self, entries: usize) -> u128 {
        self.costs[entries.min(self.costs.len()) - 1]
    }

    /// Gives the prefixes of the best list, the fewest that cost so little.
    fn choose(&self, most: usize, give: &mut impl FnMut(Prefix)) {
        let cost = self.cost(most);
        let (Some(halves), false) = (&self.halves, cost == self.whole) else {
            return give(self.prefix);
        };
        let (left, right) = &**halves;
        let entries = self.costs.iter().position(|least| *least == cost);
        let entries = entries.map_or(most, |place| place + 1);
        let share = (1..entries).find(|of_left| {
            left.cost(*of_left)
                .saturating_add(right.cost(entries - of_left))
                == cost
        });
        let share = share.unwrap_or(1);
        left.choose(share, give);
        right.choose(entries - share, give);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(texts: &[&str]) -> BTreeSet<Network> {
        let networks = texts.iter().map(|text| text.parse().expect("a network"));
        networks.collect()
    }

    fn smallest(texts: &[&str]) -> Option<String> {
        AllowedIps::smallest_for(&seen(texts)).map(|list| list.to_string())
    }

    #[test]
    fn adjacent_networks_merge_and_nothing_else_is_let_in_while_there_is_room() {
        for (texts, list) in [
            (&["203.0.113.9"][..], Some("203.0.113.9")),
            (
                &["203.0.113.8", "203.0.113.9", "203.0.113.11"],
                Some("203.0.113.8/31, 203.0.113.11"),
            ),
            (
                &["2001:db8:0:1::/64", "2001:db8::/64", "198.51.100.7"],
                Some("198.51.100.7, 2001:db8::/63"),
            ),
            (&[], None),
        ] {
            assert_eq!(smallest(texts).as_deref(), list);
        }
    }

    #[test]
    fn no_entry_is_wider_than_a_list_may_have() {
        // One address of each of 60 /8: no 50 entries cover them.
        let far: Vec<_> = (1..=60).map(|first| format!("{first}.0.0.1")).collect();
        let far: Vec<_> = far.iter().map(String::as_str).collect();
        assert_eq!(smallest(&far), None);
        // Where two of them are neighbours within a /8, the 50 others stay single addresses.
        let mut near = far[..49].to_vec();
        near.extend(["200.0.0.1", "200.1.0.1"]);
        let list = smallest(&near).expect("covers");
        assert!(list.ends_with("200.0.0.0/15"), "{list}");
        assert_eq!(list.split(", ").count(), 50);
    }

    /// Every choice of at most three of the 31 prefixes of a /28 is tried.
    #[test]
    fn nothing_smaller_covers_the_same() {
        let prefixes: Vec<IpNet> = (28..=32)
            .flat_map(|length| {
                let all: IpNet = "198.51.100.0/28".parse().expect("a network");
                all.subnets(length).expect("longer").collect::<Vec<_>>()
            })
            .collect();
        let size = |list: &[IpNet]| -> u32 {
            list.iter()
                .map(|net| 1_u32 << (32 - net.prefix_len()))
                .sum()
        };
        let mut random = 7_u64;
        for _ in 0..60 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let addresses: BTreeSet<Network> = (0..16)
                .filter(|bit| random >> (40 + bit) & 1 == 1)
                .map(|last| format!("198.51.100.{last}").parse().expect("an address"))
                .collect();
            if addresses.is_empty() {
                continue;
            }
            for most in 1..=3 {
                let covers = |list: &[IpNet]| {
                    let mut all = addresses.iter();
                    all.all(|seen| list.iter().any(|net| net.contains(&seen.net())))
                };
                let mut best: Option<(u32, usize)> = None;
                let mut offer = |list: &[IpNet]| {
                    if list.len() <= most && covers(list) {
                        let found = (size(list), list.len());
                        best = Some(best.map_or(found, |before| before.min(found)));
                    }
                };
                for (a, one) in prefixes.iter().enumerate() {
                    offer(&[*one]);
                    for (b, two) in prefixes.iter().enumerate().skip(a + 1) {
                        offer(&[*one, *two]);
                        for three in &prefixes[b + 1..] {
                            offer(&[*one, *two, *three]);
                        }
                    }
                }
                let list = cover(&addresses, most).expect("covers");
                assert!(covers(&list), "{addresses:?} {list:?}");
                assert_eq!(
                    Some((size(&list), list.len())),
                    best,
                    "{addresses:?} {list:?}"
                );
            }
        }
    }

    #[test]
    fn a_network_is_allowed_wholly_or_not_or_nobody_knows() {
        let list = ["2001:db8::1/128", "203.0.113.0/24", "2001:db8:1::/48"];
        let list = AllowedIps(list.map(|text| text.parse().expect("a network")).into());
        for (network, allowed) in [
            ("203.0.113.9", Some(true)),
            ("203.0.114.9", Some(false)),
            ("2001:db8:1:2::/64", Some(true)),
            ("2001:db8::/64", None),
            ("2001:db8:2::/64", Some(false)),
        ] {
            let network = network.parse().expect("a network");
            assert_eq!(list.contain_network(network), allowed, "{network}");
        }
    }
}
