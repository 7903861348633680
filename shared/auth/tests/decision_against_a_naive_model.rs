//! The decision against a model that is written as a list of the contract's sentences and shares no code with it.

use auth::{
    Answer, Asked, Counted, Credential, Decision, Forbidden, GivenReason, Grant, KeyFacts, Keyring,
    NamedCompany, NamedPartner, PresentedKey, SecretDocument, SecretFacts, Unit, Verdict, Warning,
    Window,
};
use model::{
    AllowedIps, CompanyId, Field, GrantState, KeyId, KeyKind, KeyState, Owner, PartnerId,
    RateLimit, Reason, Timestamp,
};
use routes::{Access, Route, Scope, ScopeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const CASES: u64 = 150_000;
const NOW: i64 = 1_800_000_000_250;

/// SplitMix64: any seed reproduces its run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

/// One generated situation, in plain values that both sides read in their own way.
struct Case {
    key: PresentedKey,
    facts: KeyFacts,
    asked: Asked,
    grant: Option<Option<Grant>>,
    // What the model reads.
    secret: Secret,
    networks: Option<Vec<(u128, u8)>>,
    used: [u64; 3],
    own: CompanyId,
}

#[derive(Clone, Copy, PartialEq)]
enum Secret {
    Wrong,
    Good { ends: Option<i64>, ended: bool },
}

fn company(n: u8) -> CompanyId {
    CompanyId::new(time(1), [n; 10])
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("in range")
}

/// IPv4 as its mapped IPv6 number, so that the model has one kind of address.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn address(random: &mut Random) -> IpAddr {
    let last = random.below(4) as u8;
    match random.below(4) {
        0 => IpAddr::V4(Ipv4Addr::new(10, 0, random.below(2) as u8, last)),
        1 => IpAddr::V6(Ipv4Addr::new(10, 0, random.below(2) as u8, last).to_ipv6_mapped()),
        2 => IpAddr::V6(Ipv6Addr::new(
            0x2001,
            0xdb8,
            0,
            0,
            0,
            0,
            random.below(2) as u16,
            last.into(),
        )),
        _ => IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
    }
}

/// Texts for the product, (network, prefix of 128 bits) for the model.
fn networks(random: &mut Random) -> (AllowedIps, Vec<(u128, u8)>) {
    let mut texts = Vec::new();
    let mut numbers = Vec::new();
    for _ in 0..=random.below(2) {
        let base = address(random);
        let bits = if base.is_ipv4() { 32 } else { 128 };
        let wide = random.pick(&[0u8, 1, 2, 8, 9]);
        let prefix = bits - wide;
        let mask = u128::MAX << wide;
        let network = number(base) & mask;
        let text = match base {
            IpAddr::V4(_) => format!("{}/{prefix}", Ipv4Addr::from(network as u32)),
            IpAddr::V6(_) => format!("{}/{prefix}", Ipv6Addr::from(network)),
        };
        let entry = (network, 128 - wide);
        if !numbers.contains(&entry) {
            texts.push(serde_json::Value::from(text));
            numbers.push(entry);
        }
    }
    let mut faults = model::Faults::default();
    let list =
        AllowedIps::parse(texts.into(), "", &mut faults).unwrap_or_else(|| panic!("{faults:?}"));
    (list, numbers)
}

fn case(random: &mut Random, keyring: &Keyring) -> Case {
    let id = KeyId::new(random.bytes());
    let kind = random.pick(&[KeyKind::Standard, KeyKind::Standard, KeyKind::Ats]);
    let own = company(1);
    let owner = match kind {
        KeyKind::Standard => Owner::Company(own),
        KeyKind::Ats => Owner::Partner(PartnerId::new(time(1), [9; 10])),
    };
    let (good, stored) = keyring.mint(kind, id, random.bytes());
    let (other, other_stored) = keyring.mint(kind, id, random.bytes());
    let edge = |random: &mut Random| {
        random.pick(&[
            None,
            None,
            Some(NOW - 1),
            Some(NOW),
            Some(NOW + 1),
            Some(NOW + 100_000),
            Some(NOW + 30 * 86_400_000),
            Some(NOW + 30 * 86_400_000 + 1),
        ])
    };
    let ends = edge(random).filter(|_| random.one_in(3));
    let ended = ends.is_some() && random.one_in(8);
    let secret = |stored, suffix: &str, ends: Option<i64>| SecretFacts {
        stored,
        ended: ends.is_some() && ended,
        suffix: suffix.to_owned(),
        created_at: time(1),
        valid_until: ends.map(time),
    };
    let wrong = random.one_in(8);
    let mut secrets = Vec::new();
    if !wrong {
        secrets.push(secret(stored, good.suffix(), ends));
    }
    if wrong || random.one_in(4) {
        secrets.push(secret(other_stored, other.suffix(), None));
    }
    if random.one_in(2) {
        secrets.reverse();
    }
    let (allowed_ips, numbers) = match random.one_in(2) {
        true => (None, None),
        false => {
            let (list, numbers) = networks(random);
            (Some(list), Some(numbers))
        }
    };
    let scopes = match random.below(4) {
        0 => ScopeSet::all(),
        1 => ScopeSet::EMPTY,
        _ => Scope::ALL
            .into_iter()
            .filter(|_| random.one_in(2))
            .collect(),
    };
    let limits = match random.one_in(3) {
        true => RateLimit {
            per_minute: 700,
            per_hour: 1_000,
            per_second: Some(12),
        },
        false => RateLimit {
            per_minute: 60,
            per_hour: 500,
            per_second: None,
        },
    };
    let used = [
        random.pick(&[
            0,
            limits.per_second.map_or(0, u64::from).saturating_sub(1),
            12,
            13,
        ]),
        random.pick(&[
            0,
            u64::from(limits.per_minute) - 1,
            u64::from(limits.per_minute),
        ]),
        random.pick(&[
            0,
            u64::from(limits.per_hour) - 1,
            u64::from(limits.per_hour),
        ]),
    ];
    let mut counted = Counted {
        version: random.below(100),
        ..Counted::default()
    };
    for (unit, used) in [Unit::Second, Unit::Minute, Unit::Hour]
        .into_iter()
        .zip(used)
    {
        counted.windows.insert(Window::at(unit, time(NOW)), used);
        // The neighbours never count.
        counted
            .windows
            .insert(Window::at(unit, time(NOW - unit.seconds() * 1000)), 10_000);
        counted
            .windows
            .insert(Window::at(unit, time(NOW + unit.seconds() * 1000)), 10_000);
    }
    let asked_company = match random.below(5) {
        0 | 1 => NamedCompany::Absent,
        2 => NamedCompany::One(own),
        3 => NamedCompany::One(company(2)),
        _ => NamedCompany::Unusable,
    };
    let grant = Grant {
        state: random.pick(&[
            GrantState::Active,
            GrantState::Active,
            GrantState::Active,
            GrantState::Suspended,
            GrantState::Ended,
        ]),
        since: time(1),
        scopes: if random.one_in(2) {
            ScopeSet::all()
        } else {
            Scope::ALL
                .into_iter()
                .filter(|_| random.one_in(2))
                .collect()
        },
    };
    let all: Vec<&'static Route> = routes::all()
        .filter(|route| route.access != Access::Public)
        .collect();
    Case {
        key: PresentedKey::parse(good.expose()).expect("minted"),
        facts: KeyFacts {
            id,
            kind,
            owner,
            state: random.pick(&[
                KeyState::Active,
                KeyState::Active,
                KeyState::Active,
                KeyState::Suspended,
                KeyState::Revoked,
            ]),
            since: None,
            expires_at: edge(random).map(time),
            allowed_ips,
            scopes,
            limits,
            secrets,
            counted,
        },
        asked: Asked {
            route: random.pick(&all),
            address: address(random),
            company: asked_company,
            // No key is asked for its partner.
            partner: random.pick(&[NamedPartner::Absent, NamedPartner::Unusable]),
            // Nor why.
            reason: match random.one_in(2) {
                true => GivenReason::Absent,
                false => GivenReason::Given("Because I want to".parse().expect("a reason")),
            },
        },
        grant: random.pick(&[None, Some(None), Some(Some(grant)), Some(Some(grant))]),
        secret: if wrong {
            Secret::Wrong
        } else {
            Secret::Good { ends, ended }
        },
        networks: numbers,
        used,
        own,
    }
}

/// What the contract says, sentence by sentence, the first fault first.
fn model(case: &Case) -> String {
    let Case {
        facts,
        asked,
        grant,
        secret,
        networks,
        used,
        own,
        ..
    } = case;
    let Secret::Good { ends, ended } = *secret else {
        return "401 WRONG_SECRET".to_owned();
    };
    match facts.state {
        KeyState::Suspended => return "401 SUSPENDED".to_owned(),
        KeyState::Revoked => return "401 REVOKED".to_owned(),
        KeyState::Active => {}
    }
    let over = |end: Option<i64>| end.is_some_and(|end| NOW >= end);
    if over(facts.expires_at.map(Timestamp::millis)) || over(ends) || ended {
        return "401 EXPIRED".to_owned();
    }
    if let Some(networks) = networks {
        let inside = |(network, prefix): &(u128, u8)| {
            let wide = 128 - u32::from(*prefix);
            (number(asked.address) >> wide) == (network >> wide)
        };
        if !networks.iter().any(inside) {
            return "401 ADDRESS".to_owned();
        }
    }
    let mut acting = Some(*own).filter(|_| facts.kind == KeyKind::Standard);
    match asked.route.access {
        Access::Role(_) | Access::Person | Access::Administrator => {
            return "403 PERSON".to_owned();
        }
        Access::Scope(_)
            if asked.route.operation == "CreateCompany" && facts.kind == KeyKind::Standard =>
        {
            return "403 ATS_KEY".to_owned();
        }
        Access::Scope(scope) => {
            if !facts.scopes.iter().any(|held| held == scope) {
                return format!("403 {}", scope.as_str());
            }
            let named = match &asked.company {
                NamedCompany::Absent => None,
                NamedCompany::One(id) => Some(Some(*id)),
                NamedCompany::Unusable => Some(None),
            };
            match (facts.kind, named) {
                (KeyKind::Standard, None) => {}
                (KeyKind::Standard, Some(named)) if named == Some(*own) => {}
                (KeyKind::Standard, Some(_)) => return "403 COMPANY".to_owned(),
                // Companies come to be without being named, and are listed together.
                (KeyKind::Ats, _) if asked.route.operation == "CreateCompany" => {}
                (KeyKind::Ats, None)
                    if ["ListCompanies", "GetUsage"].contains(&asked.route.operation) => {}
                (KeyKind::Ats, None) => return "400 COMPANY_MISSING".to_owned(),
                (KeyKind::Ats, Some(None)) => return "403 COMPANY".to_owned(),
                (KeyKind::Ats, Some(Some(named))) => match grant {
                    None => return format!("grant of {named}?"),
                    Some(Some(grant)) if grant.state == GrantState::Active => {
                        if !grant.scopes.iter().any(|held| held == scope) {
                            return format!("403 {}", scope.as_str());
                        }
                        acting = Some(named);
                    }
                    Some(_) => return "403 GRANT".to_owned(),
                },
            }
        }
        Access::AnyPrincipal | Access::SelfKey | Access::Public => {}
    }
    let limits = [
        (facts.limits.per_second, used[0], 1),
        (Some(facts.limits.per_minute), used[1], 60),
        (Some(facts.limits.per_hour), used[2], 3600),
    ];
    let mut refusing = None;
    for (limit, used, seconds) in limits {
        if limit.is_some_and(|limit| used >= u64::from(limit)) {
            let end = (NOW / 1000 / seconds + 1) * seconds;
            refusing = Some(refusing.map_or(end, |later: i64| later.max(end)));
        }
    }
    if let Some(end) = refusing {
        // Rounded up, and 4 s on top.
        let wait = (end * 1000 - NOW + 999) / 1000 + 4;
        return format!("429 after {wait} until {end}");
    }
    let soon = facts.expires_at.map(Timestamp::millis);
    let soon = soon.filter(|expiry| expiry - NOW <= 30 * 86_400_000);
    format!("pass in {acting:?}, told {:?}", (ends, soon))
}

fn product(case: &Case, keyring: &Keyring) -> String {
    let reason = |reason: Reason| reason.as_str();
    match case
        .facts
        .decide(&case.key, keyring, &case.asked, case.grant, time(NOW))
    {
        Decision::NeedGrant(company) => format!("grant of {company}?"),
        Decision::Commit(commit) => {
            assert_eq!(commit.version, Some(case.facts.counted.version));
            let units: Vec<_> = commit.count.iter().map(|(window, _)| window.unit).collect();
            assert_eq!(
                units.contains(&Unit::Second),
                case.facts.limits.per_second.is_some()
            );
            assert!(units.contains(&Unit::Minute) && units.contains(&Unit::Hour));
            assert!(
                commit
                    .count
                    .iter()
                    .all(|(window, _)| *window == Window::at(window.unit, time(NOW)))
            );
            let Warning {
                rotate_by,
                expires_at,
            } = commit.warning;
            let told = (
                rotate_by.map(Timestamp::millis),
                expires_at.map(Timestamp::millis),
            );
            format!("pass in {:?}, told {told:?}", commit.company)
        }
        Decision::Refuse(refusal) => match refusal.answer {
            Answer::Unauthorized => format!("401 {}", reason(refusal.reason)),
            Answer::Forbidden(Forbidden::Scope(scope)) => format!("403 {}", scope.as_str()),
            Answer::Forbidden(Forbidden::Credential(Credential::Person)) => "403 PERSON".to_owned(),
            Answer::Forbidden(Forbidden::Credential(Credential::AtsKey)) => {
                "403 ATS_KEY".to_owned()
            }
            Answer::Forbidden(other) => format!("403 {other:?}"),
            Answer::Verdict(Verdict::CompanyRequired) => format!("400 {}", reason(refusal.reason)),
            Answer::Verdict(Verdict::TwoOwners) => "400 both".to_owned(),
            Answer::Verdict(Verdict::Reason(_)) => "400 why".to_owned(),
            Answer::Verdict(Verdict::CompanyDenied) => format!("403 {}", reason(refusal.reason)),
            Answer::Verdict(Verdict::RateLimited(limited)) => {
                format!("429 after {} until {}", limited.retry_after, limited.reset)
            }
        },
    }
}

#[test]
fn the_decision_agrees_with_the_model() {
    agree(CASES);
}

/// The seeds below `cases`; the long runs have more of them.
pub(crate) fn agree(cases: u64) {
    let keyring = Keyring::new(&SecretDocument::generate([7; 32], NOW));
    let mut outcomes = std::collections::BTreeMap::new();
    for seed in 0..cases {
        let mut random = Random(seed);
        let case = case(&mut random, &keyring);
        let (expected, found) = (model(&case), product(&case, &keyring));
        assert_eq!(found, expected, "seed {seed}");
        let kind: String = expected.split(' ').take(2).collect::<Vec<_>>().join(" ");
        *outcomes.entry(kind).or_insert(0u64) += 1;
    }
    // A generator that never gets somewhere proves nothing about it.
    for kind in [
        "401 WRONG_SECRET",
        "401 SUSPENDED",
        "401 REVOKED",
        "401 EXPIRED",
        "401 ADDRESS",
        "403 PERSON",
        "403 COMPANY",
        "403 GRANT",
        "403 read:jobs",
        "400 COMPANY_MISSING",
        "429 after",
        "grant of",
        "pass in",
    ] {
        assert!(
            outcomes.get(kind).is_some_and(|count| *count > 100),
            "{kind}: {outcomes:?}"
        );
    }
}
