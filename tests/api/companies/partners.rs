//! A partner's key: the companies that it makes and manages.

use routes::{Access, Role, Scope, ScopeSet, Tenant};
use serde_json::{Value, json};
use tests::{Answer, Caller, TestApp};

fn id(answer: &Answer) -> String {
    answer.data()["id"].as_str().expect("an id").to_owned()
}

fn ids(answer: &Answer) -> Vec<String> {
    let items = answer.data()["items"].as_array().expect("a list");
    let id = |item: &Value| item["id"].as_str().expect("an id").to_owned();
    items.iter().map(id).collect()
}

async fn make(app: &TestApp, key: &Caller, name: &str) -> String {
    let made = app.post(key, "/companies", &json!({ "name": name })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    id(&made)
}

#[tokio::test]
async fn a_partner_makes_lists_reads_and_changes_companies() {
    let app = TestApp::start().await;
    let hirebridge = app.partner("Hirebridge").await;
    let key = &hirebridge.key.caller;
    app.company("Acme").await;
    let mut made = Vec::new();
    for number in 0..5 {
        made.insert(0, make(&app, key, &format!("Company {number}")).await);
    }
    let all = app.get(key, "/companies").await;
    assert_eq!(ids(&all), made);
    assert_eq!(all.data()["pagination"]["total"], 5);
    assert_eq!(all.data()["items"][0]["plan"], "SCALE");

    let mut paged = Vec::new();
    let mut target = "/companies?limit=2".to_owned();
    loop {
        let page = app.get(key, &target).await;
        assert_eq!(page.status, 200, "{}", page.body);
        paged.extend(ids(&page));
        match page.data()["pagination"]["nextCursor"].as_str() {
            Some(cursor) => target = format!("/companies?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(paged, made);
    let second = app.get(key, "/companies?limit=2&page=2").await;
    assert_eq!(ids(&second), made[2..4]);
    let named = app
        .get(&key.for_company(&made[3]), "/companies?limit=2")
        .await;
    assert_eq!(ids(&named), made[3..4]);

    let path = format!("/companies/{}", made[0]);
    let changed = app.patch(key, &path, &json!({ "name": "Renamed" })).await;
    assert_eq!(
        (changed.status, &changed.data()["name"]),
        (200, &json!("Renamed"))
    );
    let job = app
        .post(&key.for_company(&made[0]), "/jobs", &tests::job())
        .await;
    assert_eq!(job.status, 201, "{}", job.body);
    assert_eq!(job.data()["companyId"], made[0]);
    let elsewhere = format!("/jobs/{}", id(&job));
    let elsewhere = app.get(&key.for_company(&made[1]), &elsewhere).await;
    assert_eq!(elsewhere.status, 404, "{}", elsewhere.body);
}

#[tokio::test]
async fn a_partner_makes_as_many_companies_as_its_cap_and_a_retry_makes_none() {
    let app = TestApp::start().await;
    let hirebridge = app.partner("Hirebridge").await;
    let key = &hirebridge.key.caller;
    let body = json!({ "name": "Once" });
    let request = || {
        let request = key.request("POST", "/companies");
        request.header("idempotency-key", "once").json(&body)
    };
    let first = app.send(request()).await;
    let second = app.send(request()).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.raw.text(), second.raw.text());
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(ids(&app.get(key, "/companies").await).len(), 1);
    // 100 in all, whoever comes at once.
    let racers = futures(&app, key, 110).await;
    let made = racers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 99);
    for refused in racers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(
            (refused.status, &refused.details()["reason"]),
            (409, &json!("COMPANY_LIMIT")),
            "{}",
            refused.body
        );
    }
    // What was answered before is answered again.
    assert_eq!(app.send(request()).await.status, 201);
}

async fn futures(app: &TestApp, key: &Caller, count: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    while answers.len() < count {
        let body = json!({ "name": "Another" });
        let (one, two) = tokio::join!(
            app.post(key, "/companies", &body),
            app.post(key, "/companies", &body)
        );
        answers.extend([one, two]);
    }
    answers
}

#[tokio::test]
async fn every_scoped_route_follows_the_grant_on_the_very_next_request() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let hirebridge = app.partner("Hirebridge").await;
    let key = &hirebridge.key.caller;
    let expect = async |company: &str, status: u16, code: &str| {
        for route in routes::all() {
            let (Access::Scope(_), true) = (route.access, route.method.is_read()) else {
                continue;
            };
            if route.tenant == Tenant::NewCompany {
                continue;
            }
            let in_path = route.tenant == Tenant::PathCompany;
            let mut target = route.path.replace("{companyId}", company);
            for parameter in route.parameters() {
                let never = "01890a5d-ac96-774b-bcce-b302099a8057";
                target = target.replace(&format!("{{{parameter}}}"), never);
            }
            let caller = match in_path {
                true => key.clone(),
                false => key.for_company(company),
            };
            let answer = app.get(&caller, &target).await;
            let what = format!("{}: {}", route.operation, answer.body);
            match status {
                // There is no such object, which only those hear who may ask.
                200 => assert!(matches!(answer.status, 200 | 404), "{what}"),
                _ => assert_eq!((answer.status, answer.code()), (status, code), "{what}"),
            }
        }
    };
    let company = acme.id.to_string();
    let denied = "RESOURCE_ACCESS_DENIED";
    expect(&company, 403, denied).await;
    app.grant(&acme, hirebridge.id).await;
    expect(&company, 200, "").await;
    expect(&globex.id.to_string(), 403, denied).await;
    let act = async |caller: &Caller, action: &str| {
        let path = format!("/partner-grants/{}/{action}", hirebridge.id);
        app.send(caller.request("POST", &path)).await
    };
    for (caller, action, status) in [
        (&acme.admin, "suspend", 403),
        (&acme.owner, "resume", 200),
        (&acme.owner, "suspend", 403),
        (&acme.owner, "end", 403),
    ] {
        let done = act(caller, action).await;
        assert_eq!(done.status, 200, "{}", done.body);
        expect(&company, status, denied).await;
        let listed = ids(&app.get(key, "/companies").await);
        assert_eq!(listed.len(), usize::from(status == 200), "{action}");
    }
    for (action, to) in [("resume", "ACTIVE"), ("suspend", "SUSPENDED")] {
        let refused = act(&acme.owner, action).await;
        assert_eq!(
            (refused.status, refused.details()),
            (409, &json!({ "from": "ENDED", "to": to }))
        );
    }
    // A new grant is another one.
    app.grant(&acme, hirebridge.id).await;
    expect(&company, 200, "").await;
}

#[tokio::test]
async fn a_partners_key_names_its_company() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    app.grant(&acme, hirebridge.id).await;
    let key = &hirebridge.key.caller;
    for target in ["/jobs", "/candidates", "/agents"] {
        let answer = app.get(key, target).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "COMPANY_ID_REQUIRED"),
            "{target}"
        );
    }
    let never = "01890a5d-ac96-774b-bcce-b302099a8057";
    let globex = app.company("Globex").await.id.to_string();
    let foreign = app.get(&key.for_company(&globex), "/jobs").await;
    for named in [never, "acme", ""] {
        let answer = app.get(&key.for_company(named), "/jobs").await;
        assert_eq!(
            (answer.status, answer.code()),
            (403, "RESOURCE_ACCESS_DENIED"),
            "{named}"
        );
        assert_eq!(answer.body["error"], foreign.body["error"]);
    }
}

#[tokio::test]
async fn scopes_of_key_and_grant_are_intersected() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    let body = json!({ "partnerId": hirebridge.id, "scopes": ["read:jobs", "write:jobs"] });
    let granted = app.post(&acme.owner, "/partner-grants", &body).await;
    assert_eq!(granted.status, 201, "{}", granted.body);
    let scopes = [Scope::ReadJobs, Scope::ReadAgents].into_iter();
    let narrow = app
        .ats_key(hirebridge.id, scopes.collect::<ScopeSet>())
        .await;
    let get = async |key: &Caller, target: &str| app.get(&key.for_company(acme.id), target).await;
    assert_eq!(get(&narrow.caller, "/jobs").await.status, 200);
    for (key, target, scope) in [
        (&hirebridge.key.caller, "/agents", "read:agents"),
        (&narrow.caller, "/agents", "read:agents"),
        (&narrow.caller, "/candidates", "read:candidates"),
    ] {
        let answer = get(key, target).await;
        assert_eq!(
            (answer.status, answer.details()),
            (403, &json!({ "requiredScope": scope })),
            "{target}"
        );
    }
    let write = app
        .post(&narrow.caller.for_company(acme.id), "/jobs", &tests::job())
        .await;
    assert_eq!(write.details(), &json!({ "requiredScope": "write:jobs" }));
    // A company whose grant lets nobody read it is in no list.
    assert!(ids(&app.get(&hirebridge.key.caller, "/companies").await).is_empty());
}

#[tokio::test]
async fn both_chains_tell_of_a_grant_and_only_the_partners_of_a_refusal() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    let key = &hirebridge.key.caller;
    let refused = app.get(&key.for_company(acme.id), "/jobs").await;
    assert_eq!(refused.status, 403);
    app.grant(&acme, hirebridge.id).await;
    let made = make(&app, key, "Made").await;
    for action in ["suspend", "resume", "end"] {
        let path = format!("/partner-grants/{}/{action}", hirebridge.id);
        let body = json!({ "reason": "Private reason" });
        assert_eq!(app.post(&acme.owner, &path, &body).await.status, 200);
    }
    let made = made.parse().expect("an id");
    local::seed::member(&app.system, made, "new@made.example", Role::Owner)
        .await
        .expect("a membership");
    app.settle().await;
    let chain = async |reader: &Caller| -> Vec<Value> {
        let read = app.get(reader, "/audit-events?limit=100").await;
        assert_eq!(read.status, 200, "{}", read.body);
        let events = read.data()["items"].as_array().expect("a list");
        events.iter().rev().cloned().collect()
    };
    let types = |events: &[Value], start: &str| -> Vec<String> {
        let types = events.iter().filter_map(|event| event["type"].as_str());
        let told = types.filter(|kind| kind.starts_with(start));
        told.map(str::to_owned).collect()
    };
    let company = chain(&acme.owner).await;
    let partner = chain(&hirebridge.member).await;
    let grants = [
        "partner_grant.created",
        "partner_grant.suspended",
        "partner_grant.resumed",
        "partner_grant.ended",
    ];
    assert_eq!(types(&company, "partner_grant."), grants);
    let mut all = grants.to_vec();
    all.insert(1, "partner_grant.created");
    assert_eq!(types(&partner, "partner_grant."), all);
    assert_eq!(types(&company, "authorization.denied"), [""; 0]);
    assert_eq!(
        types(&partner, "authorization.denied"),
        ["authorization.denied"]
    );
    // Two tables tell of it, in no order.
    let mut of_made = types(&chain(&app.person("new@made.example")).await, "");
    of_made.sort();
    assert_eq!(
        of_made,
        ["company.created", "member.added", "partner_grant.created"]
    );
    // Where the company's people sit, and what they think, is theirs.
    let text = serde_json::to_string(&partner).expect("JSON");
    assert!(!text.contains("Private reason"));
    let person = app.system.issuer().person("owner@acme.example");
    assert!(!text.contains(&person.to_string()));
    let ended = company.iter().find(|event| event["type"] == grants[3]);
    let ended = ended.expect("an event");
    assert_eq!(ended["actor"]["id"], person.to_string());
    assert_eq!(ended["reason"], "Private reason");
}

#[tokio::test]
async fn a_company_grants_a_partner_once() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    let body = json!({ "partnerId": hirebridge.id });
    for (caller, role) in [(&acme.admin, "OWNER"), (&acme.member, "OWNER")] {
        let answer = app.post(caller, "/partner-grants", &body).await;
        assert_eq!(answer.details(), &json!({ "requiredRole": role }));
    }
    app.grant(&acme, hirebridge.id).await;
    let again = app.post(&acme.owner, "/partner-grants", &body).await;
    assert_eq!(
        (again.status, &again.details()["reason"]),
        (409, &json!("DUPLICATE"))
    );
    let nobody = json!({ "partnerId": "01890a5d-ac96-774b-bcce-b302099a8057" });
    let nobody = app.post(&acme.owner, "/partner-grants", &nobody).await;
    assert_eq!(
        (nobody.status, nobody.faults()),
        (400, vec!["/partnerId not_found".to_owned()])
    );
    let listed = app.get(&acme.member, "/partner-grants").await;
    assert_eq!(listed.data()["pagination"]["total"], 1);
    assert_eq!(
        listed.data()["items"][0]["partnerId"],
        hirebridge.id.to_string()
    );
    // A partner's people are nobody in a company.
    for target in ["/partner-grants", "/partner-grants?limit=1"] {
        let answer = app.get(&hirebridge.owner, target).await;
        assert_eq!(
            (answer.status, answer.code()),
            (403, "RESOURCE_ACCESS_DENIED"),
            "{target}"
        );
    }
}
