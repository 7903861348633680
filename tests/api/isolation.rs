//! Companies never meet: what is another company's is, byte for byte, what never existed.

use crate::requests::{Objects, body, expired, parameter_beneath, path};
use local::{HttpRequest, HttpResponse};
use model::PartnerId;
use routes::{Access, Route, ScopeSet};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tests::{Answer, Caller, Company, Key, Seeded, TestApp};

/// Everything of a response that doesn't differ from one request to the next.
fn comparable(answer: &Answer, id: &str) -> (u16, String, Vec<(String, String)>) {
    let timestamp = answer.body["timestamp"].as_str().expect("a timestamp");
    let text = answer
        .raw
        .text()
        .replace(timestamp, "TIME")
        .replace(id, "ID");
    let differs = |name: &str| {
        name.contains("request") || name.contains("ratelimit") || name == "x-amz-apigw-id"
    };
    let headers = answer.raw.headers.iter().filter(|(name, _)| !differs(name));
    (answer.status, text, headers.cloned().collect())
}

#[tokio::test]
async fn another_companys_object_is_byte_for_byte_one_that_never_existed_on_every_route() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let theirs = Objects::of(&app, &acme, "Theirs").await;
    let own = Objects::of(&app, &globex, "Own").await;
    let never = Objects::nowhere();
    let key = app.key_with(&globex, json!({})).await.caller;
    let their_key = app.key_with(&acme, json!({})).await.caller;
    let before = everything(&app, &acme, &their_key, &theirs).await;
    let mut routes = 0;
    let named = routes::all().filter(|route| route.parameters().next().is_some());
    // Companies in the path have a test of their own; invitations are their address's, whatever company one is in.
    let of_a_company = |route: &&Route| {
        route.tenant != routes::Tenant::PathCompany
            && !matches!(route.access, Access::Person | Access::Administrator)
    };
    for route in named.filter(of_a_company) {
        routes += 1;
        let caller = match route.access {
            Access::Scope(_) | Access::SelfKey => &key,
            Access::Role(_) => &globex.owner,
            Access::Person | Access::AnyPrincipal | Access::Administrator | Access::Public => {
                panic!("{} names no company", route.path)
            }
        };
        let send = async |objects: &Objects, headers: &[(&str, &str)], faulty: bool| {
            let mut request = caller.request(route.method.as_str(), &path(route, objects));
            for (name, value) in headers {
                request = request.header(name, value);
            }
            match body(route, "x") {
                _ if faulty => request = request.json(&json!({ "surely": "unknown" })),
                Some(body) => request = request.json(&body),
                None => {}
            }
            app.send(request).await
        };
        let parameter = route.parameters().last().expect("it has one");
        for (case, headers, faulty, status) in [
            ("plain", &[][..], false, 404),
            ("the right version", &[("if-match", "\"1\"")], false, 404),
            ("another version", &[("if-match", "\"9\"")], false, 404),
            (
                "an idempotency key",
                &[("idempotency-key", "one")],
                false,
                404,
            ),
            ("a bad body", &[], true, 400),
        ] {
            // Without a body there is none that could be bad.
            if faulty && body(route, "x").is_none() {
                continue;
            }
            let case = format!("{} {case}", route.operation);
            let met = send(&theirs, headers, faulty).await;
            let missing = send(&never, headers, faulty).await;
            assert_eq!(met.status, status, "{case}: {}", met.body);
            assert_eq!(
                comparable(&met, theirs.id(parameter)),
                comparable(&missing, never.id(parameter)),
                "{case}"
            );
        }
        // The same request of one's own object is no 404, so the test has asked the right thing.
        let own = own.renewed(&app, &globex, route).await;
        let mine = send(&own, &[], false).await;
        assert_eq!(mine.status, 200, "{}: {}", route.operation, mine.body);
    }
    assert!(routes >= 15, "{routes} routes");
    let after = everything(&app, &acme, &their_key, &theirs).await;
    assert_eq!(before, after);
}

/// What the company's own callers get of each of its objects.
async fn everything(
    app: &TestApp,
    company: &Company,
    key: &Caller,
    objects: &Objects,
) -> BTreeMap<&'static str, Value> {
    let mut found = BTreeMap::new();
    let read = routes::all().filter(|route| route.method.is_read());
    for route in read.filter(|route| route.parameters().next().is_some()) {
        let caller = match route.access {
            Access::Scope(_) => key,
            _ => &company.owner,
        };
        let answer = app.get(caller, &path(route, objects)).await;
        assert_eq!(answer.status, 200, "{}: {}", route.operation, answer.body);
        // Usage follows the stream and the clock, whatever anybody asks for.
        if !["GetApiKeyUsage", "GetApiKeySuggestions"].contains(&route.operation) {
            found.insert(route.operation, answer.data().clone());
        }
    }
    found
}

#[tokio::test]
async fn a_company_that_one_may_not_act_for_is_one_that_does_not_exist() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let key = app.key_with(&globex, json!({})).await.caller;
    let never = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (caller, target) in [
        (&key, "/jobs"),
        (&globex.owner, "/api-keys"),
        (&globex.owner, "/audit-events"),
    ] {
        let theirs = acme.id.to_string();
        let met = app.get(&caller.for_company(&theirs), target).await;
        let missing = app.get(&caller.for_company(never), target).await;
        assert_eq!(
            (met.status, met.code()),
            (403, "RESOURCE_ACCESS_DENIED"),
            "{target}"
        );
        assert_eq!(met.raw.status, missing.raw.status);
        let text = |answer: &Answer| {
            let timestamp = answer.body["timestamp"]
                .as_str()
                .unwrap_or("null")
                .to_owned();
            answer.raw.text().replace(&timestamp, "TIME")
        };
        assert_eq!(text(&met), text(&missing), "{target}");
    }
}

#[tokio::test]
async fn another_company_in_the_path_is_byte_for_byte_one_that_never_existed() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let key = app.key_with(&globex, json!({})).await.caller;
    let (theirs, own) = (acme.id.to_string(), globex.id.to_string());
    let in_path = routes::all().filter(|route| {
        route.tenant == routes::Tenant::PathCompany && route.access != Access::Administrator
    });
    let mut routes = 0;
    for route in in_path {
        routes += 1;
        let send = async |in_path: &str, query: &str| {
            let mut objects = Objects::nowhere();
            objects.set("companyId", in_path);
            let target = format!("{}{query}", path(route, &objects));
            let request = key.request(route.method.as_str(), &target);
            let answer = app.send(match body(route, "x") {
                Some(body) => request.json(&body),
                None => request,
            });
            answer.await
        };
        let mine = send(&own, "").await;
        assert_eq!(mine.status, 200, "{}", mine.body);
        let mine = send(&own, &format!("?companyId={own}")).await;
        assert_eq!(mine.status, 200, "{}", mine.body);
        let met = send(&theirs, "").await;
        assert_eq!(
            (met.status, met.code()),
            (403, "RESOURCE_ACCESS_DENIED"),
            "{}",
            met.body
        );
        for (in_path, query) in [
            ("01890a5d-ac96-774b-bcce-b302099a8057", String::new()),
            ("nothing", String::new()),
            (theirs.as_str(), format!("?companyId={own}")),
            (own.as_str(), format!("?companyId={theirs}")),
            (own.as_str(), format!("?companyId={own}&companyId={own}")),
            (own.as_str(), "?companyId=".to_owned()),
        ] {
            let other = send(in_path, &query).await;
            assert_eq!(
                comparable(&met, "-"),
                comparable(&other, "-"),
                "{in_path}{query}"
            );
        }
    }
    assert!(routes >= 2, "{routes} routes");
}

/// A company in the random walk, or a partner with the companies that it makes: what it has, and what may stand in no other company's answer.
struct Tenant {
    /// Of a partner its people, and the first company that it made.
    company: Company,
    partner: Option<PartnerId>,
    canary: String,
    email: String,
    key: Caller,
    /// Ids of each kind, also of what is gone.
    pools: BTreeMap<&'static str, Vec<String>>,
    cursors: Vec<String>,
    /// Addresses that were invited, each with the token that was mailed.
    invited: Vec<(String, String)>,
    /// Everything that is this company's alone.
    marks: BTreeSet<String>,
}

impl Tenant {
    async fn new(app: &TestApp, name: &str) -> Tenant {
        let canary = format!("Canary{name}");
        let company = app.company(&canary).await;
        let key = app.key_with(&company, json!({ "name": canary })).await;
        let mut tenant = Tenant {
            email: format!("@{}.example", canary.to_lowercase()),
            company,
            partner: None,
            canary,
            key: key.caller.clone(),
            pools: BTreeMap::from([("keyId", vec![key.id.to_string()])]),
            cursors: Vec::new(),
            invited: Vec::new(),
            marks: BTreeSet::new(),
        };
        tenant.mark(&tenant.company.id.to_string());
        tenant.took(&key);
        for number in 0..12 {
            let partner = format!("{} ATS {number}", tenant.canary);
            let partner = local::seed::partner(&app.system, &partner, &[]).await;
            let partner = partner.expect("a partner").to_string();
            tenant.mark(&partner);
            tenant.pools.entry("partnerId").or_default().push(partner);
        }
        let notice = expired(app, &tenant.company).await;
        tenant.mark(&notice);
        tenant.pools.insert("noticeId", vec![notice]);
        tenant
    }

    async fn new_partner(app: &TestApp, name: &str) -> Tenant {
        let canary = format!("Canary{name}");
        let partner = app.partner(&canary).await;
        let key = partner.key.clone();
        let first = json!({ "name": canary });
        let made = app.post(&key.caller, "/companies", &first).await;
        let id = made.data()["id"].as_str().expect("an id").to_owned();
        let mut tenant = Tenant {
            email: format!("@{}.example", canary.to_lowercase()),
            company: Company {
                id: id.parse().expect("an id"),
                owner: partner.owner,
                admin: partner.admin,
                member: partner.member,
            },
            partner: Some(partner.id),
            canary,
            key: key.caller.clone(),
            pools: BTreeMap::from([
                ("keyId", vec![key.id.to_string()]),
                ("companyId", vec![id.clone()]),
            ]),
            cursors: Vec::new(),
            invited: Vec::new(),
            marks: BTreeSet::new(),
        };
        tenant.mark(&id);
        tenant.mark(&partner.id.to_string());
        tenant.took(&key);
        tenant
    }

    /// This key is the company's alone.
    fn took(&mut self, key: &Key) {
        self.mark(&key.id.to_string());
        self.mark(key.caller.credential.as_deref().expect("a key"));
    }

    /// Tokens end after ten minutes.
    fn sign_in(&mut self, app: &TestApp) {
        self.company.owner = app.person(&format!("owner{}", self.email));
        self.company.admin = app.person(&format!("admin{}", self.email));
        self.company.member = app.person(&format!("member{}", self.email));
    }

    /// From now on this stands in no other company's answer, nor does a key's id as its prefix.
    fn mark(&mut self, text: &str) {
        let text = text.trim_end_matches('=');
        self.marks.insert(text.to_owned());
        if text.len() == 8 {
            self.marks.insert(format!("sk_iv{text}"));
            self.marks.insert(format!("sk_ia{text}"));
        }
    }

    /// Takes in what an answer to this company's caller says of its objects.
    fn learn(&mut self, route: &Route, answer: &Answer) {
        let data = answer.data();
        let objects: Vec<&Value> = match data["items"].as_array() {
            Some(items) => items.iter().collect(),
            None => vec![data],
        };
        let ids = objects
            .into_iter()
            .filter_map(|object| object["id"].as_str());
        let ids: Vec<String> = ids.map(str::to_owned).collect();
        if route.operation == "ListMembers" {
            // Those who make the requests stay what they are.
            for id in &ids {
                self.mark(id);
            }
        } else if let Some(parameter) = parameter_beneath(route) {
            let pool = self.pools.entry(parameter).or_default();
            pool.extend(ids.iter().cloned());
            pool.sort();
            pool.dedup();
            for id in &ids {
                self.mark(id);
            }
        }
        if let Some(key) = data["key"].as_str() {
            self.mark(key);
        }
        if let Some(cursor) = data["pagination"]["nextCursor"].as_str() {
            self.mark(cursor);
            self.cursors.push(cursor.to_owned());
        }
        if let (Some(id), 401 | 403 | 429) = (answer.header("x-request-id"), answer.status) {
            let denials = self.pools.entry("requestId").or_default();
            denials.push(id.to_owned());
            self.mark(id);
        }
    }
}

/// Whoever administers sees all companies: `administrators.rs`.
fn walked() -> impl Iterator<Item = &'static Route> {
    routes::all().filter(|route| route.access != Access::Administrator)
}

/// A random request of tenant `who`, which may name anything of anybody.
fn request(
    app: &TestApp,
    seeded: &mut Seeded,
    tenants: &[Tenant],
    who: usize,
) -> (&'static Route, HttpRequest) {
    let routes: Vec<&'static Route> = walked().collect();
    let route = *seeded.pick(&routes);
    if route.access == Access::Person {
        return (route, acceptance(app, seeded, tenants, who, route));
    }
    let own = &tenants[who];
    let people = [&own.company.owner, &own.company.admin, &own.company.member];
    let fitting = match route.access {
        Access::Scope(_) => &own.key,
        // Seldom, because it ends the key that all other requests are made with.
        Access::SelfKey if seeded.chance(8) => &own.key,
        Access::Role(_) if seeded.chance(70) => people[0],
        _ => *seeded.pick(&people),
    };
    let caller = if seeded.chance(92) {
        fitting
    } else {
        *seeded.pick(&[&own.key, people[1]])
    };
    let somebody = |seeded: &mut Seeded| match seeded.chance(55) {
        true => who,
        false => seeded.below(tenants.len()),
    };
    let target = path_of(seeded, tenants, route, &somebody);
    let mut query = Vec::new();
    // A partner's key names the company.
    if own.partner.is_some() && route.tenant == routes::Tenant::Company && seeded.chance(85) {
        query.push(format!("companyId={}", own.company.id));
    } else if seeded.chance(15) {
        let named = somebody(seeded);
        query.push(format!("companyId={}", tenants[named].company.id));
    }
    if route.method.is_read() {
        let named = somebody(seeded);
        let canary = &tenants[named].canary;
        let choices = [
            format!("limit={}", 1 + seeded.below(100)),
            format!("page={}", 1 + seeded.below(3)),
            format!(
                "status={}",
                seeded.pick(&["OPEN", "CLOSED", "ACTIVE", "REVOKED", "APPLIED"])
            ),
            format!("q={canary}"),
            format!("q={}", &canary[..3]),
            format!("keyId={}", seeded.pick(&tenants[named].pools["keyId"])),
            "type=authentication.succeeded".to_owned(),
            "outcome=REFUSED".to_owned(),
            "limit=1".to_owned(),
        ];
        for _ in 0..seeded.below(3) {
            query.push(seeded.pick(&choices).clone());
        }
        if seeded.chance(20) && !tenants[named].cursors.is_empty() {
            query.push(format!("cursor={}", seeded.pick(&tenants[named].cursors)));
        }
    }
    let target = match query.is_empty() {
        true => target,
        false => format!("{target}?{}", query.join("&")),
    };
    let mut request = caller.request(route.method.as_str(), &target);
    if seeded.chance(20) {
        request = request.header("if-match", &format!("\"{}\"", 1 + seeded.below(3)));
    }
    if seeded.chance(20) {
        // Few values, so that companies use the same ones.
        request = request.header("idempotency-key", &format!("key {}", seeded.below(4)));
    }
    if seeded.chance(10) {
        let named = somebody(seeded);
        let id = tenants[named].company.id.to_string();
        let name = *seeded.pick(&[
            "x-company-id",
            "x-admin-reason",
            "x-amzn-requestid",
            "x-forwarded-for",
        ]);
        request = request.header(name, &id);
    }
    if let Some(mut body) = body(route, &own.canary) {
        if route.operation == "InviteMember" {
            // At the company's own domain, so that it is known wherever it should not be.
            let email = body["email"].as_str().unwrap_or_default();
            let name = email.split('@').next().unwrap_or_default();
            body["email"] = json!(format!("{name}{}", own.email));
        }
        if let ("CreatePartnerGrant", Some(pool)) = (route.operation, own.pools.get("partnerId")) {
            body["partnerId"] = json!(seeded.pick(pool));
        }
        if seeded.chance(10) {
            body["companyId"] = json!(tenants[somebody(seeded)].company.id);
        }
        if route.operation == "CreateJob" && seeded.chance(40) {
            body["status"] = json!("CLOSED");
        }
        request = match seeded.chance(4) {
            true => request.body("application/json", "{"),
            false => request.json(&body),
        };
    }
    (route, request)
}

/// Somebody whom the tenant invited, with a token of anybody's.
fn acceptance(
    app: &TestApp,
    seeded: &mut Seeded,
    tenants: &[Tenant],
    who: usize,
    route: &Route,
) -> HttpRequest {
    let own = &tenants[who];
    let (email, mut token) = match own.invited.is_empty() {
        true => (format!("owner{}", own.email), String::new()),
        false => seeded.pick(&own.invited).clone(),
    };
    let other = &tenants[seeded.below(tenants.len())];
    if seeded.chance(30) && !other.invited.is_empty() {
        token = seeded.pick(&other.invited).1.clone();
    }
    let mut objects = Objects::nowhere();
    if !token.is_empty() {
        objects.set("token", &token);
    }
    let body = json!({ "idToken": app.id_token(&email) });
    let caller = app.person(&email);
    caller.request("POST", &path(route, &objects)).json(&body)
}

fn path_of(
    seeded: &mut Seeded,
    tenants: &[Tenant],
    route: &Route,
    somebody: &dyn Fn(&mut Seeded) -> usize,
) -> String {
    let mut chosen = Objects::nowhere();
    for parameter in route.parameters() {
        let named = &tenants[somebody(seeded)];
        let pool = named.pools.get(parameter).map_or(&[][..], Vec::as_slice);
        let id = match pool.is_empty() || seeded.chance(3) {
            true => seeded.pick(&tenants[0].pools["keyId"]).clone(),
            // The newest are the likeliest to be there still.
            false => pool[pool.len() - 1 - seeded.below(pool.len().min(12))].clone(),
        };
        chosen.set(parameter, &id);
    }
    path(route, &chosen)
}

/// The words of a text: runs of what ids, keys and canaries are made of.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split(move |c| !inside(c))
        .filter(|word| word.len() >= 8)
}

/// What the answer holds of the others, that the request itself did not bring.
fn foreign(tenants: &[Tenant], who: usize, sent: &str, answer: &HttpResponse) -> Option<String> {
    let mut text = answer.text();
    for (_, value) in &answer.headers {
        text.push('\n');
        text.push_str(value);
    }
    let others = || {
        tenants
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != who)
    };
    let is_mark = |word: &str| others().any(|(_, other)| other.marks.contains(word));
    let word = words(&text).find(|word| is_mark(word) && !sent.contains(*word));
    // Names and addresses, in whatever they may be embedded.
    let mut canaries = others().flat_map(|(_, other)| [&other.canary, &other.email]);
    let canary = canaries.find(|canary| text.contains(*canary) && !sent.contains(*canary));
    // Only what is spelled out in the request may come back: the id of a 404.
    word.or(canary.map(String::as_str)).map(str::to_owned)
}

/// Of each of the four walks.
const REQUESTS: usize = if cfg!(feature = "long") {
    50_000
} else {
    5_000
};

macro_rules! walks {
    ($( $name:ident = $seed:literal; )*) => { $(
        #[tokio::test]
        async fn $name() {
            walk($seed).await;
        }
    )* };
}

walks! {
    no_byte_of_a_company_reaches_another_first_walk = 0x0003_c0de;
    no_byte_of_a_company_reaches_another_second_walk = 0x0003_c0df;
    no_byte_of_a_company_reaches_another_third_walk = 0x0003_c0e0;
    no_byte_of_a_company_reaches_another_fourth_walk = 0x0003_c0e1;
}

async fn walk(seed: u64) {
    let app = TestApp::start().await;
    let mut seeded = Seeded::new(seed);
    let mut tenants = Vec::new();
    for name in ["Alpha", "Bravo", "Carol"] {
        tenants.push(Tenant::new(&app, name).await);
    }
    tenants.push(Tenant::new_partner(&app, "Delta").await);
    let mut statuses = std::collections::BTreeMap::<(u16, &str), usize>::new();
    let mut succeeded = BTreeSet::new();
    for number in 0..REQUESTS {
        // People have 600 requests a minute, and tokens an hour.
        if number % 300 == 299 {
            app.next_minute(Duration::ZERO);
            tenants.iter_mut().for_each(|tenant| tenant.sign_in(&app));
        }
        let who = seeded.below(tenants.len());
        let (route, request) = request(&app, &mut seeded, &tenants, who);
        let sent = format!(
            "{} {} {:?}",
            request.path.replace("%3D", "="),
            request.query,
            request.headers
        );
        let line = format!("{} {}?{}", request.method, request.path, request.query);
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let answer = app.send(request).await;
        let case = format!(
            "seed {seed:#x}, request {number} of {}: {line}",
            tenants[who].canary
        );
        assert!(
            answer.status < 500 && answer.status != 429,
            "{case}: {} {}",
            answer.status,
            answer.body
        );
        // An id in the body is read by nobody, so it may come back in no answer.
        if let Some(mark) = foreign(&tenants, who, &sent, &answer.raw) {
            panic!(
                "{case}\n{body}\nanswered {} with {mark}: {}",
                answer.status, answer.body
            );
        }
        let code = if answer.status < 300 {
            ""
        } else {
            route.operation
        };
        *statuses.entry((answer.status, code)).or_default() += 1;
        if answer.status < 300 {
            succeeded.insert(route.operation);
        }
        tenants[who].learn(route, &answer);
        if (route.operation, answer.status) == ("InviteMember", 201) {
            let email = answer.data()["email"].as_str().expect("an address");
            let token = app.mailed_token(email).await;
            tenants[who].mark(&token);
            tenants[who].invited.push((email.to_owned(), token));
        }
        // An overlap is soon over in a walk, so it is moved while it is there.
        if (route.operation, answer.status) == ("RotateApiKey", 200) {
            let path = format!(
                "/api-keys/{}/overlap",
                answer.data()["id"].as_str().unwrap_or_default()
            );
            let body = json!({ "validUntil": app.now() });
            let moved = app.patch(&tenants[who].company.owner, &path, &body).await;
            assert!(
                foreign(&tenants, who, &path, &moved.raw).is_none(),
                "{case}: {}",
                moved.body
            );
            if moved.status == 200 {
                succeeded.insert("UpdateOverlap");
            }
        }
        if answer.status == 401 {
            let name = json!({ "name": tenants[who].canary });
            let key = match tenants[who].partner {
                Some(partner) => app.ats_key(partner, ScopeSet::all()).await,
                None => app.key_with(&tenants[who].company, name).await,
            };
            tenants[who].took(&key);
            tenants[who].key = key.caller;
        }
    }
    // The walk has been everywhere, or it would prove nothing.
    for route in walked() {
        assert!(
            succeeded.contains(route.operation),
            "{} never succeeded: {statuses:?}",
            route.operation
        );
    }
    let good: usize = statuses
        .iter()
        .filter(|((status, _), _)| *status < 300)
        .map(|(_, count)| count)
        .sum();
    assert!(good > REQUESTS / 4, "{good} succeeded: {statuses:?}");
    // What the others did stands in no chain but their own.
    let events = routes::by_operation("ListAuditEvents").expect("in the table");
    for who in 0..tenants.len() {
        app.settle().await;
        let mut next = String::new();
        loop {
            let page = app
                .get(
                    &tenants[who].company.owner,
                    &format!("/audit-events?limit=100{next}"),
                )
                .await;
            assert_eq!(page.status, 200, "{}", page.body);
            tenants[who].learn(events, &page);
            if let Some(mark) = foreign(&tenants, who, &next, &page.raw) {
                panic!("{mark} stands in the chain of {}", tenants[who].canary);
            }
            match page.data()["pagination"]["nextCursor"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
    }
}
