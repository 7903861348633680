//! The first fault wins: requests with two and more faults, built for every route, are answered by the earliest of the contract's order.

use super::{assert_error, callers::in_seconds};
use crate::requests::{Facts, Objects, OwnersOnly as Restricted, facts, is_list, path, resource};
use auth::{Commit, Nonce, Unit, Window};
use embedded::Weather;
use local::HttpRequest;
use model::{Owner, Plan, RateLimit};
use routes::{Access, Method, Role, Route, Scope, ScopeSet, Tenant};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use store::LastUse;
use tests::{ADMINISTRATOR, Answer, Caller, Company, REASON, TestApp};

/// In the contract's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Fault {
    NoRoute,
    Unauthenticated,
    StaleSignIn,
    /// A key where people go, a person where keys go.
    WrongCredential,
    /// The scope or the role is missing.
    NotPermitted,
    CompanyMissing,
    CompanyDenied,
    OverLimit,
    TooLarge,
    NotJson,
    /// Of an administrator. Told before the other 400s, because no handler hears of it.
    BadReason,
    BadIdempotencyKey,
    BadBody,
    BadQuery,
    BadId,
    KeyUsedBefore,
    NoObject,
    OwnersOnly,
    OldVersion,
    WrongState,
}

use Fault::*;

impl Fault {
    const ALL: [Fault; 20] = [
        NoRoute,
        Unauthenticated,
        StaleSignIn,
        WrongCredential,
        NotPermitted,
        CompanyMissing,
        CompanyDenied,
        OverLimit,
        TooLarge,
        NotJson,
        BadReason,
        BadIdempotencyKey,
        BadBody,
        BadQuery,
        BadId,
        KeyUsedBefore,
        NoObject,
        OwnersOnly,
        OldVersion,
        WrongState,
    ];

    /// Faults of one stage are answered together, or have no order among themselves.
    fn stage(self) -> u8 {
        match self {
            NoRoute => 0,
            Unauthenticated => 1,
            StaleSignIn => 2,
            WrongCredential | NotPermitted => 3,
            CompanyMissing | CompanyDenied => 4,
            OverLimit => 5,
            TooLarge => 6,
            NotJson => 7,
            BadReason => 8,
            BadIdempotencyKey | BadBody | BadQuery | BadId => 9,
            KeyUsedBefore => 10,
            NoObject => 11,
            OwnersOnly => 12,
            OldVersion | WrongState => 13,
        }
    }

    fn is_validation(self) -> bool {
        self.stage() == BadBody.stage()
    }

    fn can_hit(self, route: &Route, facts: &Facts) -> bool {
        let writes = !route.method.is_read();
        let has_id = route.parameters().next().is_some() && route.tenant != Tenant::PathCompany;
        match self {
            NoRoute => true,
            Unauthenticated | OverLimit => route.access != Access::Public,
            StaleSignIn => {
                writes && matches!(route.access, Access::Role(_) | Access::Administrator)
            }
            WrongCredential => !matches!(route.access, Access::AnyPrincipal | Access::Public),
            NotPermitted => match route.access {
                Access::Scope(_) | Access::Administrator => true,
                Access::Role(least) => least > Role::Member,
                Access::Person | Access::AnyPrincipal | Access::SelfKey | Access::Public => false,
            },
            CompanyMissing => matches!(route.access, Access::Role(_)),
            CompanyDenied => route.reads_company_id(),
            BadReason => route.access == Access::Administrator,
            TooLarge | NotJson => writes,
            BadIdempotencyKey => route.method == Method::Post,
            BadBody => facts.body.is_some(),
            BadQuery => is_list(route),
            BadId => has_id,
            // Behind an ID token, that the table's body has none of: `members/invitations.rs`.
            NoObject => has_id && route.access != Access::Person,
            // A key that has revoked itself asks no second time, and an invitation is accepted once.
            KeyUsedBefore => route.takes_idempotency_key() && route.access != Access::Person,
            OwnersOnly => facts.owners_only != Restricted::Nowhere,
            OldVersion => facts.versioned,
            WrongState => facts.refused_when_revoked.is_some(),
        }
    }

    /// Whether one request can have both, and both can be known.
    fn goes_with(self, other: Fault, route: &Route) -> bool {
        let by_person = by_person(route);
        match (self.min(other), self.max(other)) {
            (a, b) if a == b => true,
            (a, b) if a.stage() == b.stage() && !a.is_validation() => false,
            // A key never signed in.
            (StaleSignIn, WrongCredential) => false,
            // Without the company nobody knows the role, nor on whose row to count.
            (NotPermitted, CompanyMissing | CompanyDenied) if by_person => false,
            (CompanyMissing, OverLimit) => false,
            // Nothing is counted of who is no administrator.
            (NotPermitted, OverLimit) if route.access == Access::Administrator => false,
            // One id is either malformed or unknown; one header either malformed or used.
            (BadId, NoObject) | (BadIdempotencyKey, KeyUsedBefore) => false,
            // Either answers on its own row alone.
            (WrongCredential, OverLimit) if !by_person => false,
            _ => true,
        }
    }
}

fn by_person(route: &Route) -> bool {
    matches!(
        route.access,
        Access::Role(_) | Access::Person | Access::Administrator
    )
}

/// What the requests of one route are made of.
struct Stand<'a> {
    app: &'a TestApp,
    route: &'static Route,
    facts: Facts,
    wide: &'a Company,
    narrow: &'a Company,
    other: &'a Company,
    objects: &'a Targets,
    callers: HashMap<Vec<Fault>, Caller>,
}

/// Objects of the wide company.
struct Targets {
    plain: Objects,
    owners_only: String,
    revoked: String,
    revoked_owners_only: String,
    nowhere: Objects,
}

/// An administrator whose limit is used up.
const TIRED: &str = "tired@instaview.example";
const USED: &str = "used before";
const NARROW: RateLimit = RateLimit {
    per_minute: 1,
    per_hour: 1,
    per_second: None,
};

#[tokio::test]
async fn of_any_two_faults_the_earlier_one_of_the_contract_wins() {
    let mut world = World::make(true).await;
    for route in judged() {
        world.sign_in();
        let mut stand = world.stand(route);
        let mut faults: Vec<_> = Fault::ALL
            .into_iter()
            .filter(|fault| fault.can_hit(route, &stand.facts))
            .collect();
        let first_of_its_kind = routes::all()
            .find(|other| (other.method, other.function) == (route.method, route.function));
        let in_full = first_of_its_kind.is_some_and(|first| first.operation == route.operation);
        if !in_full {
            // Large bodies are slow; the test below sends one to each route.
            faults.retain(|fault| *fault != TooLarge);
        }
        for first in &faults {
            for second in faults.iter().filter(|second| first <= *second) {
                // What is decided before any handler is the same code for all routes; what a handler decides is its own.
                let near = second.stage() - first.stage() <= 1;
                let by_handler = second.stage() >= KeyUsedBefore.stage();
                if (in_full || near || by_handler) && first.goes_with(*second, route) {
                    stand.check(&[*first, *second]).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn of_all_the_faults_that_a_request_can_have_the_earliest_wins() {
    let mut world = World::make(false).await;
    for route in judged() {
        world.sign_in();
        let mut stand = world.stand(route);
        let mut faults: Vec<_> = Fault::ALL
            .into_iter()
            .filter(|fault| fault.can_hit(route, &stand.facts))
            .collect();
        if by_person(route) {
            faults.retain(|fault| *fault != OverLimit);
        }
        for (at, first) in faults.iter().enumerate() {
            let mut together = vec![*first];
            for next in faults[at..].iter().filter(|next| **next != TooLarge) {
                if together.iter().all(|fault| fault.goes_with(*next, route))
                    && !together.contains(next)
                {
                    together.push(*next);
                }
            }
            stand.check(&together).await;
        }
    }
}

/// Without the table of keys nothing is authorized, and without the records nothing is done; what is found without either is told all the same.
#[tokio::test]
async fn what_is_found_without_the_store_comes_before_its_503() {
    let mut world = World::make(false).await;
    for route in judged() {
        world.sign_in();
        let mut stand = world.stand(route);
        let by_person = by_person(route);
        for fault in Fault::ALL {
            if fault == OverLimit || !fault.can_hit(route, &stand.facts) {
                continue;
            }
            let by_token_alone = match fault {
                NoRoute | StaleSignIn => true,
                Unauthenticated => by_person,
                WrongCredential => !by_person,
                _ => route.access == Access::Public,
            };
            let by_the_request_alone = fault < KeyUsedBefore;
            stand.check_without("keys", fault, by_token_alone).await;
            // Whether the company is there that an administrator names is asked before anything else.
            let looked_up = route.access == Access::Administrator && route.reads_company_id();
            // Keys lie elsewhere, so that of what needs the records jobs tell.
            if by_the_request_alone && !looked_up || route.path.starts_with("/jobs") {
                stand
                    .check_without("records", fault, by_the_request_alone)
                    .await;
            }
        }
    }
}

/// All routes but the one that STANDARD keys never reach.
fn judged() -> impl Iterator<Item = &'static Route> {
    routes::all().filter(|route| route.tenant != Tenant::NewCompany)
}

struct World {
    app: TestApp,
    wide: Company,
    narrow: Company,
    other: Company,
    objects: Targets,
}

impl World {
    /// With people whose limit is used up only where they are asked for: it takes as many writes as the limit has requests.
    async fn make(tired_people: bool) -> World {
        let app = TestApp::calm().await;
        // The narrow company's keys are good for one request an hour.
        let into = app.now().seconds().rem_euclid(3600);
        app.advance(Duration::from_secs(3600 - into.unsigned_abs()));
        let wide = app.company("Wide").await;
        let other = app.company("Other").await;
        let narrow = app
            .company_on("Narrow", Plan::Enterprise, Some(NARROW))
            .await;
        for company in [&wide, &other] {
            let made =
                local::seed::member(&app.system, company.id, "both@example.com", Role::Owner).await;
            made.expect("a membership");
        }
        for email in [ADMINISTRATOR, TIRED] {
            let made = local::seed::administrator(&app.system, email).await;
            made.expect("an administrator");
        }
        for (email, role) in [
            ("tired-member@wide.example", Role::Member),
            ("tired-admin@wide.example", Role::Admin),
            ("tired-owner@wide.example", Role::Owner),
        ] {
            if !tired_people {
                break;
            }
            local::seed::member(&app.system, wide.id, email, role)
                .await
                .expect("a membership");
            tire(&app, &wide, email).await;
        }
        if tired_people {
            tire_administrator(&app, &wide).await;
        }
        let key = async |scopes: &[Scope], revoked: bool| {
            let key = app.key(&wide, scopes.iter().copied()).await;
            if revoked {
                let done = app
                    .send(
                        wide.owner
                            .request("POST", &format!("/api-keys/{}/revoke", key.id)),
                    )
                    .await;
                assert_eq!(done.status, 200, "{}", done.body);
            }
            key.id.to_string()
        };
        let objects = Targets {
            plain: Objects::of(&app, &wide, "Plain").await,
            owners_only: key(&[Scope::WriteCompanies], false).await,
            revoked: key(&[Scope::ReadJobs], true).await,
            revoked_owners_only: key(&[Scope::WriteCompanies], true).await,
            nowhere: Objects::nowhere(),
        };
        World {
            app,
            wide,
            narrow,
            other,
            objects,
        }
    }

    /// New tokens for the people who make objects: the checks take more than an hour.
    fn sign_in(&mut self) {
        for (company, name) in [(&mut self.wide, "wide"), (&mut self.narrow, "narrow")] {
            company.owner = self.app.person(&format!("owner@{name}.example"));
        }
    }

    fn stand(&self, route: &'static Route) -> Stand<'_> {
        Stand {
            app: &self.app,
            route,
            facts: facts(route),
            wide: &self.wide,
            narrow: &self.narrow,
            other: &self.other,
            objects: &self.objects,
            callers: HashMap::new(),
        }
    }
}

impl Stand<'_> {
    async fn check(&mut self, faults: &[Fault]) {
        let request = self.request(faults).await;
        let answer = self.app.send(request).await;
        let first = faults.iter().min().expect("a fault");
        let what = format!("{} with {faults:?}", self.route.operation);
        let same_stage = faults.iter().filter(|fault| fault.stage() == first.stage());
        self.assert_answers(
            &answer,
            *first,
            &same_stage.copied().collect::<Vec<_>>(),
            &what,
        );
    }

    /// Checks the fault while a table is down: told all the same, or 503.
    async fn check_without(&mut self, table: &'static str, fault: Fault, told: bool) {
        let request = self.request(&[fault]).await;
        let down = Weather::script(move |call| {
            let named = call.tables().iter().any(|name| name.ends_with(table));
            match named {
                true => embedded::Fault::ExpiredCredentials,
                false => embedded::Fault::None,
            }
        });
        self.app.system.weather().set(&down);
        // What the store refused a moment ago needs no store.
        self.app.advance(Duration::from_secs(1));
        let answer = self.app.send(request).await;
        self.app.system.weather().set(&Weather::calm());
        let what = format!("{} with {fault:?}, no {table}", self.route.operation);
        if told {
            self.assert_answers(&answer, fault, &[fault], &what);
        } else {
            assert_error(&answer, "SERVICE_UNAVAILABLE", &json!({}), &what);
        }
    }

    async fn request(&mut self, faults: &[Fault]) -> HttpRequest {
        let has = |fault| faults.contains(&fault);
        let mut caller = self.caller(faults).await;
        if has(BadReason) {
            caller = caller.because("Too short");
        }
        let mut objects = self.target(faults);
        let own = if has(OverLimit) {
            self.narrow
        } else {
            self.wide
        };
        objects.set("companyId", &own.id.to_string());
        let mut target = path(self.route, &objects);
        if has(NoRoute) {
            target.push_str("/nothing/here");
        }
        let mut query = Vec::new();
        if has(BadQuery) {
            query.push("limit=0".to_owned());
        }
        if has(CompanyDenied) {
            query.push(format!("companyId={}", self.other.id));
        }
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        let mut request = caller.request(self.route.method.as_str(), &target);
        let mut body = self.facts.body.clone();
        if let Some(Value::Object(fields)) = &mut body {
            if has(BadBody) {
                fields.insert("nonsense".to_owned(), true.into());
            }
            if has(OwnersOnly) && self.facts.owners_only == Restricted::Body {
                fields.insert("scopes".to_owned(), json!([Scope::WriteCompanies.as_str()]));
            }
        }
        let mut bytes = body
            .map(|body| body.to_string().into_bytes())
            .unwrap_or_default();
        if has(NotJson) && bytes.is_empty() {
            bytes = b"{}".to_vec();
        }
        // Not the bytes that were sent with the same key before.
        if has(KeyUsedBefore) && !bytes.is_empty() {
            bytes.push(b' ');
        }
        if has(TooLarge) {
            bytes.resize(256 * 1024 + 1, b' ');
        }
        if !bytes.is_empty() {
            request = request.body(
                if has(NotJson) {
                    "text/plain"
                } else {
                    "application/json"
                },
                bytes,
            );
        }
        if has(BadIdempotencyKey) {
            request = request.header("idempotency-key", &"k".repeat(256));
        } else if has(KeyUsedBefore) {
            request = request.header("idempotency-key", USED);
        }
        if has(OldVersion) {
            request = request.header("if-match", "\"999999\"");
        }
        request
    }

    /// What the request is about; an earlier fault's id stands.
    fn target(&self, faults: &[Fault]) -> Objects {
        let has = |fault| faults.contains(&fault);
        if has(BadId) {
            return Objects::all("!");
        }
        if has(NoObject) {
            return self.objects.nowhere.clone();
        }
        let owners_only = has(OwnersOnly) && self.facts.owners_only == Restricted::Object;
        let key = match (owners_only, has(WrongState)) {
            (false, false) => return self.objects.plain.clone(),
            (true, false) => &self.objects.owners_only,
            (false, true) => &self.objects.revoked,
            (true, true) => &self.objects.revoked_owners_only,
        };
        let mut objects = self.objects.plain.clone();
        objects.set("keyId", key);
        objects
    }

    /// Whoever has these faults; each is made once.
    async fn caller(&mut self, faults: &[Fault]) -> Caller {
        let of_callers = |fault: &Fault| {
            (Unauthenticated..=OverLimit).contains(fault) && *fault != CompanyDenied
        };
        let mut faults: Vec<_> = faults.iter().copied().filter(of_callers).collect();
        faults.sort();
        faults.dedup();
        if let Some(made) = self.callers.get(&faults) {
            return made.clone();
        }
        let has = |fault| faults.contains(&fault);
        let by_person = by_person(self.route);
        let made = if by_person == has(WrongCredential) {
            self.key(has(Unauthenticated), has(NotPermitted), has(OverLimit))
                .await
        } else {
            let for_owners = self.route.access == Access::Role(Role::Owner);
            let by_administrator = self.route.access == Access::Administrator;
            let email = match (has(CompanyMissing), has(OverLimit), has(NotPermitted)) {
                _ if by_administrator && has(NotPermitted) => "admin@wide.example",
                _ if by_administrator && has(OverLimit) => TIRED,
                _ if by_administrator => ADMINISTRATOR,
                (true, _, _) => "both@example.com",
                (false, true, true) => "tired-member@wide.example",
                (false, true, false) if for_owners => "tired-owner@wide.example",
                (false, true, false) => "tired-admin@wide.example",
                (false, false, true) => "member@wide.example",
                (false, false, false) if for_owners => "owner@wide.example",
                (false, false, false) => "admin@wide.example",
            };
            self.person(email, has(Unauthenticated), has(StaleSignIn))
                .await
        };
        self.callers.insert(faults, made.clone());
        made
    }

    async fn person(&self, email: &str, unauthenticated: bool, stale: bool) -> Caller {
        let acting = |caller: Caller| match self.route.access {
            Access::Administrator => caller.because(REASON),
            _ => caller,
        };
        self.use_idempotency_key(&acting(self.app.person(email)))
            .await;
        let ago = if stale { -13 * 3600 } else { 0 };
        let signed_in = in_seconds(self.app.now(), ago);
        let tokens = self.app.system.issuer().token_for(email, signed_in);
        acting(Caller::with(if unauthenticated {
            &tokens.id_token
        } else {
            &tokens.access_token
        }))
    }

    async fn key(&self, unauthenticated: bool, not_permitted: bool, over_limit: bool) -> Caller {
        let company = if over_limit { self.narrow } else { self.wide };
        let mut scopes = ScopeSet::all();
        if let (true, Access::Scope(needed)) = (not_permitted, self.route.access) {
            scopes = scopes.iter().filter(|scope| *scope != needed).collect();
        }
        let key = self.app.key(company, scopes.iter()).await;
        self.use_idempotency_key(&key.caller).await;
        if over_limit {
            // Counted, or refused because the request above was.
            self.app.get(&key.caller, "/whoami").await;
            assert_eq!(self.app.get(&key.caller, "/whoami").await.status, 429);
        }
        if unauthenticated {
            let done = self
                .app
                .send(
                    company
                        .owner
                        .request("POST", &format!("/api-keys/{}/suspend", key.id)),
                )
                .await;
            assert_eq!(done.status, 200, "{}", done.body);
            // A refusal from before is remembered for one second; nothing is accepted by it.
            self.app.advance(Duration::from_secs(1));
        }
        key.caller
    }

    /// Makes a good request, if the caller may, under the key that another will be sent with.
    async fn use_idempotency_key(&self, caller: &Caller) {
        if !KeyUsedBefore.can_hit(self.route, &self.facts) {
            return;
        }
        // A target of its own, on which the action has an effect: without one, nothing is remembered.
        let plain = &self.objects.plain;
        let target = plain.renewed(self.app, self.wide, self.route).await;
        if self.facts.resumes {
            let key = target.id("keyId");
            let done = self
                .app
                .send(
                    self.wide
                        .owner
                        .request("POST", &format!("/api-keys/{key}/suspend")),
                )
                .await;
            assert_eq!(done.status, 200, "{}", done.body);
        }
        let request = caller
            .request("POST", &path(self.route, &target))
            .header("idempotency-key", USED);
        let body = Objects::fit(self.app, self.route, self.facts.body.clone()).await;
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        self.app.send(request).await;
    }

    fn assert_answers(&self, answer: &Answer, fault: Fault, same_stage: &[Fault], what: &str) {
        let exact = |code, details: Value| assert_error(answer, code, &details, what);
        match fault {
            NoRoute => exact("ROUTE_NOT_FOUND", json!({})),
            Unauthenticated => exact("INVALID_API_KEY", json!({})),
            StaleSignIn => exact("INSUFFICIENT_PERMISSIONS", json!({ "maxAuthAge": 43_200 })),
            WrongCredential => {
                let wanted = if by_person(self.route) {
                    "PERSON"
                } else {
                    "API_KEY"
                };
                exact(
                    "INSUFFICIENT_PERMISSIONS",
                    json!({ "requiredCredential": wanted }),
                );
            }
            NotPermitted => match self.route.access {
                Access::Scope(scope) => exact(
                    "INSUFFICIENT_PERMISSIONS",
                    json!({ "requiredScope": scope.as_str() }),
                ),
                Access::Role(role) => exact(
                    "INSUFFICIENT_PERMISSIONS",
                    json!({ "requiredRole": role.as_str() }),
                ),
                Access::Administrator => exact(
                    "INSUFFICIENT_PERMISSIONS",
                    json!({ "requiredRole": "ADMINISTRATOR" }),
                ),
                _ => panic!("{what}: no such fault"),
            },
            CompanyMissing => exact("COMPANY_ID_REQUIRED", json!({})),
            CompanyDenied => exact("RESOURCE_ACCESS_DENIED", json!({})),
            OverLimit => {
                exact("RATE_LIMIT_EXCEEDED", answer.details().clone());
                assert_eq!(answer.details()["remaining"], 0, "{what}");
            }
            TooLarge => exact("PAYLOAD_TOO_LARGE", json!({})),
            NotJson => exact("UNSUPPORTED_MEDIA_TYPE", json!({})),
            BadReason => {
                exact("VALIDATION_ERROR", answer.details().clone());
                assert_eq!(answer.faults(), ["X-Admin-Reason length"], "{what}");
            }
            BadIdempotencyKey | BadBody | BadQuery | BadId => {
                exact("VALIDATION_ERROR", answer.details().clone());
                let found = answer.faults();
                assert_eq!(
                    found.len(),
                    same_stage
                        .iter()
                        .collect::<std::collections::HashSet<_>>()
                        .len(),
                    "{what}: {found:?}"
                );
                for fault in same_stage {
                    let (at, rule) = match fault {
                        BadIdempotencyKey => ("Idempotency-Key", "format"),
                        BadBody => ("/nonsense", "unknown_field"),
                        BadQuery => ("?limit", "range"),
                        _ => (self.route.parameters().next().expect("an id"), "format"),
                    };
                    assert!(found.contains(&format!("{at} {rule}")), "{what}: {found:?}");
                }
            }
            KeyUsedBefore => exact("IDEMPOTENCY_CONFLICT", json!({})),
            NoObject => {
                let parameter = self.route.parameters().next().expect("an id");
                let id = self.objects.nowhere.id(parameter);
                exact(
                    "RESOURCE_NOT_FOUND",
                    json!({ "resourceType": resource(parameter), "resourceId": id }),
                );
            }
            OwnersOnly => exact(
                "INSUFFICIENT_PERMISSIONS",
                json!({ "requiredRole": "OWNER" }),
            ),
            OldVersion => exact("RESOURCE_CONFLICT", json!({ "reason": "VERSION" })),
            WrongState => {
                let (from, to) = self.facts.refused_when_revoked.expect("a state");
                exact(
                    "INVALID_STATE_TRANSITION",
                    json!({ "from": from, "to": to }),
                );
            }
        }
    }
}

/// Counts a person's whole limit in this minute and the next ones, as that many requests would.
async fn tire(app: &TestApp, company: &Company, email: &str) {
    let (commit, last) = tiring(app, company);
    let person = app.system.issuer().person(email);
    let table = &app.app().table;
    for _ in 0..RateLimit::PERSON.per_minute {
        let nonce = Nonce(app.app().entropy.bytes());
        let owner = Owner::Company(company.id);
        let counted = table.commit_member(&person, owner, &commit, nonce, &last);
        counted.await.expect("counted");
        // What they do as nobody's member is counted elsewhere.
        let alone = Commit {
            version: None,
            ..commit.clone()
        };
        let counted = table.commit_person(&person, &alone, nonce, &last);
        counted.await.expect("counted");
    }
}

/// As [`tire`], on an administrator's row.
async fn tire_administrator(app: &TestApp, company: &Company) {
    let (commit, last) = tiring(app, company);
    let person = app.system.issuer().person(TIRED);
    for _ in 0..RateLimit::PERSON.per_minute {
        let nonce = Nonce(app.app().entropy.bytes());
        let table = &app.app().table;
        let counted = table.commit_administrator(&person, &commit, nonce, &last);
        counted.await.expect("counted");
    }
}

/// A request that counts in this minute and in the next ones.
fn tiring(app: &TestApp, company: &Company) -> (Commit, LastUse) {
    let now = app.now();
    let minute = Window::at(Unit::Minute, now);
    let windows = (0..4).map(|later| Window {
        index: minute.index + later,
        ..minute
    });
    let commit = Commit {
        version: Some(1),
        count: windows.map(|window| (window, u32::MAX)).collect(),
        forget: Vec::new(),
        company: Some(company.id),
        administering: None,
        scopes: ScopeSet::EMPTY,
        role: None,
        secret_suffix: None,
        warning: auth::Warning::default(),
    };
    let last = LastUse {
        at: in_seconds(now, 0),
        source_ip: "198.51.100.7".to_owned(),
        operation: "ListApiKeys".to_owned(),
        request_id: "tired".to_owned(),
        company: Some(company.id),
        partner: None,
        reason: None,
        secret_suffix: None,
        user_agent: None,
    };
    (commit, last)
}
