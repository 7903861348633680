use model::{ActorKind, PartnerId, Reason, Rule};
use routes::Scope;

use super::*;

/// 2027-01-15T08:00:00.250Z.
const NOW: i64 = 1_800_000_000_250;

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("in range")
}

fn company() -> CompanyId {
    CompanyId::new(time(1), [1; 10])
}

fn person() -> PersonId {
    PersonId::new("https://issuer.example", "somebody")
}

fn warnings() -> [Warning; 4] {
    let [rotate_by, expires_at] = [Some(time(NOW + 1)), Some(time(NOW + 2))];
    [
        (None, None),
        (rotate_by, None),
        (None, expires_at),
        (rotate_by, expires_at),
    ]
    .map(|(rotate_by, expires_at)| Warning {
        rotate_by,
        expires_at,
    })
}

/// Each kind that a context tells of, with and without what may be absent; and its actor.
fn principals() -> Vec<(Principal, ActorKind, String)> {
    let key = KeyId::new([7; 8]);
    let partner = Owner::Partner(PartnerId::new(time(1), [2; 10]));
    let reason: AdminReason = "Ticket 4711: a test".parse().expect("a reason");
    let by_key = |kind| Who::Key {
        id: key,
        kind,
        secret_suffix: "Zz9Z".to_owned(),
    };
    let whole = ScopeSet::all();
    let some = ScopeSet::from_stored([Scope::ReadJobs.as_str(), Scope::WriteAgents.as_str()]);
    let (company_owned, acting) = (Some(Owner::Company(company())), Some(company()));
    let all = [
        (
            by_key(KeyKind::Standard),
            company_owned,
            acting,
            whole,
            None,
        ),
        (by_key(KeyKind::Ats), Some(partner), acting, some, None),
        (by_key(KeyKind::Ats), Some(partner), None, some, None),
        (
            Who::Person { id: person() },
            company_owned,
            acting,
            ScopeSet::EMPTY,
            Some(Role::Admin),
        ),
        (
            Who::Person { id: person() },
            None,
            None,
            ScopeSet::EMPTY,
            None,
        ),
        (
            Who::Administrator {
                id: person(),
                reason,
            },
            company_owned,
            acting,
            ScopeSet::EMPTY,
            None,
        ),
    ];
    let told = |who: &Who| match who {
        Who::Key { .. } => (ActorKind::Key, key.to_string()),
        Who::Person { .. } => (ActorKind::User, person().to_string()),
        _ => (ActorKind::Admin, person().to_string()),
    };
    let all = all.into_iter().zip(warnings().into_iter().cycle());
    all.map(|((who, owner, company, scopes, role), warning)| {
        let (kind, id) = told(&who);
        let principal = Principal {
            who,
            owner,
            company,
            scopes,
            role,
            operation: "ListJobs".to_owned(),
            rate: vec![
                RateState {
                    unit: Unit::Minute,
                    limit: 600,
                    remaining: 12,
                    reset: 1_800_000_060,
                },
                RateState {
                    unit: Unit::Hour,
                    limit: 30_000,
                    remaining: 0,
                    reset: 1_800_003_600,
                },
            ],
            warning,
        };
        (principal, kind, id)
    })
    .collect()
}

fn read(context: &Context) -> Result<Heard, UnreadableContext> {
    Heard::read(|name| context.get(name).cloned())
}

#[test]
fn what_the_authorizer_tells_of_is_what_the_functions_hear() {
    for (principal, ..) in principals() {
        let context = Context::from(&principal);
        assert_eq!(
            read(&context),
            Ok(Heard::Accepted(principal)),
            "{context:?}"
        );
    }
}

#[test]
fn a_principal_says_what_it_was_made_of() {
    for (principal, kind, id) in principals() {
        let Principal {
            who,
            owner,
            company,
            scopes,
            role,
            operation,
            rate,
            warning,
        } = principal.clone();
        assert_eq!(*principal.who(), who);
        assert_eq!((principal.owner(), principal.company()), (owner, company));
        assert_eq!((principal.scopes(), principal.role()), (scopes, role));
        assert_eq!(
            (principal.operation(), principal.rate()),
            (&*operation, &*rate)
        );
        assert_eq!(principal.warning(), warning);
        assert_eq!(principal.id(), id);
        let actor = principal.actor();
        assert_eq!((actor.kind, actor.id), (kind, id));
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is what is tested")]
fn our_own_work_acts_in_one_company_with_no_right_and_is_told_of_in_no_context() {
    let ours = Principal::system(company(), "EraseCandidate");
    assert_eq!(ours.owner(), Some(Owner::Company(company())));
    assert_eq!(ours.company(), Some(company()));
    assert_eq!((ours.scopes(), ours.role()), (ScopeSet::EMPTY, None));
    assert_eq!(ours.operation(), "EraseCandidate");
    assert_eq!(
        (ours.actor().kind, ours.id()),
        (ActorKind::System, "system".to_owned())
    );
    let mut context = Context::from(&ours);
    assert_eq!(read(&context), Err(UnreadableContext));
    // Also with all that is missing.
    let (principal, ..) = principals().swap_remove(0);
    for (name, value) in Context::from(&principal) {
        context.entry(name).or_insert(value);
    }
    assert_eq!(read(&context), Err(UnreadableContext));
}

/// Whatever is cut or changed, no more is heard than was told.
#[test]
fn a_context_without_one_of_its_fields_is_unreadable() {
    const MAY_BE_AWAY: [&str; 5] = ["owner", "company", "role", "rotateBy", "expiresAt"];
    for (principal, ..) in principals() {
        let whole = Context::from(&principal);
        for name in whole.keys() {
            let mut cut = whole.clone();
            cut.remove(name);
            let heard = read(&cut);
            let may = MAY_BE_AWAY.contains(&name.as_str());
            assert_eq!(heard.is_ok(), may, "{name}");
            // The operation, the reason and a secret's suffix are any text; of scopes the unknown grant nothing.
            if !["operation", "reason", "secretSuffix", "scopes"].contains(&name.as_str()) {
                let mut changed = whole.clone();
                changed.insert(name.clone(), "\u{0}".to_owned());
                assert_eq!(read(&changed), Err(UnreadableContext), "{name}");
            }
        }
    }
}

#[test]
fn a_verdict_is_heard_as_it_was_said_with_its_warning() {
    let limited = RateLimited {
        retry_after: 61,
        limit: 600,
        reset: 1_800_000_060,
        // Of the last second before the reset, whichever window refused.
        window: Window {
            unit: Unit::Second,
            index: 1_800_000_059,
        },
    };
    for verdict in [
        Verdict::CompanyRequired,
        Verdict::CompanyDenied,
        Verdict::TwoOwners,
        Verdict::RateLimited(limited),
        Verdict::Reason(Rule::Required),
    ] {
        for warning in warnings() {
            let context = told(Answer::Verdict(verdict), warning).expect("a context");
            assert_eq!(read(&context), Ok(Heard::Verdict(verdict, warning)));
            for name in context.keys() {
                let mut cut = context.clone();
                cut.remove(name);
                let heard = read(&cut);
                assert_eq!(
                    heard.is_ok(),
                    ["rotateBy", "expiresAt"].contains(&name.as_str())
                );
            }
        }
    }
}

fn told(answer: Answer, warning: Warning) -> Option<Context> {
    let refusal = Refusal {
        reason: Reason::RateLimit,
        answer,
        message: "not for clients".to_owned(),
        secret_suffix: None,
        warning: Box::new(warning),
    };
    refusal.context(time(NOW))
}

#[test]
fn a_deny_is_no_verdict_and_says_the_one_thing_that_is_missing() {
    let [_, _, _, warning] = warnings();
    assert_eq!(told(Answer::Unauthorized, warning), None);
    for (forbidden, name, value) in [
        (
            Forbidden::Scope(Scope::ReadJobs),
            "requiredScope",
            r#""read:jobs""#,
        ),
        (Forbidden::Role(Role::Owner), "requiredRole", r#""OWNER""#),
        (
            Forbidden::Administrator,
            "requiredRole",
            r#""ADMINISTRATOR""#,
        ),
        (
            Forbidden::Credential(Credential::ApiKey),
            "requiredCredential",
            r#""API_KEY""#,
        ),
        (
            Forbidden::Credential(Credential::AtsKey),
            "requiredCredential",
            r#""ATS_KEY""#,
        ),
        (
            Forbidden::Credential(Credential::Person),
            "requiredCredential",
            r#""PERSON""#,
        ),
        (Forbidden::StaleSignIn, "maxAuthAge", "43200"),
    ] {
        let context = told(Answer::Forbidden(forbidden), warning).expect("a context");
        let expected = [
            ("at", "2027-01-15T08:00:00.250Z"),
            ("detailName", name),
            ("detailValue", value),
            ("verdict", "forbidden"),
        ];
        assert!(
            context
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .eq(expected)
        );
        assert_eq!(read(&context), Err(UnreadableContext));
    }
}

#[test]
fn headers_tell_of_the_minute_and_the_hour_as_the_write_left_them() {
    let limits = RateLimit {
        per_minute: 700,
        per_hour: 1_000,
        per_second: Some(12),
    };
    let now = time(NOW);
    let commit = Commit {
        version: Some(1),
        count: Vec::new(),
        forget: Vec::new(),
        company: Some(company()),
        administering: None,
        scopes: ScopeSet::all(),
        role: None,
        secret_suffix: None,
        warning: warnings()[3],
    };
    let counted = Counted {
        windows: [
            (Window::at(Unit::Second, now), 3),
            (Window::at(Unit::Minute, now), 30),
            (Window::at(Unit::Hour, now), 1_001),
        ]
        .into(),
        ..Counted::default()
    };
    let (made, ..) = principals().swap_remove(0);
    let owner = made.owner;
    let principal =
        Principal::committed(made.who, owner, &commit, "ListJobs", limits, &counted, now);
    let state = |unit, limit, remaining, reset| RateState {
        unit,
        limit,
        remaining,
        reset,
    };
    let expected = [
        state(Unit::Minute, 700, 670, 1_800_000_060),
        state(Unit::Hour, 1_000, 0, 1_800_003_600),
    ];
    assert_eq!(principal.rate(), expected);
    assert_eq!(principal.warning(), commit.warning);
    assert_eq!(
        (principal.owner(), principal.company()),
        (owner, commit.company)
    );
}
