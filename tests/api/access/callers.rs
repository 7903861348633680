//! Every kind of caller, and what the contract says each of them gets from a route.

use model::{CompanyId, KeyId, KeyKind, Timestamp};
use routes::{Access, Role, Route, Scope, ScopeSet, Tenant};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Caller, Company, Key, TestApp};

/// Two companies, and credentials in every condition.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) acme: Company,
    pub(super) globex: Company,
    live: Key,
    suspended: Key,
    revoked: Key,
    expired: Key,
    elsewhere: Key,
    without: Vec<(Scope, Key)>,
    expired_token: Caller,
}

/// Was an administrator.
const FORMER: &str = "former@instaview.example";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    NoKey,
    Junk,
    Forged,
    Unknown,
    WrongSecret,
    Suspended,
    Revoked,
    Expired,
    WrongAddress,
    Basic,
    TwoHeaders,
    IdToken,
    ExpiredToken,
    TokenOfAnother,
    GoodKey,
    NamesOwnCompany,
    MissingScope,
    OtherCompany,
    NoSuchCompany,
    RepeatedCompany,
    MalformedCompany,
    EmptyCompany,
    Owner,
    Admin,
    Member,
    Foreigner,
    PersonNamesNoCompany,
    PersonRepeatsCompany,
    WithoutMembership,
    SeveralUnnamed,
    SeveralNamed,
    SignedInToday,
    StaleSignIn,
    Administrator,
    AdministratorNamesNobody,
    AdministratorOfNoCompany,
    AdministratorWithoutReason,
    AdministratorWithShortReason,
    FormerAdministrator,
    NoAdministrator,
}

/// What the contract says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expected {
    Passes,
    Refused(&'static str, Value),
}

impl Kind {
    /// The nine that a key's holder can be in, of which the last five are known.
    pub(super) const DEAD: [Kind; 9] = [
        Kind::NoKey,
        Kind::Junk,
        Kind::Forged,
        Kind::Unknown,
        Kind::WrongSecret,
        Kind::Suspended,
        Kind::Revoked,
        Kind::Expired,
        Kind::WrongAddress,
    ];

    pub(super) fn all() -> impl Iterator<Item = Kind> {
        let others = [
            Kind::Basic,
            Kind::TwoHeaders,
            Kind::IdToken,
            Kind::ExpiredToken,
            Kind::TokenOfAnother,
            Kind::GoodKey,
            Kind::NamesOwnCompany,
            Kind::MissingScope,
            Kind::OtherCompany,
            Kind::NoSuchCompany,
            Kind::RepeatedCompany,
            Kind::MalformedCompany,
            Kind::EmptyCompany,
            Kind::Owner,
            Kind::Admin,
            Kind::Member,
            Kind::Foreigner,
            Kind::PersonNamesNoCompany,
            Kind::PersonRepeatsCompany,
            Kind::WithoutMembership,
            Kind::SeveralUnnamed,
            Kind::SeveralNamed,
            Kind::SignedInToday,
            Kind::StaleSignIn,
            Kind::Administrator,
            Kind::AdministratorNamesNobody,
            Kind::AdministratorOfNoCompany,
            Kind::AdministratorWithoutReason,
            Kind::AdministratorWithShortReason,
            Kind::FormerAdministrator,
            Kind::NoAdministrator,
        ];
        Kind::DEAD.into_iter().chain(others)
    }

    /// The contract, in the words of its tables and of nothing in the product.
    pub(super) fn expected(self, route: &Route) -> Expected {
        let refused = |code, details| Expected::Refused(code, details);
        let unauthorized = || refused("INVALID_API_KEY", json!({}));
        let denied = || refused("RESOURCE_ACCESS_DENIED", json!({}));
        let lacks = |details| refused("INSUFFICIENT_PERMISSIONS", details);
        if route.access == Access::Public {
            return Expected::Passes;
        }
        // What a person of this role gets in the own company.
        let person = |role: Role| match route.access {
            Access::Scope(_) | Access::SelfKey => lacks(json!({ "requiredCredential": "API_KEY" })),
            Access::Role(least) if role < least => lacks(json!({ "requiredRole": least.as_str() })),
            Access::Role(_) | Access::Person | Access::AnyPrincipal | Access::Public => {
                Expected::Passes
            }
            Access::Administrator => lacks(json!({ "requiredRole": "ADMINISTRATOR" })),
        };
        let for_administrators = match route.access {
            Access::Administrator => Some(route.tenant),
            Access::AnyPrincipal => Some(Tenant::System),
            _ => route.administrators,
        };
        // What whoever gives a reason gets where administrators may go, and elsewhere.
        let administrator = |there: Expected| match (for_administrators, route.access) {
            (Some(_), _) => there,
            (None, Access::Scope(_) | Access::SelfKey) => person(Role::Owner),
            (None, _) => denied(),
        };
        // The one that names a company, with a good reason, and a body that asks for no ATS key.
        let administers = |named: Expected| match (for_administrators, route.access) {
            (Some(Tenant::System), Access::Role(_)) => lacks(json!({ "requiredRole": "ADMIN" })),
            (Some(Tenant::Owner | Tenant::Company), _) => named,
            _ => administrator(Expected::Passes),
        };
        let no_reason = |rule: &str| {
            let message = "an administrator says why: once, in 10 to 200 characters of one line";
            let fault = json!({ "path": "X-Admin-Reason", "rule": rule, "message": message });
            refused("VALIDATION_ERROR", json!({ "errors": [fault] }))
        };
        // What a key with every scope gets, unless its company is at fault on a route that acts in one.
        let key = |company_fault: Option<Expected>| match route.access {
            _ if route.tenant == Tenant::NewCompany => {
                lacks(json!({ "requiredCredential": "ATS_KEY" }))
            }
            Access::Role(_) | Access::Person | Access::Administrator => {
                lacks(json!({ "requiredCredential": "PERSON" }))
            }
            Access::Scope(_) => company_fault.unwrap_or(Expected::Passes),
            Access::AnyPrincipal | Access::SelfKey | Access::Public => Expected::Passes,
        };
        // What an owner gets whose company is at fault on a route that acts in one.
        let lost = |fault: Expected| match route.access {
            Access::Role(_) => fault,
            _ => person(Role::Owner),
        };
        match self {
            Kind::NoKey
            | Kind::Junk
            | Kind::Forged
            | Kind::Unknown
            | Kind::WrongSecret
            | Kind::Suspended
            | Kind::Revoked
            | Kind::Expired
            | Kind::WrongAddress
            | Kind::Basic
            | Kind::TwoHeaders
            | Kind::IdToken
            | Kind::ExpiredToken
            | Kind::TokenOfAnother => unauthorized(),
            Kind::GoodKey | Kind::NamesOwnCompany => key(None),
            Kind::MissingScope => match route.access {
                _ if route.tenant == Tenant::NewCompany => key(None),
                Access::Scope(scope) => lacks(json!({ "requiredScope": scope.as_str() })),
                _ => key(None),
            },
            Kind::OtherCompany
            | Kind::NoSuchCompany
            | Kind::RepeatedCompany
            | Kind::MalformedCompany
            | Kind::EmptyCompany => key(Some(denied())),
            Kind::Owner | Kind::SeveralNamed | Kind::SignedInToday => person(Role::Owner),
            Kind::Admin => person(Role::Admin),
            Kind::Member => person(Role::Member),
            Kind::Foreigner
            | Kind::PersonNamesNoCompany
            | Kind::PersonRepeatsCompany
            | Kind::WithoutMembership => lost(denied()),
            Kind::SeveralUnnamed => lost(refused("COMPANY_ID_REQUIRED", json!({}))),
            Kind::StaleSignIn => match route.access {
                Access::Role(_) | Access::Administrator if !route.method.is_read() => {
                    lacks(json!({ "maxAuthAge": 43_200 }))
                }
                _ => person(Role::Owner),
            },
            Kind::Administrator => administers(Expected::Passes),
            Kind::AdministratorNamesNobody => {
                administers(refused("COMPANY_ID_REQUIRED", json!({})))
            }
            Kind::AdministratorOfNoCompany => match for_administrators {
                Some(Tenant::PathCompany) => denied(),
                _ => administers(denied()),
            },
            Kind::AdministratorWithoutReason => match route.access {
                Access::Administrator => no_reason("required"),
                _ => lost(denied()),
            },
            Kind::AdministratorWithShortReason => administrator(no_reason("length")),
            Kind::FormerAdministrator | Kind::NoAdministrator => {
                administrator(lacks(json!({ "requiredRole": "ADMINISTRATOR" })))
            }
        }
    }
}

impl World {
    pub(super) async fn make(app: TestApp) -> World {
        let acme = app.company("Acme").await;
        let globex = app.company("Globex").await;
        for company in [&acme, &globex] {
            let made =
                local::seed::member(&app.system, company.id, "both@example.com", Role::Owner).await;
            made.expect("a membership");
        }
        app.former_administrator(FORMER).await;
        let live = app.key_with(&acme, json!({})).await;
        let suspended = app.key_with(&acme, json!({})).await;
        let revoked = app.key_with(&acme, json!({})).await;
        for (key, action) in [(&suspended, "suspend"), (&revoked, "revoke")] {
            let path = format!("/api-keys/{}/{action}", key.id);
            let done = app.send(acme.owner.request("POST", &path)).await;
            assert_eq!(done.status, 200, "{}", done.body);
        }
        let soon = in_seconds(app.now(), 60);
        let expired = app.key_with(&acme, json!({ "expiresAt": soon })).await;
        let elsewhere = app
            .key_with(&acme, json!({ "allowedIPs": ["203.0.113.0/24"] }))
            .await;
        let mut without = Vec::new();
        for scope in Scope::ALL {
            let others = ScopeSet::all().iter().filter(|other| *other != scope);
            without.push((scope, app.key(&acme, others).await));
        }
        let expired_token = acme.owner.clone();
        app.advance(Duration::from_secs(11 * 60));
        let mut world = World {
            live,
            suspended,
            revoked,
            expired,
            elsewhere,
            without,
            expired_token,
            acme,
            globex,
            app,
        };
        world.sign_in();
        world
    }

    /// New tokens for the companies' people.
    pub(super) fn sign_in(&mut self) {
        for (company, name) in [(&mut self.acme, "acme"), (&mut self.globex, "globex")] {
            company.owner = self.app.person(&format!("owner@{name}.example"));
            company.admin = self.app.person(&format!("admin@{name}.example"));
            company.member = self.app.person(&format!("member@{name}.example"));
        }
    }

    /// A caller of this kind, for one request of this route.
    pub(super) async fn caller(&self, kind: Kind, route: &Route) -> Caller {
        let app = &self.app;
        let acme = self.acme.id;
        let owner = "owner@acme.example";
        // The route ends the life of the key that asks.
        let live = if route.access == Access::SelfKey && kind.expected(route) == Expected::Passes {
            app.key_with(&self.acme, json!({})).await.caller
        } else {
            self.live.caller.clone()
        };
        let naming = |query: String| Caller {
            query: Some(query),
            ..live.clone()
        };
        let text = |caller: &Caller| caller.credential.clone().expect("a credential");
        match kind {
            Kind::NoKey => Caller::nobody(),
            Kind::Junk => Caller::with("sk_iv0000000000000000000000000000000000000000000"),
            Kind::Forged => Caller::with(&forged(&text(&self.live.caller))),
            Kind::Unknown => minted(app, KeyId::new(app.app().entropy.bytes())),
            Kind::WrongSecret => minted(app, self.live.id),
            Kind::Suspended => self.suspended.caller.clone(),
            Kind::Revoked => self.revoked.caller.clone(),
            Kind::Expired => self.expired.caller.clone(),
            Kind::WrongAddress => self.elsewhere.caller.clone(),
            // Callers with a header of their own: see `World::request`.
            Kind::Basic | Kind::TwoHeaders => Caller::nobody(),
            Kind::IdToken => {
                Caller::with(&app.system.issuer().token_for(owner, app.now()).id_token)
            }
            Kind::ExpiredToken => self.expired_token.clone(),
            Kind::TokenOfAnother => Caller::with(&token_of_another_client(app, owner)),
            Kind::GoodKey => live,
            Kind::NamesOwnCompany => naming(format!("companyId={acme}")),
            Kind::MissingScope => match route.access {
                Access::Scope(scope) => {
                    let found = self.without.iter().find(|(missing, _)| *missing == scope);
                    found.expect("one for each scope").1.caller.clone()
                }
                _ => live,
            },
            Kind::OtherCompany => naming(format!("companyId={}", self.globex.id)),
            Kind::NoSuchCompany => naming(format!("companyId={}", no_company(app))),
            Kind::RepeatedCompany => naming(format!("companyId={acme}&companyId={acme}")),
            Kind::MalformedCompany => naming("companyId=acme".to_owned()),
            Kind::EmptyCompany => naming("companyId=".to_owned()),
            Kind::Owner => self.acme.owner.clone(),
            Kind::Admin => self.acme.admin.clone(),
            Kind::Member => self.acme.member.clone(),
            Kind::Foreigner => self.globex.owner.for_company(acme),
            Kind::PersonNamesNoCompany => self.acme.owner.for_company("acme"),
            Kind::PersonRepeatsCompany => self
                .acme
                .owner
                .for_company(format!("{acme}&companyId={acme}")),
            Kind::WithoutMembership => app.person("nobody@example.com"),
            Kind::SeveralUnnamed => app.person("both@example.com"),
            Kind::SeveralNamed => app.person("both@example.com").for_company(acme),
            Kind::SignedInToday => app.person_signed_in(owner, Duration::from_secs(12 * 3600 - 60)),
            Kind::StaleSignIn => app.person_signed_in(owner, Duration::from_secs(12 * 3600 + 60)),
            Kind::Administrator => app.administrator().await.for_company(acme),
            Kind::AdministratorNamesNobody => app.administrator().await,
            Kind::AdministratorOfNoCompany => {
                app.administrator().await.for_company(no_company(app))
            }
            Kind::AdministratorWithoutReason => Caller {
                reason: None,
                ..app.administrator().await.for_company(acme)
            },
            Kind::AdministratorWithShortReason => app
                .administrator()
                .await
                .for_company(acme)
                .because("Too short"),
            Kind::FormerAdministrator => {
                app.person(FORMER).because(tests::REASON).for_company(acme)
            }
            Kind::NoAdministrator => self.acme.owner.because(tests::REASON).for_company(acme),
        }
    }

    /// The live key, under an authorization header that isn't one bearer.
    pub(super) fn unusual(&self, kind: Kind, request: local::HttpRequest) -> local::HttpRequest {
        let key = self.live.caller.credential.as_deref().expect("a key");
        match kind {
            Kind::Basic => request.header("authorization", &format!("Basic {key}")),
            Kind::TwoHeaders => request.bearer(key).bearer(key),
            _ => request,
        }
    }
}

pub(super) fn in_seconds(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_millis(now.millis() + seconds * 1000).expect("in range")
}

/// A key under our own secrets, whose secret no row knows.
pub(super) fn minted(app: &TestApp, id: KeyId) -> Caller {
    let keyring = app.app().keyring.as_deref().expect("a keyring");
    let (plain, _) = keyring
        .latest()
        .mint(KeyKind::Standard, id, app.app().entropy.bytes());
    Caller::with(plain.expose())
}

/// Another tag, and the checksum that goes with it.
fn forged(key: &str) -> String {
    let (body, tag) = (&key[..35], &key[35..40]);
    let other: String = tag
        .chars()
        .map(|c| if c == '0' { '1' } else { '0' })
        .collect();
    let untied = format!("{body}{other}");
    let checksum = checksum(&untied);
    assert_eq!(
        key[40..],
        self::checksum(&key[..40]),
        "the test computes checksums as the contract says"
    );
    format!("{untied}{checksum}")
}

/// CRC-32 (IEEE) in Base62, six digits.
fn checksum(text: &str) -> String {
    let crc = !text.bytes().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [0; 6];
    digits.iter_mut().rev().fold(crc as usize, |rest, digit| {
        *digit = DIGITS[rest % 62];
        rest / 62
    });
    digits.map(char::from).iter().collect()
}

/// A good token, but for the client that it was issued to.
fn token_of_another_client(app: &TestApp, email: &str) -> String {
    let issuer = app.system.issuer();
    let token = issuer.token_for(email, app.now()).access_token;
    let person = app.now().seconds();
    assert!(token.split('.').count() == 3, "a signed token");
    issuer.sign(&json!({
        "sub": email,
        "iss": issuer.url(),
        "client_id": "another",
        "token_use": "access",
        "auth_time": person,
        "iat": person,
        "exp": person + 600,
    }))
}

fn no_company(app: &TestApp) -> CompanyId {
    CompanyId::new(app.now(), app.app().entropy.bytes())
}
