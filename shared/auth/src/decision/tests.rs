use super::*;
use crate::{SecretDocument, seeded::Seeded};

/// 2027-01-15T08:00:00.250Z.
const NOW: i64 = 1_800_000_000_250;
const DAY: i64 = 86_400_000;

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("in range")
}

fn company(byte: u8) -> CompanyId {
    CompanyId::new(time(1), [byte; 10])
}

fn partner(byte: u8) -> PartnerId {
    PartnerId::new(time(1), [byte; 10])
}

fn route(operation: &str) -> &'static Route {
    let mut all = routes::all();
    all.find(|route| route.operation == operation)
        .unwrap_or_else(|| panic!("no {operation}"))
}

/// From one address, naming nobody and giving no reason.
fn asked(operation: &str) -> Asked {
    Asked {
        route: route(operation),
        address: "192.0.2.7".parse().expect("an address"),
        company: NamedCompany::Absent,
        partner: NamedPartner::Absent,
        reason: GivenReason::Absent,
    }
}

fn reason() -> AdminReason {
    "Ticket 4711: a test".parse().expect("a reason")
}

/// Full in this window.
fn full(unit: Unit, limits: RateLimit) -> Counted {
    let now = time(NOW);
    let mut windows = windows(limits, now).into_iter();
    let (window, limit) = windows
        .find(|(window, _)| window.unit == unit)
        .expect("one");
    Counted {
        version: 7,
        windows: [(window, u64::from(limit))].into(),
        ..Counted::default()
    }
}

fn version(version: u64) -> Counted {
    Counted {
        version,
        ..Counted::default()
    }
}

fn refused(decision: Decision) -> Refusal {
    match decision {
        Decision::Refuse(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn committed(decision: Decision) -> Commit {
    match decision {
        Decision::Commit(commit) => commit,
        other => panic!("{other:?}"),
    }
}

/// Reason and answer.
fn why(decision: Decision) -> (Reason, Answer) {
    let refusal = refused(decision);
    (refusal.reason, refusal.answer)
}

const DENIED: (Reason, Answer) = (Reason::Company, Answer::Verdict(Verdict::CompanyDenied));
const UNNAMED: (Reason, Answer) = (
    Reason::CompanyMissing,
    Answer::Verdict(Verdict::CompanyRequired),
);

mod windows_of_the_clock {
    use super::*;

    #[test]
    fn a_window_is_named_after_itself_and_nothing_else_is_a_window() {
        for (unit, index, name) in [
            (Unit::Second, 1_800_000_000, "s1800000000"),
            (Unit::Minute, 30_000_000, "m30000000"),
            (Unit::Hour, 500_000, "h500000"),
        ] {
            let window = Window { unit, index };
            assert_eq!(Window::at(unit, time(NOW)), window);
            assert_eq!(window.to_string(), name);
            assert_eq!(Window::parse(name), Some(window));
        }
        for name in [
            "",
            "m",
            "x1",
            "1",
            "m1x",
            "mx",
            "m-1",
            "m+1",
            "m 1",
            "M1",
            "m٣",
            "мm1",
            "m99999999999999999999",
        ] {
            assert_eq!(Window::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_window_ends_where_the_next_begins_also_before_1970() {
        for unit in [Unit::Second, Unit::Minute, Unit::Hour] {
            for millis in [NOW, -1, 0, 3_599_999, 3_600_000] {
                let window = Window::at(unit, time(millis));
                let end = time(window.end() * 1000);
                assert_eq!(Window::at(unit, end).index, window.index + 1);
                let last = time(window.end() * 1000 - 1);
                assert_eq!(Window::at(unit, last), window);
            }
        }
    }

    /// No clock that is 2 s wrong may still count in what is forgotten, nor a write that takes 3 s.
    #[test]
    fn a_window_is_forgotten_seven_seconds_after_its_end() {
        const AFTER: i64 = 7;
        for unit in [Unit::Second, Unit::Minute, Unit::Hour] {
            let window = Window::at(unit, time(NOW));
            let counted = Counted {
                windows: [(window, 1)].into(),
                ..Counted::default()
            };
            let forgotten = |second: i64| {
                let now = time(second * 1000);
                let (_, forget) = counted.count(RateLimit::PERSON, now).expect("room");
                forget
            };
            assert_eq!(forgotten(window.end() + AFTER - 1), []);
            assert_eq!(forgotten(window.end() + AFTER), [window]);
        }
    }

    #[test]
    fn what_is_full_refuses_until_its_end_and_says_so() {
        let limits = RateLimit {
            per_minute: 700,
            per_hour: 1_000,
            per_second: Some(12),
        };
        let limited = |counted: &Counted, now: i64| {
            let refusal = counted.count(limits, time(now)).expect_err("full");
            assert_eq!(refusal.reason, Reason::RateLimit);
            match refusal.answer {
                Answer::Verdict(Verdict::RateLimited(limited)) => (limited, refusal.message),
                other => panic!("{other:?}"),
            }
        };
        for (unit, limit, reset, text) in [
            (
                Unit::Second,
                12,
                1_800_000_001,
                "all 12 requests of the second until 2027-01-15T08:00:01.000Z were accepted",
            ),
            (
                Unit::Minute,
                700,
                1_800_000_060,
                "all 700 requests of the minute until 2027-01-15T08:01:00.000Z were accepted",
            ),
            (
                Unit::Hour,
                1_000,
                1_800_003_600,
                "all 1000 requests of the hour until 2027-01-15T09:00:00.000Z were accepted",
            ),
        ] {
            let counted = full(unit, limits);
            let window = Window::at(unit, time(NOW));
            let expected = |retry_after| RateLimited {
                retry_after,
                limit,
                reset,
                window,
            };
            // Rounded up, and by four seconds more.
            let begins = NOW / 1000 * 1000;
            let whole = reset - begins / 1000 + 4;
            assert_eq!(limited(&counted, NOW), (expected(whole), text.to_owned()));
            assert_eq!(limited(&counted, begins).0, expected(whole));
            assert_eq!(limited(&counted, begins + 999).0, expected(whole));
            // One less is room for one more.
            let mut room = counted.clone();
            room.windows.insert(window, u64::from(limit) - 1);
            assert!(room.count(limits, time(NOW)).is_ok());
            let windows: Vec<_> = windows(limits, time(NOW)).into_iter().collect();
            assert!(windows.contains(&(window, limit)) && windows.len() == 3);
            assert_eq!(counted.used(window), u64::from(limit));
        }
        // Of two, the one that ends later.
        let mut both = full(Unit::Second, limits);
        both.windows.extend(full(Unit::Hour, limits).windows);
        assert_eq!(limited(&both, NOW).0.window.unit, Unit::Hour);
        assert_eq!(
            Counted::default().used(Window::at(Unit::Hour, time(NOW))),
            0
        );
    }
}

mod of_keys {
    use super::*;

    struct Made {
        keyring: Keyring,
        presented: PresentedKey,
        facts: KeyFacts,
    }

    fn made(owner: Owner) -> Made {
        let keyring = Keyring::new(&SecretDocument::generate([7; 32], NOW));
        let kind = match owner {
            Owner::Company(_) => KeyKind::Standard,
            _ => KeyKind::Ats,
        };
        let id = KeyId::new([1; 8]);
        let (plain, stored) = keyring.mint(kind, id, [2; 32]);
        let presented = PresentedKey::parse(plain.expose()).expect("minted");
        let secret = SecretFacts {
            stored,
            suffix: plain.suffix().to_owned(),
            created_at: time(1),
            valid_until: None,
            ended: false,
        };
        let facts = KeyFacts {
            id,
            kind,
            owner,
            state: KeyState::Active,
            since: None,
            expires_at: None,
            allowed_ips: None,
            scopes: ScopeSet::all(),
            limits: RateLimit::PERSON,
            secrets: vec![secret],
            counted: version(7),
        };
        Made {
            keyring,
            presented,
            facts,
        }
    }

    impl Made {
        fn decide(&self, asked: &Asked, grant: Option<Option<Grant>>) -> Decision {
            let Made {
                keyring,
                presented,
                facts,
            } = self;
            facts.decide(presented, keyring, asked, grant, time(NOW))
        }

        fn message(&self) -> String {
            refused(self.decide(&asked("ListJobs"), None)).message
        }
    }

    #[test]
    fn a_company_gets_its_own_answers_with_every_fact_of_the_key() {
        let mut key = made(Owner::Company(company(1)));
        key.facts.secrets[0].valid_until = Some(time(NOW + 1));
        key.facts.expires_at = Some(time(NOW + DAY));
        let over = Window::at(Unit::Minute, time(NOW - 180_000));
        key.facts.counted.windows.insert(over, 3);
        let commit = committed(key.decide(&asked("ListJobs"), None));
        let expected = Commit {
            version: Some(7),
            count: vec![
                (Window::at(Unit::Minute, time(NOW)), 600),
                (Window::at(Unit::Hour, time(NOW)), 30_000),
            ],
            forget: vec![over],
            company: Some(company(1)),
            administering: None,
            scopes: ScopeSet::all(),
            role: None,
            secret_suffix: Some(key.presented.suffix().to_owned()),
            warning: Warning {
                rotate_by: Some(time(NOW + 1)),
                expires_at: Some(time(NOW + DAY)),
            },
        };
        assert_eq!(commit, expected);
        // About nobody in particular, it is the company's all the same.
        let commit = committed(key.decide(&asked("GetWhoami"), None));
        assert_eq!(commit.company, Some(company(1)));
    }

    #[test]
    fn a_verdict_names_the_secret_and_warns_as_an_answer_would() {
        let mut key = made(Owner::Company(company(1)));
        let until = time(NOW + 5);
        key.facts.secrets[0].valid_until = Some(until);
        let told = |decision: Decision| {
            let refusal = refused(decision);
            assert_eq!(
                refusal.secret_suffix.as_deref(),
                Some(key.presented.suffix())
            );
            refusal.warning.rotate_by
        };
        let other = Asked {
            company: NamedCompany::One(company(2)),
            ..asked("ListJobs")
        };
        assert_eq!(told(key.decide(&other, None)), Some(until));
        let mut full_key = made(Owner::Company(company(1)));
        full_key.facts.secrets[0].valid_until = Some(until);
        full_key.facts.counted = full(Unit::Hour, RateLimit::PERSON);
        assert_eq!(told(full_key.decide(&asked("ListJobs"), None)), Some(until));
        // A 401 has a suffix and says nothing else.
        key.facts.state = KeyState::Suspended;
        let refusal = refused(key.decide(&asked("ListJobs"), None));
        assert_eq!(*refusal.warning, Warning::default());
        assert_eq!(
            refusal.secret_suffix.as_deref(),
            Some(key.presented.suffix())
        );
        key.facts.secrets.clear();
        let refusal = refused(key.decide(&asked("ListJobs"), None));
        assert_eq!(
            (refusal.reason, refusal.secret_suffix),
            (Reason::WrongSecret, None)
        );
    }

    #[test]
    fn a_public_route_lets_no_key_through() {
        let key = made(Owner::Company(company(1)));
        let answer = (Reason::CredentialKind, Answer::Unauthorized);
        assert_eq!(why(key.decide(&asked("GetHealth"), None)), answer);
    }

    #[test]
    fn a_partner_acts_where_it_is_granted_with_the_scopes_of_both() {
        let mut key = made(Owner::Partner(partner(9)));
        key.facts.scopes = [Scope::ReadJobs, Scope::ReadAgents].into_iter().collect();
        let grant = |scopes: &[Scope]| Grant {
            state: GrantState::Active,
            since: time(1),
            scopes: scopes.iter().copied().collect(),
        };
        let there = |operation| Asked {
            company: NamedCompany::One(company(2)),
            ..asked(operation)
        };
        assert_eq!(
            key.decide(&there("ListJobs"), None),
            Decision::NeedGrant(company(2))
        );
        let both = grant(&[Scope::ReadJobs, Scope::WriteJobs]);
        let commit = committed(key.decide(&there("ListJobs"), Some(Some(both))));
        let only: ScopeSet = [Scope::ReadJobs].into_iter().collect();
        assert_eq!((commit.company, commit.scopes), (Some(company(2)), only));
        let refusal = refused(key.decide(&there("ListAgents"), Some(Some(both))));
        assert_eq!(
            refusal.answer,
            Answer::Forbidden(Forbidden::Scope(Scope::ReadAgents))
        );
        assert_eq!(
            refusal.message,
            "needs read:agents; the grant has read:jobs, write:jobs"
        );
        // Where it lists or makes companies, it names none.
        key.facts.scopes = ScopeSet::all();
        for operation in ["ListCompanies", "CreateCompany", "GetWhoami"] {
            assert_eq!(committed(key.decide(&asked(operation), None)).company, None);
        }
        assert_eq!(why(key.decide(&asked("ListJobs"), None)), UNNAMED);
    }

    #[test]
    fn what_became_of_a_grant_is_told() {
        let key = made(Owner::Partner(partner(9)));
        let named = Asked {
            company: NamedCompany::One(company(2)),
            ..asked("ListJobs")
        };
        let id = company(2);
        let grant = |state| {
            Some(Grant {
                state,
                since: time(NOW),
                scopes: ScopeSet::all(),
            })
        };
        for (grant, message) in [
            (
                None,
                "no grant links the partner and the company that the request names".to_owned(),
            ),
            (
                grant(GrantState::Ended),
                format!("the grant of the company {id} ended at 2027-01-15T08:00:00.250Z"),
            ),
            (
                grant(GrantState::Suspended),
                format!("the grant of the company {id} was suspended at 2027-01-15T08:00:00.250Z"),
            ),
        ] {
            let refusal = refused(key.decide(&named, Some(grant)));
            assert_eq!((refusal.reason, refusal.message), (Reason::Grant, message));
        }
    }

    #[test]
    fn the_members_are_told_what_was_true() {
        let mut key = made(Owner::Company(company(1)));
        key.facts.state = KeyState::Suspended;
        assert_eq!(key.message(), "the key is suspended");
        key.facts.state = KeyState::Revoked;
        key.facts.since = Some(Since {
            at: time(NOW),
            by: Actor::system("worker"),
            reason: None,
        });
        let revoked = "the key was revoked at 2027-01-15T08:00:00.250Z by SYSTEM worker";
        assert_eq!(key.message(), revoked);
        key.facts.since.as_mut().expect("there").reason = Some("A laptop was stolen".to_owned());
        assert_eq!(key.message(), format!("{revoked}: A laptop was stolen"));
        key.facts.state = KeyState::Active;

        key.facts.expires_at = Some(time(NOW));
        assert_eq!(key.message(), "the key expired at 2027-01-15T08:00:00.250Z");
        key.facts.expires_at = None;

        let suffix = key.presented.suffix().to_owned();
        key.facts.secrets[0].valid_until = Some(time(NOW));
        let replaced = format!(
            "the secret …{suffix} was replaced, and its overlap ended at 2027-01-15T08:00:00.250Z"
        );
        assert_eq!(key.message(), replaced);
        // Ended by somebody, before its time and even without one.
        key.facts.secrets[0].ended = true;
        for until in [Some(time(NOW + 1)), None] {
            key.facts.secrets[0].valid_until = until;
            assert!(key.message().starts_with("the secret …"));
        }
        key.facts.secrets[0].ended = false;
        key.facts.secrets[0].valid_until = None;

        key.facts.scopes = ScopeSet::EMPTY;
        assert_eq!(key.message(), "needs read:jobs; the key has no scope");
        key.facts.scopes = ScopeSet::all();
        let networks: Vec<_> = (0..12).map(|n| format!("10.0.{n}.0/24")).collect();
        let mut faults = model::Faults::default();
        key.facts.allowed_ips = model::Field::parse(networks.clone().into(), "", &mut faults);
        let all = networks[..10].join(", ");
        assert_eq!(
            key.message(),
            format!("address 192.0.2.7 is not in {all} and 2 more")
        );
        key.facts.allowed_ips = model::Field::parse(networks[..10].into(), "", &mut faults);
        assert_eq!(key.message(), format!("address 192.0.2.7 is not in {all}"));
    }

    #[test]
    fn which_secrets_there_are_is_told_when_another_one_comes() {
        let mut key = made(Owner::Company(company(1)));
        let mut random = Seeded::new(3);
        let (_, other) = key
            .keyring
            .mint(key.facts.kind, key.facts.id, random.bytes());
        let secret = |suffix: &str, until: Option<i64>| SecretFacts {
            stored: other.clone(),
            suffix: suffix.to_owned(),
            created_at: time(1),
            valid_until: until.map(time),
            ended: false,
        };
        let text = |has: &str| {
            let suffix = key.presented.suffix();
            format!("the key's id is right and the secret …{suffix} is not; it has {has}")
        };
        let (none, two) = (
            text("none"),
            text("…aaaa (until 2027-01-15T08:00:00.250Z), …bbbb"),
        );
        key.facts.secrets = vec![];
        assert_eq!(key.message(), none);
        key.facts.secrets = vec![secret("aaaa", Some(NOW)), secret("bbbb", None)];
        assert_eq!(key.message(), two);
    }

    #[test]
    fn a_secret_lives_until_its_end_unless_it_was_ended() {
        let mut key = made(Owner::Company(company(1)));
        let secret = &mut key.facts.secrets[0];
        let now = time(NOW);
        assert!(secret.is_live(now));
        for (until, live) in [(NOW - 1, false), (NOW, false), (NOW + 1, true)] {
            secret.valid_until = Some(time(until));
            assert_eq!(secret.is_live(now), live);
        }
        secret.ended = true;
        assert!(!secret.is_live(now));
        secret.valid_until = None;
        assert!(!secret.is_live(now));
    }
}

mod of_people {
    use super::*;

    fn member(owner: Owner, role: Role) -> MemberFacts {
        MemberFacts {
            person: PersonId::new("issuer", "somebody"),
            owner,
            role,
            ended: false,
            counted: version(7),
        }
    }

    #[test]
    fn a_member_may_what_the_role_may() {
        let roles = [Role::Member, Role::Admin, Role::Owner];
        for (operation, least) in [
            ("ListApiKeys", Role::Member),
            ("CreateApiKey", Role::Admin),
            ("UpdateMember", Role::Owner),
        ] {
            for role in roles {
                let facts = member(Owner::Company(company(1)), role);
                let decision = facts.decide(&asked(operation), time(NOW));
                if role >= least {
                    let commit = committed(decision);
                    assert_eq!(commit.version, Some(7));
                    assert_eq!(
                        (commit.company, commit.role),
                        (Some(company(1)), Some(role))
                    );
                    assert_eq!(commit.scopes, ScopeSet::EMPTY);
                    assert_eq!(commit.count.len(), 2);
                } else {
                    let refusal = refused(decision);
                    assert_eq!(refusal.reason, Reason::Role);
                    assert_eq!(refusal.answer, Answer::Forbidden(Forbidden::Role(least)));
                    let (least, role) = (least.as_str(), role.as_str());
                    let message = format!("the route needs the role {least}; the person is {role}");
                    assert_eq!(refusal.message, message);
                }
            }
        }
    }

    #[test]
    fn a_membership_that_ended_is_none_and_one_that_is_full_waits() {
        let mut facts = member(Owner::Company(company(1)), Role::Owner);
        facts.counted = full(Unit::Minute, RateLimit::PERSON);
        let (reason, _) = why(facts.decide(&asked("ListApiKeys"), time(NOW)));
        assert_eq!(reason, Reason::RateLimit);
        facts.ended = true;
        assert_eq!(why(facts.decide(&asked("ListApiKeys"), time(NOW))), DENIED);
    }

    #[test]
    fn who_acts_for_a_partner_has_no_companys_routes() {
        let facts = member(Owner::Partner(partner(9)), Role::Owner);
        let commit = committed(facts.decide(&asked("ListApiKeys"), time(NOW)));
        assert_eq!((commit.company, commit.role), (None, Some(Role::Owner)));
        assert_eq!(
            why(facts.decide(&asked("ListPartnerGrants"), time(NOW))),
            DENIED
        );
        let company = member(Owner::Company(company(1)), Role::Owner);
        committed(company.decide(&asked("ListPartnerGrants"), time(NOW)));
    }

    #[test]
    fn whoever_is_no_member_may_what_anybody_may() {
        let nobody = Counted::default();
        let decide = |operation| decide_person(&nobody, &asked(operation), time(NOW));
        for operation in ["GetWhoami", "AcceptInvitation"] {
            let commit = committed(decide(operation));
            assert_eq!(
                (commit.version, commit.company, commit.role),
                (None, None, None)
            );
            assert_eq!(commit.count.len(), 2);
        }
        let credential = Answer::Forbidden(Forbidden::Credential(Credential::ApiKey));
        for operation in ["ListJobs", "RevokeOwnApiKey", "GetHealth"] {
            assert_eq!(why(decide(operation)), (Reason::CredentialKind, credential));
        }
        let role = Answer::Forbidden(Forbidden::Role(Role::Member));
        let refusal = refused(decide("ListApiKeys"));
        assert_eq!((refusal.reason, refusal.answer), (Reason::Role, role));
        assert_eq!(refusal.message, "the route needs the role MEMBER");
        let administrator = Answer::Forbidden(Forbidden::Administrator);
        assert_eq!(why(decide("ListPartners")), (Reason::Role, administrator));
        let full = full(Unit::Minute, RateLimit::PERSON);
        let (reason, _) = why(decide_person(&full, &asked("GetWhoami"), time(NOW)));
        assert_eq!(reason, Reason::RateLimit);
    }

    #[test]
    fn a_person_names_a_company_or_a_partner_or_neither() {
        let (one, other) = (company(1), partner(9));
        let named = |company, partner| {
            named_owner(&Asked {
                company,
                partner,
                ..asked("ListApiKeys")
            })
            .map_err(|refusal| (refusal.reason, refusal.answer))
        };
        let both = (Reason::Company, Answer::Verdict(Verdict::TwoOwners));
        for (company, partner, expected) in [
            (NamedCompany::Absent, NamedPartner::Absent, Ok(None)),
            (
                NamedCompany::One(one),
                NamedPartner::Absent,
                Ok(Some(Owner::Company(one))),
            ),
            (NamedCompany::Unusable, NamedPartner::Absent, Err(DENIED)),
            (
                NamedCompany::Absent,
                NamedPartner::One(other),
                Ok(Some(Owner::Partner(other))),
            ),
            (NamedCompany::Absent, NamedPartner::Unusable, Err(DENIED)),
            (NamedCompany::One(one), NamedPartner::One(other), Err(both)),
            (NamedCompany::One(one), NamedPartner::Unusable, Err(both)),
            (NamedCompany::Unusable, NamedPartner::One(other), Err(both)),
        ] {
            assert_eq!(named(company, partner), expected, "{company:?} {partner:?}");
        }
    }

    #[test]
    fn what_is_said_of_who_has_no_membership() {
        let refusal = no_membership();
        assert_eq!((refusal.reason, refusal.answer), DENIED);
        let refusal = several_memberships();
        assert_eq!((refusal.reason, refusal.answer), UNNAMED);
        let refusal = no_administrator();
        let forbidden = Answer::Forbidden(Forbidden::Administrator);
        assert_eq!((refusal.reason, refusal.answer), (Reason::Role, forbidden));
    }

    #[test]
    fn a_sign_in_older_than_twelve_hours_may_read() {
        let stale = |operation, ago: i64| {
            let token = AccessToken {
                issuer: "issuer".to_owned(),
                subject: "somebody".to_owned(),
                auth_time: NOW - ago,
                email: None,
            };
            stale_sign_in(&token, &asked(operation), time(NOW))
        };
        const HALF_A_DAY: i64 = 43_200_000;
        for operation in ["CreateApiKey", "UpdateMember", "CreatePartner", "SetPlan"] {
            assert_eq!(stale(operation, HALF_A_DAY), None);
            assert_eq!(stale(operation, -1), None);
            let refusal = stale(operation, HALF_A_DAY + 1).expect("too old");
            assert_eq!(refusal.reason, Reason::StaleSignIn);
            assert_eq!(refusal.answer, Answer::Forbidden(Forbidden::StaleSignIn));
            assert_eq!(
                refusal.message,
                "the person signed in at 2027-01-14T20:00:00.249Z, more than 12 hours ago"
            );
        }
        for operation in [
            "ListApiKeys",
            "ListPartners",
            "AcceptInvitation",
            "GetWhoami",
            "CreateJob",
        ] {
            assert_eq!(stale(operation, HALF_A_DAY + 1), None, "{operation}");
        }
        // A time that can't be written is told without it.
        let refusal = stale("CreateApiKey", NOW + 100_000_000_000_000).expect("too old");
        assert_eq!(
            refusal.message,
            "the person signed in more than 12 hours ago"
        );
    }
}

mod of_administrators {
    use super::*;

    fn facts() -> AdministratorFacts {
        AdministratorFacts {
            person: PersonId::new("issuer", "somebody"),
            ended: false,
            counted: version(7),
        }
    }

    fn because(operation: &str) -> Asked {
        Asked {
            reason: GivenReason::Given(reason()),
            ..asked(operation)
        }
    }

    #[test]
    fn a_reason_makes_an_administrator_of_who_asks() {
        let unusable = |operation| Asked {
            reason: GivenReason::Unusable(Rule::Length),
            ..asked(operation)
        };
        for (operation, without, with) in [
            (
                "ListPartners",
                Capacity::Administrator,
                Capacity::Administrator,
            ),
            ("ListApiKeys", Capacity::Ordinary, Capacity::Administrator),
            ("GetWhoami", Capacity::Ordinary, Capacity::Administrator),
            (
                "ListMembers",
                Capacity::Ordinary,
                Capacity::NotForAdministrators,
            ),
            (
                "ListJobs",
                Capacity::Ordinary,
                Capacity::NotForAdministrators,
            ),
        ] {
            assert_eq!(asked(operation).capacity(), without, "{operation}");
            assert_eq!(because(operation).capacity(), with, "{operation}");
            assert_eq!(unusable(operation).capacity(), with, "{operation}");
        }
    }

    #[test]
    fn whom_a_request_is_about_is_whose_chain_tells_of_it() {
        let (one, other) = (company(1), partner(9));
        let decide = |operation, company, partner| {
            facts().decide(
                &Asked {
                    company,
                    partner,
                    ..because(operation)
                },
                time(NOW),
            )
        };
        let (named, absent) = (NamedCompany::One(one), NamedCompany::Absent);
        let (theirs, nobody) = (NamedPartner::One(other), NamedPartner::Absent);
        for (operation, company, partner, owner) in [
            ("ListPartners", absent, nobody, Owner::System),
            ("CreateApiKey", absent, nobody, Owner::System),
            ("GetWhoami", named, nobody, Owner::System),
            ("UpdatePartner", absent, theirs, Owner::Partner(other)),
            (
                "UpdatePartner",
                absent,
                NamedPartner::Unusable,
                Owner::System,
            ),
            ("UpdatePartner", absent, nobody, Owner::System),
            ("ListApiKeys", named, nobody, Owner::Company(one)),
            ("ListApiKeys", absent, theirs, Owner::Partner(other)),
            ("RevokeAllApiKeys", named, nobody, Owner::Company(one)),
            ("SetPlan", named, nobody, Owner::Company(one)),
        ] {
            let commit = committed(decide(operation, company, partner));
            let reason = reason();
            assert_eq!(commit.administering, Some(Administering { owner, reason }));
            assert_eq!((commit.version, commit.company), (Some(7), owner.company()));
            assert_eq!((commit.role, commit.scopes), (None, ScopeSet::EMPTY));
            assert_eq!(commit.count.len(), 2, "{operation}");
        }
        for operation in ["ListApiKeys", "RevokeAllApiKeys", "SetPlan"] {
            assert_eq!(why(decide(operation, absent, nobody)), UNNAMED);
            assert_eq!(
                why(decide(operation, NamedCompany::Unusable, nobody)),
                DENIED
            );
        }
        // Nothing of theirs.
        assert_eq!(why(decide("ListMembers", named, nobody)), DENIED);
    }

    #[test]
    fn no_reason_is_told_last_and_a_former_administrator_is_none() {
        let mut facts = facts();
        let verdict = |rule| (Reason::Role, Answer::Verdict(Verdict::Reason(rule)));
        let asked_with = |reason| Asked {
            reason,
            ..asked("ListPartners")
        };
        let absent = asked_with(GivenReason::Absent);
        let unusable = asked_with(GivenReason::Unusable(Rule::Length));
        let refusal = refused(facts.decide(&absent, time(NOW)));
        assert_eq!(
            refusal.message,
            "an administrator says why in X-Admin-Reason"
        );
        assert_eq!(
            why(facts.decide(&absent, time(NOW))),
            verdict(Rule::Required)
        );
        assert_eq!(
            why(facts.decide(&unusable, time(NOW))),
            verdict(Rule::Length)
        );
        facts.counted = full(Unit::Hour, RateLimit::PERSON);
        let (reason, _) = why(facts.decide(&absent, time(NOW)));
        assert_eq!(reason, Reason::RateLimit);
        facts.ended = true;
        let forbidden = Answer::Forbidden(Forbidden::Administrator);
        let former = why(facts.decide(&because("ListPartners"), time(NOW)));
        assert_eq!(former, (Reason::Role, forbidden));
    }
}
